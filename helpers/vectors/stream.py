"""Shards and what is to be done with each -> a part of the output a shard, by datatrove's executors.

Memory does not grow with the rows: a shard is read, worked on and written a batch at a time. A part stands under its
name only when it is whole, so a run that was stopped, with kill -9 too, goes on with the shards that have none.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.vectors.shards import Shard

# The name of a part, also of one that is being written; see Shard.key and Output.
PART = re.compile(r"\.?.*-\d{9}-[0-9a-f]{16}-[0-9a-f]{12}\.parquet(\.\d+)?")
Tables = Iterator[tuple[pd.DataFrame, pd.DataFrame]]  # rows and rejected rows, a batch at a time, always both


@dataclass(frozen=True)
class Output:
    """A folder with a part a shard in rows/ and in rejected/; key: a hash of all that a row's result depends on."""

    folder: Path
    key: str

    def rows(self, shard: Shard) -> Path:
        """Return where a shard's rows are; the part is whole as soon as this file is there."""
        return self.folder / "rows" / self._name(shard)

    def rejected(self, shard: Shard) -> Path:
        """Return where a shard's rejected rows are."""
        return self.folder / "rejected" / self._name(shard)

    def _name(self, shard: Shard) -> str:
        return f"{shard.key}-{self.key[:12]}.parquet"


def run_shards(
    shards: Sequence[Shard],
    work: Callable[[Shard], Tables],
    output: Output,
    *,
    workers: int = 1,
    executor: Callable[..., Any] | None = None,
) -> list[Path]:
    """Do the work on every shard that has no part yet, and return the parts of all, in the shards' order.

    work: gives rows and rejected rows of a shard; it is sent to other processes. Earlier parts, of other shards or made
    by other settings, are removed, no other file is: the output is that of these shards, each of them once, whatever
    ran before. workers: processes on this machine, which share its cores. executor: what makes a datatrove executor
    from pipeline, tasks and logging_dir; its LocalPipelineExecutor unless named. Raises what the work raises, and
    RuntimeError where a part is missing in the end.
    """
    from functools import partial

    from helpers.vectors.shard_step import EachShard

    wanted = [output.rows(shard) for shard in shards]
    _remove_others(output, shards)
    todo = [shard for shard, part in zip(shards, wanted, strict=True) if not part.exists()]
    if todo:
        # Named by what is to be done: no marker of another run, with other shards or settings, passes for one of this.
        told = "\n".join([output.key, *(shard.key for shard in todo)])
        logs = output.folder / "logs" / hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
        shutil.rmtree(logs, ignore_errors=True)  # a part that is gone is made again, whatever a marker says
        step = EachShard(todo, partial(_write, work, output), workers=workers)
        make = executor or partial(_local, workers=min(workers, len(todo)))
        _watched(make(pipeline=[step], tasks=len(todo), logging_dir=str(logs)), wanted)
    if missing := [shard.name for shard, part in zip(shards, wanted, strict=True) if not part.exists()]:
        raise RuntimeError(f"{len(missing)} of {len(shards)} shards have no part yet: {', '.join(missing[:5])}")
    return wanted


def _write(work: Callable[[Shard], Tables], output: Output, shard: Shard) -> Path:
    return write_part(work(shard), output, shard)


def _local(**settings: Any) -> Any:  # noqa: ANN401 - a datatrove executor
    from datatrove.executor import LocalPipelineExecutor

    return LocalPipelineExecutor(**settings)


def _watched(executor: Any, parts: Sequence[Path]) -> None:  # noqa: ANN401
    """Run an executor; meanwhile a bar shows how many parts there are."""
    from tqdm import tqdm

    done = sum(part.exists() for part in parts)
    with ThreadPoolExecutor(1) as pool, tqdm(total=len(parts), initial=done, desc="shards", unit=" shards") as bar:
        running = pool.submit(executor.run)
        while wait([running], timeout=1).not_done:
            bar.update(sum(part.exists() for part in parts) - bar.n)
        bar.update(sum(part.exists() for part in parts) - bar.n)
        running.result()


def write_part(tables: Tables, output: Output, shard: Shard) -> Path:
    """Write the batches of a shard to its part and return it; the rows come last, as they say that it is whole."""
    parts = [output.rows(shard), output.rejected(shard)]
    unfinished = [part.with_name(f".{part.name}.{os.getpid()}") for part in parts]
    writers: list[Any] = [None, None]
    for part in parts:
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        for batch in tables:
            for at, table in enumerate(batch):
                writers[at] = _append(writers[at], unfinished[at], table)
        for writer in writers:
            if writer is None:
                raise ValueError(f"{shard.name}: nothing was made of it, not even an empty table")
            writer.close()
        for path, part in reversed(list(zip(unfinished, parts, strict=True))):
            os.chmod(path, 0o600)
            os.replace(path, part)
    finally:
        for path in unfinished:
            path.unlink(missing_ok=True)
    return parts[0]


def _append(writer: Any, path: Path, table: pd.DataFrame) -> Any:  # noqa: ANN401 - pyarrow's ParquetWriter
    import pyarrow as pa
    import pyarrow.parquet as pq

    if writer is None:
        writer = pq.ParquetWriter(path, pa.Schema.from_pandas(table, preserve_index=False), compression="zstd")
    if len(table):
        writer.write_table(pa.Table.from_pandas(table, schema=writer.schema, preserve_index=False))
    return writer


def _remove_others(output: Output, shards: Sequence[Shard]) -> None:
    wanted = {path for shard in shards for path in (output.rows(shard), output.rejected(shard))}
    for folder in ("rows", "rejected"):
        for path in (output.folder / folder).glob("*"):
            if PART.fullmatch(path.name) is None:
                continue  # nothing that this file did not write
            if path not in wanted or (folder == "rejected" and not (output.folder / "rows" / path.name).exists()):
                path.unlink()
