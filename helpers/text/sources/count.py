"""A data file -> how many records it holds, without reading them as records: for estimates and progress.

Exact for Parquet and Arrow files; in files of lines every line counts, blank ones too; JSON is judged by its beginning.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from helpers.text.sources.lines import BrokenFile, read_pieces
from helpers.text.sources.read import kind_of, read_file
from helpers.text.sources.values import canonical_json

FIRST = 1_000  # records of a JSON file by which all are judged


def count_records(path: Path, *, is_text: bool = False) -> int:
    """Return about how many records there are; 0 where the file cannot be read. is_text: it is one text."""
    kind = kind_of(path)
    if is_text:
        return 1
    if kind in ("parquet", "arrow"):
        return _rows_of_table(path, kind)
    if kind == "json":
        return _judged(path)
    lines, last = 0, b"\n"
    try:
        for piece in read_pieces(path):
            lines, last = lines + piece.count(b"\n"), piece[-1:]
    except BrokenFile:
        pass  # what comes before the break is counted
    return max(0, lines + (last != b"\n") - (kind == "csv"))


def _rows_of_table(path: Path, kind: str) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import dataset

    try:
        return (
            pq.read_metadata(path).num_rows if kind == "parquet" else dataset.dataset(path, format="arrow").count_rows()
        )
    except (pa.ArrowException, OSError):
        return sum(1 for _ in read_file(path))


def _judged(path: Path) -> int:
    found = list(itertools.islice(read_file(path), FIRST))
    sizes = [len(canonical_json(one.value).encode()) for one in found if one.reason is None]
    if len(found) < FIRST or not sizes:
        return len(found)
    return round(sum(map(len, read_pieces(path))) / (sum(sizes) / len(sizes)))
