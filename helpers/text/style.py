"""Texts -> plain figures of how each is written: length, sentences, words, signs. What it is about is left to vectors.

An encoder's last layer knows little of it, and whether a text is easy, careful or noise shows in it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import regex

FIGURES = (
    "characters",  # of the text, as log(1 + n)
    "sentence",  # words of a sentence in the mean, as log(1 + n)
    "sentence_spread",  # their standard deviation, as log(1 + n)
    "word",  # letters of a word in the mean
    "word_spread",
    "long",  # share of words of 7 letters and more
    "very_long",  # of 10 letters and more
    "short",  # of 3 letters and fewer
    "different",  # share of different words among 50 in a row
    "commas",  # a word
    "brackets",  # ; : ( ) a word
    "quotes",  # a word
    "questions",  # a sentence
    "exclamations",  # a sentence
    "lines",  # a sentence
    "digits",  # share of characters
    "capitals",
    "signs",  # neither letters, digits nor white space
)
WINDOW = 50  # words among which different ones are counted, so that the length of a text does not matter
MOST = 100_000  # characters that are looked at
_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*")
_BETWEEN = regex.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s|$)|\n+")
_SIGNS = {
    "commas": re.compile(r"[,،、，]"),
    "brackets": re.compile(r"[;:()；：（）]"),
    "quotes": re.compile(r"[\"“”„«»「」]"),
    "questions": re.compile(r"[?？؟]"),
    "exclamations": re.compile(r"[!！]"),
    "lines": re.compile(r"\n"),
}
_DIGITS, _CAPITALS, _OTHER = regex.compile(r"\p{N}"), regex.compile(r"\p{Lu}"), regex.compile(r"[^\p{L}\p{M}\p{N}\s]")


def style_figures(texts: Sequence[str]) -> np.ndarray:
    """Return (n, len(FIGURES)) float32, a line a text; a text's figures depend on no other text.

    Counts a word or a sentence are of what there is, at least one: an empty text has zeros.
    """
    return np.array([_figures(text[:MOST]) for text in texts], dtype=np.float32).reshape(-1, len(FIGURES))


def _figures(text: str) -> list[float]:
    spoken = [found for part in _BETWEEN.split(text) if (found := _WORD.findall(part))]
    words = list(itertools.chain.from_iterable(spoken))
    letters = np.array(list(map(len, words)) or [0])
    lengths = list(map(len, spoken))
    sentences, count, size = max(1, len(lengths)), max(1, len(words)), max(1, len(text))
    signs = {name: len(pattern.findall(text)) for name, pattern in _SIGNS.items()}
    return [
        np.log1p(len(text)),
        np.log1p(len(words) / sentences),
        np.log1p(np.std(lengths)) if lengths else 0.0,
        letters.mean(),
        letters.std(),
        np.mean(letters >= 7),
        np.mean(letters >= 10),
        np.mean(letters <= 3) if words else 0.0,
        _different(words),
        signs["commas"] / count,
        signs["brackets"] / count,
        signs["quotes"] / count,
        signs["questions"] / sentences,
        signs["exclamations"] / sentences,
        signs["lines"] / sentences,
        len(_DIGITS.findall(text)) / size,
        len(_CAPITALS.findall(text)) / size,
        len(_OTHER.findall(text)) / size,
    ]


def _different(words: Sequence[str]) -> float:
    low = [word.lower() for word in words]
    shares = [len(set(part)) / len(part) for part in (low[i : i + WINDOW] for i in range(0, len(low), WINDOW)) if part]
    return float(np.mean(shares)) if shares else 0.0
