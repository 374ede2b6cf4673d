"""Rows -> one string each, with where its turns start and who speaks; rows without text are given with the reason.

Where the text stands in a record is told in messages.py and exchange.py, the format in formats.py, and how rows that
are turns become conversations in grouped.py. Texts are never changed: no cleaning, no cutting.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.text.by_source import convert_by_source
from helpers.text.exchange import exchange_turns, sample_turns
from helpers.text.formats import complete_format, detect_format, need_columns, speaker_column
from helpers.text.messages import message_turns
from helpers.text.sources.records import FIRST
from helpers.text.sources.several import SOURCE_NAME
from helpers.text.sources.values import tidy_column
from helpers.text.turns import Turn, Unusable, column_turns, role_of, text_of

__all__ = ["convert_rows", "detect_format", "join_turns"]

OWN_COLUMNS = ("id", "position", "text", "turns", "speakers", "source_rows")
ROLELESS = ("text", "columns")


class Converted(NamedTuple):
    """One text and the row (its place among rows) that it comes from; reason says why there is none."""

    id: str
    position: int
    row: int
    text: str = ""
    turns: Sequence[int] = ()
    speakers: Sequence[str | None] = ()
    reason: str | None = None
    source_rows: int = 1  # turns of a grouped conversation


def convert_rows(
    rows: pd.DataFrame,
    *,
    format: str = "auto",
    column: str | None = None,
    columns: Sequence[str] = (),
    roles: str | list[str] = "all",
    role_names: bool = False,
    separator: str = "\n",
    group: str | None = None,
    order: str | None = None,
    keep: Sequence[str] = (),
    sample: int = 0,
    seed: int = 42,
    settled: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the texts of rows in their order, and the rows without text.

    Texts: id, position, text, turns (the places in text where turns start, in characters; turns of white space are left
    out), speakers (the role of each turn: user, assistant, system, tool, another name in lower case, or null in formats
    without speakers), the source's columns in `keep`, and the columns that stand beside `record` in rows. Rejected: id,
    position, reason. Each row is in one of them; with format grouped a text is a conversation of many rows, named by
    its group, and the column source_rows says of how many. texts.attrs["format"] has the settings used. roles: all,
    user, assistant, system, tool, first_user, last_assistant ..., or several. sample: with format grouped only, so
    many conversations are taken, those of the smallest hashes of (seed, id); load.py samples all other rows. settled:
    format and columns are known, and rows without them are rejected. Rows of several sources are converted each by its
    own format, see by_source.py. Raises ValueError for settings that do not fit the
    rows.
    """
    if SOURCE_NAME in rows:
        given = {"format": format, "column": column, "columns": columns, "roles": roles, "role_names": role_names}
        given |= {"separator": separator, "group": group, "order": order, "sample": sample, "settled": settled}
        return convert_by_source(rows, partial(convert_rows, **given, seed=seed), keep=keep)
    first = [json.loads(record) for record in rows["record"].head(FIRST)]
    apart = [name for name in rows.columns if name not in ("id", "position", "record")]
    _check_keep(keep, apart)
    if not first:
        return _tables([], rows, keep, apart, {"format": format})
    _need_kept(rows, first, keep)
    asked = {"format": format, "column": column, "columns": columns, "group": group, "order": order}
    found = asked if settled else complete_format(first, **asked)
    wanted = [roles] if isinstance(roles, str) else list(roles)
    _check_roles(wanted, found["format"])
    join = {"roles": wanted, "role_names": role_names, "separator": separator}
    if found["format"] == "grouped":
        from helpers.text.grouped import convert_grouped

        if apart:
            raise ValueError(f"column {apart[0]!r} has a value a turn, but format grouped makes one text of many turns")
        if sample and format == "auto":
            raise ValueError(
                "a row of this source is one turn of a conversation, and a sample of rows would tear conversations: "
                f"set text.format: grouped (text.group: {found['group']}), so that whole ones are taken"
            )
        speaker = speaker_column(first, found["column"])
        converted = convert_grouped(rows, join=join, speaker=speaker, sample=sample, seed=seed, **found)
    else:
        converted = _converted(rows, found, join)
    return _tables(converted, rows, keep, apart, found)


def join_turns(
    turns: Iterable[Turn], *, roles: Sequence[str] = ("all",), role_names: bool = False, separator: str = "\n"
) -> tuple[str, list[int], list[str | None]]:
    """Return the text of the turns of the wanted roles, the places where each starts in it, and the role of each.

    Raises Unusable when nothing but white space is left.
    """
    spoken = [turn for turn in turns if turn.text.strip()]
    if not spoken:
        raise Unusable("empty")
    chosen = spoken if "all" in roles else _of_roles(spoken, [role_of(role) for role in roles])
    if not chosen:
        there = ", ".join(dict.fromkeys(str(turn.role) for turn in spoken))
        raise Unusable(f"no turn of role {' or '.join(roles)}; roles are {there}")
    pieces = [f"{turn.role}: {turn.text}" if role_names and turn.role else turn.text for turn in chosen]
    text, starts = separator.join(pieces), [0]
    for piece in pieces[:-1]:
        starts.append(starts[-1] + len(piece) + len(separator))
    return _storable(text), starts, [_writable(turn.role) for turn in chosen]


def _converted(rows: pd.DataFrame, found: dict[str, Any], join: dict[str, Any]) -> Iterable[Converted]:
    from tqdm import tqdm

    records = zip(rows["id"], rows["position"], rows["record"], strict=True)
    for place, (name, position, record) in enumerate(tqdm(records, total=len(rows), desc="texts", delay=2)):
        try:
            turns = _turns(json.loads(record), found, join["separator"])
            yield Converted(name, position, place, *join_turns(turns, **join))
        except Unusable as error:
            yield Converted(name, position, place, reason=str(error))
        except RecursionError:
            yield Converted(name, position, place, reason="nested too deeply")


def _turns(record: dict[str, Any], found: dict[str, Any], separator: str) -> list[Turn]:
    format, column = found["format"], found.get("column")
    if format == "columns":
        return column_turns(record, found["columns"])
    if format == "alpaca":
        return exchange_turns(record, separator)
    if column not in record:
        raise Unusable(f"no column {column!r}")
    if format == "text":
        return [Turn(None, text_of(record[column], column))]
    if format == "nested":
        return sample_turns(record[column], separator)
    return message_turns(record[column], format=format)


def _of_roles(turns: list[Turn], roles: Sequence[str]) -> list[Turn]:
    last = {turn.role: place for place, turn in enumerate(turns)}
    first = {turn.role: place for place, turn in reversed(list(enumerate(turns)))}
    wanted = {place for role, place in first.items() if f"first_{role}" in roles}
    wanted |= {place for role, place in last.items() if f"last_{role}" in roles}
    return [turn for place, turn in enumerate(turns) if turn.role in roles or place in wanted]


def _storable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unusable(f"not Unicode: a lone surrogate U+{ord(text[error.start]):04X}") from None
    return text


def _writable(name: str | None) -> str | None:
    """Return a speaker's name as a file can hold it: a lone surrogate, which is no reason to lose the row, as `?`."""
    return name and name.encode("utf-8", "replace").decode("utf-8")


def _check_keep(keep: Sequence[str], apart: Sequence[str]) -> None:
    if taken := [name for name in keep if name in OWN_COLUMNS or name in apart]:
        raise ValueError(f"text.keep: {taken[0]!r} is a column of texts already; theirs are {', '.join(OWN_COLUMNS)}")


def _need_kept(rows: pd.DataFrame, first: list[dict[str, Any]], keep: Sequence[str]) -> None:
    """Raise ValueError for a kept column that no row has; rare ones may be missing in the first rows."""
    rare = [name for name in keep if not any(name in record for record in first)]
    if rare:
        need_columns([json.loads(record) for record in rows["record"]], rare)


def _check_roles(roles: list[str], format: str) -> None:
    if roles != ["all"] and format in ROLELESS:
        raise ValueError(f"text.roles: {', '.join(roles)} asks for speakers, but format {format} has none; use all")


def _tables(
    converted: Iterable[Converted], rows: pd.DataFrame, keep: Sequence[str], apart: Sequence[str], found: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    texts, rejected = [], []
    for one in converted:
        (texts if one.reason is None else rejected).append(one)
    table = _table(texts, id=object, position="int64", text=object, turns=object, speakers=object)
    source = rows.iloc[[one.row for one in texts]]
    kept = [json.loads(record) for record in source["record"]] if keep else []
    for name in keep:
        table[name] = tidy_column([record.get(name) for record in kept])
    for name in apart:
        table[name] = source[name].array
    if found["format"] == "grouped":
        table["source_rows"] = np.array([one.source_rows for one in texts], dtype="int64")
    table.attrs = {"format": found}
    return table, _table(rejected, id=object, position="int64", reason=object)


def _table(converted: list[Converted], **kinds: str | type) -> pd.DataFrame:
    columns = {name: pd.Series([getattr(one, name) for one in converted], dtype=kind) for name, kind in kinds.items()}
    return pd.DataFrame(columns)
