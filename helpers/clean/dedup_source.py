"""A source of many files -> the rows without near-duplicates, shard by shard, on this machine, Slurm or Ray.

First each shard's rows are signed, then one process finds who goes, which is told in dedup_parts.py, then each shard is
sorted out. How shards are worked on, stopped and gone on with is told in vectors/stream.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.clean.copies import KEEPS
from helpers.clean.dedup import NEAR_DUPLICATE
from helpers.clean.dedup_parts import GONE, PAIRS, find_copies_of_parts, signed_table
from helpers.clean.minhash import choose_bands, sign_some
from helpers.clean.read_texts import PlainReader, open_texts
from helpers.files import write_folder
from helpers.keys import versions
from helpers.vectors.executors import Workers, choose_workers
from helpers.vectors.new_rows import NewRows, refuse_to_read_the_output
from helpers.vectors.shards import Shard
from helpers.vectors.stream import FOLDERS, ONE_WORKER, Output, Tables, locked, run_shards

SIGNED, KNOWN, COPIES = "_signed", "_known", "_copies"  # folders in the output
ROWS = {"id": pa.string(), "file": pa.string(), "position": pa.int64(), "text": pa.string(), "record": pa.string()}
KEPT = ROWS | {"copies": pa.int64()}
REJECTED = ROWS | {"reason": pa.string()} | GONE


@dataclass(frozen=True)
class SignShard:
    """Work on a shard: its rows become shingles and keys; by: the column of scores."""

    reader: PlainReader
    words: int
    threshold: float
    by: str | None = None

    @property
    def key(self) -> str:
        """Return a hash of all that a row's part depends on."""
        told = (self.reader.key, self.words, choose_bands(self.threshold), self.by, versions()["topic-map-kit"])
        return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield signed rows, a batch at a time; those without a text are told of when shards are sorted out."""
        yield self.sign(shard, pd.DataFrame(columns=["id", "position", "text", "record"]))  # columns without a row
        for texts, _ in self.reader(shard):
            yield self.sign(shard, texts)

    def sign(self, shard: Shard, texts: pd.DataFrame) -> dict[str, pa.Table]:
        """Return the tables of a batch."""
        bands, rows = choose_bands(self.threshold)
        signed = sign_some(texts["text"].tolist(), words=self.words, bands=bands, rows=rows)
        nothing = pa.table({"id": pa.array([], pa.string())})
        table = signed_table(signed, texts, _scores(texts["record"], self.by), shard.name)
        return {"rows": table, "rejected": nothing, "samples": nothing}


@dataclass(frozen=True)
class SortShard:
    """Work on a shard: rows that go are parted from those that stay, by what a folder tells of copies."""

    reader: PlainReader
    signed: Output
    copies: Path
    key: str

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows that stay and rejected rows, a batch at a time; rows in = rows + rejected."""
        told = pd.read_parquet(self.copies / self.signed.part(shard).name).set_index("position")
        empty = pd.DataFrame({"id": [], "position": np.zeros(0, int), "text": [], "record": [], "reason": []})
        yield self.sort(shard, empty, empty, told)  # columns where there is no row
        for texts, without in self.reader(shard):
            yield self.sort(shard, texts, without, told)

    def sort(self, shard: Shard, texts: pd.DataFrame, without: pd.DataFrame, told: pd.DataFrame) -> dict[str, pa.Table]:
        """Return the tables of a batch; without: rows that have no text, and the reason; told: by position."""
        found = told.reindex(texts["position"]).reset_index(drop=True)
        if (found["id"].notna() & (found["id"] != texts["id"])).any():
            raise RuntimeError(f"{shard.name} was changed while its near-duplicates were looked for: run this again")
        found["copies"] = found["copies"].fillna(0).astype("int64")
        whole = pd.concat([texts.reset_index(drop=True), found.drop(columns="id")], axis=1)
        goes = whole["near_duplicate_of"].notna()
        kept = whole[~goes]
        rejected = pd.concat([whole[goes].assign(reason=NEAR_DUPLICATE), without]).sort_values(
            "position", kind="stable"
        )
        tables = {"rows": (kept, KEPT), "rejected": (rejected, REJECTED), "samples": (kept.head(0), KEPT)}
        return {kind: _table(table.assign(file=shard.name), columns) for kind, (table, columns) in tables.items()}


def dedup_new(
    new: NewRows,
    folder: Path,
    *,
    threshold: float = 0.8,
    words: int = 5,
    keep: str = "longest",
    by: str | None = None,
    against: NewRows | None = None,
    within: bool = True,
    workers: Workers = ONE_WORKER,
    rows: int | None = None,
) -> list[Path]:
    """Sort the near-duplicates of a source out and return the parts of the rows that stay, Parquet files in folder.

    Each has id, file, position (in the file), text, record (JSON) and copies: of how many rows it takes the place. Rows
    that go, or have no text, are in _rejected, with the reason; near_duplicate_of, near_duplicate_file, _position and
    _in tell of which row each is a copy, of the source or of `against`, and similarity how alike they are. All pairs:
    read_pairs. Which rows go is told in find_near_duplicates; by: a column of numbers in the source. What was done
    before with the same rows and settings is not done again; the folders _signed and _known, about a KB a row, serve
    that alone. new, against: of read_texts.open_texts. workers, rows: see run_shards.
    """
    if keep not in KEEPS or (keep == "best") != (by is not None):
        raise ValueError(f"keep: expected longest, first, or best and a column to keep by; got {keep!r} and by={by!r}")
    sign_some([], words=words, bands=choose_bands(threshold)[0], rows=1)  # what cannot be used is told before all else
    for source in [new, *([against] if against else [])]:
        refuse_to_read_the_output(source, folder)
    work = SignShard(new.reader, words, threshold, by)
    signed = Output(folder / SIGNED, work.key)
    with locked(folder):
        known = [] if against is None else _known_parts(against, work, folder, workers)
        parts = run_shards(new.shards, work, signed, workers=workers, rows=rows)
        _need_scores(parts, by)
        told = [[part.name for part in some] for some in (parts, known)]
        key = hashlib.blake2b(repr((told, threshold, keep, within)).encode(), digest_size=16).hexdigest()
        asked = {"threshold": threshold, "keep": keep, "within": within}
        if not (folder / COPIES / key).exists():
            write_folder(folder / COPIES, lambda path: _write_copies(parts, known, path, key, asked))
        sort = SortShard(new.reader, signed, folder / COPIES, key)
        return run_shards(new.shards, sort, Output(folder, key), workers=workers, rows=rows)


def dedup_source(
    source: str,
    output: Path | str,
    *,
    against: str | None = None,
    id: str | None = None,
    split: str = "train",
    text: Mapping[str, Any] | None = None,
    against_text: Mapping[str, Any] | None = None,
    workers: int | str = "auto",
    **settings: Any,  # noqa: ANN401
) -> list[Path]:
    """Sort the near-duplicates of a source out and return the parts of the output; see open_texts and dedup_new.

    text, against_text: settings of text, where they are not found by themselves. workers: processes on this machine; a
    script that asks for several is to call this beneath its `__main__` guard, as they import it.
    """
    new = open_texts(source, split=split, id=id, text=text)
    known = None if against is None else open_texts(against, split=split, id=id, text=against_text)
    by = choose_workers(embeds=False, workers=workers)
    return dedup_new(new, Path(output), against=known, workers=by, **settings)


def read_pairs(folder: Path) -> pd.DataFrame:
    """Return all pairs that are alike, the most similar first: id, file, position, and the same of the other row."""
    return pd.read_parquet(folder / COPIES / PAIRS)


def count_parts(parts: Sequence[Path]) -> dict[str, int]:
    """Return how many rows there were, how many stay, how many were near-duplicates and how many had no text."""
    kept = sum(pq.read_metadata(part).num_rows for part in parts)
    rejected = [pq.read_table(part.parent / FOLDERS["rejected"] / part.name, columns=["reason"]) for part in parts]
    reasons = pd.Series([reason for table in rejected for reason in table["reason"].to_pylist()], dtype=object)
    copies = int((reasons == NEAR_DUPLICATE).sum())
    return {"rows": kept + len(reasons), "kept": kept, NEAR_DUPLICATE: copies, "without text": len(reasons) - copies}


def _known_parts(against: NewRows, work: SignShard, folder: Path, workers: Workers) -> list[Path]:
    """Return the signed parts of rows that all stay."""
    known = replace(work, reader=against.reader, by=None)
    return run_shards(against.shards, known, Output(folder / KNOWN, known.key), workers=workers)


def _need_scores(parts: Sequence[Path], by: str | None) -> None:
    """Raise ValueError where rows are to be kept by a column in which none has a number."""
    scores = (pq.read_table(part, columns=["score"])["score"].to_numpy() for part in parts)
    if by is not None and all(np.isnan(some).all() for some in scores):
        raise ValueError(f"by: no row has a number in {by!r}: name a column of scores")


def _write_copies(parts: Sequence[Path], known: Sequence[Path], folder: Path, key: str, asked: dict[str, Any]) -> None:
    find_copies_of_parts(parts, known, folder, **asked)
    (folder / key).touch()


def _scores(records: pd.Series, by: str | None) -> np.ndarray:
    """Return the numbers in a column of records, NaN where there is none; a CSV has them as texts."""
    if by is None:
        return np.full(len(records), np.nan)
    values = [json.loads(record).get(by) for record in records]
    told = pd.Series([one if isinstance(one, int | float | str) else None for one in values], dtype=object)
    return pd.to_numeric(told, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _table(frame: pd.DataFrame, columns: dict[str, pa.DataType]) -> pa.Table:
    whole = frame.reindex(columns=list(columns))
    return pa.Table.from_pandas(whole, schema=pa.schema(columns), preserve_index=False)
