"""Texts -> the pairs of them that share enough of their words in a row: found by MinHash, then counted exactly.

A text is the set of its shingles, hashes of `words` words in a row; Jaccard: the share of two texts' shingles that both
have. MinHash (Broder 1997) proposes pairs, in bands (Leskovec et al., Mining of Massive Datasets, 3.4); what it
proposes is counted, so that a threshold means what it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from helpers.clean.words import hash_ngrams, hash_words, split_words

HASHES = 160  # of a text at most; more find more of the pairs at the threshold with fewer idle comparisons
MISSED = 0.01  # share of the pairs exactly at the threshold that no band may find
LEAST = 0.1  # threshold below which so many hashes tell nothing
AT_ONCE, PAIRS_AT_ONCE = 1_000, 1_000_000  # texts signed and pairs counted between two looks at the progress
COMPARED = 2_000_000  # pairs that a band proposes at most, unless FEWEST asks for more
FEWEST = 20  # texts of a group, the most preferred first, that each of the others is compared with at least


@dataclass(frozen=True)
class Signed:
    """Texts as shingles (uint64, sorted, each once; text i has those from offsets[i] to offsets[i + 1]) and keys.

    keys: (bands, n) uint64; texts with an equal key in any band are to be compared.
    """

    offsets: np.ndarray
    shingles: np.ndarray
    keys: np.ndarray

    @property
    def spans(self) -> np.ndarray:
        """Return (n, 2): where each text's shingles begin and end."""
        return np.stack([self.offsets[:-1], self.offsets[1:]], axis=1)


def choose_bands(threshold: float) -> tuple[int, int]:
    """Return how many bands of how many hashes: as many a band as find 99 of 100 pairs exactly at the threshold.

    More hashes a band propose fewer pairs in vain. 14 bands of 8, which are widely used, find 66 of 100 at 0.72 and 92
    at 0.8. Raises ValueError for a threshold that is not from 0.1 to 1.

    >>> choose_bands(0.8), choose_bands(0.7)
    ((22, 7), (32, 5))
    """
    if not LEAST <= threshold <= 1:
        raise ValueError(f"threshold: expected a share of common words from {LEAST} to 1, got {threshold}")
    rows = range(1, HASHES // 4 + 1)
    return [(HASHES // row, row) for row in rows if (1 - threshold**row) ** (HASHES // row) <= MISSED][-1]


def sign_texts(texts: Sequence[str], *, threshold: float, words: int = 5) -> Signed:
    """Return the texts' shingles and keys, in their order; a text of fewer words is one shingle of them all."""
    bands, rows = choose_bands(threshold)
    parts = [sign_some([], words=words, bands=bands, rows=rows)]
    with tqdm(total=len(texts), desc="shingles", unit=" texts", mininterval=1, delay=1) as bar:
        for some in _parts(texts, AT_ONCE):
            parts.append(sign_some(some, words=words, bands=bands, rows=rows))
            bar.update(len(some))
    return join_signed(parts)


def sign_some(texts: Sequence[str], *, words: int, bands: int, rows: int) -> Signed:
    """Return the shingles and keys of as many texts as fit into memory with all their words."""
    if words < 1:
        raise ValueError(f"words: expected one or more in a row, got {words}")
    shingles = [shingle_text(text, words=words) for text in texts]
    offsets = np.cumsum([0, *map(len, shingles)], dtype=np.int64)
    values = np.concatenate([np.zeros(0, dtype=np.uint64), *shingles])
    minima = min_hashes(offsets, values, bands=bands, rows=rows)
    # A key is a hash of a band's smallest hashes; of the n-grams of them all, those of one band are one in `rows`.
    keys = hash_ngrams(minima.reshape(-1), rows)[::rows].reshape(-1, bands).T
    return Signed(offsets, values, keys)


def join_signed(parts: Sequence[Signed]) -> Signed:
    """Return what was signed in parts as one."""
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    shingles, keys = (np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in ("shingles", "keys"))
    return Signed(np.append(0, np.cumsum(sizes)), shingles, keys)


def shingle_text(text: str, *, words: int) -> np.ndarray:
    """Return the hashes (uint64) of all `words` words in a row, sorted, each once; none only for a text without any."""
    hashes = hash_words(split_words(text))
    found = np.sort(hash_ngrams(hashes, min(words, len(hashes)))) if len(hashes) else hashes
    return found[np.append(found[1:] != found[:-1], True)] if len(found) else found


def hash_sets(signed: Signed) -> np.ndarray:
    """Return (n, 2) uint64: a hash of 128 bits of each text's shingles."""
    data, ends = memoryview(signed.shingles.tobytes()), (8 * signed.offsets).tolist()
    spans = zip(ends, ends[1:], strict=False)
    digests = b"".join(hashlib.blake2b(data[start:end], digest_size=16).digest() for start, end in spans)
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


def number_equal(hashes: np.ndarray) -> np.ndarray:
    """Return (n,) int64, a number for each line, the same for equal ones, in order of appearance."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    new = np.append(True, (hashes[order][1:] != hashes[order][:-1]).any(axis=1))[: len(order)]
    appearance, found = np.empty(new.sum(), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    appearance[np.argsort(order[new])] = np.arange(len(appearance))
    found[order] = appearance[np.cumsum(new) - 1]
    return found


def min_hashes(offsets: np.ndarray, shingles: np.ndarray, *, bands: int, rows: int) -> np.ndarray:
    """Return (n, bands * rows) uint64: the smallest of each text's shingles under datatrove's permutations."""
    return _compiled(_minima)(offsets, shingles, *_permutations(bands, rows))


def propose_pairs(keys: Iterable[np.ndarray], *, fixed: int = 0, within: bool = True) -> np.ndarray:
    """Return (m,) int64, sorted: left * n + right for two of n texts with an equal key in a band, left < right.

    keys: (n,) of each band, of texts in the order in which they are preferred. In a group of equal keys all are paired,
    in very large ones each text with the most preferred ones and with its neighbour. fixed: so many texts at the
    beginning are not paired with each other. within=False: pairs are of one of these and one of the others.
    """
    found = np.zeros(0, dtype=np.int64)
    for key in keys:
        size = len(key)
        more = [np.zeros(0, dtype=np.int64), *(left * size + right for left, right in _alike(key, fixed, within))]
        found = _merged(found, np.sort(np.concatenate(more)))
    return found


def verify_pairs(
    proposed: np.ndarray, spans: np.ndarray, shingles: np.ndarray, *, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return those of the proposed pairs that are alike, (k, 2), and their Jaccard similarity (k,) float64.

    proposed: of propose_pairs; spans: (n, 2), where the shingles of each of its texts begin and end.
    """
    count = _compiled(_jaccard)
    pairs, similarity = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0)]
    with tqdm(total=len(proposed), desc="compare", unit=" pairs", unit_scale=True, mininterval=1, delay=1) as bar:
        for some in _parts(proposed, PAIRS_AT_ONCE):
            both = np.stack(np.divmod(some, len(spans)), axis=1)
            found = count(both, spans, shingles)
            pairs.append(both[found >= threshold])
            similarity.append(found[found >= threshold])
            bar.update(len(some))
    return np.concatenate(pairs), np.concatenate(similarity)


def _alike(key: np.ndarray, fixed: int, within: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield lines and lines of texts with equal keys, the smaller ones first."""
    order = np.argsort(key, kind="stable")
    lines = np.arange(len(key))
    starts = np.append(True, key[order][1:] != key[order][:-1])[: len(key)]
    start = np.maximum.accumulate(np.where(starts, lines, 0))
    place = lines - start  # in its group, by preference
    asking = np.flatnonzero((place > 0) & (order >= fixed))
    most = _most(place[asking])
    yield from _paired(order, asking[place[asking] > most] - 1, asking[place[asking] > most], fixed, within)
    for first in range(most):
        asking = asking[place[asking] > first]
        if len(asking):
            yield from _paired(order, start[asking] + first, asking, fixed, within)


def _merged(found: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return the numbers of two sorted arrays, each once; numpy's unique takes a hundred times as long for millions."""
    both = np.sort(np.concatenate([found, more]), kind="stable")  # which sees the two runs
    return both[np.append(both[1:] != both[:-1], True)[: len(both)]]


def _paired(
    order: np.ndarray, left: np.ndarray, right: np.ndarray, fixed: int, within: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    good = within | (order[left] < fixed)
    yield order[left][good], order[right][good]


def _most(place: np.ndarray) -> int:
    """Return with how many of the first of its group each text is compared: with all, as long as there is time."""
    most = int(place.max(initial=0))
    while most > FEWEST and np.minimum(place, most).sum() > COMPARED:
        most = max(FEWEST, most // 2)
    return most


def _parts(values: Sequence, size: int) -> Iterator[Sequence]:
    return (values[start : start + size] for start in range(0, len(values), size))


@lru_cache(maxsize=1)
def _permutations(bands: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return datatrove's factors and summands, each (bands * rows,) uint64."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.word_tokenizers import WhitespaceTokenizer

    # Its words and its folder are not used; the tokenizer is the one that asks for no further package.
    config = MinhashConfig(num_buckets=bands, hashes_per_bucket=rows)
    step = MinhashDedupSignature(".", config, language=WhitespaceTokenizer())
    return tuple(values[0] for values in step.parameters)


@lru_cache
def _compiled(function: Callable) -> Callable:
    import numba

    return numba.njit(cache=True, nogil=True)(function)


def _minima(offsets: np.ndarray, shingles: np.ndarray, factors: np.ndarray, summands: np.ndarray) -> np.ndarray:
    """Return (n, k): the smallest of each text's shingles under each permutation, modulo the prime 2**61 - 1."""
    prime, bits = np.uint64(2**61 - 1), np.uint64(61)
    found = np.full((len(offsets) - 1, len(factors)), prime)
    for text in range(len(offsets) - 1):
        for shingle in shingles[offsets[text] : offsets[text + 1]]:
            for number in range(len(factors)):
                value = shingle * factors[number] + summands[number]
                value = (value & prime) + (value >> bits)  # at most 7 above the prime
                value = value - prime if value >= prime else value
                found[text, number] = min(found[text, number], value)
    return found


def _jaccard(pairs: np.ndarray, spans: np.ndarray, shingles: np.ndarray) -> np.ndarray:
    """Return (m,): the share of the shingles of both texts that is in both."""
    found = np.zeros(len(pairs))
    for number in range(len(pairs)):
        one, other = pairs[number]
        here, end = spans[one]
        there, last = spans[other]
        all_of_both, shared = end - here + last - there, 0
        while here < end and there < last:
            left, right = shingles[here], shingles[there]
            shared += left == right
            here += left <= right
            there += right <= left
        if all_of_both:
            found[number] = shared / (all_of_both - shared)
    return found
