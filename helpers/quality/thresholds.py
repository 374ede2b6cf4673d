"""Scores and held-out figures -> how many rows each threshold would keep, and how good those would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import percent

MEASURED = ("precision", "recall", "f1", "known", "counted")


def compare_thresholds(
    scores: Sequence[float] | np.ndarray | pd.Series, figures: dict[str, Any] | None, *, levels: tuple[int, int]
) -> pd.DataFrame:
    """Return a line a threshold, half a level apart, of the rule "score >= threshold" over scores (n,).

    threshold; level: the one that int_score has at least in just the rows kept, so that "score >= 2.5" and "int_score
    >= 3" keep the same rows, null for whole thresholds, which part a level; kept (rows) and share (of all n, those
    without a score too). precision (share of the kept rows that a rater would put at that level or above), recall
    (share of such rows that are kept), f1, known (share of such rows among all: the precision of keeping everything)
    and counted (how many held-out ratings were kept): of the held-out ratings, see figures.score_figures, NaN where
    none were measured or figures is None. Held-out ratings tell of levels, so of whole thresholds nothing is measured;
    "score >= 3" keeps fewer rows than "score >= 2.5", as a rule the better ones.
    """
    scores = np.asarray(scores, dtype=np.float64)
    lowest, highest = levels
    doubled = np.arange(2 * lowest + 1, 2 * highest + 1)
    kept = np.array([int((scores >= half / 2).sum()) for half in doubled])
    measured = {line["level"]: line for line in (figures or {}).get("thresholds", [])}
    at = [(half + 1) // 2 if half % 2 else None for half in doubled.tolist()]
    table = pd.DataFrame(
        {
            "threshold": doubled / 2,
            "level": pd.array(at, dtype="Int64"),
            "kept": kept,
            "share": kept / len(scores) if len(scores) else np.nan,
        }
    )
    for name in MEASURED:
        # None in the figures is a share of no rows.
        table[name] = np.array([measured.get(level, {}).get(name) for level in at], dtype=np.float64)
    return table


def thresholds_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Return what compare_thresholds returns to be read: the rule, rows and shares; blank where nothing is measured.

    Without held-out ratings there are no columns of what they measure.
    """
    pairs = zip(compared["threshold"], compared["level"], strict=True)
    told = {
        "rule": [f"score >= {one:g}" + ("" if pd.isna(level) else f" (int_score >= {level})") for one, level in pairs],
        "kept": [f"{rows:,}" for rows in compared["kept"]],
        "share": [_told(share) for share in compared["share"]],
    }
    if compared[list(MEASURED)].notna().any(axis=None):
        pairs = zip(compared["precision"], compared["counted"], strict=True)
        told["precision"] = ["" if np.isnan(one) else f"{percent(one)} (of {n:.0f})" for one, n in pairs]
        told["recall"] = [_told(share) for share in compared["recall"]]
        told["f1"] = ["" if np.isnan(one) else f"{one:.2f}" for one in compared["f1"]]
        told["without a filter"] = [_told(share) for share in compared["known"]]
    return pd.DataFrame(told)


def _told(share: float) -> str:
    return "" if np.isnan(share) else percent(share)
