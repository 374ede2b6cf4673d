"""Shards of new rows and a saved map -> the topic of every row, in parts; rows that cannot be used with the reason.

How a row is judged is told in assign.py, how rows are read in vectors/readers.py, how shards are worked on in
vectors/stream.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.files import read_value
from helpers.topics.assign import assign_vectors, place_vectors
from helpers.topics.assigner import FILE, READING, Assigner, read_assigner
from helpers.vectors.readers import Read, TextReader, VectorReader, text_reader
from helpers.vectors.shards import Shard, list_shards
from helpers.vectors.stream import Output, Tables, run_shards


@dataclass(frozen=True)
class AssignShard:
    """Work on a shard: what the reader finds gets topics; place: and places on the map."""

    model_folder: Path
    reader: VectorReader | TextReader
    reject: float = 0.05
    place: bool = False

    @property
    def key(self) -> str:
        """Return a hash of all that a row's result depends on."""
        told = f"{self.reader}\0{self.reject}\0{self.place}\0".encode()
        return hashlib.blake2b(told + (self.model_folder / FILE).read_bytes(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows and rejected rows, a batch at a time: rows in = rows + rejected, but for what a break hides."""
        assigner = read_assigner(self.model_folder)
        nothing = Read([], np.zeros(0, int), np.zeros((0, assigner.dimensions)), [])
        yield self._tables(shard, nothing, assigner)  # so that there are columns where there is no row
        for read in self.reader(shard):
            yield self._tables(shard, read, assigner)

    def _tables(self, shard: Shard, read: Read, assigner: Assigner) -> tuple[pd.DataFrame, pd.DataFrame]:
        bad = np.array([bool(reason) for reason in read.reasons], dtype=bool)
        named = pd.DataFrame({"id": np.array(read.ids, dtype=object), "file": shard.name, "position": read.places})
        named = named.astype({"id": "string", "file": "string", "position": "int64"})
        good = np.zeros((0, assigner.dimensions)) if bad.all() else read.vectors[~bad]
        found = assign_vectors(good, assigner, reject=self.reject).astype({"reason": "string"})
        if self.place:
            found[["x", "y"]] = place_vectors(good, assigner)
        why = pd.array(np.array(read.reasons, dtype=object)[bad], dtype="string")
        rejected = named[bad].assign(reason=why).reset_index(drop=True)
        return pd.concat([named[~bad].reset_index(drop=True), found], axis=1), rejected


def assign_source(
    source: str,
    model_folder: Path | str,
    output: Path | str,
    *,
    column: str | None = None,
    id: str | None = None,
    reject: float = 0.05,
    place: bool = False,
    workers: int = 1,
) -> list[Path]:
    """Give every row of a source its topic and return the parts, Parquet files in output/rows.

    source: a file, folder or glob. model_folder: the model/ of a run; nothing else of it is needed. column: of ready
    vectors in Parquet files; without it the rows' texts are read and embedded as the run's were. id: the column of ids.
    reject, place: see assign_vectors and place_vectors. Each part has id, file, position (in the file), and what
    assign_vectors gives; rows that cannot be used are in output/rejected, with the reason.
    """
    model_folder = Path(model_folder)
    read_assigner(model_folder)  # a model that is none is told before anything is begun
    reading = model_folder / READING
    known = read_value(reading) if reading.exists() else {}
    reader = VectorReader(column, id) if column else text_reader(known, source, id=id)
    work = AssignShard(model_folder, reader, reject, place)
    return run_shards(list_shards(source), work, Output(Path(output), work.key), workers=workers)
