"""Scores that are known and scores that were told -> how well they agree, as plain figures."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 10
FEWEST = 10  # rows below which nothing is said of others


def score_figures(
    known: np.ndarray, told: np.ndarray, *, levels: tuple[int, int], weights: np.ndarray | None = None
) -> dict[str, Any]:
    """Return figures of scores told (n,) against those known (n,); both need not be whole.

    spearman, and spearman_interval, between which values it is with 95%; kappa (quadratic), macro_f1 and confusion
    (lines known, columns told) of the nearest levels; error (mean absolute); thresholds: for each level but the lowest,
    of "at it or above", known and told (shares of rows), precision, recall and f1; calibration: the mean known score of
    rows that were told about as much, a tenth each. None stands where there is nothing to measure, such as one known
    level.
    """
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

    known, told = np.asarray(known, dtype=np.float64), np.asarray(told, dtype=np.float64)
    weights = np.ones(len(known)) if weights is None else np.asarray(weights, dtype=np.float64)
    names = list(range(levels[0], levels[1] + 1))
    whole = [np.clip(np.floor(one + 0.5), *levels).astype(int) for one in (known, told)]
    varied = len(np.unique(np.concatenate(whole))) > 1  # else kappa is 0 / 0
    return {
        "n": len(known),
        "spearman": (spearman := _spearman(known, told)),
        "spearman_interval": _interval(spearman, len(known)),
        "kappa": float(cohen_kappa_score(*whole, weights="quadratic", labels=names)) if varied else None,
        "macro_f1": float(f1_score(*whole, average="macro", labels=sorted(set(whole[0])), zero_division=0)),
        "error": float(np.abs(known - told).mean()) if len(known) else None,
        "confusion": confusion_matrix(*whole, labels=names).tolist(),
        "thresholds": [_threshold(*whole, level, weights) for level in names[1:]],
        "calibration": _calibration(known, told, weights),
    }


def _threshold(known: np.ndarray, told: np.ndarray, level: int, weights: np.ndarray) -> dict[str, Any]:
    is_known, is_told = known >= level, told >= level
    true, said, both = (float(weights[rows].sum()) for rows in (is_known, is_told, is_known & is_told))
    return {
        "level": level,
        "known": true / weights.sum(),
        "told": said / weights.sum(),
        "precision": both / said if said else None,
        "recall": both / true if true else None,
        "f1": 2 * both / (true + said) if true + said else None,
        "counted": int(is_told.sum()),
    }


def _calibration(known: np.ndarray, told: np.ndarray, weights: np.ndarray) -> list[dict[str, float]]:
    parts = np.array_split(np.argsort(told, kind="stable"), min(BINS, max(1, len(told) // 5)))
    return [
        {name: float(np.average(one[part], weights=weights[part])) for name, one in (("told", told), ("known", known))}
        for part in parts
        if len(part)
    ]


def _spearman(known: np.ndarray, told: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(known)) < 2 or len(np.unique(told)) < 2:
        return None
    return float(spearmanr(known, told).statistic)


def _interval(spearman: float | None, n: int) -> list[float] | None:
    """Return between which values that of all rows is with 95%, by Bonett and Wright (2000)."""
    if spearman is None or n < FEWEST:
        return None
    reach = 1.96 * np.sqrt((1 + spearman**2 / 2) / (n - 3))
    middle = np.arctanh(np.clip(spearman, -0.999999, 0.999999))
    return [float(np.tanh(middle - reach)), float(np.tanh(middle + reach))]
