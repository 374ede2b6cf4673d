"""A source of new rows and a saved map -> the shards that the rows are in, and how their vectors are come by."""

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

from helpers.files import read_value
from helpers.shown import counted
from helpers.text.sources.locate import left_out
from helpers.text.sources.read import kind_of
from helpers.text.sources.records import ID_COLUMNS
from helpers.topics.assigner import READING, read_assigner
from helpers.vectors.readers import TextReader, VectorReader, text_reader
from helpers.vectors.shards import Shard, list_shards


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


def open_source(
    path: str,
    model_folder: Path,
    *,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    id: str | None = None,
    column: str | None = None,
    text: Mapping[str, Any] | None = None,
) -> NewRows:
    """Return the new rows of a file, folder, glob or dataset of the hub, to be read as those of the map were.

    model_folder: the model/ of a run; nothing else of it is needed. column: of ready vectors in Parquet files, unless
    the map tells it; without one, texts are made and embedded as the run's were. id: the column of ids. text: what of
    the map's settings of text is otherwise in this source, `column` for example; it also names the column of texts to
    look at beside ready vectors. Raises FileNotFoundError or ValueError for a source or model that cannot be used.
    """
    assigner = read_assigner(model_folder)
    reading = model_folder / READING
    known = read_value(reading) if reading.exists() else {}
    given = {name: value for name, value in (text or {}).items() if value is not None}
    column = column or known.get("embed", {}).get("column")
    shards = list_shards(path, split=split, config=config, revision=revision)
    if column:
        masks = json.dumps(known.get("redact", {}), sort_keys=True)
        length = assigner.dimensions
        reader = VectorReader(column, id or _id_column(shards), given.get("column"), length, masks)
        _need_length(shards, reader)
        return NewRows(path, shards, reader)
    if given and known:
        # A named format is looked into anew; the map's columns belong to the format of the map.
        anew = {"format": "auto", "column": None, "columns": [], "group": None, "order": None}
        known = known | {"text": known["text"] | anew | given}
    return NewRows(path, shards, text_reader(known, shards, id=id))


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
                    f"{shard.name}: expected vectors of {reader.length} dimensions, as the map's, got "
                    f"{found.vectors.shape[1]}: use the embedder that made the map"
                )
            return


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
