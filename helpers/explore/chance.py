"""Counts of rows by topic and group -> what chance alone would show: intervals, tests, and bands of what is noise.

A test takes every row for one observation: many equal texts look like more evidence than they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NOISE = 0.05  # adjusted p from which on a difference is taken for noise
LEAST, FEW = 1.0, 5.0  # rows expected in every cell, and in four of five, for chi-square to hold (Cochran 1954)
DRAWS, ENOUGH = 20_000, 20  # random tables at most, and how many as far off as the real one end the drawing
BLOCK = 1_000  # tables drawn at once


def adjust(p: np.ndarray) -> np.ndarray:
    """Return p values (n,) adjusted for asking n times; NaN were not asked and stay so.

    Of those below x, a share of x are chance (Benjamini and Hochberg 1995).
    """
    from scipy.stats import false_discovery_control

    asked = ~np.isnan(p)
    adjusted = np.full(len(p), np.nan)
    adjusted[asked] = false_discovery_control(p[asked], method="bh") if asked.any() else p[asked]
    return adjusted


def noise_limits(overall: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return least and most rows, both (topics, groups), that a topic of one share everywhere has in each group.

    Exact binomial limits, wide enough that such a topic is within them in all its groups at once 95 times of 100
    (Sidak 1967). overall: (topics,) shares; of: (groups,) rows.
    """
    from scipy.stats import binom

    tail = (1 - 0.95 ** (1 / max(1, len(of)))) / 2
    low, high = (binom.ppf(at, of[None, :].astype(int), overall[:, None]) for at in (tail, 1 - tail))
    return np.maximum(low, 0), high  # scipy has -1 for the quantile of what is never drawn


def independence(counts: np.ndarray, of: np.ndarray, *, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Return for each topic chi-square of its 2 x k table (in it or not, by group) and p, both (topics,).

    counts: (topics, groups) rows; of: (groups,), at least 1 each. Where fewer rows are expected than chi-square needs
    (Cochran 1954), p is that of random tables with the same sums, see chance_of. One group: p is 1.
    """
    from scipy.stats import chi2

    overall = counts.sum(axis=1, keepdims=True) / max(1.0, of.sum())
    expected, error = overall * of, overall * (1 - overall) * of
    # A topic of no rows, or of all, is as expected everywhere.
    squares = np.divide((counts - expected) ** 2, error, out=np.zeros(counts.shape), where=error > 0).sum(axis=1)
    if len(of) < 2:
        return squares, np.ones(len(counts))
    p = chi2.sf(squares, len(of) - 1)
    for line in np.flatnonzero(_too_few(overall, of)):
        p[line] = chance_of(
            lambda drawn, at=expected[line]: ((drawn - at) ** 2 / of).sum(axis=-1), counts[line], of, seed=seed
        )
    return squares, p


def trend(counts: np.ndarray, of: np.ndarray, *, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Return for each topic how much its share changes from a group to the next, and p, both (topics,).

    The slope is that of the regression of being in the topic on the group's place, 0 to k - 1; p is of the
    Cochran-Armitage test for trend (Cochran 1954, Armitage 1955), two-sided, and where few rows are expected of random
    tables with the same sums. counts: (topics, groups) rows; of: (groups,), at least 1 each.
    """
    from scipy.stats import norm

    total, overall = max(1.0, of.sum()), counts.sum(axis=1) / max(1.0, of.sum())
    place = np.arange(len(of)) - np.arange(len(of)) @ of / total
    spread = place**2 @ of
    if spread == 0:
        return np.zeros(len(counts)), np.ones(len(counts))
    error = np.sqrt(overall * (1 - overall) * spread)
    along = counts @ place  # place is centred on the rows, so what is expected is 0
    p = 2 * norm.sf(np.abs(np.divide(along, error, out=np.zeros(len(counts)), where=error > 0)))
    for line in np.flatnonzero(_too_few(overall[:, None], of)):
        p[line] = chance_of(lambda drawn: np.abs(drawn @ place), counts[line], of, seed=seed)
    return np.where(error > 0, along / spread, 0), p


def chance_of(statistic: Callable[[np.ndarray], np.ndarray], counts: np.ndarray, of: np.ndarray, *, seed: int) -> float:
    """Return how often rows that fall into groups by chance have a statistic as large as that of counts (groups,).

    statistic: of (..., groups) rows. At most 20,000 tables with the same sums are drawn; 20 that are as far off end it,
    and p is 20 / drawn (Besag and Clifford 1991).
    """
    random = np.random.default_rng(seed)
    found = statistic(counts)
    found = found - 1e-9 * max(1.0, abs(found))  # equal tables are as far off, in whichever order they are summed
    exceeded = 0
    for drawn in range(0, DRAWS, BLOCK):
        tables = random.multivariate_hypergeometric(of.astype(np.int64), int(counts.sum()), BLOCK, method="marginals")
        hits = np.flatnonzero(statistic(tables) >= found)
        if exceeded + len(hits) >= ENOUGH:
            return ENOUGH / (drawn + int(hits[ENOUGH - exceeded - 1]) + 1)
        exceeded += len(hits)
    return (exceeded + 1) / (DRAWS + 1)


def _too_few(overall: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return for each topic whether too few rows are expected, of it or of all others, in a group."""
    least = np.minimum(overall, 1 - overall) * of
    return (least.min(axis=1) < LEAST) | ((least < FEW).mean(axis=1) > 0.2)
