"""All runs of a folder that were labelled by one list -> their domains and uses beside each other, and all pooled.

runs/uses_together/
  datasets.parquet   a line a dataset       shares.parquet   a line a dataset and label, and a label of all
  cross.parquet      domains by uses        gaps.parquet     areas with the least data, of all
  *.png              the same as pictures   uses_together.json
  meanings.jsonl     what the model said of the labels' own meanings, see uses.label_rows
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from helpers.files import read_value
from helpers.quality.uses import KINDS, Labels
from helpers.quality.uses_tables import count_labels, counts_by_kind, cross_labels, find_gaps
from helpers.runs import Run
from helpers.shown import counted, percent

FOLDER = "uses_together"
MEANINGS = f"{FOLDER}/meanings.jsonl"
ALL = "all together"
READ = ("uses_report.json", "uses/labels.parquet")


@dataclass(frozen=True)
class Together:
    """What several labelled datasets are like beside each other.

    place: the folder of the tables, as a run to save and show with. datasets: a line each: dataset, title, rows,
    labelled, rejected, coverage, mode, model. shares: dataset, kind, label, rows, share, those of ALL first. counted:
    those of all rows, with cross and gaps as in uses_tables.py. left_out: runs labelled by another list.
    """

    place: Run
    datasets: pd.DataFrame
    shares: pd.DataFrame
    counted: pd.DataFrame
    cross: pd.DataFrame
    gaps: pd.DataFrame
    left_out: list[str]

    @property
    def labelled(self) -> int:
        """Return how many rows of all datasets have a valid answer."""
        return int(self.datasets["labelled"].sum())

    @property
    def rows(self) -> int:
        """Return how many rows of all datasets were asked about."""
        return int(self.datasets["rows"].sum())


def put_together(run: Run, labels: Labels) -> Together:
    """Return, and write to uses_together/ beside the run, the labels of all runs of its folder labelled by this list.

    Pooled figures count every labelled row once, so that a dataset with a larger sample counts for more. Raises
    ValueError where a dataset's run has the name of that folder, and where no run was labelled by this list.
    """
    place = replace(run, name=FOLDER, folder=run.folder.parent / FOLDER)
    if place.path("manifest.json").exists():
        raise ValueError(f"{place.folder} is the run of a dataset: give that dataset another name, and delete this one")
    reports = {file.parent.name: read_value(file) for file in sorted(run.folder.parent.glob(f"*/{READ[0]}"))}
    found = {name: report for name, report in reports.items() if (run.folder.parent / name / READ[1]).exists()}
    same = {name: report for name, report in found.items() if report["labels_hash"] == labels.hash}
    if not same:
        raise ValueError(f"no run in {run.folder.parent} is labelled by this list: run this notebook's cells above")
    tables = {name: read_value(run.folder.parent / name / READ[1]) for name in same}
    pooled = pd.concat([table[["id", *KINDS]] for table in tables.values()], ignore_index=True)
    every = {ALL: pooled, **tables}
    shares = [count_labels(table, labels).assign(dataset=name) for name, table in every.items()]
    together = Together(
        place=place,
        datasets=_datasets(same),
        shares=pd.concat(shares, ignore_index=True)[["dataset", "kind", "label", "rows", "share"]],
        counted=count_labels(pooled, labels),
        cross=cross_labels(pooled, labels),
        gaps=find_gaps(pooled, labels),
        left_out=sorted(set(found) - set(same)),
    )
    _write(together, labels)
    return together


def datasets_table(together: Together) -> pd.DataFrame:
    """Return a line a dataset to read, the last one for all."""
    table = together.datasets
    covered = (table["coverage"].fillna(0) * table["labelled"]).sum() / max(1, together.labelled)
    sums = {name: int(table[name].sum()) for name in ("rows", "labelled", "rejected")}
    last = {"dataset": ALL, "title": "", **sums, "coverage": covered, "mode": "", "model": ""}
    lines = pd.concat([table, pd.DataFrame([last])], ignore_index=True)
    return lines.assign(coverage=["" if pd.isna(share) else percent(share) for share in lines["coverage"]])


def notes(together: Together) -> str:
    """Return in sentences what is to be known before the datasets are compared."""
    told = [f"{counted(len(together.datasets), 'dataset')} labelled by this list; tables in {together.place.folder}."]
    if together.left_out:
        told.append(f"Labelled by another list, and left out: {', '.join(together.left_out)}.")
    ways = together.datasets[["mode", "model"]].drop_duplicates()
    if len(ways) > 1:
        told.append("They were labelled by different models or modes: differences may be those of the models.")
    return " ".join(told)


def _datasets(reports: dict[str, dict[str, Any]]) -> pd.DataFrame:
    columns = ["title", "rows", "labelled", "rejected", "coverage", "mode", "model"]
    lines = [{"dataset": name, **{key: report[key] for key in columns}} for name, report in reports.items()]
    return pd.DataFrame(lines).astype({"coverage": "float64"})


def _write(together: Together, labels: Labels) -> None:
    place = together.place
    for name in ("datasets", "shares", "gaps"):
        place.save(f"{name}.parquet", getattr(together, name))
    place.save("cross.parquet", together.cross.reset_index())
    place.save(
        "uses_together.json",
        {
            "labels_hash": labels.hash,
            "rows": together.rows,
            "labelled": together.labelled,
            "left_out": together.left_out,
            "datasets": together.datasets.astype(object).where(together.datasets.notna(), None).to_dict("records"),
            **counts_by_kind(together.counted),
        },
    )
