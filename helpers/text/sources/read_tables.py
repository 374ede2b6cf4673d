"""A Parquet or Arrow file -> its records, a batch at a time.

Values keep Arrow's kinds (dates, bytes, decimals); values.py makes JSON of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.text.sources.lines import BrokenFile, Found, distinct_names, read_pieces

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1000  # rows


def read_parquet(path: Path, groups: Sequence[int] | None = None) -> Iterator[Found]:
    """Yield the rows of a Parquet file, or of some of its row groups, as objects; raises BrokenFile where it breaks."""
    import pyarrow.parquet as pq

    settings = {"batch_size": BATCH, "row_groups": None if groups is None else list(groups)}
    return _from_batches(path, lambda source: pq.ParquetFile(source).iter_batches(**settings))


def read_arrow(path: Path) -> Iterator[Found]:
    """Yield the rows of an Arrow file in either layout (file or stream); raises BrokenFile where it cannot be read."""
    return _from_batches(path, _arrow_batches)


def _arrow_batches(source: Any) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 - pyarrow's file
    import pyarrow as pa

    try:
        file = pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return iter(pa.ipc.open_stream(source))
    return (file.get_batch(number) for number in range(file.num_record_batches))


def _from_batches(path: Path, batches: Callable[[Any], Iterator[pa.RecordBatch]]) -> Iterator[Found]:
    import pyarrow as pa

    packed = path.suffix.lower() in (".gz", ".zst")
    try:
        source = pa.BufferReader(b"".join(read_pieces(path))) if packed else pa.OSFile(str(path))
        for batch in batches(source) if source.size() else ():
            yield from _rows(batch.rename_columns(distinct_names(batch.schema.names)))
    except (pa.ArrowException, OSError) as error:
        raise BrokenFile(str(error).partition("\n")[0]) from None


def _rows(batch: pa.RecordBatch) -> Iterator[Found]:
    try:
        yield from [Found(row) for row in batch.to_pylist()]
    except (ValueError, ArithmeticError, LookupError) as error:  # a byte, a date, a time zone that Python has not
        if len(batch) > 1:  # one bad row is parted from the good ones
            for place in range(len(batch)):
                yield from _rows(batch.slice(place, 1))
        else:
            yield Found(reason=_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}"
    return f"a value that cannot be read: {str(error).partition(chr(10))[0][:200]}"
