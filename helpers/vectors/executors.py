"""Settings of where shards are worked on -> what makes a datatrove executor for it: this machine, Slurm, or Ray.

The work and its parts are the same on all of them, see stream.py. Slurm and Ray want the output and the source on a
disk that all their machines see, and this kit installed there.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from joblib import cpu_count

MOST = 1_000  # tasks that a cluster is given at once
POLL = 10  # seconds between two looks at Slurm's queue
SILENT = 60  # looks in a row that may go unanswered
CORES = 8  # of a worker that embeds texts on a CPU; more of them do not make a small model faster


@dataclass(frozen=True)
class Workers:
    """How many shards are worked on at once, and by what; made from settings by choose_workers.

    threads: of each; None: as the process has them. gpus: names of the cards of this machine that they share. executor:
    makes a datatrove executor from pipeline, tasks and logging_dir.
    """

    count: int = 1
    threads: int | None = None
    gpus: tuple[str, ...] = ()
    executor: Callable[..., Any] | None = None

    def make_executor(self, **settings: Any) -> Any:  # noqa: ANN401
        """Return an executor of that pipeline, tasks and logging_dir."""
        if self.executor:
            return self.executor(**settings, workers=min(self.count, settings["tasks"]))
        from datatrove.executor import LocalPipelineExecutor

        return LocalPipelineExecutor(**settings, workers=min(self.count, settings["tasks"]))


def choose_workers(
    *,
    embeds: bool,
    executor: str = "local",
    workers: int | str = "auto",
    slurm: Mapping[str, Any] | None = None,
    ray: Mapping[str, Any] | None = None,
    launches: bool = True,
    **_: object,
) -> Workers:
    """Return what works on shards (settings of assign): on this machine so many processes, which part its cores.

    "auto" is one a GPU, and without one by the cores. embeds: whether texts are embedded, which one worker does with
    several cores; else two cores have one worker. Raises RuntimeError where Slurm or Ray is not to be had here, unless
    it is only to be told what would be launched.
    """
    if executor == "slurm":
        if launches and shutil.which("sbatch") is None:
            raise RuntimeError("executor: slurm: no command `sbatch` here; run this on a machine of the cluster")
        return Workers(_many(workers), slurm["cpus_per_task"], executor=partial(SlurmRun, **slurm))
    if executor == "ray":
        # Not imported: what is set before that counts, see RayRun.
        if launches and importlib.util.find_spec("ray") is None:
            raise RuntimeError('executor: ray is not installed: pip install -e ".[scale]"')
        return Workers(_many(workers), ray["cpus_per_task"], executor=partial(RayRun, **ray))
    gpus = visible_gpus() if embeds else []
    count = workers if workers != "auto" else len(gpus) or max(1, cpu_count() // (CORES if embeds else 2))
    threads = None if count == 1 else max(1, cpu_count() // count)
    return Workers(count, threads, tuple(gpus) if count > 1 else ())


def visible_gpus() -> list[str]:
    """Return the names, for CUDA_VISIBLE_DEVICES, of the CUDA cards that this process may use."""
    import torch

    if not torch.cuda.is_available():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]


def _many(workers: int | str) -> int:
    """Return how many tasks a cluster may run at once: as many as it will, unless said."""
    return MOST if workers == "auto" else int(workers)


class SlurmRun:
    """An array job of Slurm; run() submits it and waits until it has left the queue."""

    def __init__(self, *, setup: str, options: Mapping[str, str], **settings: Any) -> None:  # noqa: ANN401
        """Take the settings of Slurm, see assign_settings.py, beside pipeline, tasks, logging_dir and workers."""
        from datatrove.executor import SlurmPipelineExecutor

        self.left = False
        # Whatever shell a node starts with, the kit's own Python comes first.
        first = f"export PATH={Path(sys.executable).parent}:$PATH OMP_NUM_THREADS={settings['cpus_per_task']}"
        own = {"env_command": f"{first}\n{setup}", "sbatch_args": dict(options)}
        self.job = SlurmPipelineExecutor(**settings, **own, job_name="topic-map", mail_type="NONE")

    def run(self) -> None:
        """Submit the job and wait for its end; stopping this does not stop the job."""
        self.job.run()
        if self.job.job_id in (None, -1):
            return
        print(f"slurm: job {self.job.job_id}; stopping this notebook does not stop it (scancel does)", flush=True)  # noqa: T201
        silent = 0
        while silent < SILENT and not self.left:
            state = self._state()
            if state == "gone":
                return
            silent = silent + 1 if state == "unknown" else 0
            time.sleep(POLL)

    def leave(self) -> None:
        """Wait no longer; the job goes on."""
        self.left = True

    def _state(self) -> str:
        """Return whether the job is "queued" (or runs), "gone", or "unknown" where Slurm does not answer."""
        if shutil.which("squeue") is None:
            return "gone"
        asked = ["squeue", "--noheader", "--jobs", str(self.job.job_id), "--format", "%i"]
        shown = subprocess.run(asked, capture_output=True, text=True)
        if shown.returncode:
            return "gone" if "invalid job id" in shown.stderr.lower() else "unknown"
        return "queued" if shown.stdout.strip() else "gone"


class RayRun:
    """Tasks of a Ray cluster: one that runs at address, or one of this machine alone that ends with them."""

    def __init__(self, *, address: str | None, **settings: Any) -> None:  # noqa: ANN401
        """Take the settings of Ray, see assign_settings.py, beside pipeline, tasks, logging_dir and workers."""
        self.address, self.settings = address, settings
        self.cpus = settings["workers"] * settings["cpus_per_task"]

    def run(self) -> None:
        """Run the tasks and wait for their end."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # else Ray tells its makers
        if not self.address:  # and what runs on this machine alone listens on its loopback alone
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        import ray
        from datatrove.executor import RayPipelineExecutor

        if ray.is_initialized():  # the user's own, which is left as it is
            RayPipelineExecutor(**self.settings).run()
            return
        with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # the owner's alone, as logs name files
            alone = {"num_cpus": self.cpus, "include_dashboard": False, "_temp_dir": folder}
            quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
            ray.init(address=self.address, **quiet, **({} if self.address else alone))
            try:
                RayPipelineExecutor(**self.settings).run()
            finally:
                ray.shutdown()
