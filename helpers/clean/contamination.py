"""Texts and an index of benchmark items -> which items stand in which text, where, and how they stand there.

How the texts that may hold an item are found is told in candidates.py, how runs are chained in chains.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from helpers.clean.candidates import find_candidates
from helpers.clean.chains import chain_runs, common_runs, missing_words
from helpers.clean.item_index import ItemIndex
from helpers.clean.other_numbers import are_numbers_replaced
from helpers.clean.words import hash_words, locate_words, split_words

CONTAMINATED = "contaminated"  # the item is there: enough of its words, and ngram of them in a row, or all of it
EDITED = "edited"  # as many of its words, but nowhere ngram in a row
VARIANT = "variant"  # the same but for other numbers
SHARED = "shared"  # little but what other items have as well
MISSING = 500  # words in a row that an item has and a row has not: beyond, single ones are not looked for
STATES = (CONTAMINATED, EDITED, VARIANT, SHARED)


class Match(NamedTuple):
    """An item's text (by number) in a row: its words, those found, the longest run, and where all runs are.

    row_spans (k, 2): where each run begins and ends in the row's text. runs (k, 2): its first word in the item, and how
    many words it has.
    """

    text: int
    state: str
    words: int
    found: int
    longest: int
    row_spans: np.ndarray
    runs: np.ndarray

    @property
    def share(self) -> float:
        """Return the share of the item's words that are found."""
        return self.found / self.words


def match_texts(
    texts: Sequence[str], index: ItemIndex, *, ngram: int = 10, share: float = 0.5, numbers: bool = True
) -> list[list[Match]]:
    """Return what of the index is in each text, the best first.

    share: of the item's own words, those that no other item has in a run, that are to be found as well. numbers:
    whether an item with most of its numbers replaced by others is a variant. What stands in words that a better match
    has explained already is left out. For what counts as found see chains.py.
    """
    rows = [hash_words(split_words(text)) for text in texts]
    found = find_candidates(index, rows)
    items: dict[int, Located] = {}
    matched: list[list[Match]] = [[] for _ in rows]
    bounds = np.searchsorted(found.rows, np.arange(len(rows) + 1))
    for row in np.unique(found.rows):
        order = np.argsort(found.grams[row], kind="stable")
        grams, places = found.grams[row][order], found.places[row][order]
        here, pairs = Located(texts[row]), []
        for item in found.texts[bounds[row] : bounds[row + 1]].tolist():
            runs, longest = chain_runs(common_runs(index, item, rows[row], grams, places))
            if runs[:, 2].sum() >= index.needed[item]:
                there = items.setdefault(item, Located(index.texts[item]))
                pairs.append(Pair(index, item, there, here, rows[row], runs, longest))
        judged = [(pair, pair.state(ngram=ngram, share=share, numbers=numbers)) for pair in pairs]
        matched[row] = [pair.match(state) for pair, state in _unexplained(judged)]
    return matched


@dataclass
class Located:
    """A text, and where its words are in it, once that is asked for."""

    text: str

    @cached_property
    def spans(self) -> np.ndarray:
        """Return (n, 2) where each word begins and ends."""
        return locate_words(self.text)[1]

    def run_spans(self, runs: np.ndarray) -> np.ndarray:
        """Return (k, 2) where runs (k, 2), of which the first word and the number of words are given, begin and end."""
        return np.stack([self.spans[runs[:, 0], 0], self.spans[runs.sum(axis=1) - 1, 1]], axis=1)

    def written(self, places: Sequence[int]) -> list[str]:
        """Return words as they are written."""
        return [self.text[start:end] for start, end in self.spans[places].tolist()]


@dataclass
class Pair:
    """An item and a row that have enough words in common: runs (k, 3), where in either and how many."""

    index: ItemIndex
    number: int
    item: Located
    row: Located
    row_words: np.ndarray
    runs: np.ndarray
    longest: int

    @cached_property
    def words(self) -> np.ndarray:
        """Return the hashes of the item's words."""
        return self.index.joined.words[self.index.joined.span(self.number)]

    @cached_property
    def missing(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return places of the item's words that are not found, and those in the row where they may be otherwise."""
        return list(missing_words(self.runs, len(self.words), len(self.row_words)))

    @cached_property
    def found(self) -> np.ndarray:
        """Return the places of the item's words that are found."""
        return _ranges(self.runs[:, 0], self.runs[:, 2])

    @cached_property
    def taken(self) -> np.ndarray:
        """Return the places of the row's words that are the item's."""
        return _ranges(self.runs[:, 1], self.runs[:, 2])

    @property
    def share(self) -> float:
        """Return the share of the item's words that are found."""
        return len(self.found) / len(self.words)

    def state(self, *, ngram: int, share: float, numbers: bool) -> str:
        """Return one of STATES."""
        if not self._has_own(share):
            return SHARED
        if numbers and self.missing and self._has_other_numbers():
            return VARIANT
        return CONTAMINATED if not self.missing or self.longest >= ngram else EDITED

    def match(self, state: str) -> Match:
        """Return what is told of the pair."""
        spans = self.row.run_spans(self.runs[:, 1:])
        return Match(self.number, state, len(self.words), len(self.found), self.longest, spans, self.runs[:, ::2])

    def _has_own(self, share: float) -> bool:
        """Return whether so much is found of what is the item's own; where nothing is, all of it is."""
        own = self.index.own[self.index.joined.span(self.number)]
        is_there = np.zeros(len(own), dtype=bool)
        is_there[self.found] = True
        if is_there[own].sum() >= share * own.sum():
            return True
        for places, near in self.missing:  # one own word between two edits is in no run
            if len(places) > MISSING:
                continue
            pair = (self.words[places].tolist(), self.row_words[near].tolist())
            for start, _, length in SequenceMatcher(None, *pair, autojunk=False).get_matching_blocks():
                is_there[places[start : start + length]] = True
        return bool(is_there[own].sum() >= share * own.sum())

    def _has_other_numbers(self) -> bool:
        instead = [(self.item.written(places), self.row.written(near)) for places, near in self.missing]
        return are_numbers_replaced(self.item.written(self.found), instead)


def _ranges(begins: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    pairs = zip(begins.tolist(), lengths.tolist(), strict=True)
    return np.fromiter(chain.from_iterable(range(begin, begin + length) for begin, length in pairs), dtype=np.int64)


def _unexplained(judged: list[tuple[Pair, str]]) -> list[tuple[Pair, str]]:
    """Return the pairs with their states, the best first, without those that say nothing more of the row.

    A part of an item in the words of another one that is there with a greater share is no match of its own; a variant,
    or what is shared, is none where at least half of its words are explained; of what is shared only the best is told.
    """
    kept: list[tuple[Pair, str]] = []
    for pair, state in sorted(judged, key=lambda one: _rank(*one)):
        if state in (CONTAMINATED, EDITED):
            explained = pair.share < 1 and any(_explains(*one, pair) for one in kept)
        else:
            half = any(2 * np.isin(pair.taken, one.taken).sum() >= len(pair.taken) for one, _ in kept)
            explained = half or state == SHARED == (kept[-1][1] if kept else "")
        if not explained:
            kept.append((pair, state))
    return kept


def _rank(pair: Pair, state: str) -> tuple[int, float, int, int]:
    return STATES.index(state), -pair.share, -pair.longest, pair.number


def _explains(one: Pair, state: str, other: Pair) -> bool:
    if state not in (CONTAMINATED, EDITED) or one.share <= other.share:
        return False
    is_there = one.share == 1 or one.longest >= other.longest  # at every ngram at which the other is
    within = one.taken.min() <= other.taken.min() and other.taken.max() <= one.taken.max()
    return is_there and within and bool(np.isin(other.taken, one.taken).all())
