"""Shards of ready vectors and a saved map -> the topic of every row, in parts; rows without a vector with the reason.

How a row is judged is told in assign.py, how shards are worked on in vectors/stream.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.text.sources.lines import BrokenFile
from helpers.topics.assign import assign_vectors, place_vectors
from helpers.topics.assigner import FILE, read_assigner
from helpers.vectors.shards import Shard, list_shards, read_vectors
from helpers.vectors.stream import Output, Tables, run_shards


@dataclass(frozen=True)
class AssignShard:
    """Work on a shard: its vectors in `column` become topics; place: with a place on the map."""

    model_folder: Path
    column: str
    id: str | None = None
    reject: float = 0.05
    place: bool = False

    @property
    def key(self) -> str:
        """Return a hash of all that a row's result depends on."""
        told = f"{self.column}\0{self.id}\0{self.reject}\0{self.place}\0".encode()
        return hashlib.blake2b(told + (self.model_folder / FILE).read_bytes(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows and rejected rows, a batch at a time: rows in = rows + rejected, but for what a break hides."""
        assigner = read_assigner(self.model_folder)
        place = shard.first
        yield self._tables(shard, [], np.zeros(0, int), np.zeros((0, assigner.dimensions)), [], assigner)
        try:
            for ids, places, vectors, reasons in read_vectors(shard, self.column, id=self.id):
                yield self._tables(shard, ids, places, vectors, reasons, assigner)
                place = int(places[-1]) + 1 if len(places) else place
        except BrokenFile as error:
            reason = f"{error}; the file is read up to here"
            yield self._tables(shard, [""], np.array([place]), np.zeros((1, assigner.dimensions)), [reason], assigner)

    def _tables(self, shard, ids, places, vectors, reasons, assigner) -> tuple[pd.DataFrame, pd.DataFrame]:  # noqa: ANN001
        bad = np.array([bool(reason) for reason in reasons], dtype=bool)
        named = pd.DataFrame({"id": np.array(ids, dtype=object), "file": shard.name, "position": places})
        named = named.astype({"id": "string", "file": "string", "position": "int64"})
        good = vectors[~bad] if vectors.shape[1] or not bad.all() else np.zeros((0, assigner.dimensions))
        found = assign_vectors(good, assigner, reject=self.reject).astype({"reason": "string"})
        if self.place:
            found[["x", "y"]] = place_vectors(good, assigner)
        rejected = named[bad].assign(reason=pd.array(np.array(reasons, dtype=object)[bad], dtype="string"))
        return pd.concat([named[~bad].reset_index(drop=True), found], axis=1), rejected.reset_index(drop=True)


def assign_parquet(
    source: str, model_folder: Path, output: Path, *, workers: int = 1, **settings: object
) -> list[Path]:
    """Give every row of a source's Parquet files its topic and return the parts, see AssignShard and run_shards.

    settings: column, and what else AssignShard takes. Each part has id, file, position, and what assign_vectors gives.
    """
    read_assigner(Path(model_folder))  # a model that is none is told before anything is begun
    work = AssignShard(Path(model_folder), **settings)
    return run_shards(list_shards(source), work, Output(Path(output), work.key), workers=workers)
