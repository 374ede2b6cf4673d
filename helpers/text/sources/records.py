"""Files or a hub's stream -> records one by one, each with an id and canonical JSON, or the reason why not.

Which files a source has is told in locate.py, what is in them in read.py, the hub in hub.py; sampling, order and
unique ids in load.py.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from helpers.text.sources.lines import Found
from helpers.text.sources.locate import is_hub, is_many, shown_name, source_files
from helpers.text.sources.read import read_file
from helpers.text.sources.values import as_vector, canonical_json, kind_name, parse_json

ID_COLUMNS = ("id", "conversation_id", "uuid", "_id", "conversation_hash", "record_id", "guid")
FIRST = 100  # records in which columns are looked for


@dataclass(frozen=True, slots=True)
class Record:
    """One good record: where it stands in the source (from 0), its id, its canonical JSON, the columns kept apart."""

    position: int
    id: str
    record: str
    apart: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record that cannot be used: where it stands (line from 1) and why."""

    position: int
    reason: str
    file: str | None = None
    line: int | None = None


def read_records(
    *,
    path: str,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    start: int = 0,
    end: int | None = None,
    id: str | None = None,
    apart: Sequence[str] = (),
) -> Iterator[Record | Rejected]:
    """Yield the records of a source from start to end in its order, good and rejected, holding a few at a time.

    The id is the column `id`, else the first of ID_COLUMNS that nearly all early records have, else a hash of the
    content; an id that the source repeats is repeated here. Raises ValueError for a column that no early record has.
    """
    if is_hub(path):
        from helpers.text.sources.hub import read_hub

        stream = read_hub(path, split=split, config=config, revision=revision, start=start)
        positions = itertools.count(start) if end is None else range(start, end)
        placed = (_checked(position, found) for position, found in zip(positions, stream, strict=False))
    else:
        placed = itertools.islice(_from_files(path, split), start, end)
    yield from _all_named(placed, id, apart)


def file_records(
    found: Iterator[Found], *, first: int = 0, file: str | None = None, id: str | None = None
) -> Iterator[Record | Rejected]:
    """Yield the records of a file or of a part of it, whose first row stands at `first` in the file.

    Ids are chosen as read_records does, by what is read here: name the column where files are parted.
    """
    placed = (_checked(position, one, file) for position, one in enumerate(found, first))
    yield from _all_named(placed, id, ())


def _all_named(
    placed: Iterator[_Unnamed | Rejected], id: str | None, apart: Sequence[str]
) -> Iterator[Record | Rejected]:
    first = list(itertools.islice(placed, FIRST))
    early = [one for one in first if isinstance(one, _Unnamed)]
    _need_columns([*apart, *([id] if id else [])], early)
    named = id or _id_column(early)
    for one in itertools.chain(first, placed):
        yield one if isinstance(one, Rejected) else _named(one, named, apart)


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A record as found, before its id is chosen."""

    position: int
    value: dict[str, Any]
    key: str | None
    file: str | None
    line: int | None


def _from_files(path: str, split: str) -> Iterator[_Unnamed | Rejected]:
    position, many = itertools.count(), is_many(path)
    for file in source_files(path, split=split):
        name = shown_name(file, path)
        for found in read_file(file, text_name=name if many else None):
            yield _checked(next(position), found, name)


def _checked(position: int, found: Found, file: str | None = None) -> _Unnamed | Rejected:
    value = {"text": found.value} if isinstance(found.value, str) else found.value
    reason = found.reason
    if reason is None and not isinstance(value, dict):
        reason = "record is null" if value is None else f"not an object: {kind_name(value)}"
    if reason is not None:
        return Rejected(position, reason, file, found.line)
    return _Unnamed(position, value, found.key, file, found.line)


def _id_column(early: list[_Unnamed]) -> str | None:
    """Return the first of ID_COLUMNS that nearly all records have; none where an object of records names them."""
    if any(one.key is not None for one in early):
        return None
    for column in ID_COLUMNS:
        having = sum(as_id(one.value.get(column)) is not None for one in early)
        if having and having >= 0.9 * len(early):
            return column
    return None


def _need_columns(columns: list[str], early: list[_Unnamed]) -> None:
    known = sorted({name for one in early for name in one.value})
    for column in columns:
        if early and column not in known:
            raise ValueError(f"no column {column!r} in the first {len(early)} records; columns are {', '.join(known)}")


def _named(one: _Unnamed, column: str | None, apart: Sequence[str]) -> Record | Rejected:
    content = {name: value for name, value in one.value.items() if name not in apart} if apart else one.value
    try:
        record = canonical_json(content)
        own = one.key if column is None else as_id(one.value.get(column))
        canonical_json(own)  # an id that no file can hold is refused as well
    except ValueError as error:
        return Rejected(one.position, str(error), one.file, one.line)
    try:
        beside = {name: _apart_value(one.value.get(name)) for name in apart}
        canonical_json([value for value in beside.values() if isinstance(value, str)])
    except ValueError as error:
        return Rejected(one.position, str(error), one.file, one.line)
    return Record(one.position, own or _content_id(record), record, beside)


def as_id(value: Any) -> str | None:  # noqa: ANN401
    """Return a text or a number as an id: 3.0 is 3, as a table's whole numbers beside a missing one are written."""
    if isinstance(value, bool) or value == "":
        return None
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            return None
        value = int(value) if value == int(value) else value
    return str(value) if isinstance(value, (str, int, float, Decimal, UUID)) else None


def _content_id(record: str) -> str:
    return hashlib.blake2b(record.encode(), digest_size=8).hexdigest()


def _apart_value(value: Any) -> Any:  # noqa: ANN401
    """Return a number, a vector or a text; what stands in a CSV as a number or a list is read as one."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            return value
    return as_vector(value)
