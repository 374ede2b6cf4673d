"""Shards of new rows and a saved map -> the topic of every row, in parts; rows that cannot be used with the reason.

How a row is judged is told in topics/assign.py, how rows are read in vectors/readers.py, how shards are worked on in
vectors/stream.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from helpers.assign.samples import Sample
from helpers.assign.source import open_source
from helpers.keys import versions
from helpers.topics.assign import assign_vectors, place_vectors
from helpers.topics.assigner import FILE, Assigner, read_assigner
from helpers.vectors.executors import Workers, choose_workers
from helpers.vectors.new_rows import NewRows, refuse_to_read_the_output
from helpers.vectors.new_rows import keep_vectors as keeping
from helpers.vectors.readers import KeepingReader, Read, VectorReader, nothing_read
from helpers.vectors.shards import Shard
from helpers.vectors.stream import ONE_WORKER, Output, Tables, locked, run_shards

VECTORS = "_vectors"  # folder of the vectors that are kept


@dataclass(frozen=True)
class AssignShard:
    """Work on a shard: what the reader finds gets topics; place: and places on the map. model: hash of its tensors."""

    model_folder: Path
    model: str
    reader: VectorReader | KeepingReader
    reject: float = 0.05
    place: bool = False

    @property
    def key(self) -> str:
        """Return a hash of all that a row's result depends on."""
        told = f"{self.reader.key}\0{self.reject}\0{self.place}\0{self.model}\0{versions()['topic-map-kit']}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows and rejected rows, a batch at a time, and some to look at in the end.

        rows in = rows + rejected, but for what a break hides. Raises RuntimeError where the map changed meanwhile.
        """
        if model_hash(self.model_folder) != self.model:
            raise RuntimeError(f"{self.model_folder} was made anew while its topics were being given: run this again")
        assigner, sample = read_assigner(self.model_folder), Sample(self.reader.shown)
        nothing = nothing_read(assigner.dimensions)
        # So that there are columns where there is no row.
        yield self.assign(shard, nothing, assigner, sample) | {"samples": sample.table(assigner)}
        for read in self.reader(shard):
            yield self.assign(shard, read, assigner, sample)
        yield {"samples": sample.table(assigner)}

    def assign(self, shard: Shard, read: Read, assigner: Assigner, sample: Sample) -> dict[str, pa.Table]:
        """Return the rows and the rejected rows of a batch, and let the sample look at them."""
        bad = np.array([bool(reason) for reason in read.reasons], dtype=bool)
        named = pd.DataFrame({"id": np.array(read.ids, dtype=object), "file": shard.name, "position": read.places})
        named = named.astype({"id": "string", "file": "string", "position": "int64"})
        good = np.zeros((0, assigner.dimensions)) if bad.all() else read.vectors[~bad]
        found = assign_vectors(good, assigner, reject=self.reject).astype({"reason": "string"})
        if self.place:
            found[["x", "y"]] = place_vectors(good, assigner)
        rows = pd.concat([named[~bad].reset_index(drop=True), found], axis=1)
        sample.add(rows, good, np.array(read.texts, dtype=object)[~bad])
        why = pd.array(np.array(read.reasons, dtype=object)[bad], dtype="string")
        tables = {"rows": rows, "rejected": named[bad].assign(reason=why)}
        return {kind: pa.Table.from_pandas(table, preserve_index=False) for kind, table in tables.items()}


def assign_rows(
    new: NewRows,
    model_folder: Path,
    folder: Path,
    *,
    reject: float = 0.05,
    place: bool = False,
    keep_vectors: bool = False,
    by: Workers = ONE_WORKER,
    rows: int | None = None,
    **_: object,
) -> list[Path]:
    """Give every new row its topic and return the parts of the output, Parquet files in folder.

    Each has id, file, position (in the file), and what assign_vectors gives; rows that cannot be used are in
    _rejected, with the reason, and some of both kinds, with the beginnings of their texts, in _samples. reject, place:
    see assign_vectors and place_vectors. keep_vectors: those of texts are kept in _vectors, and used the next time.
    by, rows: see run_shards.
    """
    refuse_to_read_the_output(new, folder)
    with locked(folder):
        reader = keeping(new, folder / VECTORS, keep=keep_vectors)
        work = AssignShard(model_folder, model_hash(model_folder), reader, reject, place)
        output = Output(folder, work.key)
        if new.embeds and keep_vectors:  # a part without the vectors that are asked for is not whole
            for shard in new.shards:
                if not reader.part(shard).exists():
                    output.part(shard).unlink(missing_ok=True)
        return run_shards(new.shards, work, output, workers=by, rows=rows)


def assign_source(
    source: str,
    model_folder: Path | str,
    output: Path | str,
    *,
    split: str = "train",
    id: str | None = None,
    column: str | None = None,
    text: Mapping[str, Any] | None = None,
    reject: float = 0.05,
    place: bool = False,
    keep_vectors: bool = False,
    workers: int | str = "auto",
    rows: int | None = None,
) -> list[Path]:
    """Give every row of a source its topic and return the parts of the output; see open_source and assign_rows.

    workers: processes on this machine; a script that asks for several is to call this beneath its `__main__` guard, as
    they import it.
    """
    new = open_source(source, Path(model_folder), split=split, id=id, column=column, text=text)
    asked = {"reject": reject, "place": place, "keep_vectors": keep_vectors, "rows": rows}
    return assign_rows(
        new, Path(model_folder), Path(output), by=choose_workers(embeds=new.embeds, workers=workers), **asked
    )


def model_hash(model_folder: Path) -> str:
    """Return what changes with all that new rows are compared with."""
    return hashlib.blake2b((model_folder / FILE).read_bytes(), digest_size=16).hexdigest()
