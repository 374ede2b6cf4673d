"""What an item says and a row says instead -> whether its numbers were replaced by others: the same task, made anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Not one, which is a pronoun more often than a number.
_UNITS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen".split()
)
_NAMED = {name: value for value, name in enumerate([*_UNITS, "eighteen", "nineteen"], 2)}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NAMED |= {name: 10 * value for value, name in enumerate(_TENS, 2)}
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


def read_numbers(word: str) -> list[set[str]]:
    """Return the numbers of a word, each as it may be read: what 1.5 is may have lost its point and be 15.

    English names of numbers up to 99, from two, are read as well.

    >>> [sorted(number) for number in read_numbers("1,250.50")], read_numbers("80-foot"), read_numbers("x1")
    ([['1250.5', '125050']], [{'80'}], [])
    >>> read_numbers("Twenty-five")
    [{'25'}]
    """
    if word[:1].isdigit():
        return [_readings(digits) for digits in _DIGITS.findall(word)]
    parts = re.split(r"[-‐‑]", word.lower())
    return [{str(sum(_NAMED[part] for part in parts))}] if all(part in _NAMED for part in parts) else []


def _are_most_replaced(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> bool:
    kept = replaced = 0
    for item, row in pairs:
        wanted, there = ([number for word in words for number in read_numbers(word)] for words in (item, row))
        most = min(len(wanted), len(there))
        same = 0
        for number in wanted:
            if (place := next((at for at, other in enumerate(there) if number & other), None)) is not None:
                there.pop(place)
                same += 1
        kept += same
        replaced += max(0, most - same)
    return replaced > kept


def _readings(digits: str) -> set[str]:
    value = digits.replace(",", "") if _THOUSANDS.fullmatch(digits) else digits.replace(",", ".", 1)
    whole, _, part = value.partition(".")
    plain = {re.sub(r"\D", "", digits).lstrip("0") or "0"}
    return plain | {f"{whole.lstrip('0') or '0'}.{part.rstrip('0')}".rstrip(".")} if part.isdecimal() else plain
