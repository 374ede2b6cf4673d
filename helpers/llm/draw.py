"""Prompts as tokens, each with a seed -> texts whose words are drawn, and why each text ended: one batch at a time.

Every prompt draws from numbers of its own: its companions in a batch move only the last bits of the model's numbers.
"""

# ruff: noqa: ANN401 - models, caches and tensors are of libraries that are imported late

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.llm.batches import LOOK_EVERY, begun
from helpers.llm.constrain import loops

STOP, LENGTH, LOOP = "stop", "length", "loop"  # why a text ended: the model ended it, it was cut off, it was stopped
Tell = Callable[[int], None]  # is told of new tokens; of 0 when the first are about to come


@dataclass(frozen=True)
class Sampling:
    """How words are drawn; the defaults are those of Cosmopedia's generation.

    temperature: 0 takes the most likely word. top_k: 0 takes all words, top_p: 1 as well. repetition_penalty: by how
    much the score of a word of the prompt or of the text so far is divided; 1 does nothing.
    """

    max_new_tokens: int = 2500
    min_new_tokens: int = 0
    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 50
    repetition_penalty: float = 1.2
    seed: int = 42

    def __post_init__(self) -> None:
        if not 0 <= self.min_new_tokens <= self.max_new_tokens or self.max_new_tokens < 1:
            raise ValueError(
                f"expected 0 <= min_new_tokens <= max_new_tokens and 1 <= max_new_tokens, got {self.min_new_tokens} "
                f"and {self.max_new_tokens}"
            )
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise ValueError(
                "expected temperature >= 0, top_k >= 0, 0 < top_p <= 1 and repetition_penalty > 0, got "
                f"{self.temperature}, {self.top_k}, {self.top_p} and {self.repetition_penalty}"
            )


@dataclass(frozen=True)
class Written:
    """What a model wrote, as it is; finish_reason: stop, length or loop.

    tokens: as the model counts, or as a server says; a careful guess where it does not. text is None for a prompt that
    failed, and cause says why.
    """

    text: str | None
    finish_reason: str | None = None
    tokens: int = 0
    cause: str = ""
    server: str = field(default="", compare=False)  # where it was written


@dataclass(frozen=True)
class Start:
    """A prompt's tokens, how many may follow them, and the seed of what is drawn."""

    tokens: list[int]
    room: int
    seed: int


def draw(
    model: Any,
    starts: list[Start],
    *,
    held: Any,
    shared: int,
    ends: list[int],
    pad: int,
    sampling: Sampling,
    tell: Tell,
) -> list[tuple[list[int], str]]:
    """Return the tokens that follow each prompt, without what ends them, and why they ended. held: see read_once."""
    import torch
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

    cache, ids, mask = begun(model, [start.tokens for start in starts], held=held, shared=shared, pad=pad)
    longest = max(start.room for start in starts)
    config = GenerationConfig(
        max_new_tokens=longest,
        min_new_tokens=min(sampling.min_new_tokens, longest),
        repetition_penalty=1.0,  # done by Draw, which knows where a prompt is padded
        do_sample=False,
        eos_token_id=ends,
        pad_token_id=pad,
    )
    looped: dict[int, int] = {}
    with torch.inference_mode():
        output = model.generate(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            generation_config=config,
            logits_processor=LogitsProcessorList([_drawing(starts, sampling, ids.shape[1])]),
            stopping_criteria=StoppingCriteriaList([_ending(starts, ends, ids.shape[1], looped, tell)]),
        )
    new = output[:, ids.shape[1] :].tolist()
    return [
        _finished(row, start.room, looped.get(n), ends) for n, (row, start) in enumerate(zip(new, starts, strict=True))
    ]


def _finished(tokens: list[int], room: int, looped: int | None, ends: list[int]) -> tuple[list[int], str]:
    """Return a text's own tokens and why it ended; what stands after its end fills up the batch."""
    stopped = looped is not None and looped <= room
    tokens = tokens[: looped if stopped else room]
    end = next((place for place, token in enumerate(tokens) if token in ends), None)
    if end is not None:
        return tokens[:end], STOP
    return tokens, LOOP if stopped else LENGTH


def _drawing(starts: list[Start], sampling: Sampling, width: int) -> Any:
    """Return what leaves of all scores only that of the word drawn: one number a prompt and word decides.

    The words that may be drawn stand in the order of the vocabulary, so that scores that differ in their last bits lead
    to the same word. As in transformers and vLLM the penalty counts all that the prompt says.
    """
    import torch
    from transformers import LogitsProcessor

    longest = max(start.room for start in starts)
    numbers = torch.from_numpy(np.stack([np.random.default_rng(start.seed).random(longest) for start in starts]))

    class Draw(LogitsProcessor):
        def __init__(self) -> None:
            self.said = None

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            number = numbers[:, [input_ids.shape[1] - width]].to(scores.device)
            chosen = pick(self.penalised(input_ids, scores), number, sampling)
            return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)

        def penalised(self, input_ids: Any, scores: Any) -> Any:
            if sampling.repetition_penalty == 1:
                return scores
            if self.said is None:
                self.said = torch.zeros_like(scores, dtype=torch.bool)
                for row, start in enumerate(starts):
                    self.said[row, start.tokens] = True
            if input_ids.shape[1] > width:
                self.said.scatter_(1, input_ids[:, -1:], True)
            less = torch.where(scores > 0, scores / sampling.repetition_penalty, scores * sampling.repetition_penalty)
            return torch.where(self.said, less, scores)

    return Draw()


def pick(scores: Any, numbers: Any, sampling: Sampling) -> Any:
    """Return (rows, 1): the word that a number from 0 to 1 (rows, 1) draws by the scores (rows, words)."""
    if sampling.temperature == 0:
        return scores.argmax(-1, keepdim=True)
    values, words = scores.topk(min(sampling.top_k or scores.shape[1], scores.shape[1]))
    chances = (values / sampling.temperature).softmax(-1).double()
    chances = chances.masked_fill(chances.cumsum(-1) - chances >= sampling.top_p, 0)  # what comes after enough of them
    words, order = words.sort(-1)
    sums = chances.gather(1, order).cumsum(-1)
    place = (sums <= numbers * sums[:, -1:]).sum(-1, keepdim=True)
    return words.gather(1, place.clamp(max=words.shape[1] - 1))


def _ending(starts: list[Start], ends: list[int], width: int, looped: dict[int, int], tell: Tell) -> Any:
    """Return what stops a text that has no room left or says one thing again and again, and notes where in looped."""
    import torch
    from transformers import StoppingCriteria

    class Ended(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002
            new = input_ids[:, width:]
            length = new.shape[1]
            if length % LOOK_EVERY == 0:
                rows = new.cpu().numpy()
                looped.update({n: length for n, row in enumerate(rows) if n not in looped and loops(row)})
                tell(LOOK_EVERY * int((~np.isin(rows, ends).any(1)).sum()))
            done = [n in looped or length >= start.room for n, start in enumerate(starts)]
            return torch.tensor(done, device=input_ids.device)

    return Ended()
