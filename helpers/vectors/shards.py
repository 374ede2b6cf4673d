"""A source's files -> shards that are read each by itself: whole files, and row groups of large Parquet files.

A shard names what it holds, so that its part of an output is found again, whatever other shards there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from helpers.text.sources.lines import BrokenFile
from helpers.text.sources.locate import is_hub, is_many, shown_name, source_files
from helpers.text.sources.read import kind_of, read_file
from helpers.text.sources.records import Record, Rejected, as_id, file_records

ROWS = 100_000  # of a Parquet file that make a shard at least, as whole row groups


@dataclass(frozen=True)
class Shard:
    """A file, or some row groups of it; first is the place of its first row in the file, from 0."""

    path: Path
    name: str  # as seen from the source
    state: str  # the file's size and time of change
    first: int = 0
    groups: tuple[int, ...] | None = None  # None: the whole file
    is_text: bool = False  # a text file that is one text, as in a folder of them

    @property
    def key(self) -> str:
        """Return a file name that is this shard's alone, and another one as soon as the file changes."""
        told = f"{self.name}\0{self.state}\0{self.first}\0{self.groups}"
        letters = "".join(letter if letter.isalnum() else "_" for letter in self.name)
        stem = letters.encode()[-120:].decode(errors="ignore")[-60:]  # file systems count bytes
        return f"{stem}-{self.first:09d}-{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}"


def list_shards(
    path: str, *, split: str = "train", config: str | None = None, revision: str | None = None, rows: int = ROWS
) -> list[Shard]:
    """Return the shards of a source in its order, each row of it in one of them.

    A Parquet file is parted between row groups, in shards of at least so many rows; one that cannot be opened is a
    shard, so that the reason is told where it is read. A dataset of the hub is downloaded first, all of its split.
    Raises FileNotFoundError for a source that is not there, and what hub_files raises.
    """
    if is_hub(path):
        from helpers.text.sources.hub import hub_files

        files = hub_files(path, split=split, config=config, revision=revision)
        return [shard for file in files for shard in _parts(file, file.name, rows)]
    files = source_files(path, split=split)
    shards = [shard for file in files for shard in _parts(file, shown_name(file, path), rows)]
    if len({shard.key for shard in shards}) < len(shards):
        raise ValueError(f"{path}: two of its files have one name and one state: name a folder that holds both")
    if is_many(path):
        return [replace(shard, is_text=kind_of(shard.path) == "text") for shard in shards]
    return shards


def read_shard(shard: Shard, *, id: str | None = None) -> Iterator[Record | Rejected]:
    """Yield a shard's records, good and rejected, see records.file_records."""
    found = read_file(shard.path, text_name=shard.name if shard.is_text else None, groups=shard.groups)
    return file_records(found, first=shard.first, file=shard.name, id=id)


def read_vectors(
    shard: Shard,
    column: str,
    *,
    length: int | None = None,
    id: str | None = None,
    text: str | None = None,
    batch: int = 10_000,
) -> Iterator[tuple[list[str], np.ndarray, np.ndarray, list[str], list[str]]]:
    """Yield ids, places in the file, vectors (n, d) float32, reasons and texts of a shard's rows, a batch at a time.

    column: of the vectors, lists of one length; the reason is "" where a row has one, and its line in vectors zeros
    where it has none that can be used. id, text: columns of both, else the places in the file are the ids, and texts
    are "". length: how long a vector is to be; by default, as the first one. Raises ValueError for another kind of file
    and for a column that is not there, BrokenFile where a file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if shard.path.suffix.lower() != ".parquet":
        raise ValueError(f"{shard.name}: ready vectors are read from Parquet files only, and not from packed ones")
    place = shard.first
    try:
        with pq.ParquetFile(shard.path) as file:
            columns = list(dict.fromkeys(name for name in (column, id, text) if name))
            _need_columns(file.schema_arrow.names, columns, shard)
            groups = range(file.num_row_groups) if shard.groups is None else shard.groups
            for part in file.iter_batches(batch_size=batch, row_groups=list(groups), columns=columns):
                length = length or _length(part.column(column))
                vectors, reasons = _as_matrix(part.column(column), length)
                places = np.arange(place, place + len(part))
                ids = [None] * len(part) if id is None else [as_id(one) for one in part.column(id).to_pylist()]
                texts = [None] * len(part) if text is None else part.column(text).to_pylist()
                named = [str(place) if one is None else one for one, place in zip(ids, places.tolist(), strict=True)]
                yield named, places, vectors, reasons, ["" if one is None else str(one) for one in texts]
                place += len(part)
    except (pa.ArrowException, OSError) as error:
        raise BrokenFile(str(error).partition("\n")[0]) from None


def _parts(file: Path, name: str, rows: int) -> Iterator[Shard]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stat = file.stat()
    whole = Shard(file, name, f"{stat.st_size} {stat.st_mtime_ns}")
    try:
        sizes = [] if kind_of(file) != "parquet" or file.suffix != ".parquet" else _group_sizes(pq, file)
    except (pa.ArrowException, OSError):
        sizes = []
    if sum(sizes) < 2 * rows or len(sizes) < 2:
        yield whole
        return
    first, groups, held = 0, [], 0
    for number, size in enumerate(sizes):
        groups.append(number)
        held += size
        left = sum(sizes[number + 1 :])
        if (held >= rows and left >= rows) or not left:
            yield Shard(file, name, whole.state, first, tuple(groups))
            first, groups, held = first + held, [], 0


def _group_sizes(pq, file: Path) -> list[int]:  # noqa: ANN001 - pyarrow.parquet, imported late
    metadata = pq.read_metadata(file)
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def _need_columns(there: Sequence[str], wanted: Sequence[str], shard: Shard) -> None:
    if missing := [name for name in wanted if name not in there]:
        raise ValueError(f"{shard.name}: no column {missing[0]!r}; columns are {', '.join(there)}")


def _length(column) -> int | None:  # noqa: ANN001 - a pyarrow array
    """Return the length of the first list of a column, None where there is none or no list."""
    import pyarrow as pa

    if not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        return column.type.list_size if pa.types.is_fixed_size_list(column.type) else None
    lengths = column.value_lengths().drop_null()
    return int(lengths[0].as_py()) or None if len(lengths) else None


def _as_matrix(column, length: int | None) -> tuple[np.ndarray, list[str]]:  # noqa: ANN001 - a pyarrow array
    """Return the lists of a column as a matrix, and for each row why it has none, or ""."""
    import pyarrow as pa
    import pyarrow.compute as pc

    vectors, reasons = np.zeros((len(column), length or 0), dtype=np.float32), np.full(len(column), "", dtype=object)
    lists = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    inner = column.type.value_type if lists or pa.types.is_fixed_size_list(column.type) else None
    if inner is None or not (pa.types.is_floating(inner) or pa.types.is_integer(inner)):
        return vectors, ["not a vector: a column of " + str(column.type)] * len(column)
    if length is None:
        return vectors, ["a vector without numbers" if one.is_valid else "no vector" for one in column]
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    lengths = np.where(np.isnan(lengths.astype(np.float64)), -1, lengths).astype(np.int64)
    good = lengths == length
    if good.any():
        flat = column.filter(pa.array(good)).flatten()
        vectors[good] = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, length)
    reasons[lengths == -1] = "no vector"
    for line in np.flatnonzero((lengths != length) & (lengths >= 0)):
        reasons[line] = f"a vector of {lengths[line]} numbers, expected {length}"
    broken = good & ~np.isfinite(vectors).all(axis=1)
    reasons[broken] = "a vector with NaN, infinity or nothing in it"
    zero = good & ~broken & ~vectors.any(axis=1)
    reasons[zero] = "a vector of zeros"
    vectors[broken] = 0
    return vectors, reasons.tolist()
