"""Prompts -> long texts in the same order, each kept on disk as it comes: what was written is not written again."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from helpers.llm.draw import Sampling, Tell, Written
from helpers.llm.instructions import Chat
from helpers.llm.replies import append_replies, read_entries, read_replies, readable, reply_key

T = TypeVar("T")


class Writer(Protocol):
    """What writes: a model of local.py, one behind a server, or one behind several."""

    name: str
    facts: dict[str, str]

    def write(
        self,
        chats: Sequence[Chat],
        *,
        seeds: Sequence[int],
        sampling: Sampling,
        skip: Container[int],
        tell: Tell,
    ) -> Iterator[dict[int, Written]]:
        """Yield texts by the chat's place as they come; tell is told of new tokens, of 0 when it begins."""


def write_texts(
    chats: Sequence[Chat],
    *,
    llm: Writer,
    log: Path,
    ids: Sequence[str] | None = None,
    doing: str | None = "write",
    **sampling: Any,  # noqa: ANN401
) -> list[Written]:
    """Return what the model writes after each chat, in their order; text is None for a prompt that failed, with cause.

    ids: of the prompts, which part equal chats; by default these are numbered. log: JSON lines with every prompt and
    text, whose model, settings, id and chat tell what was written before; what failed is not in it and is tried again.
    doing: what stands beside the progress bar, None for no bar. sampling: see Sampling. Raises ConnectionError where no
    server is left that answers, ValueError for an id that two prompts have, and for settings out of range.
    """
    return outcome(write_each(chats, llm=llm, log=log, ids=ids, doing=doing, **sampling))


def write_each(
    chats: Sequence[Chat],
    *,
    llm: Writer,
    log: Path,
    ids: Sequence[str] | None = None,
    doing: str | None = "write",
    **sampling: Any,  # noqa: ANN401
) -> Generator[int, None, list[Written]]:
    """Do what write_texts does, yield how many prompts have an outcome whenever there are more; return the texts."""
    drawn = Sampling(**sampling)
    names = _numbered(chats) if ids is None else list(map(str, ids))
    if ids is not None and (twice := [name for name, count in Counter(names).items() if count > 1]):
        raise ValueError(f"expected prompts of different ids, got {twice[0]!r} {names.count(twice[0])} times")
    asked = [{"id": name, "prompt": chat, "settings": asdict(drawn)} for name, chat in zip(names, chats, strict=True)]
    # Where a model stands does not change what it writes.
    by = {name: fact for name, fact in llm.facts.items() if name != "server"}
    keys = [reply_key(**by, **about) for about in asked]
    kept = read_replies(log)
    found = {place: _as_written(kept[key]) for place, key in enumerate(keys) if key in kept}
    written = {place: one for place, one in found.items() if one}
    del kept, found
    if len(written) < len(chats):
        with _Pace(len(chats), len(written), None if doing is None else f"{doing} ({llm.name})") as pace:
            seeds = [_seed(drawn.seed, name, chat) for name, chat in zip(names, chats, strict=True)]
            for came in llm.write(chats, seeds=seeds, sampling=drawn, skip=set(written), tell=pace.tell):
                came = {place: _readable(one) for place, one in came.items()}
                told = {place: one for place, one in came.items() if one.text is not None}
                if told:
                    seconds = pace.lap() / len(told)
                    append_replies(log, [_entry(keys[i], by, asked[i], one, seconds) for i, one in told.items()])
                written |= came
                pace.bar.update(len(came))
                yield len(written)
    return [written[place] for place in range(len(chats))]


def outcome(steps: Generator[Any, None, T]) -> T:
    """Return what a generator returns in the end; what it yields before is passed over."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def writing_speed(log: Path) -> dict[str, float]:
    """Return texts, tokens, seconds and tokens_per_second of what a log holds, over all runs that wrote to it.

    The seconds are those while a model was writing: loading it, and what a killed run lost, does not count.
    """
    texts = tokens = seconds = 0
    for entry in read_entries(log):
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("seconds"), int | float)
            and (one := _as_written(entry.get("reply")))
        ):
            texts, tokens, seconds = texts + 1, tokens + one.tokens, seconds + entry["seconds"]
    return {"texts": texts, "tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / (seconds or 1)}


def _readable(written: Written) -> Written:
    """Return a text as it stands in the log."""
    return replace(written, text=readable(written.text))


def _as_written(reply: Any) -> Written | None:  # noqa: ANN401
    """Return the text of a reply in the log, None for what is no such reply: it is asked for again."""
    try:
        written = Written(**reply)
    except TypeError:
        return None
    return written if isinstance(written.text, str) and isinstance(written.tokens, int) else None


def _entry(key: str, by: dict, asked: dict, written: Written, seconds: float) -> dict[str, Any]:
    reply = {"text": written.text, "finish_reason": written.finish_reason, "tokens": written.tokens}
    at = {"server": written.server} if written.server else {}
    return {"key": key, **by, **at, **asked, "seconds": round(seconds, 4), "reply": reply}


def _numbered(chats: Sequence[Chat]) -> list[str]:
    """Return how often each chat has come before."""
    before: Counter[str] = Counter()
    numbers = []
    for told in map(json.dumps, chats):
        numbers.append(str(before[told]))
        before[told] += 1
    return numbers


def _seed(seed: int, name: str, chat: Chat) -> int:
    """Return what a prompt's words are drawn by, from 0 to 2**31 - 1: servers read no more."""
    digest = hashlib.blake2b(json.dumps([seed, name, chat]).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") & 0x7FFFFFFF


class _Pace:
    """A bar of texts with the tokens a second beside it, and the time between two lots of them."""

    def __init__(self, total: int, done: int, told: str | None) -> None:
        self.bar = tqdm(total=total, initial=done, desc=told, unit=" texts", mininterval=0.5, disable=told is None)
        self.tokens, self.began, self.started = 0, time.monotonic(), False
        self.last = self.shown = self.began

    def __enter__(self) -> _Pace:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def tell(self, tokens: int) -> None:
        """Take note of new tokens; what comes before it is first told, as loading the model, does not count."""
        now = time.monotonic()
        if not self.started:
            self.last = self.began = self.shown = now
            self.started = True
        self.tokens += tokens
        if now - self.shown > 0.5:
            self.bar.set_postfix_str(f"{self.tokens / (now - self.began):.0f} tokens/s")
            self.shown = now

    def lap(self) -> float:
        """Return the seconds since the last call."""
        now, last = time.monotonic(), self.last
        self.last = now
        return now - last
