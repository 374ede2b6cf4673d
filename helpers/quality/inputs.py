"""Vectors and figures of style -> what a head reads: either of them, or both side by side and equally long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("vectors", "both", "style")
FURTHEST = 3.0  # standard deviations of a figure beyond which a text is not odder


@dataclass(frozen=True)
class Inputs:
    """Which inputs a head reads; middle and spread (m,) of the figures of style among the texts it learnt from."""

    kind: str
    middle: np.ndarray
    spread: np.ndarray

    @property
    def needs_style(self) -> bool:
        """Return whether vectors alone are not enough."""
        return self.kind != "vectors"

    def matrix(self, vectors: np.ndarray, style: np.ndarray | None = None) -> np.ndarray:
        """Return (n, w) float32 of vectors (n, d) and style (n, m); a row's depends on no other row.

        Raises ValueError where style is needed and not given.
        """
        vectors = np.asarray(vectors, dtype=np.float32)
        if not self.needs_style:
            return vectors
        if style is None:
            raise ValueError(
                "this scorer reads how a text is written beside its vector, and only vectors came: score texts, or "
                "make the scorer with quality.style: false"
            )
        away = np.clip((style - self.middle) / self.spread, -FURTHEST, FURTHEST)
        scaled = (away / np.sqrt(len(self.middle))).astype(np.float32)
        return scaled if self.kind == "style" else np.concatenate([vectors, scaled], axis=1)


def make_inputs(kind: str, style: np.ndarray | None, *, rows: np.ndarray | None = None) -> Inputs:
    """Return inputs of a kind for figures of style (n, m), with the middle and spread of those of some rows.

    style: None for a head that reads vectors alone. rows: (k,) lines of style; none: all.
    """
    if style is None:
        return Inputs(kind, np.zeros(0, np.float32), np.ones(0, np.float32))
    known = style if rows is None else style[rows]
    spread = known.std(axis=0)
    return Inputs(kind, known.mean(axis=0).astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32))
