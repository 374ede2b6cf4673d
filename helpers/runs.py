"""The run folder: what is in it, what made it, and each stage done once.

runs/NAME/
  manifest.json     settings, versions and source; for every stage its key, seconds, peak memory
  rows.parquet      one line a row: id, text, ..., topic, confidence, x, y        rejected.parquet  position, reason
  vectors.npy       float16, a line a unique text     reduced.npy, points.npy     the same in k and 2 dimensions
  topics.parquet    one line a topic                  layers.parquet              broader topics that hold them
  labels.jsonl      every prompt and reply            clean/         near-duplicates, benchmark text in rows
  edits.yaml        what was changed by hand          explore/       answers to what the map was asked
  model/            the fitted BERTopic, centroids    map.html, *.png, report.*   what people look at
  stages/           what one stage hands the next

A stage's key is a hash of its inputs, its settings and the code that it runs, so a changed setting starts at the
stage that reads it. All files are the owner's alone.
"""

from __future__ import annotations

import datetime
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.config import ROOT, configured, read_config
from helpers.files import read_value, write_atomically, write_value
from helpers.keys import stage_key, versions
from helpers.measure import Measure
from helpers.settings import Config
from helpers.shown import show_tables_to_read
from helpers.stages import FINISHED, RESULTS, RESULTS_OF, STAGES

RUNS = ROOT / "runs"


@dataclass(frozen=True)
class Run:
    """One dataset's settings and the folder that its results go to."""

    name: str
    config: Config
    folder: Path
    opened: str = ""

    def path(self, name: str) -> Path:
        """Return the path of a file or folder in the run folder."""
        return self.folder / name

    @property
    def manifest(self) -> dict[str, Any]:
        """Return what is known of the run: settings, versions, stages."""
        return read_manifest(self.folder)

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
        key = stage_key(function, data, settings, fresh=fresh)
        done = self.manifest.get("stages", {})
        record = done.get(name, {})
        beside = [self.path(one) for one in record.get("beside", [])]
        if record.get("key") == key and all(file.exists() for file in [*files, *beside]):
            print(f"{name}: as before ({record['seconds']:.1f} s when it was made)", flush=True)  # noqa: T201
            return _one_or_all([read_value(file) for file in files])
        # Forgotten before its files change: a run that is killed here does not take new files for old ones.
        self.note(stages={other: record for other, record in done.items() if other != name})
        print(f"{name} ...", flush=True)  # noqa: T201
        with Measure() as measure:
            result = function(*data, **settings)
        values = result if isinstance(result, tuple) else (result,)
        self._need_to_be_the_only_one()
        for file in RESULTS_OF.get(name, RESULTS):  # no two files of a run folder tell of different topics
            self.path(file).unlink(missing_ok=True)
        for file, value in zip(files, values, strict=True):
            write_value(file, value)
        written = [one for one in settings.values() if isinstance(one, Path) and one.parent == self.folder]
        self._record(name, key, measure, beside=sorted(one.name for one in written if one.exists()))
        return _one_or_all([read_value(file) for file in files])

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Record what the work inside costs, for work whose results are only files to look at."""
        with Measure() as measure:
            yield
        self._record(name, "", measure)

    def timed(self, name: str, function: Callable, *data: Any, **settings: Any) -> Any:  # noqa: ANN401
        """Return what function(*data, **settings) returns, and record what it cost; it keeps its results itself."""
        with self.measured(name):
            return function(*data, **settings)

    def save(self, name: str, value: Any) -> Path:  # noqa: ANN401
        """Write a frame, an array or plain values to a file of the run folder."""
        return write_value(self.path(name), value)

    def show(self, figure: Any, name: str) -> Any:  # noqa: ANN401 - matplotlib Figure -> IPython Image
        """Save a matplotlib figure as a PNG of the run folder and return it for the notebook to show.

        A sentence in its place, which says why there is nothing to draw, is returned as it is, and an older picture
        goes.
        """
        if isinstance(figure, str):
            self.path(name).unlink(missing_ok=True)
            return figure
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
        """Return a line a stage: seconds, peak memory of this process and of the GPU in MB."""
        stages = self.manifest.get("stages", {})
        return pd.DataFrame(
            [
                {"stage": name, **{k: v for k, v in stages[name].items() if k not in ("key", "beside")}}
                for name in sorted(stages, key=[*STAGES, *stages].index)
            ]
        )

    def _need_to_be_the_only_one(self) -> None:
        """Raise RuntimeError when the run was opened again meanwhile: two at once would mix their files."""
        if self.manifest.get("opened") != self.opened:
            raise RuntimeError(
                f"{self.folder} was opened again, or deleted, by another notebook or command while this one worked: "
                "run all cells again when the other has ended"
            )

    def _record(self, name: str, key: str, measure: Measure, beside: list[str] | None = None) -> None:
        record = {
            "key": key,
            "seconds": measure.seconds,
            "peak_memory_mb": measure.peak_memory_mb,
            "peak_gpu_memory_mb": measure.peak_gpu_memory_mb,
            "beside": beside or [],
        }
        self.note(stages={**self.manifest.get("stages", {}), name: record})
        sys.stderr.flush()  # a progress bar is finished before its stage is reported
        gpu = "" if measure.peak_gpu_memory_mb is None else f", GPU {measure.peak_gpu_memory_mb:,} MB"
        print(f"{name}: {measure.seconds:.1f} s, peak memory {measure.peak_memory_mb:,} MB{gpu}")  # noqa: T201


def open_run(dataset: str, overrides: dict[str, Any] | None = None, runs: str | Path | None = None) -> Run:
    """Return the run of a dataset: its settings checked, its folder made (readable by its owner only).

    dataset: see config.read_config. runs: the folder that holds the run folders; `runs/` of the kit by default.
    """
    _prepare()
    name, config = read_config(dataset, overrides)
    folder = runs_folder(runs) / name
    _refuse_another_source(folder, dataset, config)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder, 0o700)
    opened = f"{datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')} {uuid.uuid4().hex[:8]}"
    run = Run(name, config, folder, opened)
    run.note(
        name=name,
        dataset=str(dataset),
        settings=config.model_dump(),
        versions=versions(),
        opened=opened,
    )
    return run


def continue_run(
    dataset: str,
    overrides: dict[str, Any] | None = None,
    runs: str | Path | None = None,
    *,
    chapter: str,
    need_map: bool = True,
) -> Run:
    """Return the finished run of a dataset for a further chapter of its way: the fit's settings with those of chapter.

    overrides: of the chapter only. Raises FileNotFoundError where there is no finished run, or, where the chapter does
    not need its map, opens one, then with any overrides; ValueError for a setting of another chapter, which the fit has
    settled.
    """
    _prepare()
    folder = runs_folder(runs) / dataset
    if dataset in configured() or Path(dataset).expanduser().exists() or not (folder / "manifest.json").exists():
        folder = runs_folder(runs) / read_config(dataset)[0]
    else:
        dataset = read_manifest(folder)["dataset"]  # named as `list` shows it, or as a copy of a run is called
    missing = [file for file in FINISHED if not (folder / file).exists()]
    if missing and not need_map:
        return open_run(dataset, overrides, runs)
    if other := [key for key in overrides or {} if key.split(".")[0] != chapter]:
        raise ValueError(f"{other[0]}: {chapter} takes only settings of {chapter}.*; the others are those of the map")
    _, config = read_config(dataset, overrides)
    _refuse_another_source(folder, dataset, config)
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {missing[0]}: {chapter} goes on from a finished map; run `python -m helpers run topics "
            f"{dataset}` first"
        )
    manifest = read_manifest(folder)
    settled = config.model_dump() | manifest["settings"] | {chapter: config[chapter].model_dump()}
    return Run(folder.name, Config.model_validate(settled), folder, manifest["opened"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run folder's manifest, nothing where there is none; ValueError says what to do with a broken one."""
    path = folder / "manifest.json"
    try:
        return read_value(path) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f"{path}: {error}; delete it and run again: only what it took to make is lost") from None


def runs_folder(runs: str | Path | None = None) -> Path:
    """Return the folder of all run folders."""
    return Path(runs).expanduser().resolve() if runs else RUNS


def _prepare() -> None:
    """Set what all work of this process needs to be set before it begins."""
    show_tables_to_read()
    # Threads that spin for long while they wait make torch many times slower as soon as another program wants a core;
    # those that sleep at once (GNU's spin count of PASSIVE) made a small language model 1.3 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    warnings.filterwarnings("ignore", message="IProgress not found")  # progress is plain text everywhere


def _refuse_another_source(folder: Path, dataset: str, config: Config) -> None:
    """Raise ValueError when the folder holds a run of another file of the same name."""
    before = read_manifest(folder).get("settings", {}).get("source", {}).get("path", config.source.path)
    if dataset not in configured() and before != config.source.path:
        raise ValueError(
            f"{folder} holds the run of {before}: give this dataset a name of its own with "
            f"`python -m helpers new NAME --source {dataset}`, or delete that run with `forget {folder.name}`"
        )


def _one_or_all(values: list[Any]) -> Any:  # noqa: ANN401
    return values[0] if len(values) == 1 else tuple(values)
