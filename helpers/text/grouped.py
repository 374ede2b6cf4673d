"""Rows that are one turn each -> conversations: rows of one group, in order, as one text.

How turns become a text is told in strings.py.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from helpers.text.sources.values import kind_name
from helpers.text.strings import Converted, join_turns
from helpers.text.turns import Turn, Unusable, name_roles, text_of


class Said(NamedTuple):
    """One row: what was said in which conversation, by whom and when."""

    row: int
    id: str
    position: int
    group: str
    order: Any
    speaker: str | None
    text: str


def convert_grouped(
    rows: pd.DataFrame,
    *,
    group: str,
    column: str,
    order: str | None = None,
    speaker: str | None = None,
    join: dict[str, Any],
    sample: int = 0,
    seed: int = 42,
    **_: Any,  # noqa: ANN401 - the format's name
) -> Iterator[Converted]:
    """Yield a text for each conversation, named by its group, and each row that has no place in one with the reason.

    Conversations stand in the order of their first rows, turns by `order` (as numbers where all of a conversation
    are) and then by position in the source. A text's row and position are those of its first turn.
    """
    conversations: dict[str, list[Said]] = {}
    records = zip(rows["id"], rows["position"], rows["record"], strict=True)
    for place, (name, position, record) in enumerate(records):
        try:
            said = _said(json.loads(record), group=group, column=column, order=order, speaker=speaker)
            conversations.setdefault(said["group"], []).append(Said(place, name, position, **said))
        except Unusable as error:
            yield Converted(name, position, place, reason=str(error))
    chosen = set(heapq.nsmallest(sample or len(conversations), conversations, key=lambda name: _rank(seed, name)))
    for name, turns in ((name, turns) for name, turns in conversations.items() if name in chosen):
        yield from _conversation(name, _in_order(turns), join)


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()


def _conversation(name: str, turns: list[Said], join: dict[str, Any]) -> Iterator[Converted]:
    roles = name_roles([turn.speaker for turn in turns], by_appearance=True)
    try:
        joined = join_turns([Turn(role, turn.text) for role, turn in zip(roles, turns, strict=True)], **join)
        yield Converted(name, turns[0].position, turns[0].row, *joined, source_rows=len(turns))
    except Unusable as error:
        yield from (Converted(turn.id, turn.position, turn.row, reason=str(error)) for turn in turns)


def _said(record: dict[str, Any], *, group: str, column: str, order: str | None, speaker: str | None) -> dict[str, Any]:
    if missing := [name for name in (group, column, order) if name and record.get(name) is None]:
        there = "nothing in" if missing[0] in record else "no"
        raise Unusable("empty" if missing == [column] and column in record else f"{there} column {missing[0]!r}")
    text = text_of(record[column], column)
    if not text.strip():
        raise Unusable("empty")
    return {
        "group": _scalar(record, group),
        "order": _scalar(record, order) if order else "",
        "speaker": _scalar(record, speaker) if speaker and record.get(speaker) is not None else None,
        "text": text,
    }


def _scalar(record: dict[str, Any], column: str) -> str:
    value = record[column]
    if isinstance(value, (dict, list)):
        raise Unusable(f"column {column!r} holds {kind_name(value)}, expected a number or a string")
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _in_order(turns: list[Said]) -> list[Said]:
    numbers = [_number(turn.order) for turn in turns]
    if None in numbers:
        return sorted(turns, key=lambda turn: (turn.order, turn.position))
    return [turn for _, _, turn in sorted(zip(numbers, (turn.position for turn in turns), turns, strict=True))]


def _number(value: str) -> float | None:
    try:
        return None if math.isnan(number := float(value)) else number
    except ValueError:
        return None
