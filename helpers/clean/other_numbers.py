"""What an item says and a row says instead -> whether its numbers were replaced by others: the same task, made anew."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

# Not one, which is a pronoun more often than a number.
_UNITS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen".split()
)
_NAMED = {name: float(value) for value, name in enumerate([*_UNITS, "eighteen", "nineteen"], 2)}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NAMED |= {name: 10.0 * value for value, name in enumerate(_TENS, 2)}
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def are_numbers_replaced(found: Sequence[str], missing: Iterable[tuple[Sequence[str], Sequence[str]]]) -> bool:
    """Return whether most of an item's numbers that have a counterpart in the row are other ones there.

    Most of those in digits are enough: names of numbers often belong to the story. found: the item's words that the row
    has. missing: words of the item that it has not, with those that it has in their place. A number that is gone, or
    written out, has not been replaced.
    """
    pairs = [(found, found), *missing]
    in_digits = [tuple([word for word in words if word[:1].isdigit()] for words in pair) for pair in pairs]
    return _are_most_replaced(pairs) or _are_most_replaced(in_digits)


def read_numbers(word: str) -> list[float]:
    """Return the numbers of a word as it is written; English names of numbers up to 99, from two, are read as well.

    >>> read_numbers("1,250.50"), read_numbers("80-foot"), read_numbers("Twenty-five"), read_numbers("x1")
    ([1250.5], [80.0], [25.0], [])
    """
    if word[:1].isdigit():
        return [_value(digits) for digits in _DIGITS.findall(word)]
    parts = re.split(r"[-‐‑]", word.lower())
    return [sum(_NAMED[part] for part in parts)] if all(part in _NAMED for part in parts) else []


def _are_most_replaced(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> bool:
    kept = replaced = 0
    for item, row in pairs:
        wanted, there = Counter(_numbers(item)), Counter(_numbers(row))
        same = (wanted & there).total()
        kept += same
        replaced += min(wanted.total(), there.total()) - same
    return replaced > kept


def _numbers(words: Sequence[str]) -> list[float]:
    return [number for word in words for number in read_numbers(word)]


def _value(digits: str) -> float:
    if _THOUSANDS.fullmatch(digits):
        return float(digits.replace(",", ""))
    whole, _, part = digits.replace(",", ".").partition(".")
    return float(f"{whole}.{part.replace('.', '')}")
