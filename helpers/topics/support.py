"""A topic's name -> how well it finds the topic's own rows among all topics' rows, rows that the LLM was not shown.

The name is embedded as a text is. Half of the rows choose between names, the other half is kept for the report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

ROWS = 60  # of a topic, at most, in each half
AT_ONCE = 256  # names compared with all rows in one product


@dataclass(frozen=True)
class Ground:
    """Rows that names are held against: their vectors (n, d), their topics, and which of them are for the report."""

    vectors: np.ndarray
    topics: np.ndarray
    for_report: np.ndarray
    embed: Callable[[Sequence[str]], np.ndarray]

    def rate(self, labels: Sequence[str], topics: Sequence[int], *, report: bool = False) -> pd.DataFrame:
        """Return a line a label: finds and rank, of the half that chooses or of that which is for the report.

        topics: the topic that each label is for. finds: of the label's nearest n rows, n being the topic's, the share
        that is the topic's (R-precision). rank: the topic's place when all topics are sorted by how near their rows are
        to the label on average, 1 being the nearest. NaN for a topic without rows in that half.
        """
        half = (self.for_report == report) & (self.topics >= 0)
        vectors, owners = self.vectors[half], self.topics[half]
        numbers = np.unique(owners)
        if not len(labels) or not len(numbers):
            return pd.DataFrame({"finds": np.full(len(labels), np.nan), "rank": np.full(len(labels), np.nan)})
        centres = np.stack([vectors[owners == number].mean(axis=0) for number in numbers])
        found = self.embed(list(labels))
        lines = []
        for start in range(0, len(labels), AT_ONCE):
            block, wanted = found[start : start + AT_ONCE], topics[start : start + AT_ONCE]
            lines += _rated(block @ vectors.T, block @ centres.T, owners, numbers, wanted)
        return pd.DataFrame(lines, columns=["finds", "rank"])


def lay_ground(
    topics: np.ndarray,
    *,
    vectors_of: Callable[[np.ndarray], np.ndarray],
    shown: Collection[int],
    embed: Callable[[Sequence[str]], np.ndarray],
    rows: int = ROWS,
    seed: int = 42,
) -> Ground:
    """Return up to twice `rows` rows a topic, none of which was shown, half of them for the report.

    topics: (n,), -1 for none; vectors_of: gives the unit vectors of the lines that are taken; shown: lines that the LLM
    sees. A topic of which all is shown is held against what was shown while names are chosen, and is not in the report.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(topics))
    unseen = ~np.isin(np.arange(len(topics)), list(shown))
    lines, report = [], []
    for number in range(topics.max(initial=-1) + 1):
        own = order[topics[order] == number]
        free = own[unseen[own]][: 2 * rows]
        chosen = free[: -(-len(free) // 2)] if len(free) else own[:rows]
        kept = free[len(chosen) :] if len(free) else free
        lines += [chosen, kept]
        report += [np.zeros(len(chosen), dtype=bool), np.ones(len(kept), dtype=bool)]
    taken = np.concatenate(lines) if lines else np.zeros(0, dtype=int)
    return Ground(
        np.asarray(vectors_of(taken), dtype=np.float32),
        topics[taken],
        np.concatenate(report) if report else np.zeros(0, dtype=bool),
        embed,
    )


def _rated(
    near: np.ndarray, near_topics: np.ndarray, owners: np.ndarray, numbers: np.ndarray, wanted: Sequence[int]
) -> list[tuple[float, float]]:
    lines = []
    for row, topic in enumerate(wanted):
        own = owners == topic
        count = int(own.sum())
        if not count:
            lines.append((np.nan, np.nan))
            continue
        first = np.argpartition(-near[row], count - 1)[:count]
        at = near_topics[row][np.searchsorted(numbers, topic)]
        lines.append((float(own[first].mean()), float((near_topics[row] > at).sum() + 1)))
    return lines
