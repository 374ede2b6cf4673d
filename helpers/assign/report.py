"""What was found of new rows -> assign_report.json: every figure of the notebook, and what they were made with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.assign.drift import Found, advice, collect_figures
from helpers.assign.pilot import Pilot
from helpers.assign.shards import model_hash
from helpers.runs import Run
from helpers.shown import percent
from helpers.topics.assigner import read_assigner
from helpers.vectors.new_rows import NewRows


def collect_report(
    run: Run,
    new: NewRows,
    parts: Sequence[Path],
    found: Found,
    compared: pd.DataFrame,
    groups: pd.DataFrame,
    tried: Pilot,
) -> dict[str, Any]:
    """Return plain figures: rows = assigned + in no topic + rejected, coverage, drift, turned away, the estimate.

    topics: a line each of compared; turned_away: groups of what fits no topic; agreement: share of the fitted rows in a
    topic that would be given the same one as new rows; seconds: of the last call, in which only shards without a part
    are done; parts: names of the files of rows; model: a hash of the map's tensors, so that a later map is told from
    this one.
    """
    model, settings = run.path("model"), run.config.assign
    figures = collect_figures(found, compared, model, reject=settings.reject)
    return {
        "name": run.name,
        "title": run.config.title,
        "source": new.path,
        "settings": settings.model_dump(),
        "output": str(run.path(settings.output)),
        "parts": [part.name for part in parts],
        "model": model_hash(model),
        "agreement": read_assigner(model).agreement(settings.reject),
        **figures,
        "advice": advice(figures),
        "seconds": run.manifest["stages"]["assign"]["seconds"],
        "estimate": tried.estimate,
        "topics": compared.astype(object).where(compared.notna(), None).to_dict("records"),
        "turned_away": groups.to_dict("records"),
    }


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    covered = "" if report["coverage"] is None else percent(report["coverage"])
    label = {line["topic"]: line["label"] for line in report["topics"]}
    lines = [
        ("rows", f"{report['rows']:,}"),
        ("assigned", f"{report['assigned']:,}"),
        ("rejected", f"{report['rejected']:,}"),
        ("coverage", f"{covered} (expected {percent(report['expected_coverage'])})"),
        ("fitted rows that get their own topic", percent(report["agreement"])),
        ("topics that grew", ", ".join(str(label[topic]) for topic in report["grew"]) or "none"),
        ("topics that shrank", ", ".join(str(label[topic]) for topic in report["shrank"]) or "none"),
        ("seconds", f"{report['seconds']:,}"),
    ]
    return pd.DataFrame(lines, columns=["figure", "value"])
