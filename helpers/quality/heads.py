"""Vectors and scores -> a small head: tensors by which the score of any vector is told.

Three kinds. ridge: a line. ordinal: for each level but the lowest the chance of being there or above, one logistic
regression each, their sum the score (Frank and Hall 2001). hidden: one layer of rectified units. How a kind is chosen,
and how good it is, is told in scorer.py.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from helpers.vectors.blocks import blocks

UNITS = 64  # of the hidden layer
# How strongly each kind is held back: alpha of ridge and hidden, 1 / C of ordinal.
STRENGTHS = {
    "ridge": (0.01, 0.1, 1.0, 10.0, 100.0),
    "ordinal": (0.01, 0.1, 1.0, 10.0),
    "hidden": (0.01, 1.0),
}


@dataclass(frozen=True)
class Head:
    """Tensors (first (d, w), its bias (w,), last (w, 1) and its bias (1,)) and the levels, lowest and highest.

    Of ridge and ordinal last is a column of ones.
    """

    kind: str
    first: np.ndarray
    first_bias: np.ndarray
    last: np.ndarray
    last_bias: np.ndarray
    lowest: int
    highest: int

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Return (n,) float32 for vectors (n, d); a row's depends on no other row."""
        found = np.zeros(len(vectors), dtype=np.float32)
        for lines, block in blocks(vectors):
            found[lines] = self._block(block)[: lines.stop - lines.start]
        return found

    def _block(self, block: np.ndarray) -> np.ndarray:
        inner = block @ self.first + self.first_bias
        if self.kind == "ordinal":
            inner = 1 / (1 + np.exp(-np.clip(inner, -60, 60)))
        elif self.kind == "hidden":
            inner = np.maximum(inner, 0)
        return (inner @ self.last + self.last_bias)[:, 0]

    def whole(self, scores: np.ndarray) -> np.ndarray:
        """Return scores as levels: the nearest, halves up, never outside of the lowest and the highest."""
        return np.clip(np.floor(np.asarray(scores) + 0.5), self.lowest, self.highest).astype(np.int16)


def fit_head(
    vectors: np.ndarray,
    scores: np.ndarray,
    *,
    kind: str,
    strength: float,
    levels: tuple[int, int],
    weights: np.ndarray | None = None,
    seed: int = 42,
) -> Head:
    """Return a head of a kind, made of vectors (n, d) and scores (n,), which need not be whole.

    strength: see STRENGTHS. levels: the lowest and the highest there are, be they among scores or not. weights: (n,),
    how much a row counts. Raises ValueError for an unknown kind.
    """
    vectors, scores = np.asarray(vectors, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    fits = {"ridge": _ridge, "ordinal": _ordinal, "hidden": _hidden}
    if kind not in fits:
        raise ValueError(f"expected a head of kind {', '.join(fits)}, got {kind!r}")
    tensors = fits[kind](vectors, scores, weights, strength, levels, seed)
    return Head(kind, *(tensor.astype(np.float32) for tensor in tensors), lowest=levels[0], highest=levels[1])


def level_weights(scores: np.ndarray) -> np.ndarray:
    """Return (n,) weights by which rare levels count for more: the root of one over their share, 1 in the mean.

    With the share itself a level of five rows would count as much as one of five thousand, and be learnt by heart.
    """
    whole = np.floor(np.asarray(scores) + 0.5)
    _, line, counts = np.unique(whole, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[line])
    return weights / weights.mean()


def _ridge(vectors, scores, weights, strength, levels, seed):  # noqa: ANN001, ANN202, ARG001 - see fit_head
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=strength).fit(vectors, scores, sample_weight=weights)
    return model.coef_[:, None], np.zeros(1), np.ones((1, 1)), np.array([model.intercept_])


def _ordinal(vectors, scores, weights, strength, levels, seed):  # noqa: ANN001, ANN202, ARG001 - see fit_head
    from sklearn.linear_model import LogisticRegression

    lowest, highest = levels
    slopes, biases = [], []
    for level in range(lowest + 1, highest + 1):
        # A score between two levels says of both how likely each is.
        above = np.clip(scores - level + 1, 0, 1)
        rows = np.concatenate([vectors, vectors])
        told = np.repeat([1, 0], len(scores))
        count = np.concatenate([above, 1 - above]) * np.tile(weights, 2)
        some = count > 0
        if len(np.unique(told[some])) < 2:  # nobody is there, or nobody below
            slopes.append(np.zeros(vectors.shape[1]))
            biases.append(30.0 if told[some].all() else -30.0)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is near enough where it has not converged
            model = LogisticRegression(C=1 / strength, max_iter=300)
            model.fit(rows[some], told[some], sample_weight=count[some])
        slopes.append(model.coef_[0])
        biases.append(model.intercept_[0])
    return np.stack(slopes, axis=1), np.array(biases), np.ones((highest - lowest, 1)), np.array([float(lowest)])


def _hidden(vectors, scores, weights, strength, levels, seed):  # noqa: ANN001, ANN202, ARG001 - see fit_head
    from sklearn.neural_network import MLPRegressor
    from threadpoolctl import threadpool_limits

    scale = np.sqrt(vectors.shape[1])  # numbers of a vector of length 1 are small
    with warnings.catch_warnings(), threadpool_limits(1):  # sums over threads end in another last bit each time
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(UNITS,), alpha=strength, max_iter=200, random_state=seed)
        model.fit(vectors * scale, scores, sample_weight=weights)
    (first, last), (first_bias, last_bias) = model.coefs_, model.intercepts_
    return first * scale, first_bias, last, last_bias
