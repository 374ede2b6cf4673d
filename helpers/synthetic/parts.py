"""A table of prompts -> parts by a hash of the ids, each a file and a shard, with a log of what was written for it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from helpers.files import appending, fingerprint, plain
from helpers.llm.replies import append_replies, read_entries
from helpers.synthetic.generate import ABOUT, need_prompts
from helpers.vectors.shards import Shard

PROMPTS = 500  # of a part, unless said
PARTS, WRITTEN = "_prompts", "_written"  # folders of the parts and of their logs
LOT = 1_000  # replies that are moved at a time


def part_prompts(prompts: pd.DataFrame, folder: Path, shards: int | None) -> dict[Shard, pa.Table]:
    """Return the prompts of each part that has any, in the order of their ids, by the shard that stands for it."""
    if shards is not None and shards < 1:
        raise ValueError(f"shards: expected 1 or more, got {shards}")
    need_prompts(prompts)
    count = shards or max(1, -(-len(prompts) // PROMPTS))
    about = prompts[[name for name in ABOUT if name in prompts]]
    told = {"id": prompts["id"].astype(str), "prompt": prompts["prompt"].map(_as_text)}
    table = about.assign(**told).sort_values("id", ignore_index=True)
    whole = pa.Table.from_pandas(table, preserve_index=False)  # of one schema, whatever a part lacks
    places = table["id"].map(lambda name: part_of(name, count)).to_numpy()
    found = {}
    for number in sorted(set(places.tolist())):
        part = whole.filter(pa.array(places == number))
        path = folder / PARTS / f"{number:05d}-of-{count:05d}.parquet"
        found[Shard(path, path.stem, fingerprint(part.to_pandas()))] = part
    return found


def part_of(name: str, count: int) -> int:
    """Return the part of so many that a prompt of that id belongs to."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big") % count


def part_number(shard: Shard) -> int:
    """Return which part it is, from 0."""
    return int(shard.path.stem.partition("-")[0])


def part_log(folder: Path, stem: str) -> Path:
    """Return where the replies of the part of that name are kept."""
    return folder / WRITTEN / f"{stem}.jsonl"


def part_logs(folder: Path) -> list[Path]:
    """Return the logs that there are, of whatever number of parts."""
    return sorted((folder / WRITTEN).glob("*-of-*.jsonl"))


def whole_log(folder: Path) -> Path:
    """Return where the replies are kept while all prompts are one part."""
    return part_log(folder, f"{0:05d}-of-{1:05d}")


def write_parts(parts: Mapping[Shard, pa.Table], folder: Path) -> None:
    """Write every part to its file; those of an earlier run that are none of these are removed."""
    for shard, table in parts.items():
        with appending(shard.path) as append:
            append(table)
    for path in set((folder / PARTS).glob("*.parquet")) - {shard.path for shard in parts}:
        path.unlink()


def move_logs(folder: Path, parts: Mapping[Shard, pa.Table]) -> None:
    """Move what was written in another number of parts to the logs of these.

    Where that is stopped, some lines are in two logs, which does no harm.
    """
    count = int(next(iter(parts)).path.stem.rpartition("-")[2]) if parts else 1
    for log in part_logs(folder):
        if not log.stem.endswith(f"-of-{count:05d}"):
            move_replies(log, lambda name: part_log(folder, f"{part_of(name, count):05d}-of-{count:05d}"))


def move_replies(log: Path, to: Callable[[str], Path]) -> None:
    """Move the replies of a log, where there is one, to the log that is told for the id of each one's prompt."""
    entries = (entry for entry in read_entries(log) if isinstance(entry, dict) and "id" in entry)
    while lot := list(islice(entries, LOT)):
        moved = defaultdict(list)
        for entry in lot:
            moved[to(str(entry["id"]))].append(entry)
        for other, some in moved.items():
            append_replies(other, some)
    log.unlink(missing_ok=True)


def _as_text(prompt: Any) -> str:  # noqa: ANN401 - whatever stands in the table
    """Return a prompt as a file holds it: a chat as JSON, nothing for what is none."""
    if isinstance(prompt, str):
        return prompt.encode("utf-8", "replace").decode()
    turns = list(prompt) if isinstance(prompt, (list, tuple, np.ndarray)) else []
    return json.dumps(turns, default=plain) if all(isinstance(turn, dict) for turn in turns) and turns else ""
