"""Vectors -> blocks of one size for products whose last bits are to depend on nothing but the row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

AT_ONCE = 4_096  # vectors


def blocks(vectors: np.ndarray, *, at_once: int = AT_ONCE) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield places and vectors as float32, always so many of them, filled up with zeros.

    A product's last bits depend on how many rows are multiplied at once: so a row's never depend on its company.
    """
    for start in range(0, len(vectors), at_once):
        lines = slice(start, min(start + at_once, len(vectors)))
        block = np.zeros((at_once, vectors.shape[1]), dtype=np.float32)
        block[: lines.stop - lines.start] = vectors[lines]
        yield lines, block
