"""A source of many files and benchmark items -> the rows without those that hold an item, shard by shard.

What is found in a row is told in decontaminate.py, how shards are worked on, stopped and gone on with in
vectors/stream.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.clean.contamination import CONTAMINATED, match_texts
from helpers.clean.decontaminate import HITS, SPANS, find_contamination, hits_table, index_benchmarks, no_hits
from helpers.clean.item_index import ItemIndex
from helpers.clean.read_texts import PlainReader, open_texts
from helpers.files import fingerprint, write_value
from helpers.keys import versions
from helpers.vectors.executors import Workers, choose_workers
from helpers.vectors.new_rows import NewRows, refuse_to_read_the_output
from helpers.vectors.shards import Shard
from helpers.vectors.stream import FOLDERS, ONE_WORKER, Output, Tables, locked, run_shards

ITEMS = "_benchmarks.parquet"  # in the output, for the workers
ROWS = {"id": pa.string(), "file": pa.string(), "position": pa.int64(), "text": pa.string(), "record": pa.string()}
REJECTED = ROWS | {"reason": pa.string(), "contaminated_by": pa.string(), "share": pa.float64()}
_KINDS = {"float64": pa.float64(), "int64": pa.int64()}
FOUND = {"id": pa.string(), "file": pa.string(), "position": pa.int64()}
FOUND |= {name: _KINDS.get(str(kind), pa.string()) for name, kind in HITS.items() if name != "id"}
FOUND |= dict.fromkeys(SPANS, pa.list_(pa.int64()))


@dataclass(frozen=True)
class DecontaminateShard:
    """Work on a shard: rows that hold a benchmark item go. items: where they are, and a hash of them."""

    reader: PlainReader
    items: Path
    items_hash: str
    settings: str  # JSON, of find_contamination

    @property
    def key(self) -> str:
        """Return a hash of all that a row's result depends on."""
        told = f"{self.reader.key}\0{self.items_hash}\0{self.settings}\0{versions()['topic-map-kit']}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows that stay, rejected rows and hits (as samples), a batch at a time; rows in = rows + rejected."""
        empty = pd.DataFrame(columns=["id", "position", "text", "record", "reason"])
        yield self.sort_out(shard, empty, empty)  # columns where there is no row
        for texts, without in self.reader(shard):
            yield self.sort_out(shard, texts, without)

    def sort_out(self, shard: Shard, texts: pd.DataFrame, without: pd.DataFrame) -> dict[str, pa.Table]:
        """Return the tables of a batch; without: rows that have no text, and the reason."""
        benchmarks, index = _indexed(self.items, self.items_hash, self.settings)
        settings = json.loads(self.settings)
        asked = {name: settings[name] for name in ("ngram", "share", "numbers")}
        matches = match_texts(texts["text"].tolist(), index, **asked)
        hits = hits_table(range(len(texts)), matches, index, benchmarks).rename(columns={"id": "line"})
        lines = hits["line"].to_numpy(dtype=np.int64)
        hits = hits.assign(id=texts["id"].to_numpy()[lines], position=texts["position"].to_numpy()[lines])
        best = hits[hits["state"] == CONTAMINATED].drop_duplicates("line").set_index("line")
        gone = texts.index.isin(best.index)
        by = (best["benchmark"] + " " + best["item"]).to_numpy()
        dropped = texts[gone].assign(reason=CONTAMINATED, contaminated_by=by, share=best["share"].to_numpy())
        rejected = pd.concat([dropped, without], ignore_index=True).sort_values("position", kind="stable")
        tables = {"rows": (texts[~gone], ROWS), "rejected": (rejected, REJECTED), "samples": (hits, FOUND)}
        return {kind: _table(table.assign(file=shard.name), columns) for kind, (table, columns) in tables.items()}


def decontaminate_new(
    new: NewRows,
    benchmarks: pd.DataFrame,
    folder: Path,
    *,
    by: Workers = ONE_WORKER,
    rows: int | None = None,
    **settings: Any,  # noqa: ANN401
) -> list[Path]:
    """Sort the contaminated rows of a source out and return the parts of those that stay, Parquet files in folder.

    Each part has id, file, position (in the file), text and record (JSON). Rows that hold an item, or have no text, are
    in _rejected with the reason, contaminated_by and share; all hits in _samples, see read_hits. What was done before
    with the same items and settings is not done again. new: of read_texts.open_texts. settings: of find_contamination.
    by, rows: see run_shards.
    """
    refuse_to_read_the_output(new, folder)
    told = json.dumps(_defaults() | settings, sort_keys=True, default=list)
    items = benchmarks[["benchmark", "item", "text"]].fillna("").astype(str).reset_index(drop=True)
    with locked(folder):
        work = DecontaminateShard(new.reader, folder / ITEMS, fingerprint(items), told)
        write_value(work.items, items)
        _indexed(work.items, work.items_hash, told)  # what cannot be used is told before anything is done
        return run_shards(new.shards, work, Output(folder, work.key), workers=by, rows=rows)


def decontaminate_source(
    source: str,
    benchmarks: pd.DataFrame,
    output: Path | str,
    *,
    id: str | None = None,
    split: str = "train",
    text: Mapping[str, Any] | None = None,
    workers: int | str = "auto",
    rows: int | None = None,
    **settings: Any,  # noqa: ANN401
) -> list[Path]:
    """Sort the contaminated rows of a source out and return the parts of the output; see open_texts, decontaminate_new.

    workers: processes on this machine; a script that asks for several is to call this beneath its `__main__` guard, as
    they import it.
    """
    new = open_texts(source, split=split, id=id, text=text)
    by = choose_workers(embeds=False, workers=workers)
    return decontaminate_new(new, benchmarks, Path(output), by=by, rows=rows, **settings)


def read_hits(parts: Sequence[Path]) -> pd.DataFrame:
    """Return the hits of all parts, as find_contamination does, with file and position beside."""
    found = [pd.read_parquet(part.parent / FOLDERS["samples"] / part.name) for part in parts]
    found = [table for table in found if len(table)]
    return pd.concat(found, ignore_index=True) if found else no_hits().assign(file="", position=0)


def count_parts(parts: Sequence[Path]) -> dict[str, int]:
    """Return how many rows there were, how many stay, how many were contaminated and how many had no text."""
    kept = sum(pq.read_metadata(part).num_rows for part in parts)
    reasons = [
        pq.read_table(part.parent / FOLDERS["rejected"] / part.name, columns=["reason"])["reason"].to_numpy()
        for part in parts
    ]
    contaminated = int(sum((reason == CONTAMINATED).sum() for reason in reasons))
    rejected = sum(map(len, reasons))
    return {"rows": kept + rejected, "kept": kept, CONTAMINATED: contaminated, "without text": rejected - contaminated}


def _defaults() -> dict[str, Any]:
    """Return the settings of find_contamination, as they are by default."""
    known = signature(find_contamination).parameters.values()
    return {one.name: one.default for one in known if one.kind is one.KEYWORD_ONLY}


@lru_cache(maxsize=1)
def _indexed(items: Path, state: str, settings: str) -> tuple[pd.DataFrame, ItemIndex]:
    """Return the items and their index; RuntimeError where they are others than was said."""
    benchmarks = pd.read_parquet(items)
    if fingerprint(benchmarks) != state:
        raise RuntimeError(f"{items} was made anew while rows were compared with it: run this again")
    asked = {name: value for name, value in json.loads(settings).items() if name != "numbers"}
    return benchmarks, index_benchmarks(benchmarks, **asked)


def _table(frame: pd.DataFrame, columns: dict[str, pa.DataType]) -> pa.Table:
    whole = frame.reindex(columns=list(columns))
    return pa.Table.from_pandas(whole, schema=pa.schema(columns), preserve_index=False)
