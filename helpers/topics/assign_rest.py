"""A map fitted on some of the vectors -> clusters and points of all: the rest is assigned as new rows are.

For sets too large to fit; how a row is judged is told in assign.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.topics.assign import assign_vectors, place_vectors
from helpers.topics.assigner import fit_assigner
from helpers.topics.cluster import rows_of


def take_fitted(vectors: np.ndarray, own: pd.DataFrame, *, sample: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the vectors that the fit is made of, the first `sample` of them, and the lines of own that have these.

    Vectors stand in an order that only their content sets, see load.py, so the first ones are a random sample. All are
    taken where sample is 0.
    """
    if not sample or sample >= len(vectors):
        return vectors, own
    return vectors[:sample], own[own["vector"] < sample].reset_index(drop=True)


def assign_rest(
    clusters: pd.DataFrame, layers: pd.DataFrame, points: np.ndarray, vectors: np.ndarray, own: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return clusters, layers and points of all vectors, where clusters and points are those of the first ones.

    vectors: (n, d) of unit length; own: a line a row, with `vector`. The rest gets topic and confidence as new rows do,
    the broader topics that hold its topic, and a place between the fitted texts most like it; the column assigned says
    which these are, and is there only when some are. Sizes in layers count all rows. Topics keep their numbers.
    """
    count = len(clusters)
    if count == len(vectors):
        return clusters, layers, points
    topics = clusters["topic"].to_numpy()
    rows = rows_of(own)
    rest = pd.DataFrame({"topic": np.full(len(vectors) - count, -1, dtype=topics.dtype), "confidence": 0.0})
    places = np.zeros((len(rest), 2), dtype=points.dtype)
    if (topics >= 0).any():
        assigner = fit_assigner(vectors[:count], topics, points, rows=rows[:count])
        found = assign_vectors(vectors[count:], assigner)
        rest = rest.assign(topic=found["topic"].astype(topics.dtype))
        rest["confidence"] = np.where(found["topic"] == -1, 0, found["confidence"])
        places = place_vectors(vectors[count:], assigner).astype(points.dtype)
    whole = pd.concat([clusters.assign(assigned=False), rest.assign(assigned=True)], ignore_index=True)
    for name in [name for name in clusters if name.startswith("topic_")]:
        held = dict(zip(clusters["topic"], clusters[name], strict=True)) | {-1: -1}
        whole.loc[count:, name] = whole.loc[count:, "topic"].map(held)
        whole[name] = whole[name].astype(clusters[name].dtype)
    whole["confidence"] = whole["confidence"].astype(clusters["confidence"].dtype)
    sizes = [_size(line, whole, rows) for line in layers.itertuples()]
    return whole, layers.assign(size=np.array(sizes, dtype=layers["size"].dtype)), np.concatenate([points, places])


def _size(line: tuple, whole: pd.DataFrame, rows: np.ndarray) -> int:
    column = "topic" if line.layer == "fine" else f"topic_{line.layer}"
    return int(rows[whole[column].to_numpy() == line.topic].sum())
