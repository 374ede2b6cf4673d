"""Shards and what is to be done with each -> a part of the output a shard, by datatrove's executors.

Memory does not grow with the rows: a shard is read, worked on and written a batch at a time. A part stands under its
name only when it is whole, so a run that was stopped, with kill -9 too, goes on with the shards that have none.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from helpers.files import appending, write_atomically
from helpers.vectors.executors import Workers
from helpers.vectors.shards import Shard

# The name of a part, also of one that is being written; see Shard.key and Output.
PART = re.compile(r"\.?.*-\d{9}-[0-9a-f]{16}-[0-9a-f]{12}\.parquet(\.\d+)?")
# Where each kind of table of a shard goes. Readers of a folder of Parquet files pass over names that begin with _.
FOLDERS = {"rows": "", "rejected": "_rejected", "samples": "_samples"}
LOGS = "_logs"
STOP = "stop"  # file in the logs that tells workers to end after a batch
ONE_WORKER = Workers()
Tables = Iterator[dict[str, pa.Table]]  # a batch at a time; the first has all kinds, be they empty


@dataclass(frozen=True)
class Output:
    """A folder with a part a shard, of rows and of other kinds; key: a hash of all that a row's result depends on."""

    folder: Path
    key: str

    def part(self, shard: Shard, kind: str = "rows") -> Path:
        """Return where a shard's table of a kind is; all are whole as soon as that of the rows is there."""
        return self.folder / FOLDERS[kind] / part_name(shard, self.key)


def part_name(shard: Shard, key: str) -> str:
    """Return the name of what is made of a shard; key: a hash of all that it depends on besides."""
    return f"{shard.key}-{key[:12]}.parquet"


def run_shards(
    shards: Sequence[Shard],
    work: Callable[[Shard], Tables],
    output: Output,
    *,
    workers: Workers = ONE_WORKER,
    rows: int | None = None,
) -> list[Path]:
    """Do the work on every shard that has no part yet, and return the parts of the rows of all, in the shards' order.

    work: gives tables of a shard; it is sent to other processes. Earlier parts, of other shards or made by other
    settings, are removed, no other file is: the output is that of these shards, each of them once, whatever ran before.
    rows: about how many there are, so that the bar can tell the time left. Raises what the work raises, and
    RuntimeError where a part is missing in the end, or another run is at work in the folder.
    """
    with locked(output.folder):
        return _run(shards, work, output, workers, rows)


def _run(
    shards: Sequence[Shard], work: Callable[[Shard], Tables], output: Output, workers: Workers, rows: int | None
) -> list[Path]:
    from helpers.vectors.shard_step import EachShard

    wanted = [output.part(shard) for shard in shards]
    _remove_others(output, shards)
    todo = [shard for shard, part in zip(shards, wanted, strict=True) if not part.exists()]
    if todo:
        # Named by what is to be done: no marker of another run, with other shards or settings, passes for one of this.
        told = "\n".join([output.key, *(shard.key for shard in todo)])
        logs = output.folder / LOGS / hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
        shutil.rmtree(logs, ignore_errors=True)  # a part that is gone is made again, whatever a marker says
        parted = workers.executor or min(workers.count, len(todo)) > 1  # else this process does it all
        each = {"threads": workers.threads, "gpus": workers.gpus, "locks": logs / "gpus"} if parted else {}
        step = EachShard(todo, partial(_write, work, output, logs), **each)
        executor = workers.make_executor(pipeline=[step], tasks=len(todo), logging_dir=str(logs))
        _watched(executor, Progress(output, shards, logs), rows, stop=logs / STOP)
        if missing := [shard for shard in todo if not output.part(shard).exists()]:
            names = ", ".join(shard.name for shard in missing[:5])
            cause = next(iter(_causes(logs, missing)), f"look into {logs}")
            raise RuntimeError(f"{len(missing)} of {len(shards)} shards have no part yet ({names}): {cause}")
    return wanted


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder, which the system lets go however this process ends; one may hold it twice.

    Raises RuntimeError where another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(folder / "_lock", timeout=0, is_singleton=True):
            yield
    except Timeout:
        raise RuntimeError(f"{folder}: another run is at work here; wait for its end, or name another folder") from None


def write_parts(tables: Tables, output: Output, shard: Shard) -> Path:
    """Write the batches of a shard to its parts and return that of the rows, which is written last."""
    with ExitStack() as stack:  # what is entered first is finished last
        appends = {kind: stack.enter_context(appending(output.part(shard, kind))) for kind in FOLDERS}
        for batch in tables:
            for kind, table in batch.items():
                appends[kind](table)
    return output.part(shard)


def remove_parts(folder: Path, wanted: Iterable[Path]) -> None:
    """Remove the parts of a folder, whole or not, that are not wanted; other files stay."""
    wanted = set(wanted)
    for path in folder.glob("*"):
        if PART.fullmatch(path.name) and path not in wanted:
            path.unlink()


class Progress:
    """How many rows are done, as seen from the files that workers write, wherever they work."""

    def __init__(self, output: Output, shards: Sequence[Shard], logs: Path) -> None:
        self.output, self.open, self.logs, self.whole = output, list(shards), logs, 0

    def rows(self) -> int:
        """Return the rows done so far, those of earlier runs too."""
        for shard in [shard for shard in self.open if self.output.part(shard).exists()]:
            self.open.remove(shard)
            self.whole += sum(pq.read_metadata(self.output.part(shard, k)).num_rows for k in ("rows", "rejected"))
        return self.whole + sum(_said(_counted(self.logs, shard)) for shard in self.open)


def _write(work: Callable[[Shard], Tables], output: Output, logs: Path, shard: Shard) -> Path:
    try:
        return write_parts(_counting(work(shard), _counted(logs, shard), logs / STOP), output, shard)
    except BaseException as error:  # not every executor says why a task failed
        cause = "".join(traceback.format_exception_only(error)).strip()
        write_atomically(_failed(logs, shard), f"{cause}\n\n{traceback.format_exc()}")
        raise


def _counting(tables: Tables, path: Path, stop: Path) -> Tables:
    """Yield the tables and write to path how many rows have passed; raises InterruptedError when stop is there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = 0
    for batch in tables:
        yield batch
        rows += sum(len(batch[kind]) for kind in ("rows", "rejected") if kind in batch)
        path.write_text(str(rows))
        if stop.exists():
            raise InterruptedError("stopped; run it again, and it goes on with the shards that have no part")


def _counted(logs: Path, shard: Shard) -> Path:
    return logs / "rows" / f"{shard.key}.txt"


def _said(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):  # not begun, or just being written
        return 0


def _failed(logs: Path, shard: Shard) -> Path:
    return logs / "failed" / f"{shard.key}.txt"


def _causes(logs: Path, shards: Sequence[Shard]) -> Iterator[str]:
    for path in (_failed(logs, shard) for shard in shards):
        if path.exists():
            yield f"{path.read_text('utf-8').partition(chr(10))[0]} (all of it in {path})"


def _watched(executor: Any, progress: Progress, rows: int | None, *, stop: Path) -> None:  # noqa: ANN401
    """Run an executor; meanwhile a bar shows how many rows are done. An interrupt ends it after the next batch."""
    from tqdm import tqdm

    done = progress.rows()
    bar = tqdm(total=rows and max(rows, done), initial=done, desc="rows", unit=" rows", mininterval=1, smoothing=0)

    def look() -> None:
        more = progress.rows() - bar.n
        if bar.total and bar.n + more > bar.total:  # it was a guess
            bar.total = bar.n + more
        if more:
            bar.update(more)

    with ThreadPoolExecutor(1) as pool, bar:
        running = pool.submit(executor.run)
        try:
            while wait([running], timeout=1).not_done:
                look()
        except BaseException:
            getattr(executor, "leave", stop.touch)()  # tasks of a cluster's queue go on by themselves
            raise
        look()
        running.result()


def _remove_others(output: Output, shards: Sequence[Shard]) -> None:
    for kind in FOLDERS:
        whole = [shard for shard in shards if kind == "rows" or output.part(shard).exists()]
        remove_parts(output.folder / FOLDERS[kind], [output.part(shard, kind) for shard in whole])
