"""New vectors and what a map is saved as -> the topic of each, how sure that is and how far it lies, or that none fits.

What they are compared with is told in assigner.py; neither the map's texts nor its fit are needed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.topics.assigner import Assigner, nearest_two
from helpers.vectors.blocks import blocks
from helpers.vectors.embedder import unit_length

FAR = "no topic is near enough"
NEAREST = 8  # fitted rows by which a new one is placed on the map
PLACED_AT_ONCE = 512  # vectors compared with all anchors at a time


def assign_vectors(vectors: np.ndarray, assigner: Assigner, *, reject: float = 0.05) -> pd.DataFrame:
    """Return a line a vector: topic, confidence, distance, runner_up, reason.

    topic (int32): the nearest one, or -1 where even that is further than all but a share `reject` of its own rows;
    reason (str) says so then. confidence (float32): of ten fitted rows with 0.9, nine are where the fit had them; 0
    where none fits. distance (float32): 1 - similarity to the nearest topic, 0 to 2.
    runner_up (int32): the next best, which is the second nearest, -1 where there is one topic only; and for a row that
    fits no topic the nearest. A row depends on no other row. Raises
    ValueError for vectors of other length, and for NaN or infinity.
    """
    _check(vectors, assigner)
    least = assigner.thresholds(reject)
    nearest, runner_up, similarity, second = nearest_two(vectors, assigner)
    far = similarity < least[nearest]
    confidence = np.where(far, 0, np.interp(similarity - second, assigner.margins, assigner.chances))
    return pd.DataFrame(
        {
            "topic": np.where(far, -1, nearest).astype(np.int32),
            "confidence": confidence.astype(np.float32),
            "distance": (1 - similarity).astype(np.float32),
            "runner_up": np.where(far, nearest, runner_up).astype(np.int32),
            "reason": np.where(far, FAR, ""),
        }
    )


def place_vectors(vectors: np.ndarray, assigner: Assigner) -> np.ndarray:
    """Return places on the map (n, 2) float32: the mean of those of the nearest fitted rows, by their cosine.

    Raises ValueError where the map's places were not saved.
    """
    _check(vectors, assigner)
    if not len(assigner.anchors):
        raise ValueError("this map was saved without its points: no place on it can be told")
    anchors = assigner.anchors.astype(np.float32)
    count = min(NEAREST, len(anchors))
    placed = np.zeros((len(vectors), 2), dtype=np.float32)
    for lines, block in blocks(vectors, at_once=PLACED_AT_ONCE):
        cosines = unit_length(block) @ anchors.T
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.exp(10 * np.take_along_axis(cosines, near, axis=1))
        places = assigner.anchor_points[near] * weights[:, :, None]
        placed[lines] = (places.sum(axis=1) / weights.sum(axis=1)[:, None])[: lines.stop - lines.start]
    return placed


def _check(vectors: np.ndarray, assigner: Assigner) -> None:
    shape = np.shape(vectors)
    if len(shape) != 2 or shape[1] != assigner.dimensions:
        raise ValueError(
            f"expected vectors of {assigner.dimensions} dimensions, as the map's, got shape {shape}: use the "
            "embedder that made the map"
        )
    # A sum is finite where all are; where it is not, large numbers might have overflowed it.
    doubtful = np.flatnonzero(~np.isfinite(vectors.sum(axis=1, dtype=np.float32)))
    if broken := int((~np.isfinite(vectors[doubtful])).any(axis=1).sum()):
        raise ValueError(f"{broken} of {shape[0]} vectors hold NaN or infinity: mend or drop them")
