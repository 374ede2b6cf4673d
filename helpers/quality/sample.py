"""Rows -> the different texts that an LLM is asked about: by topic or at random, the same ones in any order of rows."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def sample_texts(rows: pd.DataFrame, *, sample: int, by_topic: bool = False, seed: int = 42) -> pd.DataFrame:
    """Return one row for each of so many different texts, in the order of a hash of seed and text; 0: of all.

    rows: see rows.read_rows. by_topic: every topic gets a share as the root of its size, so that of a topic a hundred
    times as large ten times as many are taken, and none is left out where the sample is as large as there are topics;
    without the column topic, or else: each text as likely as any other. A larger sample at random holds a smaller one.
    """
    rank = [
        hashlib.blake2b(f"{seed}\0{text}".encode("utf-8", "replace"), digest_size=8).digest() for text in rows["text"]
    ]
    order = rows.assign(_rank=rank).sort_values(["_rank", "id"], kind="stable").drop_duplicates("vector")
    if by_topic and sample and "topic" in order and sample < len(order):
        place = order.groupby("topic").cumcount()
        wanted = _shares(order["topic"].value_counts().sort_index(), sample)
        order = order[place < order["topic"].map(wanted)]
    return order.drop(columns="_rank").head(sample or len(order)).reset_index(drop=True)


def _shares(sizes: pd.Series, sample: int) -> pd.Series:
    """Return how many of each topic are taken, `sample` in all: as the roots of the sizes, never more than there are.

    The roots times a factor, rounded; the factor is the one by which they add up to the sample.
    """
    most, roots = sizes.to_numpy(), np.sqrt(sizes.to_numpy(dtype=float))
    least = int(sample >= len(sizes))

    def shares(factor: float) -> np.ndarray:
        return np.clip(np.rint(factor * roots), least, most).astype(int)

    low, high = 0.0, float(sample) + 1.0
    for _ in range(60):
        factor = (low + high) / 2
        low, high = (factor, high) if shares(factor).sum() < sample else (low, factor)
    taken = shares(low)
    # Several may be rounded up at once: those that come first are taken.
    up = np.flatnonzero(shares(high) > taken)
    taken[up[: sample - taken.sum()]] += 1
    return pd.Series(taken, index=sizes.index)
