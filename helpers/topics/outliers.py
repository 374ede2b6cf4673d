"""Unassigned rows -> the topic that each is most like, where it is as near to it as the topic's own rows are.

It has a column of its own. Nothing moves: topic, coverage and keywords stay those of the fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

CENTROIDS = "centroids.safetensors"
AT_ONCE = 16_384  # vectors compared with all centroids at a time


def nearest_topics(vectors: np.ndarray, clusters: pd.DataFrame, *, model_folder: Path) -> pd.DataFrame:
    """Return a line a unique vector: nearest_topic (int64) and similarity (float32), its cosine to that topic's centre.

    A point that has a topic keeps it. An unassigned one gets the topic whose centre is most similar, if it is no less
    similar than the topic's threshold, below which a twentieth of its own points lie; otherwise -1. vectors: (n, d),
    unit length; clusters: a line each; model_folder: with centroids and thresholds, see describe.py.
    """
    topics = clusters["topic"].to_numpy()
    path = model_folder / CENTROIDS
    if not path.exists():
        return pd.DataFrame({"nearest_topic": topics, "similarity": np.zeros(len(topics), dtype=np.float32)})
    from safetensors.numpy import load_file

    known = load_file(path)
    nearest, similarity = topics.copy(), np.empty(len(topics), dtype=np.float32)
    for start in range(0, len(topics), AT_ONCE):
        block = slice(start, start + AT_ONCE)
        cosines = np.asarray(vectors[block], dtype=np.float32) @ known["centroids"].T
        best = np.where(topics[block] == -1, cosines.argmax(axis=1), topics[block])
        similarity[block] = np.take_along_axis(cosines, best[:, None], axis=1)[:, 0]
        near = similarity[block] >= known["thresholds"][best]
        nearest[block] = np.where((topics[block] == -1) & ~near, -1, best)
    return pd.DataFrame({"nearest_topic": nearest, "similarity": similarity})
