"""The run folder: what is in it, what made it, and each stage done once.

runs/NAME/
  manifest.json     settings, versions and source; for every stage its key, seconds, peak memory, counts
  rows.parquet      one line a row: id, text, ..., topic, confidence, x, y        rejected.parquet  position, reason
  vectors.npy       float16, a line a unique text     reduced.npy, points.npy     the same in k and 2 dimensions
  topics.parquet    one line a topic                  labels.jsonl                every prompt and reply
  model/            the fitted BERTopic, centroids    map.html, *.png, report.*   what people look at
  stages/           what one stage hands the next

A stage's key is a hash of its inputs, its settings and the code that it runs, so a changed setting starts at the
stage that reads it. All files are the owner's alone.
"""

from __future__ import annotations

import datetime
import hashlib
import inspect
import json
import os
import shutil
import stat
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.config import ROOT, file_stem, read_config
from helpers.files import fingerprint, read_value, write_atomically, write_value
from helpers.measure import Measure
from helpers.settings import Config

RUNS = ROOT / "runs"

# What each stage leaves for the next, in the order of the way of the data; a stage is named for its module.
STAGES = {
    "load": ("stages/loaded.parquet", "stages/unreadable.parquet"),
    "strings": ("stages/texts.parquet", "stages/unusable.parquet"),
    "redact": ("stages/redacted.parquet", "stages/redactions.json"),
    "audit": ("stages/counts.parquet",),
    "truncate": ("stages/truncated.parquet",),
    "embed": ("vectors.npy", "stages/embedding.json"),
    "reduce": ("reduced.npy", "points.npy"),
    "cluster": ("stages/clusters.parquet",),
    "describe": ("stages/described.parquet",),
    "label": ("topics.parquet",),
}
PACKAGES = (
    "bertopic bitsandbytes datamapplot datasets hdbscan numpy pandas scikit-learn sentence-transformers torch "
    "transformers umap-learn"
).split()


@dataclass(frozen=True)
class Run:
    """One dataset's settings and the folder that its results go to."""

    name: str
    config: Config
    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of a file or folder in the run folder."""
        return self.folder / name

    @property
    def manifest(self) -> dict[str, Any]:
        """Return what is known of the run: settings, versions, stages."""
        path = self.path("manifest.json")
        return read_value(path) if path.exists() else {}

    def note(self, **facts: Any) -> None:  # noqa: ANN401
        """Put facts into the manifest."""
        write_value(self.path("manifest.json"), {**self.manifest, **facts})

    def stage(
        self,
        function: Callable,
        *data: Any,  # noqa: ANN401 - frames, arrays, settings and what a stage returns are of many types
        fresh: object = None,
        **settings: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return what function(*data, **settings) returns, from the run folder when it was made there before.

        Paths among the settings say where something is written; they and None do not count. A setting that names a
        file counts with the file's size and time. `fresh` is anything else that the result depends on.
        """
        name = function.__module__.rsplit(".", 1)[-1]
        files = [self.path(file) for file in STAGES[name]]
        key = _key(function, data, settings, fresh)
        done = self.manifest.get("stages", {})
        if done.get(name, {}).get("key") == key and all(file.exists() for file in files):
            print(f"{name}: as before ({done[name]['seconds']:.1f} s when it was made)")  # noqa: T201
            return _one_or_all([read_value(file) for file in files])
        # Forgotten before its files change: a run that is killed here does not take new files for old ones.
        self.note(stages={other: record for other, record in done.items() if other != name})
        with Measure() as measure:
            result = function(*data, **settings)
        values = result if isinstance(result, tuple) else (result,)
        for file, value in zip(files, values, strict=True):
            write_value(file, value)
        self._record(name, key, measure, values)
        return _one_or_all([read_value(file) for file in files])

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Record what the work inside costs, for work whose results are only files to look at."""
        with Measure() as measure:
            yield
        self._record(name, "", measure, ())

    def save(self, name: str, value: Any) -> Path:  # noqa: ANN401
        """Write a frame, an array or plain values to a file of the run folder."""
        return write_value(self.path(name), value)

    def show(self, figure: Any, name: str) -> Any:  # noqa: ANN401 - matplotlib Figure -> IPython Image
        """Save a matplotlib figure as a PNG of the run folder and return it for the notebook to show."""
        import io

        from IPython.display import Image

        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=110)
        write_atomically(self.path(name), picture.getvalue())
        return Image(picture.getvalue())

    def need_rows(self, texts: pd.DataFrame, rejected: pd.DataFrame) -> None:
        """Raise ValueError, saying what was rejected and why, when no row is left to work on."""
        if texts.empty:
            reasons = "; ".join(f"{n} x {reason}" for reason, n in rejected["reason"].value_counts().head(3).items())
            raise ValueError(
                f"{self.config.source.path}: no row with text; {len(rejected)} rejected "
                f"({reasons or 'the source is empty'}). Look at {self.path('rejected.parquet')} and at the settings of "
                "source and text"
            )

    def costs(self) -> pd.DataFrame:
        """Return a line a stage: seconds, peak memory of this process and of the GPU in MB, what came out."""
        stages = self.manifest.get("stages", {})
        return pd.DataFrame(
            [
                {"stage": name, **{k: v for k, v in stages[name].items() if k != "key"}}
                for name in sorted(stages, key=[*STAGES, *stages].index)
            ]
        )

    def _record(self, name: str, key: str, measure: Measure, values: tuple) -> None:
        record = {
            "key": key,
            "seconds": measure.seconds,
            "peak_memory_mb": measure.peak_memory_mb,
            "peak_gpu_memory_mb": measure.peak_gpu_memory_mb,
            "counts": [len(value) for value in values],
        }
        self.note(stages={**self.manifest.get("stages", {}), name: record})
        sys.stderr.flush()  # a progress bar is finished before its stage is reported
        gpu = "" if measure.peak_gpu_memory_mb is None else f", GPU {measure.peak_gpu_memory_mb:,} MB"
        print(f"{name}: {measure.seconds:.1f} s, peak memory {measure.peak_memory_mb:,} MB{gpu}")  # noqa: T201


def open_run(dataset: str, overrides: dict[str, Any] | None = None, runs: str | Path | None = None) -> Run:
    """Return the run of a dataset: its settings checked, its folder made (readable by its owner only).

    dataset: see config.read_config. runs: the folder that holds the run folders; `runs/` of the kit by default.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that spin while they wait make torch many times slower as soon as another program wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.filterwarnings("ignore", message="IProgress not found")  # progress is plain text everywhere
    pd.set_option("display.max_colwidth", 300)  # texts are shown to be read
    name, config = read_config(dataset, overrides)
    folder = runs_folder(runs) / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    run = Run(name, config, folder)
    run.note(
        name=name,
        dataset=str(dataset),
        settings=config.model_dump(),
        versions=versions(),
        opened=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return run


def runs_folder(runs: str | Path | None = None) -> Path:
    """Return the folder of all run folders."""
    return Path(runs).expanduser().resolve() if runs else RUNS


def list_runs(runs: str | Path | None = None) -> pd.DataFrame:
    """Return a line a run: dataset, when, rows, topics, coverage, size in MB."""
    lines = []
    for path in sorted(runs_folder(runs).glob("*/manifest.json")):
        report = path.parent / "report.json"
        figures = read_value(report) if report.exists() else {}
        lines.append(
            {
                "name": path.parent.name,
                "title": read_value(path).get("settings", {}).get("title"),
                "rows": figures.get("rows"),
                "topics": figures.get("topics"),
                "coverage": figures.get("coverage"),
                "opened": read_value(path).get("opened"),
                "size_mb": round(folder_size(path.parent) / 1e6, 1),
            }
        )
    return pd.DataFrame(lines)


def forget(dataset: str, runs: str | Path | None = None) -> dict[str, int]:
    """Delete a dataset's run folder and the vectors only it uses, clear its notebooks' outputs; return what went.

    Raises FileNotFoundError when there is no such run.
    """
    from helpers.notebooks import clear_copies
    from helpers.vectors.cache import VectorCache

    folder = runs_folder(runs) / file_stem(dataset)
    if not folder.is_dir():
        known = ", ".join(path.parent.name for path in sorted(runs_folder(runs).glob("*/manifest.json"))) or "none"
        raise FileNotFoundError(f"no run {dataset!r} in {folder.parent}; runs are: {known}")
    freed, files = folder_size(folder), sum(path.is_file() for path in folder.rglob("*"))
    vectors = VectorCache(folder.parent).forget(folder.name)
    shutil.rmtree(folder)
    return {"files": files, "bytes": freed, "vectors": vectors, "notebooks": clear_copies(folder.name)}


def folder_size(folder: Path) -> int:
    """Return the bytes of all files under folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@lru_cache
def versions() -> dict[str, str]:
    """Return the version of Python, of the kit and of every package that a result depends on."""
    import platform

    found = {"python": platform.python_version(), "topic-map-kit": _version("topic-map-kit")}
    return found | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _key(function: Callable, data: tuple, settings: dict[str, Any], fresh: object) -> str:
    parts = {
        "code": _code(function),
        "data": [fingerprint(value) for value in data],
        "settings": {
            name: fingerprint([value, _file_state(value)] if isinstance(value, str) else value)
            for name, value in sorted(settings.items())
            if not isinstance(value, Path) and value is not None
        },
        "fresh": fingerprint(fresh),
        "versions": versions(),
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _file_state(name: str) -> list[int] | None:
    try:
        state = os.stat(name)
    except (OSError, ValueError):
        return None
    return [state.st_size, state.st_mtime_ns] if stat.S_ISREG(state.st_mode) else None


def _code(function: Callable) -> str:
    """Return the function's name and a hash of its folder's code, so that a mended stage is made again."""
    folder = Path(inspect.getfile(function)).parent
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return f"{function.__module__}.{function.__qualname__} {digest.hexdigest()}"


def _one_or_all(values: list[Any]) -> Any:  # noqa: ANN401
    return values[0] if len(values) == 1 else tuple(values)
