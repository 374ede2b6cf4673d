"""All run folders -> a list of them; and one of them deleted with everything else that holds its rows.

What is in a run folder is told in runs.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from helpers.config import run_name
from helpers.files import read_value
from helpers.runs import read_manifest, runs_folder
from helpers.shown import percent

TOGETHER = "uses_together"  # see quality/uses_together.py


def list_runs(runs: str | Path | None = None) -> pd.DataFrame:
    """Return a line a run: dataset, when, rows, topics, coverage, size in MB."""
    lines = []
    for path in sorted(runs_folder(runs).glob("*/manifest.json")):
        report = path.parent / "report.json"
        figures = read_value(report) if report.exists() else {}
        try:
            manifest = read_manifest(path.parent)
        except ValueError as error:
            manifest = {"settings": {"title": str(error)}}
        lines.append(
            {
                "name": path.parent.name,
                "title": manifest.get("settings", {}).get("title"),
                "rows": f"{figures['rows']:,}" if figures else "not finished",
                "topics": figures.get("topics", ""),
                "coverage": percent(figures["coverage"]) if figures else "",
                "opened": manifest.get("opened", "")[:16].replace("T", " "),
                "size_mb": round(folder_size(path.parent) / 1e6, 1),
            }
        )
    return pd.DataFrame(lines)


def forget(dataset: str, runs: str | Path | None = None) -> dict[str, int]:
    """Delete a dataset's run folder and the vectors only it uses, clear its notebooks' outputs; return what went.

    dataset: a run's name, or what it was run with. Raises FileNotFoundError when there is nothing of it left.
    """
    from helpers.notebooks import clear_copies
    from helpers.vectors.cache import VectorCache

    folder = runs_folder(runs) / run_name(dataset)
    freed, files = folder_size(folder), sum(path.is_file() for path in folder.rglob("*"))
    if folder.is_dir():
        shutil.rmtree(folder)
    if _tells_of(folder.parent / TOGETHER, folder.name):
        shutil.rmtree(folder.parent / TOGETHER, ignore_errors=True)
    cleared = clear_copies(folder.name)
    vectors = VectorCache(folder.parent).forget(folder.name)
    if not files + cleared + vectors:
        known = ", ".join(path.parent.name for path in sorted(runs_folder(runs).glob("*/manifest.json"))) or "none"
        raise FileNotFoundError(f"no run {dataset!r} in {folder.parent}; runs are: {known}")
    return {"files": files, "bytes": freed, "vectors": vectors, "notebooks": cleared}


def _tells_of(together: Path, name: str) -> bool:
    """Return whether the tables of all datasets together have one of that name, or cannot be read."""
    try:
        return name in set(read_value(together / "datasets.parquet")["dataset"])
    except (OSError, ValueError, KeyError):
        return True


def folder_size(folder: Path) -> int:
    """Return the bytes of all files under folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
