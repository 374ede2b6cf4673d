"""All that a run found out -> rows.parquet, one line a row, and report.json, every figure of the notebook.

Topics have their own table, topics.parquet, which the label stage writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.runs import Run
from helpers.text.audit import kept_rows

INNER = ["turns", "n_tokens_before"]


def assemble_rows(
    texts: pd.DataFrame, clusters: pd.DataFrame, points: np.ndarray, *, without: Sequence[str] = ()
) -> pd.DataFrame:
    """Return a line a row: id, position, text, n_tokens, truncated, duplicate_of, vector, topic, confidence, x, y.

    texts: with `vector`, the line of each row in clusters and points. The source columns asked for follow, as
    source_NAME where a column of that name is there already; those named in `without` (own vectors) stay behind.
    """
    line = texts["vector"].to_numpy()
    found = {
        "topic": clusters["topic"].to_numpy()[line],
        "confidence": clusters["confidence"].to_numpy()[line],
        "x": points[line, 0],
        "y": points[line, 1],
    }
    first = ["id", "position", "text", "n_tokens", "truncated", "duplicate_of", "vector"]
    rest = texts.drop(columns=[*first, *INNER, *without], errors="ignore")
    rest = rest.rename(columns={name: f"source_{name}" for name in found})
    return texts[first].assign(**found).join(rest).reset_index(drop=True)


def collect_report(
    run: Run, rows: pd.DataFrame, rejected: pd.DataFrame, topics: pd.DataFrame, **more: dict[str, Any]
) -> dict[str, Any]:
    """Return the run's figures: rows = kept + rejected, unique texts, topics, coverage, seconds, and what is in more.

    rows are the source's; texts differ from kept where several rows make a conversation. coverage is the share of
    texts that are in a topic; seconds is what the stages took when they were made.
    """
    stages = run.manifest["stages"]
    sources = topics.loc[topics["topic"] != -1, "label_source"].value_counts().to_dict()
    return {
        "name": run.name,
        "title": run.config.title,
        "rows": kept_rows(rows) + len(rejected),
        "kept": kept_rows(rows),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
        "texts": len(rows),
        "unique": int(rows["vector"].nunique()),
        "duplicates": int(rows["duplicate_of"].notna().sum()),
        "truncated": int(rows["truncated"].sum()),
        "topics": int((topics["topic"] != -1).sum()),
        "coverage": float((rows["topic"] != -1).mean()),
        "label_sources": sources,
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
        "peak_memory_mb": max(stage["peak_memory_mb"] for stage in stages.values()),
        **more,
    }


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    wanted = "rows kept rejected unique duplicates truncated topics coverage seconds peak_memory_mb".split()
    shown = {name: report[name] for name in wanted}
    shown["coverage"] = f"{report['coverage']:.1%}"
    return pd.DataFrame({"figure": shown.keys(), "value": [str(value) for value in shown.values()]})


def advice(report: dict[str, Any], *, min_cluster_size: int) -> str:
    """Return what to change when the topics are none, one, or leave most rows unassigned; otherwise nothing to do."""
    setting = "OVERRIDES = {'cluster.min_cluster_size': N}"
    if report["topics"] == 0 and report["unique"] <= min_cluster_size:
        return (
            f"No topics: {report['unique']:,} different texts are too few for topics of at least {min_cluster_size} "
            f"rows. Lower it with {setting} and run again from Training."
        )
    if report["topics"] == 0:
        return f"No topics: the texts are too much alike, or too different. Try a smaller size with {setting}."
    if report["topics"] <= 2:
        return f"Only {report['topics']} topics: try a smaller size with {setting}; it starts again at clustering."
    if report["coverage"] < 0.5:
        return f"Only {report['coverage']:.0%} of the rows are in a topic: try a smaller size with {setting}."
    return f"{report['topics']} topics hold {report['coverage']:.0%} of the rows."
