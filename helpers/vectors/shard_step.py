"""What datatrove's executors run: a step whose task number n does its work on shard number n.

Apart from stream.py because every worker imports it, and with it datatrove.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datatrove.pipeline.base import PipelineStep
from filelock import FileLock, Timeout
from loguru import logger
from threadpoolctl import threadpool_limits

from helpers.vectors.shards import Shard

logger.disable("datatrove")  # it tells of every task in ten lines; what goes wrong is raised all the same
_claimed: list[FileLock] = []  # of this process, as long as it lives


class EachShard(PipelineStep):
    """Do the work on every shard of a task.

    threads: of a task, where several share a machine; None leaves the process as it is. gpus: names of the cards that
    the tasks of one machine share; each process takes one of its own. locks: folder in which that is written down.
    """

    name = "each shard"
    type = "topic map"

    def __init__(
        self,
        shards: Sequence[Shard],
        work: Callable[[Shard], Any],
        *,
        threads: int | None = None,
        gpus: Sequence[str] = (),
        locks: Path | None = None,
    ) -> None:
        super().__init__()
        self.shards, self.work, self.threads, self.gpus, self.locks = list(shards), work, threads, list(gpus), locks

    def run(self, data: Iterable | None = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Work on the shards of this task; the documents of a datatrove pipeline pass through."""
        if self.threads:  # a process of its own, where torch, which comes later, reads this
            os.environ["OMP_NUM_THREADS"] = str(self.threads)
        if self.gpus and self.locks and not _claimed:
            os.environ["CUDA_VISIBLE_DEVICES"] = claim_gpu(self.gpus, self.locks)
        with threadpool_limits(self.threads):
            for shard in self.shards[rank::world_size]:
                with self.track_time():
                    self.work(shard)
        yield from data or ()


def claim_gpu(gpus: Sequence[str], locks: Path) -> str:
    """Return the first card that no other process has claimed; where all are taken, one that is shared."""
    locks.mkdir(parents=True, exist_ok=True)
    for gpu in gpus:
        lock = FileLock(locks / f"gpu-{gpu}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _claimed.append(lock)
        return gpu
    return gpus[os.getpid() % len(gpus)]
