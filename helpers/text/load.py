"""A source -> rows: one canonical JSON record each, under an id of its own, in an order that only their content sets.

How records are found is told in records.py and what it imports. What a record means is left to strings.py.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from helpers.text.sources.locate import files_state, is_hub, is_many, left_out, shown_name, source_files
from helpers.text.sources.records import FIRST, Record, Rejected, read_records
from helpers.text.sources.several import SOURCE_NAME, read_several
from helpers.text.sources.values import canonical_json, kind_name, tidy_column

__all__ = ["Record", "Rejected", "describe_source", "load_rows", "read_records", "repeated_ids"]
__all__ += ["source_files", "source_fingerprint"]

OWN_COLUMNS = ("id", "position", "record")


def load_rows(
    *,
    path: str,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    start: int = 0,
    end: int | None = None,
    id: str | None = None,
    name: str | None = None,
    also: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    sample: int = 0,
    seed: int = 42,
    apart: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a source, and the records that were rejected.

    Rows: id (unique; repeats are numbered x, x-2, x-3 and counted in rows.attrs["repeated_ids"]), position in the
    source from 0, record (JSON with sorted keys), and the columns named in `apart`, which are not in record. Their
    order is that of a hash of (seed, id, content), so the same records in any order give the same rows; sample
    keeps so many of the smallest hashes. Rejected: position, line, file, reason, of all that were met. Without a
    sample, rows and rejected together are the records from start to end. also: further sources by name, see
    read_several, whose rows are among these; the column source_name says of which each is, those of path are of `name`.
    Raises FileNotFoundError and ValueError that say what exists.
    """
    from tqdm import tqdm

    if end is not None and end <= start:
        raise ValueError(f"source.end: expected more than source.start, {start}, or nothing; got {end}")
    if taken := [name for name in apart if name in OWN_COLUMNS]:
        raise ValueError(f"column {taken[0]!r} cannot be kept apart: rows have their own of that name")
    where = {"path": path, "split": split, "config": config, "revision": revision, "id": id}
    part = {"start": start, "end": end, "apart": apart}
    if also:
        records, apart = read_several(name_sources(where, name, also), **part), [*apart, SOURCE_NAME]
    else:
        records = read_records(**where, **part)
    rejected: list[Rejected] = []
    good = _good(tqdm(records, desc="rows", unit=" rows", delay=2, mininterval=0.5), rejected)
    chosen = heapq.nsmallest(sample, good, key=_order(seed)) if sample else sorted(good, key=_order(seed))
    return _rows_table(chosen, apart), _rejected_table(rejected)


def name_sources(
    where: Mapping[str, Any], name: str | None, also: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return all sources by name, that of `where` first; without a name it is called as its file or dataset is."""
    first = name or re.split(r"[/\\]", str(where["path"]).rstrip("/\\"))[-1].partition(".")[0] or "first"
    if first in also:
        raise ValueError(f"source.also: two sources are called {first!r}: name them apart, the first by source.name")
    return {first: dict(where), **{other: dict(**settings) for other, settings in also.items()}}


def repeated_ids(rows: pd.DataFrame) -> int:
    """Return how many rows had an id that another row has as well, and were numbered."""
    return int(rows.attrs.get("repeated_ids", 0))


def source_fingerprint(
    path: str,
    *,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    also: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    known: str | None = None,
    **_: Any,  # noqa: ANN401 - the other settings of load_rows, so that a whole section may be given
) -> str:
    """Return a text that changes when the source does: the hub's commit, or the files' names, sizes and times.

    known: what this said before, which stands where the hub cannot be asked now. also: further sources, each of which
    adds a line.
    """
    if also:
        before = (known or "").split("\n")
        each = [{"path": path, "split": split, "config": config, "revision": revision}, *also.values()]
        before += [""] * (len(each) - len(before))
        return "\n".join(source_fingerprint(**one, known=line) for one, line in zip(each, before, strict=False))
    if is_hub(path):
        from helpers.text.sources.hub import hub_revision

        try:
            return f"{path} {config} {split} {hub_revision(path, revision)}"
        except ConnectionError as error:
            if not (known or "").startswith(f"{path} {config} {split} "):
                raise
            print(f"{error.args[0].split(';')[0][:200]}; what was read before stands")  # noqa: T201
            return known
    return files_state(source_files(path, split=split))


def describe_source(
    path: str, *, split: str = "train", config: str | None = None, revision: str | None = None
) -> dict[str, Any]:
    """Return what there is to show of a source: its kind, files or card, columns with their kinds, first record."""
    records = read_records(path=path, split=split, config=config, revision=revision, end=FIRST)
    try:
        values = [json.loads(one.record) for one in records if isinstance(one, Record)]
    except ConnectionError as error:  # what was read before may stand, and else the next step tells of it
        return {"kind": "hub", "path": path, "not looked at": error.args[0]}
    described = {"path": path, "columns": _columns(values), "first": values[0] if values else None}
    if is_hub(path):
        from helpers.text.sources.hub import read_card

        return {"kind": "hub", **described, "card": read_card(path)}
    files = source_files(path, split=split)
    size = sum(file.stat().st_size for file in files)
    names = [shown_name(file, path) for file in files]
    kind = {"kind": "folder" if is_many(path) else "file", **described, "files": names, "bytes": size}
    return kind | ({"not read": others} if (others := left_out(path, files)) else {})


def source_table(described: dict[str, Any], *, most: int = 600) -> pd.DataFrame:
    """Return what describe_source found as a table to read, each value cut to so many characters."""
    values = {name: value if isinstance(value, str) else canonical_json(value) for name, value in described.items()}
    shown = [value if len(value) <= most else value[:most] + " …" for value in values.values()]
    return pd.DataFrame({"source": values.keys(), "value": shown})


def _good(records: Iterable[Record | Rejected], rejected: list[Rejected]) -> Iterator[Record]:
    """Yield the records; the rejected ones are put into the list on the way."""
    for one in records:
        if isinstance(one, Rejected):
            rejected.append(one)
        else:
            yield one


def _order(seed: int) -> Callable[[Record], tuple[bytes, bytes, int]]:
    """Return the key that rows are sorted and sampled by; columns kept apart only part rows that are else the same."""

    def key(one: Record) -> tuple[bytes, bytes, int]:
        content = hashlib.blake2b(f"{seed}\0{one.id}\0{one.record}".encode(), digest_size=16).digest()
        return content, b"".join(map(_bytes, one.apart.values())), one.position

    return key


def _bytes(value: Any) -> bytes:  # noqa: ANN401
    data = value.tobytes() if isinstance(value, np.ndarray) else canonical_json(value).encode()
    return hashlib.blake2b(data, digest_size=8).digest()


def _rows_table(records: list[Record], apart: Sequence[str]) -> pd.DataFrame:
    ids, repeats = _unique_ids([one.id for one in records], [one.record for one in records])
    rows = pd.DataFrame(
        {
            "id": pd.Series(ids, dtype=object),
            "position": pd.Series([one.position for one in records], dtype="int64"),
            "record": pd.Series([one.record for one in records], dtype=object),
            **{name: tidy_column([one.apart[name] for one in records]) for name in apart},
        }
    )
    rows.attrs["repeated_ids"] = repeats
    return rows


def _unique_ids(ids: list[str], contents: list[str]) -> tuple[list[str], int]:
    """Return the ids with repeats numbered x-2, x-3 ..., passing over numbers that are ids themselves; how many.

    Numbers follow the contents, not the rows' order: another seed gives the same record the same id.
    """
    often = {name for name, n in Counter(ids).items() if n > 1}
    repeated = [place for place, name in enumerate(ids) if name in often]
    unique, taken, last = list(ids), set(ids), Counter()
    for place in sorted(repeated, key=lambda place: contents[place]):
        name = ids[place]
        last[name] += 1
        if last[name] == 1:
            continue
        while f"{name}-{last[name]}" in taken:
            last[name] += 1
        unique[place] = f"{name}-{last[name]}"
        taken.add(unique[place])
    return unique, len(repeated) - len(often)


def _rejected_table(rejected: list[Rejected]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "position": pd.Series([one.position for one in rejected], dtype="int64"),
            "line": pd.Series([one.line for one in rejected], dtype="Int64"),
            "file": pd.Series([one.file for one in rejected], dtype=object),
            "reason": pd.Series([one.reason for one in rejected], dtype=object),
        }
    )


def _columns(values: list[dict[str, Any]]) -> dict[str, str]:
    """Return each column with the kinds of value it holds, in words."""
    kinds: dict[str, set[str]] = {}
    for value in values:
        for name, inner in value.items():
            kinds.setdefault(name, set()).add(kind_name(inner))
    return {name: " or ".join(sorted(found)) for name, found in sorted(kinds.items())}
