"""A shard of a source -> its rows as vectors, a batch at a time: ready ones from a column, or texts that are embedded.

A reader is sent to other processes, so it holds settings only; what they need is loaded where it is used.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.files import appending
from helpers.text.audit import count_texts
from helpers.text.excerpt import writable
from helpers.text.formats import complete_format
from helpers.text.redact import redact_texts
from helpers.text.sources.lines import BrokenFile
from helpers.text.sources.records import FIRST, Record, Rejected
from helpers.text.strings import ROLELESS, convert_rows
from helpers.text.style import FIGURES, style_figures
from helpers.text.truncate import truncate_texts
from helpers.vectors.embed import encode_texts
from helpers.vectors.embedder import Embedder, find_embedder
from helpers.vectors.shards import Shard, read_shard, read_vectors
from helpers.vectors.stream import part_name

TEXTS = 1_000  # embedded at a time
VECTORS = 10_000  # read at a time
EARLY = 1_000  # records of a shard among which good ones are looked for
BEGINNING = 300  # characters of a text that are kept to be looked at
STYLE = "style"  # column of kept vectors


class Read(NamedTuple):
    """Rows as they come: ids, places in the file, vectors (n, d), why one has none, or "", how its text begins.

    style (n, m): how texts are written, see text/style.py; None where it was not asked for or cannot be told.
    """

    ids: list[str]
    places: np.ndarray
    vectors: np.ndarray
    reasons: list[str]
    texts: list[str]
    style: np.ndarray | None = None


def nothing_read(dimensions: int) -> Read:
    """Return what is read where there is no row."""
    return Read([], np.zeros(0, np.int64), np.zeros((0, dimensions), np.float32), [], [])


@dataclass(frozen=True)
class VectorReader:
    """Reads ready vectors of a length from a column of Parquet files; id, text: columns of both, else places are ids.

    masks: JSON of the settings by which texts are to be masked before anybody sees them.
    """

    column: str
    id: str | None = None
    text: str | None = None
    length: int | None = None
    masks: str = "{}"
    rows: int = VECTORS  # at a time

    @property
    def key(self) -> str:
        """Return a hash of all that a row's vector and name depend on."""
        return hashlib.blake2b(
            f"{self.column}\0{self.id}\0{self.text}\0{self.masks}".encode(), digest_size=16
        ).hexdigest()

    def __call__(self, shard: Shard) -> Iterator[Read]:
        """Yield a shard's rows; a file that breaks off gives the rows before the break, and one that says where."""
        place = shard.first
        try:
            for part in read_vectors(
                shard, self.column, length=self.length, id=self.id, text=self.text, batch=self.rows
            ):
                yield Read(*part)
                place += len(part[0])
        except BrokenFile as error:
            reason = f"{error}; the file is read up to here"
            yield Read([""], np.array([place]), np.zeros((1, 0)), [reason], [""])

    def shown(self, texts: Sequence[str]) -> list[str]:
        """Return the beginnings of texts as they may be seen."""
        return _masked([writable(text[:BEGINNING]) for text in texts], json.loads(self.masks))


@dataclass(frozen=True)
class TextReader:
    """Reads records, makes texts of them as a run did, and embeds these; reading: JSON of Config.reading.

    style: whether it is to be told as well how they are written, of which vectors and names do not depend.
    """

    reading: str
    id: str | None = None
    rows: int = TEXTS  # at a time
    style: bool = False

    @property
    def key(self) -> str:
        """Return a hash of all that a row's vector and name depend on."""
        return hashlib.blake2b(f"{self.reading}\0{self.id}".encode(), digest_size=16).hexdigest()

    def shown(self, texts: Sequence[str]) -> list[str]:
        """Return the beginnings of texts as they may be seen; they were masked before they were embedded."""
        return [text[:BEGINNING] for text in texts]

    @property
    def format(self) -> dict[str, Any]:
        """Return how a row becomes a text: the format and where the text is."""
        told = json.loads(self.reading)["text"]
        return {name: told[name] for name in ("format", "column", "columns") if told.get(name)}

    def __call__(self, shard: Shard) -> Iterator[Read]:
        """Yield a shard's rows; those without a text have the reason that a run would put into rejected.parquet."""
        settings = json.loads(self.reading)
        embedder = _embedder(self.reading)
        records = read_shard(shard, id=self.id)
        while batch := list(itertools.islice(records, self.rows)):
            yield _embedded(batch, settings, embedder, style=self.style)


@dataclass(frozen=True)
class KeepingReader:
    """Reads a shard as another reader does, and keeps what it read in a folder, from where it comes the next time.

    A part holds id, file, position, vector (float16, null where there is none), reason, and how the text begins, as
    VectorReader can read it.
    """

    reader: TextReader
    folder: Path
    keep: bool = True  # False: what was kept before is used, nothing new is kept

    @property
    def key(self) -> str:
        """Return the key of the reader that reads what is not kept yet."""
        return self.reader.key

    def shown(self, texts: Sequence[str]) -> list[str]:
        """Return the beginnings of texts as they may be seen."""
        return self.reader.shown(texts)

    def part(self, shard: Shard) -> Path:
        """Return where a shard's vectors are kept."""
        return self.folder / part_name(shard, self.reader.key)

    def has(self, shard: Shard) -> bool:
        """Return whether all that is asked for of a shard is kept."""
        part = self.part(shard)
        return part.exists() and (not self.reader.style or STYLE in pq.read_schema(part).names)

    def __call__(self, shard: Shard) -> Iterator[Read]:
        """Yield a shard's rows."""
        part = self.part(shard)
        if self.has(shard):
            yield from _kept(part)
            return
        if not self.keep:
            yield from self.reader(shard)
            return
        with appending(part) as append:
            append(_to_keep(nothing_read(1)._replace(style=_no_style(self.reader.style)), shard))
            for read in self.reader(shard):
                append(_to_keep(read, shard))
                yield read


def text_reader(
    reading: dict[str, Any], shards: Sequence[Shard], *, id: str | None = None, style: bool = False
) -> TextReader:
    """Return a reader for shards of a source, its format settled by its first records, so that all are read alike.

    reading: of a saved map, see Config.reading. Raises ValueError for a map of own vectors, which no text leads to, for
    a source whose rows are turns, and for an embedder that is not here in the revision that made the map.
    """
    if not reading:
        raise ValueError("nothing tells how the known texts were read: make the map anew, or name a column of vectors")
    if reading["embed"]["column"] or reading["embed"]["file"]:
        raise ValueError(
            "the known vectors are own ones, which no text leads to: name a column of ready vectors in these rows"
        )
    early = (one for shard in shards for one in itertools.islice(read_shard(shard, id=id), EARLY))
    good = itertools.islice((one for one in early if isinstance(one, Record)), FIRST)
    first = [json.loads(one.record) for one in good]
    if not first:
        raise ValueError(f"{shards[0].name}: there is no record here, or none that can be read")
    text = {name: value for name, value in reading["text"].items() if name != "keep"}
    asked = {name: text[name] for name in ("format", "column", "columns", "group", "order")}
    found = complete_format(first, **asked)
    if found["format"] == "grouped":
        raise ValueError(f"{shards[0].name}: its rows are turns of conversations: make a file of whole ones first")
    if found["format"] in ROLELESS:
        text["roles"] = "all"  # whichever the map took: nobody is named
    settled = json.dumps(reading | {"text": text | found}, sort_keys=True)
    if (here := _embedder(settled).identity) != reading["identity"]:
        raise ValueError(f"the known vectors are of {reading['identity']!r}, but here is {here!r}: fetch that revision")
    return TextReader(settled, id, style=style)


def _masked(texts: list[str], masks: dict[str, Any]) -> list[str]:
    if not masks.get("kinds"):
        return texts
    whole = pd.DataFrame({"text": pd.Series(texts, dtype=object)})
    whole = whole.assign(turns=[[0]] * len(whole), speakers=[[None]] * len(whole))
    return redact_texts(whole, **masks)[0]["text"].tolist()


@lru_cache(maxsize=1)
def _embedder(reading: str) -> Embedder:
    return find_embedder(**json.loads(reading)["embed"])


def _embedded(batch: list[Record | Rejected], settings: dict[str, Any], embedder: Embedder, *, style: bool) -> Read:
    good = [one for one in batch if isinstance(one, Record)]
    rows = pd.DataFrame(
        {
            "id": pd.Series([one.id for one in good], dtype=object),
            "position": pd.Series([one.position for one in good], dtype="int64"),
            "record": pd.Series([one.record for one in good], dtype=object),
        }
    )
    texts, unusable = convert_rows(rows, **settings["text"], settled=True)
    texts, _ = redact_texts(texts, **settings["redact"])
    counts = count_texts(texts, tokenizer=embedder.tokenizer, language_rows=0)
    texts = truncate_texts(texts, counts, tokenizer=embedder.tokenizer, **settings["cut"])
    vectors = encode_texts(texts["text"].tolist(), embedder, long_texts=settings["embed"]["long_texts"])
    vectors = vectors.astype(np.float16)  # as they are kept, so that it is the same whether they were
    bad = [(one.position, "", one.reason) for one in batch if isinstance(one, Rejected)]
    bad += unusable[["position", "id", "reason"]].itertuples(index=False, name=None)
    ids = [*texts["id"], *(id for _, id, _ in bad)]
    places = np.array([*texts["position"], *(place for place, _, _ in bad)], dtype=np.int64)
    reasons = [""] * len(texts) + [reason for _, _, reason in bad]
    whole = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
    whole[: len(texts)] = vectors
    begun = [writable(text[:BEGINNING]) for text in texts["text"]] + [""] * len(bad)
    order = np.argsort(places, kind="stable")
    lists = ([column[i] for i in order] for column in (list(map(str, ids)), reasons, begun))
    ids, reasons, begun = lists
    written = None
    if style:
        written = np.zeros((len(ids), len(FIGURES)), dtype=np.float32)
        written[: len(texts)] = style_figures(texts["text"].tolist())
        written = written[order]
    return Read(ids, places[order], whole[order], reasons, begun, written)


def _to_keep(read: Read, shard: Shard) -> pa.Table:
    empty = np.array([bool(reason) for reason in read.reasons], dtype=bool)
    vectors = [None if none else vector for none, vector in zip(empty, read.vectors.astype(np.float16), strict=True)]
    columns = {
        "id": pa.array(read.ids, pa.string()),
        "file": pa.array([shard.name] * len(read.ids), pa.string()),
        "position": pa.array(read.places, pa.int64()),
        "vector": pa.array(vectors, pa.list_(pa.float16())),
        "reason": pa.array(read.reasons, pa.string()),
        "text": pa.array(read.texts, pa.string()),
    }
    return pa.table(columns if read.style is None else columns | {STYLE: _listed(read.style)})


def _no_style(asked: bool) -> np.ndarray | None:
    return np.zeros((0, len(FIGURES)), dtype=np.float32) if asked else None


def _listed(style: np.ndarray) -> pa.Array:
    return pa.array(list(style), pa.list_(pa.float32(), len(FIGURES)))


def _kept(part: Path) -> Iterator[Read]:
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches(batch_size=VECTORS):
            lists, reasons = batch.column("vector"), batch.column("reason").to_pylist()
            good = lists.is_valid().to_numpy(zero_copy_only=False)
            values = lists.drop_null().flatten().to_numpy().astype(np.float32)
            vectors = np.zeros((len(batch), len(values) // good.sum() if good.any() else 0), dtype=np.float32)
            vectors[good] = values.reshape(good.sum(), -1) if good.any() else 0
            places = batch.column("position").to_numpy()
            style = None
            if STYLE in batch.schema.names:
                style = batch.column(STYLE).flatten().to_numpy().reshape(-1, len(FIGURES))
            texts = batch.column("text").to_pylist()
            yield Read(batch.column("id").to_pylist(), places, vectors, reasons, texts, style)
