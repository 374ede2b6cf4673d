"""All that a run found out -> rows.parquet, one line a row, and report.json, every figure of the notebook.

Topics have their own table, topics.parquet, which the label stage writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.models import ENGLISH
from helpers.runs import Run
from helpers.shown import counted, percent
from helpers.text.audit import kept_rows
from helpers.topics.tune import RETURNS, Choice

INNER = ["n_tokens_before"]
MARKS = ("assigned", "edited")  # columns of clusters that say how a text came to its topic


def assemble_rows(
    texts: pd.DataFrame,
    clusters: pd.DataFrame,
    points: np.ndarray,
    nearest: pd.DataFrame | None = None,
    topics: pd.DataFrame | None = None,
    *,
    model_name: str | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Return a line a row: id, position, text, n_tokens, truncated, duplicate_of, vector, topic, confidence, x, y.

    texts: with `vector`, the line of each row in clusters, points and nearest. topic_middle and topic_broad follow
    where there are such layers, assigned where the fit was made of a sample (whether the row was left out of it),
    edited where there are edits (whether one moved it), nearest_topic and similarity, see outliers.py, summary_label
    (the topic's label) and model_name (the LLM that gave it, null where none did), turns (where each turn starts in
    text, in characters) and speakers (the role of each, null where the source names none), and then the source columns
    asked for, as source_NAME where a column of that name is there already; those named in `without` (own vectors) stay
    behind.
    """
    line = texts["vector"].to_numpy()
    beside = [clusters[[name for name in clusters if name.startswith("topic_") or name in MARKS]]]
    beside += [] if nearest is None else [nearest]
    found = {
        "topic": clusters["topic"].to_numpy()[line],
        "confidence": clusters["confidence"].to_numpy()[line],
        "x": points[line, 0],
        "y": points[line, 1],
        **{name: table[name].to_numpy()[line] for table in beside for name in table},
    }
    if topics is not None:
        label, source = (topics.set_index("topic")[name] for name in ("label", "label_source"))
        by_llm = pd.Series(found["topic"]).map(source).isin(["llm", "list"]).to_numpy()
        found["summary_label"] = pd.Series(found["topic"]).map(label).to_numpy()
        found["model_name"] = np.where(by_llm, model_name, None)
    first = ["id", "position", "text", "n_tokens", "truncated", "duplicate_of", "vector"]
    rest = texts.drop(columns=[*first, *INNER, *without], errors="ignore")
    rest = rest.rename(columns={name: f"source_{name}" for name in found})
    return texts[first].assign(**found).join(rest).reset_index(drop=True)


def collect_report(
    run: Run,
    rows: pd.DataFrame,
    rejected: pd.DataFrame,
    topics: pd.DataFrame,
    *,
    choice: Choice,
    **more: dict[str, Any],
) -> dict[str, Any]:
    """Return the run's figures: rows = kept + rejected, unique texts, topics, coverage, seconds, and what is in more.

    rows are the source's; texts differ from kept where several rows make a conversation. coverage is the share of
    texts that are in a topic, nearest_coverage with those beside it that are near enough to one; seconds is what the
    stages took when they were made.
    """
    stages = run.manifest["stages"]
    sources = topics.loc[topics["topic"] != -1, "label_source"].value_counts().to_dict()
    return {
        "name": run.name,
        "title": run.config.title,
        "settings": run.config.model_dump(),
        "rows": kept_rows(rows) + len(rejected),
        "kept": kept_rows(rows),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
        "texts": len(rows),
        "unique": int(rows["vector"].nunique()),
        "duplicates": int(rows["duplicate_of"].notna().sum()),
        "equal_after_cut": len(rows) - int(rows["duplicate_of"].notna().sum()) - int(rows["vector"].nunique()),
        "truncated": int(rows["truncated"].sum()),
        "fitted": len(rows) - int(rows["assigned"].sum()) if "assigned" in rows else len(rows),
        "topics": int((topics["topic"] != -1).sum()),
        "coverage": float((rows["topic"] != -1).mean()),
        "nearest_coverage": float((rows["nearest_topic"] != -1).mean()) if "nearest_topic" in rows else None,
        "min_cluster_size": choice.min_cluster_size,
        "min_cluster_size_reason": choice.reason,
        "label_sources": sources,
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
        "peak_memory_mb": max(stage["peak_memory_mb"] for stage in stages.values()),
        **more,
    }


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    wanted = "rows kept rejected unique duplicates truncated topics coverage seconds peak_memory_mb".split()
    shown = {name: report[name] for name in wanted}
    shown["coverage"] = percent(report["coverage"])
    return pd.DataFrame({"figure": shown.keys(), "value": [str(value) for value in shown.values()]})


def advice(report: dict[str, Any], topics: pd.DataFrame) -> str:
    """Return in sentences what the figures mean: too few topics, one that holds most rows, texts cut, a wrong model.

    report: see collect_report, with `audit` and `embedding`.
    """
    kept, size = report["texts"], report["min_cluster_size"]
    found = [f"{report['topics']} topics hold {percent(report['coverage'])} of the texts.", *_on_topics(report, topics)]
    fleeting = int((topics["stability"] < RETURNS).sum()) if "stability" in topics else 0
    if fleeting:
        found.append(f"{fleeting} of them come{'s' * (fleeting == 1)} and go{'es' * (fleeting == 1)} with the seed")
        found[-1] += f" (stability below {RETURNS} in topics.parquet): do not build on them."
    unfit = sum(edit["status"] == "does not fit" for edit in report.get("edits", []))
    if unfit:
        one = unfit == 1
        found.append(f"{unfit} of {counted(len(report['edits']), 'edit')} by hand no longer fit{'s' * one}, and")
        found[-1] += f" {'was' if one else 'were'} not done: see the table of edits."
    audit, model = report.get("audit", {}), report.get("embedding", {}).get("model")
    english = audit.get("language_shares", {}).get("en", 1)
    if model in ENGLISH and english < 0.7:
        found.append(f"{percent(1 - english)} of the texts are not English, which {model} is made for: set embed.model")
        found[-1] += " to one of many languages, such as BAAI/bge-m3."
    lost = audit.get("tokens_lost", 0) / max(1, audit.get("tokens", {}).get("mean", 0) * kept)
    if lost > 0.2 and not report["embedding"].get("own"):
        found.append(f"{percent(lost)} of all tokens were cut off, as {report['truncated']:,} texts are longer than")
        found[-1] += " the model reads: think about truncate.strategy, or embed.long_texts: mean."
    if report["equal_after_cut"] > 0.01 * kept:
        found.append(
            f"{report['equal_after_cut']:,} texts differ only in what was cut off: set truncate.strategy: tail."
        )
    if report["unique"] <= size and by_size(report):
        found[1:1] = [f"{report['unique']:,} different texts are too few for topics of more than {size}."]
    return " ".join(found)


def by_size(report: Mapping[str, Any]) -> bool:
    """Return whether cluster.min_cluster_size has a say in how many topics there are."""
    cluster = report["settings"]["cluster"]
    return cluster["algorithm"] == "hdbscan" and not cluster["column"] and not cluster["topics"]


def _on_topics(report: dict[str, Any], topics: pd.DataFrame) -> list[str]:
    if not by_size(report):
        return []
    below = f"a cluster.min_cluster_size below {report['min_cluster_size']}"
    smaller = f"{below} in OVERRIDES, and run all cells: what it does not change is kept."
    if report["min_cluster_size"] == 2:
        smaller = "other texts: the size cannot be smaller."
    largest = topics.loc[topics["topic"] == 0, "share"].sum()
    if report["topics"] <= 2:
        return [f"That is few: try {smaller}"]
    if report["coverage"] < 0.5:
        return [f"That is less than half: try {smaller}"]
    if largest > 0.5:
        return [f"One topic alone has {percent(largest)}: to look into it, try {smaller}"]
    return []
