"""A benchmark item and a row -> the runs of words that they have in common, and those that follow each other in both.

A run is long (5 words, by default), as scattered words are in any two texts. It counts where runs follow each other in
the row as in the item, the nearer the shorter they are: a reply may stand between two halves of an item, while a long
row does not collect an item from everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from helpers.clean.item_index import ItemIndex
from helpers.clean.words import hash_ngrams

GAP = 40  # times the shorter of two runs: words that may stand between them
NEAR = 3  # words more than an item's own gap has, among which its missing words are looked for
MOST_PAIRS, MOST_RUNS = 1_000_000, 2_000  # of an item and a row that say the same over and over


def common_runs(index: ItemIndex, item: int, row: np.ndarray, grams: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return (k, 3) the runs that an item and a row have in common, each as long as it goes: where in both, its words.

    row: hashes of its words. grams, places: its runs that any item has, by their numbers in rising order. An item that
    is shorter than a run is there whole.
    """
    span = index.joined.span(item)
    if span.stop - span.start < index.run:
        length = span.stop - span.start
        at = np.flatnonzero(hash_ngrams(row, length) == hash_ngrams(index.joined.words[span], length)[0])
        return np.stack([np.zeros_like(at), at, np.full_like(at, length)], axis=1)
    in_item, in_row = _pairs(index.grams[span], grams, places)
    order = np.lexsort((in_item, in_row - in_item))
    in_item, in_row = in_item[order], in_row[order]
    is_first = np.ones(len(in_item), dtype=bool)
    is_first[1:] = (np.diff(in_item) != 1) | (np.diff(in_row) != 1)
    first = np.flatnonzero(is_first)
    lengths = np.diff([*first, len(in_item)]) + index.run - 1
    return np.stack([in_item[first], in_row[first], lengths], axis=1)


def chain_runs(runs: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the runs (k, 3) that follow each other in item and row and have the most words, and the longest of them.

    Where two overlap and are beside each other, as they do where a word was put in twice, the later one is cut.
    """
    if len(runs) < 2:
        return runs, int(runs[:, 2].sum())
    runs = runs[np.sort(np.argsort(-runs[:, 2], kind="stable")[:MOST_RUNS])]
    runs = runs[np.lexsort((runs[:, 0], runs[:, 1]))]
    item, row, length = runs.T
    best, before, cuts = length.copy(), np.full(len(runs), -1), np.zeros_like(length)
    for one in range(1, len(runs)):
        between = row[one] - row[:one] - length[:one]
        cut = np.maximum(np.maximum(item[:one] + length[:one] - item[one], -between), 0)
        fits = (cut < length[one]) & (item[:one] < item[one]) & (row[:one] < row[one])
        fits &= between <= np.where(cut > 0, NEAR, GAP * np.minimum(length[one], length[:one]))
        worth = np.where(fits, best[:one] - cut, 0)
        last = one - 1 - int(np.argmax(worth[::-1]))  # of equals the nearest
        if worth[last] > 0:
            best[one], before[one], cuts[one] = worth[last] + length[one], last, cut[last]
    chain = [int(np.argmax(best))]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    chain = chain[::-1]
    return (runs + np.stack([cuts, cuts, -cuts], axis=1))[chain], int(length[chain].max())


def missing_words(runs: np.ndarray, words: int, row_words: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the places in an item between its runs, and the places in the row where these words may be otherwise.

    words, row_words: how many either has. Beside a long gap in the row its two ends are given.
    """
    ends = [(0, None), *((item + length, row + length) for item, row, length in runs.tolist())]
    begins = [*((item, row) for item, row, _ in runs.tolist()), (words, None)]
    for (start, after), (stop, before) in zip(ends, begins, strict=True):
        if start < stop:
            near, low, high = stop - start + NEAR, after or 0, row_words if before is None else before
            behind = np.arange(low, min(low + near, high)) if after is not None else []
            ahead = np.arange(max(high - near, low), high) if before is not None else []
            yield np.arange(start, stop), np.union1d(behind, ahead).astype(np.int64)


def _pairs(item: np.ndarray, grams: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of places at which item and row have the same run: of very many those that come first."""
    left, right = (np.searchsorted(grams, item, side) for side in ("left", "right"))
    counts = np.minimum(right - left, max(1, MOST_PAIRS // len(item)))
    ends = np.cumsum(counts)
    in_row = places[np.repeat(left - ends + counts, counts) + np.arange(counts.sum())]
    return np.repeat(np.arange(len(item)), counts), in_row
