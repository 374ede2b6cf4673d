"""One data file -> its records one after another, each as found: a value, or the reason why there is none.

Which reader takes a file is told by the name's ending. Which files there are stands in locate.py; ids, samples
and the canonical form in load.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from helpers.text.sources.lines import BrokenFile, Found, bad_byte, decode_line, read_lines, read_whole
from helpers.text.sources.read_csv import read_csv
from helpers.text.sources.read_json import read_json, read_json_lines
from helpers.text.sources.read_tables import read_arrow, read_parquet

_PACKED = (".gz", ".zst")


def read_file(path: Path, *, text_name: str | None = None, groups: Sequence[int] | None = None) -> Iterator[Found]:
    """Yield the records of one file in its order; groups: of a Parquet file, only these row groups.

    text_name makes a text file one record under that name, not one a line. A file that breaks off gives the
    records before the break and then one that says where. Raises ValueError for a kind that is not known.
    """
    kind = kind_of(path)
    if kind is None:
        raise ValueError(f"{path}: not a known kind of file; known are {known_endings()}")
    if groups is not None:
        return _up_to_break(read_parquet(path, groups))
    return _up_to_break(_read_text(path, text_name) if kind == "text" and text_name else _READERS[kind](path))


def kind_of(path: Path) -> str | None:
    """Return the kind of a file by the name's ending (json, lines, csv, parquet, arrow, text); None if not known."""
    name = path.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return _KINDS.get(Path(name).suffix)


def known_endings() -> str:
    """Return the endings that can be read, for messages."""
    return f"{' '.join(_KINDS)}, each also with {' or '.join(_PACKED)}"


def _up_to_break(records: Iterator[Found]) -> Iterator[Found]:
    last = None
    try:
        for found in records:
            last = found.line
            yield found
    except BrokenFile as error:
        line = error.line or (last + 1 if last else None)
        yield Found(line=line, reason=f"{error}; the file is read up to here")


def _read_lines_of_text(path: Path) -> Iterator[Found]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield Found({"text": decode_line(line)}, number)
        except ValueError as error:
            yield Found(line=number, reason=str(error))


def _read_text(path: Path, name: str) -> Iterator[Found]:
    text, _, broken = read_whole(path)
    if broken:
        raise BrokenFile(broken)
    yield Found({"text": text, "file": name}, reason=bad_byte(text))


_READERS: dict[str, Callable[[Path], Iterator[Found]]] = {
    "json": read_json,
    "lines": read_json_lines,
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "text": _read_lines_of_text,
}
_KINDS = {".json": "json", ".jsonl": "lines", ".ndjson": "lines", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_KINDS |= {".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow", ".txt": "text", ".md": "text"}
