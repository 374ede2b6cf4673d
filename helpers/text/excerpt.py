"""A text -> as much of it as is shown, whole characters only, safe to write; and who says what in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import regex

LONGEST_NAME = 60  # characters of a speaker's name
_CONTROLS = regex.compile(r"[^\P{Cc}\n\t]")


def excerpt(
    text: str, turns: Sequence[int] | None, speakers: Sequence[str | None] | None, *, chars: int
) -> list[tuple[str, str]]:
    """Return what is said in the first chars characters of a text, turn by turn, each with the speaker before it.

    turns, speakers: where turns start and who speaks, see strings.convert_rows; without them the text is one turn of
    speaker "". White space around a turn goes, a speaker's name that the text itself begins a turn with, and turns of
    which nothing is left. Controls are blanks.
    """
    short = shorten(text, chars)
    told = turns is not None and speakers is not None and 0 < len(turns) == len(speakers)
    pairs = [(int(at), who) for at, who in zip(turns, speakers, strict=True)] if told else []
    pairs = pairs if pairs and pairs[0][0] == 0 else [(0, None), *pairs]  # nobody is named for what comes first
    ends = [*(at for at, _ in pairs[1:]), len(text)]
    parts = []
    for (start, who), end in zip(pairs, ends, strict=True):
        name = shorten(one_line(str(who)), LONGEST_NAME) if who is not None else ""
        said = _CONTROLS.sub(" ", writable(short[start:end].replace("\r\n", "\n"))).strip()
        parts.append((name, said.removeprefix(f"{name}: ") if name else said))
    return [part for part in parts if part[1]]


def shorten(text: str, chars: int) -> str:
    """Return text with at most `chars` characters, cut between what a reader sees as characters, "…" at the end.

    >>> shorten("a map of topics", 6)
    'a map…'
    """
    if len(text) <= chars:
        return text
    if chars < 1:
        return ""
    if text[chars - 2 : chars].isascii() and text[chars - 2 : chars] != "\r\n":
        return text[: chars - 1].rstrip() + "…"  # between two plain letters there is nothing to tear
    # A letter with its accents, or an emoji of several parts, is one match: it is kept or dropped whole.
    ends = [match.end() for match in regex.finditer(r"\X", text[: chars + 30]) if match.end() < chars]
    return text[: ends[-1] if ends else chars - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """Return text as one line that can be written as UTF-8, without control characters."""
    return re.sub(r"\s+", " ", regex.sub(r"\p{Cc}", " ", writable(text))).strip()


def writable(text: str) -> str:
    """Return text with "?" for halves of characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode()
