"""Texts and their vectors -> which of them are near-duplicates in meaning, by the cosine of their vectors.

Who stays is told in copies.py; the same by words in dedup.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.clean.copies import Alike, choose_copies, order_rows
from helpers.vectors.blocks import AT_ONCE, blocks
from helpers.vectors.embedder import unit_length


def find_alike(
    rows: pd.DataFrame,
    vectors: np.ndarray,
    *,
    threshold: float = 0.95,
    keep: str = "longest",
    by: str | None = None,
    against: pd.DataFrame | None = None,
    against_vectors: np.ndarray | None = None,
    within: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return copies and pairs as dedup.find_near_duplicates does, of rows whose vectors have a cosine >= threshold.

    vectors: (n, d), a line a row; against_vectors: those of `against`. Every row is compared with all that stay. pairs:
    of one that goes and one that stays only, as a common phrase has very many others. Raises ValueError for vectors of
    another shape, with NaN or of zeros, and for what order_rows refuses.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold: expected a cosine above 0 and up to 1, got {threshold}")
    ordered = order_rows(rows, keep=keep, by=by, against=against)
    known, known_vectors = (rows[:0], vectors[:0]) if against is None else (against, against_vectors)
    parts = [_checked(known_vectors, known["id"], "against_vectors"), _checked(vectors, rows["id"], "vectors")]
    whole = np.concatenate(parts)
    lines = np.arange(len(whole))
    unit = unit_length(whole[ordered.rows["place"].to_numpy() + np.where(lines < ordered.known, 0, ordered.known)])
    same = pd.factorize(np.array([vector.tobytes() for vector in unit], dtype=object))[0].astype(np.int64)
    firsts = np.unique(same, return_index=True)[1]
    pairs, cosines = _alike(unit[firsts], int((firsts < ordered.known).sum()), threshold, within)
    return choose_copies(ordered, Alike(same, pairs, cosines), within=within)


def _alike(unit: np.ndarray, known: int, threshold: float, within: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (m, 2) of lines, the smaller first, one of which goes and the other stays, and their cosines."""
    lines, stays = np.arange(len(unit)), np.arange(len(unit)) < known
    with tqdm(total=len(unit) - known, desc="compare", unit=" vectors", mininterval=1, delay=1) as bar:
        for place, block in blocks(unit[known:]):
            some = lines[known:][place]
            free = np.ones(AT_ONCE, dtype=bool)
            for _, cosines in _cosines(block, unit, lines[stays] if within else lines[:known]):
                free &= cosines.max(axis=1) < threshold
            stays[some] = (_first_ones(block @ block.T >= threshold, free) if within else free)[: len(some)]
            bar.update(len(some))
    return _told(unit, lines[~stays], lines[stays] if within else lines[:known], threshold)


def _told(unit: np.ndarray, gone: np.ndarray, held: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of lines of gone and of held, the smaller first, and their cosines, as far as they are alike."""
    pairs, found = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0)]
    with tqdm(total=len(gone), desc="copies", unit=" vectors", mininterval=1, delay=1) as bar:
        for place, block in blocks(unit[gone]):
            some = gone[place]
            for others, cosines in _cosines(block, unit, held):
                near = np.flatnonzero(cosines[: len(some)].max(axis=1) >= threshold)
                line, other = np.nonzero(cosines[near] >= threshold)
                pairs.append(np.sort(np.stack([some[near][line], others[other]], axis=1), axis=1))
                found.append(np.minimum(cosines[near[line], other], 1).astype(np.float64))
            bar.update(len(some))
    return np.concatenate(pairs), np.concatenate(found)


def _cosines(block: np.ndarray, unit: np.ndarray, lines: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some of the lines and the cosines (vectors of the block, AT_ONCE) with theirs; behind their end stand 0."""
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        for _, other in blocks(unit[some]):
            yield some, block @ other.T


def _first_ones(near: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return which of some lines stay, none near one before it that stays. near: (k, k); free: whether one may stay."""
    stays = free.copy()
    for line in range(len(stays)):
        if stays[line]:
            stays[line + 1 :] &= ~near[line, line + 1 :]
    return stays


def _checked(vectors: np.ndarray | None, ids: pd.Series, name: str) -> np.ndarray:
    shape = None if vectors is None else vectors.shape
    if shape is None or len(shape) != 2 or shape[0] != len(ids):
        raise ValueError(f"{name}: expected a line for each of {len(ids)} rows, got an array of shape {shape}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name}: expected numbers, got NaN or infinity")
    if not (some := vectors.any(axis=1)).all():
        raise ValueError(f"{name}: expected directions, got a line of zeros: row {ids.iloc[int(some.argmin())]!r}")
    return vectors
