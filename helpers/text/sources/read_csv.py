"""A CSV or TSV file with a header -> its records, every cell a string.

What kind of value a cell holds is left to others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from helpers.text.sources.lines import BrokenFile, Found, bad_byte, distinct_names, read_lines

_LONGEST_CELL = 2**31 - 1  # the most that the csv module takes on every system
_DELIMITERS = ",;\t|"


def read_csv(path: Path) -> Iterator[Found]:
    """Yield the rows of a CSV file as objects; the delimiter is the one that parts the header into most columns,
    a tab for .tsv.

    A row with a broken quote is given with the reason, and the reading goes on at its second line. Raises
    BrokenFile where the header is not CSV.
    """
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(path)
    rows = csv.reader(lines, delimiter=_delimiter(lines.ahead(), path), strict=True)
    names: list[str] = []
    while True:
        lines.begin()
        try:
            cells = next(rows, None)
        except csv.Error as error:
            if not names:
                raise BrokenFile(f"not CSV: {error}", lines.first) from None
            yield Found(line=lines.first, reason=f"not CSV: {error}")
            lines.go_back()
            continue
        if cells is None:
            return
        if names and cells:
            yield _record(names, cells, lines)
        names = names or distinct_names(cells)


class _Lines:
    """The lines of a file as text, which can go back to the second line of the row that was read last."""

    def __init__(self, path: Path) -> None:
        self.source, self.first = read_lines(path), 1
        self.again: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.pop() if self.again else next(self.source).decode("utf-8", "surrogateescape")
        self.taken.append(line)
        return line

    def begin(self) -> None:
        """Start a row at the next line."""
        self.first += len(self.taken)
        self.taken = []

    def go_back(self) -> None:
        """Give the lines of the row but the first once more."""
        self.again += self.taken[:0:-1]
        self.taken = self.taken[:1]

    def ahead(self) -> str:
        """Return the first line that is not blank, without taking a line."""
        line = next((line for line in self if line.strip()), "")
        self.again, self.taken = self.taken[::-1], []
        return line


def _record(names: list[str], cells: list[str], lines: _Lines) -> Found:
    if reason := bad_byte("".join(lines.taken)):
        return Found(line=lines.first, reason=reason)
    if len(cells) != len(names):
        return Found(line=lines.first, reason=f"not CSV: {len(cells)} cells where the header has {len(names)}")
    return Found(dict(zip(names, cells, strict=True)), lines.first)


def _delimiter(header: str, path: Path) -> str:
    signs = "\t" if ".tsv" in path.suffixes else _DELIMITERS
    try:
        return max(signs, key=lambda sign: len(next(csv.reader([header], delimiter=sign), [])))
    except csv.Error:
        raise BrokenFile("not CSV: its lines end with a carriage return only; save it with line feeds", 1) from None
