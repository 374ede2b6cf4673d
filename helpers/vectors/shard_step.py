"""What datatrove's executors run: a step whose task number n does its work on shard number n.

Apart from stream.py because every worker imports it, and with it datatrove.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from datatrove.pipeline.base import PipelineStep
from loguru import logger
from threadpoolctl import threadpool_limits

from helpers.vectors.shards import Shard

logger.disable("datatrove")  # it tells of every task in ten lines; what goes wrong is raised all the same


class EachShard(PipelineStep):
    """Do the work on every shard of a task; workers: how many tasks share this machine's cores."""

    name = "each shard"
    type = "topic map"

    def __init__(self, shards: Sequence[Shard], work: Callable[[Shard], Any], *, workers: int = 1) -> None:
        super().__init__()
        self.shards, self.work, self.workers = list(shards), work, workers

    def run(self, data: Iterable | None = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Work on the shards of this task; the documents of a datatrove pipeline pass through."""
        with threadpool_limits(max(1, (os.cpu_count() or 1) // self.workers)):
            for shard in self.shards[rank::world_size]:
                with self.track_time():
                    self.work(shard)
        yield from data or ()
