"""What was found of new rows -> assign_report.json: every figure of the notebook, and what they were made with."""

from __future__ import annotations

from typing import Any

import pandas as pd

from helpers.assign.drift import Found, advice, collect_figures
from helpers.assign.pilot import Pilot
from helpers.assign.shards import model_hash
from helpers.assign.source import NewRows
from helpers.runs import Run
from helpers.shown import percent


def collect_report(
    run: Run, new: NewRows, found: Found, compared: pd.DataFrame, groups: pd.DataFrame, tried: Pilot
) -> dict[str, Any]:
    """Return plain figures: rows = assigned + in no topic + rejected, coverage, drift, turned away, the estimate.

    topics: a line each of compared; turned_away: groups of what fits no topic; model: a hash of the map's tensors, so
    that a later map is told from this one.
    """
    figures = collect_figures(found, compared)
    return {
        "name": run.name,
        "title": run.config.title,
        "source": new.path,
        "settings": run.config.assign.model_dump(),
        "output": str(run.path(run.config.assign.output)),
        "model": model_hash(run.path("model")),
        **figures,
        "advice": advice(figures),
        "seconds": run.manifest["stages"]["assign"]["seconds"],
        "estimate": tried.estimate,
        "topics": compared.to_dict("records"),
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
        ("topics that grew", ", ".join(str(label[topic]) for topic in report["grew"]) or "none"),
        ("topics that shrank", ", ".join(str(label[topic]) for topic in report["shrank"]) or "none"),
        ("seconds", f"{report['seconds']:,}"),
    ]
    return pd.DataFrame(lines, columns=["figure", "value"])
