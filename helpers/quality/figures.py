"""Scores that are known and scores that were told -> how well they agree, as plain figures."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 10


def score_figures(known: np.ndarray, told: np.ndarray, *, levels: tuple[int, int]) -> dict[str, Any]:
    """Return figures of scores told (n,) against those known (n,); both need not be whole.

    spearman, and spearman_interval, between which values it is with 95%; kappa (quadratic), macro_f1 and confusion
    (lines known, columns told) of the nearest levels; error (mean absolute); thresholds: for each level but the lowest,
    of "at it or above", known and told (shares of rows), precision, recall and f1; calibration: the mean known score of
    rows that were told about as much, a tenth each. None stands where there is nothing to measure, such as one known
    level.
    """
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

    known, told = np.asarray(known, dtype=np.float64), np.asarray(told, dtype=np.float64)
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
        "thresholds": [_threshold(*whole, level) for level in names[1:]],
        "calibration": _calibration(known, told),
    }


def _threshold(known: np.ndarray, told: np.ndarray, level: int) -> dict[str, Any]:
    is_known, is_told = known >= level, told >= level
    both = int((is_known & is_told).sum())
    precision = both / is_told.sum() if is_told.any() else None
    recall = both / is_known.sum() if is_known.any() else None
    total = int(is_known.sum() + is_told.sum())
    return {
        "level": level,
        "known": float(is_known.mean()),
        "told": float(is_told.mean()),
        "precision": None if precision is None else float(precision),
        "recall": None if recall is None else float(recall),
        "f1": 2 * both / total if total else None,
    }


def _calibration(known: np.ndarray, told: np.ndarray) -> list[dict[str, float]]:
    parts = np.array_split(np.argsort(told, kind="stable"), min(BINS, max(1, len(told) // 5)))
    return [{"told": float(told[part].mean()), "known": float(known[part].mean())} for part in parts if len(part)]


def _spearman(known: np.ndarray, told: np.ndarray) -> float | None:
    from scipy.stats import spearmanr

    if len(np.unique(known)) < 2 or len(np.unique(told)) < 2:
        return None
    return float(spearmanr(known, told).statistic)


def _interval(spearman: float | None, n: int) -> list[float] | None:
    """Return between which values that of all rows is with 95%, by Bonett and Wright (2000)."""
    if spearman is None or n < 4:
        return None
    reach = 1.96 * np.sqrt((1 + spearman**2 / 2) / (n - 3))
    middle = np.arctanh(np.clip(spearman, -0.999999, 0.999999))
    return [float(np.tanh(middle - reach)), float(np.tanh(middle + reach))]
