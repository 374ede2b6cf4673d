"""A source of new rows, and how texts became vectors -> the shards that the rows are in, and how they are read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from helpers.shown import counted
from helpers.text.sources.count import count_records
from helpers.text.sources.locate import left_out
from helpers.text.sources.read import kind_of
from helpers.text.sources.records import ID_COLUMNS
from helpers.vectors.readers import KeepingReader, TextReader, VectorReader, text_reader
from helpers.vectors.shards import Shard, list_shards
from helpers.vectors.stream import remove_parts

READING = "reading.json"  # beside a model: how texts became its vectors, see Config.reading


@dataclass(frozen=True)
class NewRows:
    """Where new rows are, and how they are read."""

    path: str
    shards: list[Shard]
    reader: VectorReader | TextReader

    @property
    def embeds(self) -> bool:
        """Return whether texts are to be embedded."""
        return isinstance(self.reader, TextReader)

    @property
    def files(self) -> list[Path]:
        """Return the files, each once."""
        return list(dict.fromkeys(shard.path for shard in self.shards))

    @property
    def bytes(self) -> int:
        """Return how large all files are."""
        return sum(path.stat().st_size for path in self.files)


def open_rows(
    path: str,
    reading: Mapping[str, Any],
    *,
    dimensions: int,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    id: str | None = None,
    column: str | None = None,
    text: Mapping[str, Any] | None = None,
    style: bool = False,
) -> NewRows:
    """Return the new rows of a file, folder, glob or dataset of the hub, to be read as those were that are known.

    reading: see Config.reading, or nothing. dimensions: of the vectors. column: of ready vectors in Parquet files,
    unless reading tells it; without one, texts are made and embedded. id: the column of ids. text: what of the settings
    of text is otherwise in this source, `column` for example; it also names the column of texts to look at beside ready
    vectors. style: whether it is to be read how texts are written. Raises FileNotFoundError or ValueError for a source
    that cannot be used.
    """
    known = dict(reading)
    given = {name: value for name, value in (text or {}).items() if value is not None}
    column = column or known.get("embed", {}).get("column")
    shards = list_shards(path, split=split, config=config, revision=revision)
    if column:
        if style:
            raise ValueError(
                "this scorer reads how texts are written beside their vectors, which ready vectors do not tell: name "
                "no column of vectors, or make the scorer with quality.style: false"
            )
        masks = json.dumps(known.get("redact", {}), sort_keys=True)
        reader = VectorReader(column, id or _id_column(shards), given.get("column"), dimensions, masks)
        _need_length(shards, reader)
        return NewRows(path, shards, reader)
    if given and known:
        # A named format is looked into anew; the known columns belong to the format that was read.
        anew = {"format": "auto", "column": None, "columns": [], "group": None, "order": None}
        known = known | {"text": known["text"] | anew | given}
    return NewRows(path, shards, text_reader(known, shards, id=id, style=style))


def keep_vectors(new: NewRows, folder: Path, *, keep: bool) -> VectorReader | KeepingReader:
    """Return a reader of rows that takes the vectors of texts from folder, where what is of other rows is removed.

    keep: what is read is kept there. Ready vectors are read as they are.
    """
    if not new.embeds:
        return new.reader
    reader = KeepingReader(new.reader, folder, keep)
    remove_parts(folder, [reader.part(shard) for shard in new.shards])
    return reader


def refuse_to_read_the_output(new: NewRows, folder: Path) -> None:
    """Raise ValueError where what is written to folder would be read as rows."""
    inside, source = folder.resolve(), Path(new.path).expanduser().resolve()
    if any(path.resolve().is_relative_to(inside) for path in new.files) or (
        source.is_dir() and inside.is_relative_to(source)
    ):
        raise ValueError(f"{folder} stands within the source {new.path}: what is written there would be read as rows")


def count_rows(new: NewRows) -> int:
    """Return about how many records the source has, see count_records."""
    files = {shard.path: shard.is_text for shard in new.shards}
    return sum(count_records(path, is_text=one) for path, one in tqdm(files.items(), "count", unit=" files", delay=2))


def source_table(new: NewRows) -> pd.DataFrame:
    """Return what the source is, as lines of a name and a value."""
    kinds = ", ".join(sorted({str(kind_of(path)) for path in new.files}))
    lines = [
        ("source", new.path),
        ("files", f"{counted(len(new.files), 'file')} ({kinds}), {new.bytes / 1e6:,.1f} MB"),
        *([("not read", ", ".join(beside[:5]))] if (beside := left_out(new.path, new.files)) else []),
        ("shards", f"{len(new.shards):,}, each done by itself"),
        ("vectors", f"ready, column {new.reader.column}" if isinstance(new.reader, VectorReader) else _making(new)),
    ]
    return pd.DataFrame(lines, columns=["what", "found"])


def _making(new: NewRows) -> str:
    return f"made of texts: {', '.join(f'{name} {value}' for name, value in new.reader.format.items())}"


def _id_column(shards: Sequence[Shard]) -> str | None:
    """Return the first of the usual columns of ids that the first file of vectors has."""
    for shard in shards:
        try:
            names = pq.read_schema(shard.path).names
        except (pa.ArrowException, OSError):
            continue
        return next((name for name in ID_COLUMNS if name in names), None)
    return None


def _need_length(shards: Sequence[Shard], reader: VectorReader) -> None:
    """Raise ValueError where the first vectors there are, all of one length, are not as long as the map's."""
    for shard in shards:
        anything = dataclasses.replace(reader, length=None, rows=100)
        found = next((read for read in anything(shard) if not all(read.reasons)), None)
        if found is not None:
            if found.vectors.shape[1] != reader.length and 2 * found.reasons.count("") > len(found.reasons):
                raise ValueError(
                    f"{shard.name}: expected vectors of {reader.length} dimensions, as the known ones, got "
                    f"{found.vectors.shape[1]}: use the embedder that made those"
                )
            return
