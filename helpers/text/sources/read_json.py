"""A JSON or JSON Lines file -> its records, as far as it is JSON.

A JSON file holds an array of records, an object of records by name, an object with one list of records, or one
record. A file named .json that holds a record a line is read as JSON Lines, one that holds objects one after
another as those, and one with a column's values by number, as pandas writes it, as rows.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.text.sources.lines import BrokenFile, Found, bad_byte, decode_line, read_lines, read_whole
from helpers.text.sources.values import DECODER, parse_json

_SPACE = re.compile(r"[ \t\r\n]*")
# A message has one of these, a record seldom: they tell one conversation from a list of records.
_SPEAKER = {"role", "from", "sender", "speaker", "author"}


def read_json_lines(path: Path) -> Iterator[Found]:
    """Yield a record a line; lines of nothing but white space are none."""
    for number, line in enumerate(read_lines(path), 1):
        if line.isspace():
            continue
        try:
            yield Found(parse_json(decode_line(line)), number)
        except ValueError as error:
            yield Found(line=number, reason=_reason(error))


def read_json(path: Path) -> Iterator[Found]:
    """Yield the records of a JSON file; raises BrokenFile where it stops being JSON."""
    if _has_record_a_line(path):
        yield from read_json_lines(path)
        return
    text, is_utf8, broken = read_whole(path)
    try:
        yield from _records(_Scan(text, check=not is_utf8))
    except BrokenFile as error:
        raise BrokenFile(broken or str(error), error.line) from None
    if broken:
        raise BrokenFile(broken)


def _has_record_a_line(path: Path) -> bool:
    """Return whether there are several lines and at least half of the first ones are whole objects."""
    try:
        lines = list(itertools.islice((line for line in read_lines(path) if not line.isspace()), 10))
    except BrokenFile:
        return False
    return len(lines) > 1 and lines[0].startswith(b"{") and 2 * sum(map(_is_object, lines)) >= len(lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(parse_json(decode_line(line)), dict)
    except ValueError:
        return False


def _records(scan: _Scan) -> Iterator[Found]:
    first = scan.peek()
    if first == "[":
        yield from scan.array()
    elif first == "{" and scan.is_followed():
        while scan.peek():
            yield scan.value()
    elif first == "{":
        yield from _of_object(scan)
    elif first:
        yield scan.value()


def _of_object(scan: _Scan) -> Iterator[Found]:
    pairs, broken = [], None
    try:
        for pair in scan.object():
            pairs.append(pair)
    except BrokenFile as error:
        broken = error
    records = [pair for pair in pairs if isinstance(pair.value, dict) or pair.reason]
    lists = [pair for pair in pairs if _is_list_of_records(pair.value)]
    if rows := _rows_of_columns(pairs):
        yield from rows
    elif records and len(records) >= 0.9 * len(pairs):
        yield from pairs
    elif len(lists) == 1 or len(lists) == len(pairs) > 1:
        yield from (Found(value) for one in lists for value in one.value)
    elif pairs or broken is None:
        reason = next((pair.reason for pair in pairs if pair.reason), None)
        yield Found({pair.key: pair.value for pair in pairs}, reason=reason or (broken and str(broken)))
        return
    if broken:
        raise broken


def _rows_of_columns(pairs: list[Found]) -> list[Found]:
    """Return the rows of columns that each hold their values by the row's number; none for any other object."""
    if not all(isinstance(pair.value, dict) and pair.value for pair in pairs) or len(pairs) < 2:
        return []
    numbers = pairs[0].value.keys()
    if not all(pair.value.keys() == numbers for pair in pairs) or not all(number.isdigit() for number in numbers):
        return []
    return [Found({pair.key: pair.value[number] for pair in pairs}, pairs[0].line) for number in numbers]


def _is_list_of_records(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and not _SPEAKER & value[0].keys()


class _Scan:
    """Goes through a JSON text value by value, so that all before a break is kept."""

    def __init__(self, text: str, *, check: bool) -> None:
        self.text, self.check, self.at = text, check, 0
        self._line, self._counted = 1, 0

    def array(self) -> Iterator[Found]:
        """Yield the items of the array that starts here."""
        return (self.value() for _ in self._items("]"))

    def object(self) -> Iterator[Found]:
        """Yield the values of the object that starts here, each with its key."""
        for _ in self._items("}"):
            if self.peek() != '"':
                self._fail("Expecting property name enclosed in double quotes")
            key = self.value().value
            self._expect(":")
            yield self.value()._replace(key=key)

    def value(self) -> Found:
        """Return the value that starts here."""
        self.peek()
        start, line = self.at, self._line_here()
        try:
            value, self.at = DECODER.raw_decode(self.text, start)
        except RecursionError:
            raise BrokenFile("not JSON: nested too deeply", line) from None
        except ValueError as error:
            raise BrokenFile(_reason(error), getattr(error, "lineno", line)) from None
        wrong = bad_byte(self.text[start : self.at]) if self.check else None
        return Found(line=line, reason=wrong) if wrong else Found(value, line)

    def is_followed(self) -> bool:
        """Return whether a whole object stands here and another one behind it."""
        try:
            self.at = DECODER.raw_decode(self.text, self.at)[1]
            return self.peek() == "{"
        except (RecursionError, ValueError):
            return False
        finally:
            self.at = 0

    def peek(self) -> str:
        """Return the next character that is not white space, or nothing at the end."""
        self.at = _SPACE.match(self.text, self.at).end()
        return self.text[self.at : self.at + 1]

    def _items(self, close: str) -> Iterator[None]:
        """Stop before each item, for the caller to read it."""
        self.at += 1
        if self.peek() != close:
            yield
            while self.peek() != close:
                self._expect(",")
                yield
        self.at += 1
        if self.peek():
            self._fail("Extra data")

    def _expect(self, sign: str) -> None:
        if self.peek() != sign:
            self._fail(f"Expecting {sign!r} delimiter")
        self.at += 1

    def _fail(self, message: str) -> None:
        error = json.JSONDecodeError(message, self.text, self.at)
        raise BrokenFile(_reason(error), error.lineno)

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line


def _reason(error: ValueError) -> str:
    """Return why a text is not JSON, without the text itself."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"
    return str(error) if str(error).startswith("not UTF-8") else f"not JSON: {error}"
