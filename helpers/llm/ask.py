"""Many prompts -> answers in the same order, every reply kept on disk: what was asked once is not asked again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from helpers.llm.instructions import Chat
from helpers.llm.replies import append_replies, read_replies, readable, reply_key


class LLM(Protocol):
    """What is asked: local.py has a model in this process, server.py one behind an address of this machine."""

    name: str
    facts: dict[str, str]
    context: int
    tokenizer: Any

    def count_tokens(self, chat: Chat) -> int:
        """Return how many tokens the chat takes of the context."""

    def answers(self, chats: Sequence[Chat], *, skip: Container[int], **settings: Any) -> Iterator[dict[int, Any]]:  # noqa: ANN401
        """Yield replies by the chat's place as they come; None for one that was not to be had."""

    def weigh(self, chats: Sequence[Chat], options: Sequence[str], *, skip: Container[int]) -> Iterator[dict[int, Any]]:
        """Yield the options' probabilities by the chat's place as they come."""

    def free(self) -> None:
        """Give the model's memory back."""


def ask(
    chats: Sequence[Chat],
    *,
    llm: LLM,
    schema: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    seed: int = 42,
    log: Path,
    doing: str = "ask",
) -> list[Any]:
    """Return the model's answers, in the order of the chats: values that fit the schema, or strings without one.

    schema: JSON schema that a reply is bound to while it is written, one for all or one a chat. None stands for a reply
    that was cut off at max_new_tokens, is no such value after all, or did not come in time. temperature: 0 takes the
    most likely words, more draws them, by seed. log: JSON lines with every prompt and reply; those that stand there are
    not asked again. doing: what stands beside the progress bar.
    """
    settings = {"max_new_tokens": max_new_tokens, "temperature": temperature} | ({"seed": seed} if temperature else {})
    schemas = [schema] * len(chats) if schema is None or isinstance(schema, dict) else list(schema)
    asked = [{"schema": one, "settings": settings} for one in schemas]

    def new(places: list[int], skip: set[int]) -> Iterator[dict[int, Any]]:
        todo, bound = [chats[i] for i in places], None if schema is None else [schemas[i] for i in places]
        return llm.answers(todo, skip=skip, schemas=bound, **settings)

    replies = _kept_or_new(chats, asked, llm=llm, log=log, new=new, doing=doing)
    return [None if reply is None else read_reply(reply, one) for reply, one in zip(replies, schemas, strict=True)]


def choose(chats: Sequence[Chat], options: Sequence[str], *, llm: LLM, log: Path, doing: str = "choose") -> np.ndarray:
    """Return the probability of each option as the whole answer to each chat, (chats, options); a line adds up to 1.

    Nothing is generated: a chat is read once and its options are weighed. NaN where a server did not answer.
    """
    if len(set(options)) < 2 or len(set(options)) < len(options) or not all(options):
        raise ValueError(f"expected at least two different options to choose from, got {list(options)}")
    asked = [{"options": list(options)}] * len(chats)

    def new(places: list[int], skip: set[int]) -> Iterator[dict[int, Any]]:
        return llm.weigh([chats[i] for i in places], options, skip=skip)

    found = _kept_or_new(chats, asked, llm=llm, log=log, new=new, doing=doing)
    return np.array([[np.nan] * len(options) if line is None else line for line in found]).reshape(-1, len(options))


def read_reply(reply: str, schema: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    """Return what a reply says without the model's thinking: text, or the value that fits the schema, or None.

    What a pattern of the schema says of strings is not asked for.

    >>> read_reply("<think>cats?</think>\\n Cats ")
    'Cats'
    >>> read_reply('Sure: {"label": "Cats"}', {"type": "object", "required": ["label"]})
    {'label': 'Cats'}
    """
    said = re.sub(r"<think(ing)?>.*?(</think(ing)?>|$)", "", reply, flags=re.DOTALL)
    said = re.split(r"</think(?:ing)?>", said)[-1].strip()  # the prompt may have opened it
    if schema is None:
        return said
    check = _check(json.dumps(_structure(schema)))
    for start in (0, *(match.start() for match in re.finditer(r"[{\[]", said))):
        try:
            value, _ = json.JSONDecoder().raw_decode(said, start)
            check(value)
            return readable(value)
        except (ValueError, RecursionError):
            continue
    return None


def _structure(schema: Any) -> Any:  # noqa: ANN401
    """Return the schema without patterns: they bind what is written, and a server that knows none is still read."""
    if isinstance(schema, dict):
        return {name: _structure(part) for name, part in schema.items() if name != "pattern"}
    return [_structure(part) for part in schema] if isinstance(schema, list) else schema


@lru_cache(maxsize=1000)
def _check(schema: str) -> Callable[[Any], Any]:
    """Return a function that raises ValueError for a value that does not fit the schema."""
    import fastjsonschema

    return fastjsonschema.compile(json.loads(schema))


def _kept_or_new(
    chats: Sequence[Chat],
    asked: Sequence[dict[str, Any]],
    *,
    llm: LLM,
    log: Path,
    new: Callable[[list[int], set[int]], Iterator[dict[int, Any]]],
    doing: str,
) -> list[Any]:
    """Return replies from the log, and for the rest new ones, which are logged as they come."""
    keys = [reply_key(prompt=chat, **llm.facts, **about) for chat, about in zip(chats, asked, strict=True)]
    first = {key: place for place, key in reversed(list(enumerate(keys)))}  # what is asked twice is asked once
    places = sorted(first.values())
    known = read_replies(log)
    skip = {number for number, place in enumerate(places) if keys[place] in known}
    if len(skip) < len(places):
        with tqdm(
            total=len(places), initial=len(skip), desc=f"{doing} ({llm.name})", unit=" prompts", mininterval=0.5
        ) as bar:
            for replies in new(places, skip):
                came = {places[number]: readable(reply) for number, reply in replies.items() if reply is not None}
                entries = [
                    {"key": keys[place], **llm.facts, **asked[place], "prompt": chats[place], "reply": reply}
                    for place, reply in came.items()
                ]
                append_replies(log, entries)
                known |= {entry["key"]: entry["reply"] for entry in entries}
                bar.update(len(replies))
    return [known.get(key) for key in keys]
