"""A few of the new rows -> what the whole will take: time, disk, and how much of it the map covers."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from helpers.assign.samples import Sample
from helpers.assign.shards import AssignShard, model_hash
from helpers.shown import percent
from helpers.topics.assigner import Assigner, read_assigner
from helpers.vectors.executors import Workers
from helpers.vectors.new_rows import NewRows, count_rows
from helpers.vectors.readers import nothing_read
from helpers.vectors.shards import Shard, read_shard

SPREAD = 4  # shards that the rows of the pilot come from, from the first to the last
WARM = 32  # rows that are read before any is timed, so that models are loaded
VECTORS = 20_000  # ready vectors of a shard that are tried at most; fewer take no time that could be measured


class Pilot(NamedTuple):
    """rows: a line each, with the beginning of its text; estimate: plain figures of the whole."""

    rows: pd.DataFrame
    estimate: dict[str, Any]


def try_rows(
    new: NewRows,
    model_folder: Path,
    *,
    pilot: int = 1_000,
    reject: float = 0.05,
    place: bool = False,
    keep_vectors: bool = False,
    by: Workers | None = None,
    **_: object,
) -> Pilot:
    """Return some new rows with their topics, and from how long they took the estimate for all (settings of assign).

    The rows come from the beginnings of shards all over the source; with ready vectors they are more.
    estimate: rows (about how many there are), rows_a_second, seconds, row_mb and vector_mb (disk of all), tried,
    rejected, coverage (share of those tried that got a topic) and expected_coverage (of rows like the fitted ones).
    """
    work = AssignShard(model_folder, model_hash(model_folder), new.reader, reject, place)
    assigner, sample = read_assigner(model_folder), Sample(new.reader.shown, pilot)
    shards = _with_rows(new)
    each = -(-pilot // len(shards)) if new.embeds else VECTORS
    _tried(work, shards[:1], WARM, assigner, Sample(new.reader.shown, 1))  # models are loaded
    started = time.perf_counter()
    tables = _tried(work, shards, each, assigner, sample)
    counts = {kind: sum(len(one[kind]) for one in tables) for kind in ("rows", "rejected")}
    rate = sum(counts.values()) / (time.perf_counter() - started) * max(1, len(by.gpus) if by else 1)
    rows = pa.concat_tables([one["rows"] for one in tables])
    total = count_rows(new)
    estimate = {
        "rows": total,
        "rows_a_second": rate,
        "seconds": total / rate if rate else None,
        "row_mb": total * _bytes_a_row(rows) / 1e6,
        "vector_mb": total * 2 * assigner.dimensions / 1e6 if new.embeds and keep_vectors else 0.0,
        "tried": sum(counts.values()),
        "rejected": counts["rejected"],
        "coverage": float((rows["topic"].to_numpy() != -1).mean()) if len(rows) else None,
        "expected_coverage": float(assigner.expected(reject).sum()),
    }
    return Pilot(sample.rows, estimate)


def pilot_table(pilot: Pilot) -> pd.DataFrame:
    """Return the estimate as lines of a name and a value."""
    told = pilot.estimate
    covered = "no row could be used" if told["coverage"] is None else percent(told["coverage"])
    lines = [
        ("rows in the source", f"about {told['rows']:,}"),
        ("rows tried", f"{told['tried']:,}, {told['rejected']:,} of them rejected"),
        ("rows a second", f"{told['rows_a_second']:,.0f}"),
        ("time for all", "not known: no row was read" if told["seconds"] is None else _told(told["seconds"])),
        ("disk for the rows", f"{told['row_mb']:,.1f} MB"),
        ("disk for the vectors", f"{told['vector_mb']:,.1f} MB" if told["vector_mb"] else "not kept"),
        ("coverage of those tried", f"{covered}, expected {percent(told['expected_coverage'])}"),
    ]
    return pd.DataFrame(lines, columns=["what", "found"])


def pilot_rows(pilot: Pilot, topics: pd.DataFrame, *, count: int = 12) -> pd.DataFrame:
    """Return some of the rows tried with the label of their topic: the surest, and those in none first."""
    if pilot.rows.empty:
        return pilot.rows
    label = topics.set_index("topic")["label"]
    shown = pilot.rows.sort_values(["topic", "confidence"], ascending=[True, False], kind="stable")
    shown = pd.concat(
        [shown[shown["topic"] == -1].head(count // 3), shown[shown["topic"] != -1].iloc[:: max(1, len(shown) // count)]]
    )
    told = shown.assign(label=shown["topic"].map(label), next_best=shown["runner_up"].map(label))
    return told[["id", "topic", "label", "confidence", "distance", "next_best", "text"]].head(count)


def _tried(
    work: AssignShard, shards: list[Shard], rows: int, assigner: Assigner, sample: Sample
) -> list[dict[str, pa.Table]]:
    """Return what is made of the first rows of each shard."""
    reader = dataclasses.replace(work.reader, rows=rows)
    tables = []
    for shard in tqdm(shards, "pilot", unit=" shards", delay=2, disable=len(shards) == 1):
        read = next(iter(reader(shard)), nothing_read(assigner.dimensions))
        tables.append(work.assign(shard, read, assigner, sample))
    return tables


def _with_rows(new: NewRows) -> list[Shard]:
    """Return SPREAD shards, from the first to the last, that hold rows; the first one where none is found to."""
    spread = np.unique(np.linspace(0, len(new.shards) - 1, 10 * SPREAD).astype(int))
    found = [shard for shard in (new.shards[line] for line in spread) if _has_rows(shard, new)]
    if not found:
        return new.shards[:1]
    return [found[line] for line in np.unique(np.linspace(0, len(found) - 1, SPREAD).astype(int))]


def _has_rows(shard: Shard, new: NewRows) -> bool:
    if new.embeds:
        return next(read_shard(shard, id=new.reader.id), None) is not None
    return any(read.ids for read in dataclasses.replace(new.reader, rows=1)(shard))


def _bytes_a_row(rows: pa.Table) -> float:
    with tempfile.TemporaryFile() as file:
        pq.write_table(rows, file, compression="zstd")
        return file.tell() / max(1, len(rows))


def _told(seconds: float) -> str:
    """Return a time as people say it.

    >>> _told(40), _told(500), _told(20_000)
    ('40 s', '8 min', '5.6 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3600:,.1f} h"
