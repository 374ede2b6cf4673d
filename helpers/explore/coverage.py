"""Picked rows of a map -> figures of how well they cover it, and those of random samples of as many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.clean.filter import filter_rows
from helpers.explore.read_map import TopicMap
from helpers.shown import percent
from helpers.topics.drawing import NOISE
from helpers.vectors.embedder import unit_length

REACH = 0.5  # of the mean distance between two rows: a row that near to a picked one is within reach
DRAWS = 5  # random samples that are held against the picked rows
FIGURES = ["rows", "mean", "p95", "within", "topics"]


def coverage(
    vectors: np.ndarray, chosen: np.ndarray, *, topics: np.ndarray | None = None, radius: float | None = None
) -> dict[str, Any]:
    """Return how well chosen lines cover vectors, by the distance (1 - cosine) of each to the nearest chosen one.

    rows (chosen), mean, p95 (the 95th percentile), within (share of the vectors not further than the radius; none: half
    of the mean distance between two of them), topics (share of the topics with a chosen row, of those but -1). None
    where there is nothing to measure. vectors: (n, d), unit length; chosen: (k,) lines; topics: (n,).
    """
    figures: dict[str, Any] = dict.fromkeys(FIGURES) | {"rows": len(chosen)}
    if not len(vectors) or not len(chosen):
        return figures
    away = nearest_distances(vectors, vectors[chosen])
    radius = REACH * mean_distance(vectors) if radius is None else radius
    figures |= {"mean": float(away.mean()), "p95": float(np.quantile(away, 0.95))}
    figures["within"] = float((away <= radius).mean())
    there = np.setdiff1d([] if topics is None else topics, [NOISE])
    if len(there):
        figures["topics"] = float(np.isin(there, topics[chosen]).mean())
    return figures


def against_random(
    topic_map: TopicMap, picked: pd.DataFrame, *, keep: Sequence[str] = (), draws: int = DRAWS, seed: int = 42
) -> pd.DataFrame:
    """Return two lines, picked and random: rows, mean, p95, within and topics, see coverage.

    Of all rows that fulfil keep, duplicates among them. random: the mean of so many random samples of as many rows.
    """
    rows, samples = random_rows(topic_map, len(picked), keep=keep, draws=draws, seed=seed)
    vectors, topics = unit_length(topic_map.vectors[rows["vector"].to_numpy()]), rows["topic"].to_numpy()
    chosen = [np.flatnonzero(rows["id"].isin(picked["id"])), *samples]
    found = [coverage(vectors, one, topics=topics) for one in chosen]
    table = pd.DataFrame(found, columns=FIGURES).astype(float)
    told = pd.DataFrame([table.iloc[0], table.iloc[1:].mean()], index=["picked", "random"])
    return told.astype({"rows": int}).rename_axis("sample").reset_index()


def coverage_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Return what against_random returns to be read: distances with three digits, shares in percent."""
    told = compared.assign(rows=[f"{rows:,}" for rows in compared["rows"]])
    for name, tell in (("mean", "{:.3f}".format), ("p95", "{:.3f}".format), ("within", percent), ("topics", percent)):
        told[name] = ["" if np.isnan(value) else tell(value) for value in compared[name]]
    return told


def random_rows(
    topic_map: TopicMap, count: int, *, keep: Sequence[str] = (), draws: int = DRAWS, seed: int = 42
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Return the rows that fulfil keep in the order of their ids, and lines of so many random samples of `count`."""
    rows, chance = by_id(filter_rows(topic_map.rows, keep=keep)[0]), np.random.default_rng(seed)
    return rows, [chance.choice(len(rows), min(count, len(rows)), replace=False) for _ in range(draws)]


def nearest_distances(vectors: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the distance (1 - cosine) of each vector to the nearest chosen one, infinite where there is none."""
    if not len(chosen):
        return np.full(len(vectors), np.inf)
    import faiss

    return 1 - faiss.knn(vectors, np.ascontiguousarray(chosen), 1, metric=faiss.METRIC_INNER_PRODUCT)[0][:, 0]


def mean_distance(vectors: np.ndarray) -> float:
    """Return the mean distance between two vectors of unit length: 1 - the squared length of their mean."""
    return 1 - float(np.square(vectors.mean(axis=0, dtype=np.float64)).sum()) if len(vectors) else 0.0


def by_id(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of their ids, so that the order in which they come never matters."""
    return rows.sort_values("id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True)
