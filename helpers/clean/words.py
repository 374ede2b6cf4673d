"""Texts -> words without case, accents and punctuation, in any script, and hashes of n of them in a row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"  # scripts without spaces
_JOINERS = "'’ʼ‘`´-‐‑"  # within a word: don't, one-half
_LETTER = rf"[\w--[{_UNSPACED}]]"
_WORD = regex.compile(
    rf"[{_UNSPACED}]\p{{M}}*"  # a letter is a word
    rf"|{_LETTER}+(?:(?:[{regex.escape(_JOINERS)}]|(?<=\p{{Nd}})[.,](?=\p{{Nd}})){_LETTER}+)*"
    r"|\p{So}[\p{M}\p{Sk}\u200d]*",  # an emoji
    flags=regex.V1,
)
# The same for texts of plain letters alone, where it is three times as fast.
_PLAIN_WORD = re.compile(r"\w+(?:(?:['`-]|(?<=\d)[.,](?=\d))\w+)*", flags=re.ASCII)
# Marks that are left out as easily as not: accents, Hebrew points, Arabic vowels. Those of other scripts are letters.
_DROPPED = regex.compile(rf"[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\ufe0f\u200d.,{regex.escape(_JOINERS)}]")
_STEP = np.uint64(0x9E3779B97F4A7C15)  # odd, near 2**64 over the golden ratio


def split_words(text: str) -> list[str]:
    """Return the words of a text: lower case, accents gone, "don't" and "one-half" one word, "1,000" as "1000".

    Where words have no spaces between them, each letter is one; so is each emoji. A text of other signs only is one
    word as it stands, so that no text but an empty one is without words.

    >>> split_words("Don’t PANIC: 1,000 cafés, 電影 🎉")
    ['dont', 'panic', '1000', 'cafes', '電', '影', '🎉']
    """
    return [_plain(word) for word in _pattern(text).findall(text)] or text.split()


def locate_words(text: str) -> tuple[list[str], np.ndarray]:
    """Return the words of a text, as split_words does, and (n, 2) int64, where each begins and ends in it."""
    found = list(_pattern(text).finditer(text))
    words = [_plain(match[0]) for match in found]
    if not found:
        found = list(re.finditer(r"\S+", text))
        words = [match[0] for match in found]
    return words, np.array([match.span() for match in found], dtype=np.int64).reshape(-1, 2)


def hash_words(words: Sequence[str]) -> np.ndarray:
    """Return (n,) uint64: a hash of each word, the same in every process."""
    return np.fromiter(map(_hash, words), dtype=np.uint64, count=len(words))


def hash_ngrams(hashes: np.ndarray, n: int) -> np.ndarray:
    """Return (len - n + 1,) uint64, a hash of every n words in a row, from the words' hashes; none where fewer are.

    A polynomial over the words' hashes, modulo 2**64.
    """
    if len(hashes) < n:
        return np.zeros(0, dtype=np.uint64)
    found = np.zeros(len(hashes) - n + 1, dtype=np.uint64)
    for place in range(n):
        found = found * _STEP + hashes[place : len(hashes) - n + 1 + place]
    return found


def _pattern(text: str) -> re.Pattern[str] | regex.Pattern[str]:
    return _PLAIN_WORD if text.isascii() else _WORD


@lru_cache(maxsize=200_000)
def _plain(word: str) -> str:
    if word.isascii() and word.isalnum():
        return word.lower()
    folded = unicodedata.normalize("NFKD", word).casefold()
    return unicodedata.normalize("NFC", _DROPPED.sub("", folded)) or word


@lru_cache(maxsize=200_000)
def _hash(word: str) -> int:
    import xxhash

    return xxhash.xxh64_intdigest(word.encode("utf-8", "replace"))
