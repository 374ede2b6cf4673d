"""Unassigned rows -> the topic that each would be given as a new row, where one is near enough.

It has a column of its own. Nothing moves: topic, coverage and keywords stay those of the fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import FILE, read_assigner
from helpers.vectors.blocks import blocks


def nearest_topics(vectors: np.ndarray, clusters: pd.DataFrame, *, model_folder: Path) -> pd.DataFrame:
    """Return a line a unique vector: nearest_topic (int64) and similarity (float32) to it, see assigner.py.

    A point that has a topic keeps it. An unassigned one gets the topic that assign_vectors gives it, which turns a
    twentieth of a topic's own rows away; -1 where none is near enough, and the similarity is that to the nearest.
    vectors: (n, d), unit length; clusters: a line each; model_folder: of the map.
    """
    topics = clusters["topic"].to_numpy()
    if not (model_folder / FILE).exists():
        return pd.DataFrame({"nearest_topic": topics, "similarity": np.zeros(len(topics), dtype=np.float32)})
    assigner = read_assigner(model_folder)
    given = assign_vectors(vectors, assigner)["topic"].to_numpy()
    similarity = np.empty(len(topics), dtype=np.float32)
    for lines, block in blocks(vectors):
        found = assigner.similarities(block)[: lines.stop - lines.start]
        own = np.where(topics[lines] == -1, found.argmax(axis=1), topics[lines])
        similarity[lines] = np.take_along_axis(found, own[:, None], axis=1)[:, 0]
    nearest = np.where(topics == -1, given, topics).astype(np.int64)
    return pd.DataFrame({"nearest_topic": nearest, "similarity": similarity})
