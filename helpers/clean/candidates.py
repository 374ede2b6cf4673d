"""Rows and an index of benchmark items -> the pairs of a row and an item that may have enough words in common.

They are looked at word by word in contamination.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.clean.item_index import ItemIndex, Joined, Table, join_texts, places_of
from helpers.clean.words import hash_ngrams


class Candidates(NamedTuple):
    """Pairs of a row and an item's text, sorted; and of each row the places and numbers of the runs that items have."""

    rows: np.ndarray
    texts: np.ndarray
    places: list[np.ndarray]
    grams: list[np.ndarray]


def find_candidates(index: ItemIndex, rows: Sequence[np.ndarray]) -> Candidates:
    """Return which items' texts may be in which rows, each the hashes of a text's words.

    All runs of all rows are looked up at once. A pair is left out where too few words can be found for it, and where a
    row has none of an item's runs that at most FEW items have, if the item has such.
    """
    joined = join_texts(rows)
    texts = len(index.needed)
    pairs, places, grams = [np.zeros(0, np.int64)], np.zeros(0, np.int64), np.zeros(0, np.int64)
    for table in index.tables:
        at, hits = _look_up(table, joined)
        count = max(1, len(table.hashes))
        once = np.unique(joined.text_of[at] * count + hits)  # however often the row says it
        row, place = _led_to(table, *np.divmod(once, count))
        text = index.joined.text_of[place]
        if table.n == index.run:
            places, grams = at, hits
            pairs.append(_worth_looking_at(index, row * texts + text, place))
        else:
            pairs.append(row * texts + text)
    found = np.unique(np.concatenate(pairs))
    ends = np.searchsorted(places, joined.starts)
    parts = [slice(*pair) for pair in zip(ends[:-1], ends[1:], strict=True)]
    here = [places[part] - start for part, start in zip(parts, joined.starts, strict=False)]
    return Candidates(*np.divmod(found, max(texts, 1)), here, [grams[part] for part in parts])


def _look_up(table: Table, joined: Joined) -> tuple[np.ndarray, np.ndarray]:
    """Return where the words of texts are in a table, and the numbers of their hashes there."""
    places = places_of(joined, table.n)
    hashes = hash_ngrams(joined.words, table.n)[places]
    found = np.searchsorted(table.hashes, hashes)
    is_there = found < len(table.hashes)
    is_there[is_there] = table.hashes[found[is_there]] == hashes[is_there]
    return places[is_there], found[is_there]


def _led_to(table: Table, rows: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row with each place that one of its hits leads to."""
    counts = table.starts[hits + 1] - table.starts[hits]
    ends = np.cumsum(counts)
    within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return np.repeat(rows, counts), table.places[np.repeat(table.starts[hits], counts) + within]


def _worth_looking_at(index: ItemIndex, pairs: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the pairs of row and text that may have as many words in common as are needed.

    Those in runs that led from the one to the other are counted; all in other runs might be there too.
    """
    order = np.lexsort((places, pairs))
    pairs, places = pairs[order], places[order]
    step = np.full(len(pairs), index.run)
    same = np.diff(pairs) == 0
    step[:-1][same] = np.minimum(np.diff(places)[same], index.run)
    different, first = np.unique(pairs, return_index=True)
    texts = different % max(len(index.needed), 1)
    found = np.add.reduceat(step, first) if len(first) else step
    return different[found + index.unled[texts] >= index.needed[texts]]
