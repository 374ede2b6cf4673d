"""A scorer -> the score of every row: those of a run at once, those of another source shard by shard.

How a scorer is made is told in scorer.py, how rows are read in vectors/readers.py, how shards are worked on in
vectors/stream.py.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.clean.filter import filter_parts
from helpers.clean.rules import knows
from helpers.files import read_value, write_value
from helpers.keys import versions
from helpers.quality.encode import Encoded
from helpers.quality.scorer import FACTS, TENSORS, Scorer, read_scorer
from helpers.runs import Run
from helpers.vectors.executors import Workers, choose_workers
from helpers.vectors.new_rows import READING, NewRows, count_rows, open_rows, refuse_to_read_the_output
from helpers.vectors.new_rows import keep_vectors as keeping
from helpers.vectors.readers import KeepingReader, Read, VectorReader, nothing_read
from helpers.vectors.shards import Shard
from helpers.vectors.stream import FOLDERS, ONE_WORKER, Output, Tables, locked, run_shards

VECTORS = "_vectors"  # folder of the vectors that are kept
NEW_COLUMNS = ["id", "file", "position", "score", "int_score"]  # of further rows
ENDS = 5  # rows of a shard with the lowest and with the highest scores that are kept to be looked at


def score_rows(rows: pd.DataFrame, scorer: Scorer, encoded: Encoded) -> pd.DataFrame:
    """Return id, score (float32) and int_score (int16) of the rows of a run; equal texts have equal scores."""
    found = scorer.score(encoded.vectors, encoded.style)
    return found.iloc[rows["vector"].to_numpy()].reset_index(drop=True).pipe(_named, rows["id"].to_numpy())


def save_reading(encoded: Encoded, folder: Path) -> Path:
    """Write beside a scorer how texts become what it reads, so that it can score any source by itself."""
    return write_value(folder / READING, encoded.reading)


def open_new(scorer_folder: Path, **settings: Any) -> NewRows:  # noqa: ANN401
    """Return the rows of a source, to be read as a scorer wants them; settings: of open_rows.

    Raises FileNotFoundError or ValueError for a source or scorer that cannot be used.
    """
    scorer = read_scorer(scorer_folder)
    reading = scorer_folder / READING
    known = read_value(reading) if reading.exists() else {}
    return open_rows(dimensions=scorer.dimensions, reading=known, style=scorer.inputs.needs_style, **settings)


@dataclass(frozen=True)
class ScoreShard:
    """Work on a shard: what the reader finds gets scores; scorer: a hash of the folder's scorer."""

    scorer_folder: Path
    scorer: str
    reader: VectorReader | KeepingReader

    @property
    def key(self) -> str:
        """Return a hash of all that a row's result depends on."""
        told = f"{self.reader.key}\0{self.scorer}\0{versions()['topic-map-kit']}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows and rejected rows, a batch at a time, and the lowest and highest of them in the end.

        rows in = rows + rejected. Raises RuntimeError where the scorer changed meanwhile.
        """
        if scorer_hash(self.scorer_folder) != self.scorer:
            raise RuntimeError(f"{self.scorer_folder} was made anew while its scores were being given: run this again")
        scorer = _scorer(self.scorer_folder, self.scorer)
        ends = _ends([])
        nothing = nothing_read(scorer.dimensions)
        yield self._score(shard, nothing, scorer) | {"samples": _table(ends)}  # columns where there is no row
        for read in self.reader(shard):
            found = self._score(shard, read, scorer)
            shown = self.reader.shown([text for text, bad in zip(read.texts, read.reasons, strict=True) if not bad])
            ends = _ends([ends, found["rows"].to_pandas().assign(text=pd.array(shown, dtype="string"))])
            yield found
        yield {"samples": _table(ends)}

    def _score(self, shard: Shard, read: Read, scorer: Scorer) -> dict[str, pa.Table]:
        bad = np.array([bool(reason) for reason in read.reasons], dtype=bool)
        named = pd.DataFrame({"id": np.array(read.ids, dtype=object), "file": shard.name, "position": read.places})
        named = named.astype({"id": "string", "file": "string", "position": "int64"})
        good = np.zeros((0, scorer.dimensions)) if bad.all() else read.vectors[~bad]
        style = None
        if scorer.inputs.needs_style:
            style = np.zeros((0, len(scorer.inputs.middle))) if bad.all() else read.style[~bad]
        rows = pd.concat([named[~bad].reset_index(drop=True), scorer.score(good, style)], axis=1)
        rejected = named[bad].assign(reason=pd.array(np.array(read.reasons, dtype=object)[bad], dtype="string"))
        return {"rows": _table(rows), "rejected": _table(rejected)}


def score_new(
    new: NewRows,
    scorer_folder: Path,
    folder: Path,
    *,
    keep_vectors: bool = False,
    kept: Path | None = None,
    by: Workers = ONE_WORKER,
    rows: int | None = None,
    **_: object,
) -> list[Path]:
    """Give every row of a source its score and return the parts of the output, Parquet files in folder.

    Each has id, file, position (in the file), score and int_score; rows that cannot be used are in _rejected, with the
    reason, and the lowest and highest of each shard, with the beginnings of their texts, in _samples. keep_vectors:
    those of texts are kept in _vectors. kept: a folder of vectors that were kept before, by assigning topics for
    example, which are used where they are of these rows. by, rows: see run_shards.
    """
    refuse_to_read_the_output(new, folder)
    with locked(folder):
        reader = keeping(new, folder / VECTORS, keep=keep_vectors)
        if new.embeds and kept is not None:
            known = KeepingReader(new.reader, kept, keep=False)
            reader = known if all(known.has(shard) for shard in new.shards) else reader
        work = ScoreShard(scorer_folder, scorer_hash(scorer_folder), reader)
        return run_shards(new.shards, work, Output(folder, work.key), workers=by, rows=rows)


def score_source(
    source: str,
    scorer_folder: Path | str,
    output: Path | str,
    *,
    id: str | None = None,
    split: str = "train",
    column: str | None = None,
    text: Mapping[str, Any] | None = None,
    keep_vectors: bool = False,
    workers: int | str = "auto",
    rows: int | None = None,
) -> list[Path]:
    """Give every row of a source its score and return the parts of the output; see open_rows and score_new.

    workers: processes on this machine; a script that asks for several is to call this beneath its `__main__` guard, as
    they import it.
    """
    new = open_new(Path(scorer_folder), path=source, split=split, id=id, column=column, text=text)
    by = choose_workers(embeds=new.embeds, workers=workers)
    return score_new(new, Path(scorer_folder), Path(output), keep_vectors=keep_vectors, by=by, rows=rows)


def score_table(texts: pd.DataFrame, scorer_folder: Path, output: Path) -> pd.DataFrame | None:
    """Return id, score and int_score of texts (id, text), or None where there is no scorer in scorer_folder.

    output: folder for what score_source writes, and for the texts. Texts longer than the scorer's encoder reads are cut
    as the rows were that it was made of.
    """
    if not (scorer_folder / FACTS).exists():
        return None
    if texts.empty:
        return pd.DataFrame({"id": [], "score": [], "int_score": []}).astype({"id": object, "int_score": "int64"})
    source = write_value(output / "texts.parquet", texts[["id", "text"]])
    about = {"id": "id", "text": {"format": "text", "column": "text"}, "workers": 1, "rows": len(texts)}
    parts = score_source(str(source), scorer_folder, output / "scored", **about)
    return pd.concat([pd.read_parquet(part, columns=["id", "score", "int_score"]) for part in parts])


def score_further(run: Run, scorer_folder: Path) -> dict[str, Any] | None:
    """Return figures of the rows of quality.source, scored and filtered in parts; None where no source is named.

    rows, rejected, scored, by_level (rows by int_score), kept, rules and output: in output/ the scores, in
    output_filtered/ what the rules of quality.keep keep and drop of them, as far as they speak of id, file, position,
    score and int_score, which such rows have; left_out: the other rules.
    """
    quality, folder = run.config.quality, run.path("quality") / run.config.quality.output
    if quality.source is None:
        return None
    new = open_new(scorer_folder, **run.config.new_rows("quality"))
    by = choose_workers(embeds=new.embeds, **quality)
    about = {"by": by, "rows": count_rows(new), "kept": run.path(run.config.assign.output) / VECTORS}
    parts = run.timed("score_new", score_new, new, scorer_folder, folder, keep_vectors=quality.keep_vectors, **about)
    told = [rule for rule in quality.keep if knows(rule, NEW_COLUMNS)]
    kept, rules = filter_parts(parts, folder.with_name(f"{folder.name}_filtered"), keep=told)
    rejected = sum(pq.read_metadata(part.parent / FOLDERS["rejected"] / part.name).num_rows for part in parts)
    levels = sum((_levels(part) for part in parts), Counter())
    return {
        "source": new.path,
        "output": str(folder),
        "rows": sum(levels.values()) + rejected,
        "scored": sum(levels.values()),
        "rejected": rejected,
        "by_level": dict(sorted(levels.items())),
        "kept": sum(pq.read_metadata(part).num_rows for part in kept),
        "rules": rules.to_dict("records"),
        "left_out": [rule for rule in quality.keep if rule not in told],
    }


def further_table(further: dict[str, Any] | None) -> pd.DataFrame | str:
    """Return how many rows of the other source have which level, and are kept, to read."""
    if further is None:
        return "no other source is named: quality.source scores its rows as well, be they millions"
    lines = [(f"int_score {level}", f"{rows:,}") for level, rows in further["by_level"].items()]
    lines = [("scored", f"{further['scored']:,}"), ("rejected", f"{further['rejected']:,}"), *lines]
    lines += [("kept", f"{further['kept']:,}"), *[("rule left out", rule) for rule in further["left_out"]]]
    return pd.DataFrame(lines, columns=["rows", "count"])


def scorer_hash(folder: Path) -> str:
    """Return what changes with all that a scorer's scores depend on."""
    told = [(folder / name).read_bytes() for name in (TENSORS, FACTS)]
    return hashlib.blake2b(b"\0".join(told), digest_size=16).hexdigest()


def _levels(part: Path) -> Counter:
    with pq.ParquetFile(part) as file:
        batches = file.iter_batches(batch_size=1_000_000, columns=["int_score"])
        return sum((Counter(batch.column(0).to_pylist()) for batch in batches), Counter())


@lru_cache(maxsize=1)
def _scorer(folder: Path, state: str) -> Scorer:  # noqa: ARG001 - another state is another scorer
    return read_scorer(folder)


def _named(found: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    found.insert(0, "id", ids)
    return found


def _ends(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows with the lowest and the highest scores of some tables, in the order of their scores."""
    kinds = {"id": "string", "file": "string", "position": "int64", "score": "float32", "int_score": "int16"}
    kinds["text"] = "string"
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    found = pd.concat(tables, ignore_index=True).sort_values(["score", "position"], kind="stable")
    return found if len(found) <= 2 * ENDS else pd.concat([found.head(ENDS), found.tail(ENDS)])


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)
