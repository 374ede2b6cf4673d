"""Rows of a shard, a batch at a time -> a few of them to be looked at: some that got a topic, some that got none.

They are the same whichever batches the rows come in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from helpers.topics.assign import place_vectors
from helpers.topics.assigner import Assigner
from helpers.vectors.embedder import unit_length

COUNT = 200  # of a shard, of either kind


class Sample:
    """Some of the rows that were added; shown: makes of texts what may be seen of them."""

    def __init__(self, shown: Callable[[Sequence[str]], list[str]], count: int = COUNT) -> None:
        self.shown, self.count, self.rows, self.vectors = shown, count, None, None

    def add(self, rows: pd.DataFrame, vectors: np.ndarray, texts: np.ndarray) -> None:
        """Look at rows, as they are put out, with their vectors and the beginnings of their texts."""
        chosen = self._chosen(rows)
        some = rows.iloc[chosen].assign(text=self.shown(list(texts[chosen])))
        self.rows = some if self.rows is None else pd.concat([self.rows, some], ignore_index=True)
        held = vectors[chosen] if self.vectors is None else np.concatenate([self.vectors, vectors[chosen]])
        again = self._chosen(self.rows)
        self.rows, self.vectors = self.rows.iloc[again], held[again]

    def _chosen(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the lines of those with the least hashes of their positions, in the rows' order."""
        order = pd.util.hash_array(rows["position"].to_numpy().astype(np.uint64))
        away = rows["topic"].to_numpy() == -1
        found = []
        for kind in (away, ~away):
            lines = np.flatnonzero(kind)
            if len(lines) > self.count:
                lines = lines[np.argpartition(order[lines], self.count)[: self.count]]
            found.append(lines)
        return np.sort(np.concatenate(found))

    def table(self, assigner: Assigner) -> pa.Table:
        """Return the rows chosen, with text, x, y (null where the map has no points), and vector of those in none."""
        away = (self.rows["topic"] == -1).to_numpy()
        places = place_vectors(self.vectors, assigner) if len(assigner.anchors) else np.full((len(away), 2), np.nan)
        placed = self.rows.assign(x=places[:, 0].astype(np.float32), y=places[:, 1].astype(np.float32))
        placed = placed.astype({"text": "string"})
        halves = unit_length(self.vectors).astype(np.float16)
        vectors = [vector if none else None for vector, none in zip(halves, away, strict=True)]
        table = pa.Table.from_pandas(placed, preserve_index=False)
        return table.append_column("vector", pa.array(vectors, pa.list_(pa.float16())))
