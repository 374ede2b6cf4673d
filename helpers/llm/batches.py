"""Prompts as tokens -> what a model generates after them, or how likely it holds some options: one batch at a time.

What all prompts begin with is read once, and so is what neighbours in a batch begin with. In a batch what all share
stands first, then padding, then the rest of each prompt.
"""

# ruff: noqa: ANN401 - models, caches and tensors are of libraries that are imported late

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.llm.constrain import Bound, loops
from helpers.llm.order import alike

OPTIONS = 8  # weighed at a time: each token of one needs the memory of a whole vocabulary
LOOK_EVERY = 8  # tokens between two looks for loops


@dataclass(frozen=True)
class Asked:
    """A prompt's tokens, the last of which are the forced start of its answer, and the grammar that binds it."""

    tokens: list[int]
    said: list[int]
    grammar: str | None


def read_once(model: Any, tokens: list[int]) -> Any:
    """Return what the model remembers of the tokens that all prompts begin with."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    if tokens:
        with torch.inference_mode():
            ids = torch.tensor([tokens], device=model.device)
            model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache


def halved(do: Callable[[list], list], items: list) -> list:
    """Return do(items); where the memory runs out, the items are halved until they fit."""
    try:
        return do(items)
    except RuntimeError as error:  # torch's OutOfMemoryError is one
        if "out of memory" not in str(error).lower() or len(items) == 1:
            raise
    middle = len(items) // 2
    print(f"out of memory: {middle} prompts at once in place of {len(items)}", flush=True)  # noqa: T201
    return [*halved(do, items[:middle]), *halved(do, items[middle:])]


def generate(
    model: Any,
    asked: list[Asked],
    *,
    held: Any,
    shared: int,
    spelling: Any,
    ends: list[int],
    pad: int,
    max_new_tokens: int,
    temperature: float,
    seed: int,
) -> list[list[int]]:
    """Return the tokens of each answer, with what it was made to begin with. held: see read_once."""
    import torch
    from transformers import GenerationConfig

    cache, ids, mask = begun(model, [one.tokens for one in asked], held=held, shared=shared, pad=pad)
    drawn = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature > 0 else {"do_sample": False}
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        eos_token_id=ends,
        pad_token_id=pad,
        **drawn,
    )
    bound = None
    if asked[0].grammar:
        bound = Bound(spelling, [one.grammar for one in asked], said=[one.said for one in asked])
    digest = hashlib.blake2b(repr((seed, [one.tokens for one in asked])).encode(), digest_size=4).digest()
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(int.from_bytes(digest, "big"))
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            generation_config=config,
            logits_processor=_processors(bound, ids.shape[1]),
            stopping_criteria=_stops(ids.shape[1]),
        )
    replies = zip(asked, output[:, ids.shape[1] :].tolist(), strict=True)
    return [one.said + reply for one, reply in replies]


def begun(model: Any, tokens: list[list[int]], *, held: Any, shared: int, pad: int) -> tuple[Any, Any, Any]:
    """Return what the model remembers of what prompts begin with, and ids and mask of the whole prompts."""
    import torch

    runs = alike(tokens, shared)
    if len(runs) == len(tokens):
        return _copies(held, len(tokens)), *_laid_out(tokens, shared, pad, model.device)
    first = np.cumsum([0, *(count for count, _ in runs)])
    ids, mask = _laid_out(
        [tokens[i][:most] for i, (_, most) in zip(first, runs, strict=False)], shared, pad, model.device
    )
    cache = _copies(held, len(runs))
    with torch.inference_mode():
        _read_on(model, ids, mask, cache, shared)
    rows = np.repeat(np.arange(len(runs)), [count for count, _ in runs])
    cache.batch_select_indices(torch.from_numpy(rows).to(model.device))
    rest = _laid_out([one[runs[row][1] :] for one, row in zip(tokens, rows, strict=True)], 0, pad, model.device)
    return cache, torch.cat([ids[rows], rest[0]], 1), torch.cat([mask[rows], rest[1]], 1)


def _read_on(model: Any, ids: Any, mask: Any, cache: Any, done: int) -> Any:
    """Have the model read what follows the first `done` tokens of each row, and return its output."""
    places = (mask.cumsum(1) - 1).clamp(min=0)
    return model(
        input_ids=ids[:, done:],
        attention_mask=mask,
        position_ids=places[:, done:],
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )


def _laid_out(tokens: list[list[int]], shared: int, pad: int, device: Any) -> tuple[Any, Any]:
    """Return ids and mask: what all share stands first, then padding, then the rest of each."""
    import torch

    width = max(map(len, tokens))
    ids = np.full((len(tokens), width), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, one in enumerate(tokens):
        ids[row, :shared], mask[row, :shared] = one[:shared], 1
        rest = len(one) - shared
        ids[row, width - rest :], mask[row, width - rest :] = one[shared:], 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def weigh(
    model: Any,
    tokens: list[list[int]],
    *,
    options: list[list[int]],
    held: Any,
    shared: int,
    pad: int,
) -> list[list[float]]:
    """Return the probability of each option, given as tokens with the end of the answer, after each prompt.

    A line a prompt, which adds up to 1. A prompt is read once, and then for some options at a time what
    follows their first token; where each option is one token, such as a digit, only these are held against each other.
    """
    import torch

    ids, mask = _laid_out(tokens, shared, pad, model.device)
    cache = _copies(held, len(tokens))
    places = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        first = _read_on(model, ids, mask, cache, shared).logits[:, -1]
        scores = first.float().log_softmax(-1)[:, [option[0] for option in options]]
        if any(len(option) > 2 for option in options):
            groups = [options[start : start + OPTIONS] for start in range(0, len(options), OPTIONS)]
            rest = [_rest(model, group, cache, mask, places, pad) for group in groups]
            scores = scores + torch.cat(rest, dim=1)
    return torch.softmax(scores, dim=-1).cpu().tolist()


def _rest(model: Any, options: list[list[int]], cache: Any, mask: Any, places: Any, pad: int) -> Any:
    """Return the log-probability of what follows the first token of each option, (chats, options).

    All options are read after one another, each as if it stood alone: its tokens see the prompt and themselves.
    """
    import torch

    if not cache.is_croppable:
        return _rest_apart(model, options, cache, mask, places, pad)
    rows, width = mask.shape
    owner = np.repeat(np.arange(len(options)), [len(option) - 1 for option in options])
    offset = np.concatenate([np.arange(len(option) - 1) for option in options])
    seen = torch.from_numpy((owner[:, None] == owner) & (offset[:, None] >= offset)).to(mask.device)
    seen = torch.cat([mask.bool()[:, None].expand(rows, len(owner), width), seen.expand(rows, -1, -1)], 2)[:, None]
    hidden = torch.zeros(seen.shape, dtype=model.dtype, device=mask.device)
    read, wanted = ([token for option in options for token in option[part]] for part in (slice(-1), slice(1, None)))
    logits = model(
        input_ids=torch.tensor([read], device=mask.device).expand(rows, -1),
        attention_mask=hidden.masked_fill(~seen, torch.finfo(model.dtype).min),
        position_ids=places[:, -1:] + 1 + torch.from_numpy(offset).to(mask.device),
        past_key_values=cache,
    ).logits
    cache.crop(-len(owner))
    wanted = torch.tensor(wanted, device=mask.device).expand(rows, -1)[:, :, None]
    found = logits.float().log_softmax(-1).gather(2, wanted)[:, :, 0]
    sums = torch.zeros((rows, len(options)), device=mask.device)
    return sums.index_add(1, torch.from_numpy(owner).to(mask.device), found)


def _rest_apart(model: Any, options: list[list[int]], cache: Any, mask: Any, places: Any, pad: int) -> Any:
    """Return the same of a model whose cache forgets and cannot be taken back: each option has a copy of its own."""
    import torch

    rows, width = len(mask), max(map(len, options)) - 1
    cache = copy.deepcopy(cache)
    cache.batch_repeat_interleave(len(options))
    ids = torch.full((len(options), width), pad)
    there = torch.zeros((len(options), width), dtype=mask.dtype)
    for row, end in enumerate(options):
        ids[row, : len(end) - 1], there[row, : len(end) - 1] = torch.tensor(end[:-1]), 1
    ids, there = ids.repeat(rows, 1).to(mask.device), there.repeat(rows, 1).to(mask.device)
    last = places[:, -1:].repeat_interleave(len(options), 0)
    logits = model(
        input_ids=ids,
        attention_mask=torch.cat([mask.repeat_interleave(len(options), 0), there], 1),
        position_ids=last + 1 + torch.arange(width, device=mask.device),
        past_key_values=cache,
    ).logits
    wanted = torch.full((len(options), width), 0)
    for row, end in enumerate(options):
        wanted[row, : len(end) - 1] = torch.tensor(end[1:])
    wanted = wanted.repeat(rows, 1).to(mask.device)
    found = logits.float().log_softmax(-1).gather(2, wanted[:, :, None])[:, :, 0]
    return (found * there).sum(1).reshape(rows, len(options))


def _copies(held: Any, rows: int) -> Any:
    """Return the cache of one row as that of many; the one that is held stays as it is."""
    cache = copy.deepcopy(held)
    if cache.get_seq_length():
        cache.batch_repeat_interleave(rows)
    return cache


def _processors(bound: Bound | None, width: int) -> Any:
    import torch
    from transformers import LogitsProcessor, LogitsProcessorList

    class Mask(LogitsProcessor):
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            if input_ids.shape[1] > width:
                bound.take(input_ids[:, -1].tolist())
            allowed = torch.from_numpy(bound.allowed(scores.shape[1])).to(scores.device)
            return scores.masked_fill(~allowed, -torch.inf)

    return LogitsProcessorList([Mask()] if bound else [])


def _stops(width: int) -> Any:
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Loops(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002
            new = input_ids[:, width:]
            found = [False] * len(new)
            if new.shape[1] % LOOK_EVERY == 0:
                found = [loops(row) for row in new.cpu().numpy()]
            return torch.tensor(found, device=input_ids.device)

    return StoppingCriteriaList([Loops()])
