"""A source of any number of files -> its shards, and a reader that gives a shard's rows as texts, a batch at a time.

A reader is sent to other processes, so it holds settings only.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from helpers.settings import Text
from helpers.text.formats import complete_format
from helpers.text.sources.records import FIRST, Record
from helpers.text.strings import ROLELESS, convert_rows
from helpers.vectors.new_rows import NewRows
from helpers.vectors.shards import Shard, list_shards, read_shard

TEXTS = 1_000  # read at a time
EARLY = 1_000  # records of a shard among which good ones are looked for


@dataclass(frozen=True)
class PlainReader:
    """Reads records and makes texts of them; text: JSON of the settings of text, with the format settled."""

    text: str
    id: str | None = None
    rows: int = TEXTS  # at a time

    @property
    def key(self) -> str:
        """Return a hash of all that a row's text and name depend on."""
        return hashlib.blake2b(f"{self.text}\0{self.id}".encode(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Yield texts (id, position, text, record) and rows without one (id, position, reason), in the file's order.

        Each row of the shard is in one of them; record: its canonical JSON.
        """
        records = read_shard(shard, id=self.id)
        while batch := list(itertools.islice(records, self.rows)):
            good = [one for one in batch if isinstance(one, Record)]
            named = [(one.id, one.position, one.record) for one in good]
            rows = pd.DataFrame(named, columns=["id", "position", "record"])
            texts, without = convert_rows(rows, **json.loads(self.text), settled=True)
            bad = [("", one.position, one.reason) for one in batch if not isinstance(one, Record)]
            unread = pd.DataFrame(bad, columns=["id", "position", "reason"])
            without = pd.concat([unread, without[["id", "position", "reason"]]]).sort_values("position")
            told = texts[["id", "position", "text"]].merge(rows[["position", "record"]], on="position")
            yield told, without.reset_index(drop=True)


def open_texts(
    path: str,
    *,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    id: str | None = None,
    text: Mapping[str, Any] | None = None,
) -> NewRows:
    """Return the rows of a file, folder, glob or dataset of the hub, to be read as texts, all in one format.

    text: settings of text. Raises FileNotFoundError or ValueError for a source that cannot be used, and for one whose
    rows are turns of conversations, which files may tear.
    """
    shards = list_shards(path, split=split, config=config, revision=revision)
    settings = Text(**(text or {})).model_dump(exclude={"keep"})
    early = (one for shard in shards for one in itertools.islice(read_shard(shard, id=id), EARLY))
    good = (one for one in early if isinstance(one, Record))
    first = [json.loads(one.record) for one in itertools.islice(good, FIRST)]
    if not first:
        raise ValueError(f"{path}: there is no record here, or none that can be read")
    asked = {name: settings[name] for name in ("format", "column", "columns", "group", "order")}
    found = complete_format(first, **asked)
    if found["format"] == "grouped":
        raise ValueError(f"{path}: its rows are turns of conversations: make a file of whole ones first")
    if found["format"] in ROLELESS:
        settings["roles"] = "all"  # nobody is named there
    return NewRows(path, shards, PlainReader(json.dumps(settings | found, sort_keys=True), id))
