"""A piece of work -> its seconds and the most memory that it held, in this process and on the GPU.

What is done with the figures is told in runs.py.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

MEGABYTE = 1024**2


class Measure:
    """Context that holds `seconds`, `peak_memory_mb` and `peak_gpu_memory_mb` (None without a card) at its end.

    Memory is this process's resident set, looked at ten times a second: the operating system's own
    high-water mark never falls, so it cannot tell one stage from another.
    """

    def __enter__(self) -> Measure:
        import psutil

        self._process = psutil.Process()
        self._started, self._peak = time.perf_counter(), self._process.memory_info().rss
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        cuda = _cuda()
        if cuda is not None:
            cuda.reset_peak_memory_stats()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watch.join()
        self.seconds = round(time.perf_counter() - self._started, 2)
        self.peak_memory_mb = round(max(self._peak, self._process.memory_info().rss) / MEGABYTE)
        cuda = _cuda()
        self.peak_gpu_memory_mb = None if cuda is None else round(cuda.max_memory_allocated() / MEGABYTE)

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self._peak = max(self._peak, self._process.memory_info().rss)


def _cuda():  # noqa: ANN202 - torch.cuda, or None where torch is not loaded or has no card
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
