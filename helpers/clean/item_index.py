"""Texts of benchmark items -> sorted hashes of their words in a row, and which words each item shares with others.

How rows are looked up in it is told in candidates.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.clean.words import hash_ngrams, hash_words, split_words

FEW = 50  # items; a run of words that more of them have leads to none of these, unless it has no rarer one
WHOLE = 10  # words of an item that are to be found at least: of a shorter one all, as half of it may be said by anybody
LETTERS = 2  # of a word, on average: what has fewer is as short as if it had fewer words
NO_TEXT, TOO_SHORT, COMMON = "no text", "too short", "in a common text"  # why an item is not searched


class Joined(NamedTuple):
    """Hashes of the words of texts, one text after another; where each text begins (texts + 1,); whose each word is."""

    words: np.ndarray
    starts: np.ndarray
    text_of: np.ndarray

    def span(self, text: int) -> slice:
        """Return where the words of a text are."""
        return slice(int(self.starts[text]), int(self.starts[text + 1]))


class Table(NamedTuple):
    """Sorted hashes of n words in a row, and the places where hash i leads: places[starts[i] : starts[i + 1]]."""

    n: int
    hashes: np.ndarray
    starts: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class ItemIndex:
    """The different texts of items, and how they are found.

    numbers: of each item that of its text, -1 for one that is not searched; skipped: why. texts: as they were before
    they were joined. grams: by word, the number of the run that begins there, -1 where none does. own: by word, whether
    no run of another text has it. needed: by text, words that are to be found. unled: by text, words in runs that do
    not lead to it. tables: the runs, and texts that are shorter than one.
    """

    run: int
    numbers: np.ndarray
    skipped: list[str]
    texts: list[str]
    joined: Joined
    grams: np.ndarray
    own: np.ndarray
    needed: np.ndarray
    unled: np.ndarray
    tables: list[Table]


def index_items(
    texts: Sequence[str], *, share: float = 0.5, run: int = 5, least: int = 4, common: Sequence[str] = ()
) -> ItemIndex:
    """Return the index of items by their texts.

    share: of an item's words that are to be found. run: words in a row that count. least: words of an item that is
    searched. common: texts whose words are no item's own; an item that one of these has whole is not searched.
    """
    hashed, letters = _hash_texts(texts)
    beside, _ = _hash_texts(common)
    skipped = _why_not(hashed, letters, least, beside)
    numbers, first = _different(hashed, skipped)
    joined = join_texts([*(hashed[item] for item in first), *beside])
    lengths = np.diff(joined.starts)[: len(first)]
    hashes, grams = _number_runs(joined, run)
    own, leads = _own_and_leading(joined, grams, run, len(first))
    unled = _covered(np.flatnonzero((grams >= 0) & ~leads), run, len(grams))
    return ItemIndex(
        run=run,
        numbers=numbers,
        skipped=skipped,
        texts=[texts[item] for item in first],
        joined=joined,
        grams=grams,
        own=own,
        needed=np.maximum(np.ceil(share * lengths - 1e-9), np.minimum(WHOLE, lengths)).astype(np.int64),
        unled=np.bincount(joined.text_of[unled], minlength=len(first))[: len(first)],
        tables=[_table_of_runs(run, hashes, grams, leads), *_tables_of_short(joined, lengths, run)],
    )


def why_not_searched(texts: Sequence[str], *, least: int = 4, common: Sequence[str] = ()) -> list[str]:
    """Return of each item's text why it is not searched, or ""; settings as of index_items."""
    return _why_not(*_hash_texts(texts), least, _hash_texts(common)[0])


def join_texts(texts: Sequence[np.ndarray]) -> Joined:
    """Return texts, each the hashes of its words, one after another."""
    starts = np.cumsum([0, *map(len, texts)])
    words = np.concatenate([np.zeros(0, dtype=np.uint64), *texts])
    return Joined(words, starts, np.repeat(np.arange(len(texts)), np.diff(starts)))


def places_of(joined: Joined, n: int) -> np.ndarray:
    """Return the places where n words of one text begin."""
    places = np.arange(max(0, len(joined.words) - n + 1))
    return places[places + n <= joined.starts[joined.text_of[places] + 1]]


def _hash_texts(texts: Sequence[str]) -> tuple[list[np.ndarray], list[int]]:
    """Return the hashes of each text's words, and how many letters these have."""
    from tqdm import tqdm

    split = map(split_words, tqdm(texts, desc="items", unit=" items", delay=2, mininterval=0.5))
    pairs = [(hash_words(words), sum(map(len, words))) for words in split]
    return [words for words, _ in pairs], [letters for _, letters in pairs]


def _why_not(
    hashed: Sequence[np.ndarray], letters: Sequence[int], least: int, common: Sequence[np.ndarray]
) -> list[str]:
    known: dict[int, set[int]] = {}  # by how many, the hashes of so many words in a row that common texts have
    found = []
    for words, count in zip(hashed, letters, strict=True):
        n = len(words)
        if n < least or count < LETTERS * least:
            found.append(TOO_SHORT if n else NO_TEXT)
            continue
        if n not in known:
            known[n] = {gram for one in common for gram in hash_ngrams(one, n).tolist()}
        found.append(COMMON if known[n] and hash_ngrams(words, n).item() in known[n] else "")
    return found


def _different(hashed: Sequence[np.ndarray], skipped: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    """Return of each item the number of its text, equal words having one, and the first item of each number."""
    known: dict[bytes, int] = {}
    numbers, first = np.full(len(hashed), -1, dtype=np.int64), []
    for item in (item for item, why in enumerate(skipped) if not why):
        numbers[item] = known.setdefault(hashed[item].tobytes(), len(known))
        if len(known) > len(first):
            first.append(item)
    return numbers, first


def _number_runs(joined: Joined, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted hashes of all runs, and by word the number of the run that begins there, or -1."""
    begins = places_of(joined, run)
    hashes, found = np.unique(hash_ngrams(joined.words, run)[begins], return_inverse=True)
    grams = np.full(len(joined.words), -1, dtype=np.int64)
    grams[begins] = found
    return hashes, grams


def _own_and_leading(joined: Joined, grams: np.ndarray, run: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Return by word whether it is in no run of another text, and whether the run that begins there leads to its text.

    items: so many texts, the first ones, are of items; to others nothing leads.
    """
    begins = np.flatnonzero(grams >= 0)
    numbers, texts = grams[begins], joined.text_of[begins]
    order = np.lexsort((texts, numbers))
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (np.diff(numbers[order]) == 0) & (np.diff(texts[order]) == 0)
    having = np.bincount(numbers[order][~again])[numbers]  # texts that have the run
    own = ~_covered(begins[having > 1], run, len(grams))
    is_rare = having <= FEW
    has_rare = np.bincount(texts[is_rare], minlength=len(joined.starts)) > 0
    leads = np.zeros(len(grams), dtype=bool)
    leads[begins] = (is_rare | ~has_rare[texts]) & (texts < items)
    return own, leads


def _covered(begins: np.ndarray, n: int, words: int) -> np.ndarray:
    """Return by word whether it is among the n words that begin at one of the places."""
    steps = np.bincount(begins, minlength=words + 1) - np.bincount(begins + n, minlength=words + 1)
    return np.cumsum(steps[:words]) > 0


def _table_of_runs(run: int, hashes: np.ndarray, grams: np.ndarray, leads: np.ndarray) -> Table:
    places = np.flatnonzero(leads)
    places = places[np.argsort(grams[places], kind="stable")]
    return Table(run, hashes, np.searchsorted(grams[places], np.arange(len(hashes) + 1)), places)


def _tables_of_short(joined: Joined, lengths: np.ndarray, run: int) -> list[Table]:
    """Return a table of whole texts for every length that is shorter than a run."""
    tables = []
    for n in sorted({int(length) for length in lengths if length < run}):
        begins = joined.starts[:-1][: len(lengths)][lengths == n]
        hashes = hash_ngrams(joined.words, n)[begins]
        order = np.argsort(hashes)
        tables.append(Table(n, hashes[order], np.arange(len(hashes) + 1), begins[order]))
    return tables
