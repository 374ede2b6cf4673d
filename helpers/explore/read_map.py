"""A run with a finished map -> the map in memory: rows with all that is known of them, topics, vectors, points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from helpers.files import read_value
from helpers.findings import has_map, table
from helpers.runs import Run
from helpers.topics.describe import LANGUAGE_SHARE
from helpers.vectors.blocks import blocks
from helpers.vectors.embedder import unit_length


@dataclass(frozen=True)
class TopicMap:
    """A finished map.

    rows: as findings.table returns them, a line a row. topics: as topics.parquet, the unassigned first. layers: as
    layers.parquet. vectors: (n different texts, d) float16 of unit length, read from the disk as they are needed;
    rows["vector"] is each row's line in them. languages: those of at least a twentieth of the rows, as ISO codes.
    """

    rows: pd.DataFrame
    topics: pd.DataFrame
    layers: pd.DataFrame
    vectors: np.ndarray
    languages: tuple[str, ...] = ("en",)

    @property
    def names(self) -> dict[int, str]:
        """The labels by topic."""
        return dict(zip(self.topics["topic"].tolist(), self.topics["label"].tolist(), strict=True))

    @cached_property
    def centroids(self) -> np.ndarray:
        """The mean of each topic's different texts (topics, d) float32, of unit length; 0 for a topic without rows."""
        topic_of = np.full(len(self.vectors), -1)
        topic_of[self.rows["vector"]] = self.rows["topic"]
        sums = np.zeros((self.topics["topic"].max() + 1, self.vectors.shape[1]), dtype=np.float32)
        for lines, block in blocks(self.vectors):
            inside = topic_of[lines] >= 0
            np.add.at(sums, topic_of[lines][inside], block[: len(inside)][inside])
        return unit_length(sums)

    @property
    def row_vectors(self) -> np.ndarray:
        """The vector of each row (rows, d) float32; equal texts have equal ones."""
        return np.asarray(self.vectors[self.rows["vector"].to_numpy()], dtype=np.float32)

    def column(self, name: str, *, setting: str) -> pd.Series:
        """Return a column of the rows; ValueError names the setting that asked for one that is not there."""
        if name not in self.rows:
            known = ", ".join(map(str, self.rows.columns))
            if f"source_{name}" in self.rows:
                raise ValueError(
                    f"{setting}: no notebook has found {name!r} yet; the source's own column of this name is called "
                    f"source_{name} here"
                )
            raise ValueError(
                f"{setting}: no column {name!r}; columns are {known}. A column of the source has to be named in "
                "text.keep; then run all cells of 1_topics_template again"
            )
        return self.rows[name]


def read_map(run: Run) -> TopicMap:
    """Return a run's finished map. Raises FileNotFoundError where there is none."""
    if not has_map(run):
        raise FileNotFoundError(f"{run.folder} has no finished map: run all cells of 1_topics_template first")
    topics, layers = (read_value(run.path(name)) for name in ("topics.parquet", "layers.parquet"))
    vectors = np.load(run.path("vectors.npy"), mmap_mode="r", allow_pickle=False)
    shares = read_value(run.path("report.json")).get("audit", {}).get("language_shares", {})
    languages = tuple(code for code, share in shares.items() if share >= LANGUAGE_SHARE and code != "und")
    return TopicMap(table(run), topics, layers, vectors, languages or ("en",))
