"""Labelled rows -> how many have which domain and use, beside quality and topics, where data is scarce, the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import read_value
from helpers.llm.ask import LLM
from helpers.quality.uses import KINDS, Labels
from helpers.runs import Run
from helpers.shown import percent
from helpers.text.excerpt import one_line, shorten

TOP = 3  # labels of a topic
SHOWN_CHARS = 160  # of a text in a table
TRUSTED = 0.7  # share of the labels that a model should find by their own meaning


def count_labels(labelled: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return a line a label of the list: kind, label, rows, share; domains first, in each kind the most frequent first.

    share: of all labelled rows, not of the labels given; a row may have several, or none, so that shares need not add
    up to 1. NaN where no row is labelled.
    """
    lines = []
    for kind, one in KINDS.items():
        counts = labelled[kind].explode().value_counts()
        found = [(one, name, int(counts.get(name, 0))) for name in labels[kind]]
        lines += sorted(found, key=lambda line: -line[2])
    table = pd.DataFrame(lines, columns=["kind", "label", "rows"])
    return table.assign(share=table["rows"] / len(labelled) if len(labelled) else np.nan)


def counts_by_kind(counted: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return what count_labels returns as plain values: kind -> label -> rows."""
    parts = {kind: counted[counted["kind"] == one] for kind, one in KINDS.items()}
    return {kind: dict(zip(part["label"], map(int, part["rows"]), strict=True)) for kind, part in parts.items()}


def cross_labels(labelled: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return how many rows have each domain (line) together with each use (column), in the order of the list."""
    pairs = labelled[["domains", "uses"]].explode("domains").explode("uses").dropna()
    counts = pd.crosstab(pairs["domains"], pairs["uses"]) if len(pairs) else pd.DataFrame()
    table = counts.reindex(index=list(labels.domains), columns=list(labels.uses), fill_value=0)
    return table.astype(int).rename_axis(index="domain", columns="use")


def find_gaps(labelled: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return the areas with the least data first: domain, use, rows, expected.

    An area is a label ("any" stands for the other kind), or a domain and a use together. expected: rows of a pair if
    use and domain had nothing to do with each other. Among areas with equally many rows labels come first, then pairs
    of which most would be expected: a pair of two labels that are never there is no further gap.
    """
    crossed, counted = cross_labels(labelled, labels), count_labels(labelled, labels)
    rows = {kind: part.set_index("label")["rows"] for kind, part in counted.groupby("kind")}
    lines = [(name, "any", count, np.inf) for name, count in rows["domain"].items()]
    lines += [("any", name, count, np.inf) for name, count in rows["use"].items()]
    for domain, line in crossed.iterrows():
        for use, count in line.items():
            expected = rows["domain"][domain] * rows["use"][use] / max(1, len(labelled))
            lines.append((domain, use, int(count), float(expected)))
    table = pd.DataFrame(lines, columns=["domain", "use", "rows", "expected"])
    table = table.sort_values(["rows", "expected"], ascending=[True, False], kind="stable", ignore_index=True)
    return table.replace({"expected": {np.inf: np.nan}})


def quality_by_domain(labelled: pd.DataFrame, labels: Labels, scores: Path) -> pd.DataFrame | str:
    """Return domain, rows (labelled and scored) and score (their mean), the last line for all rows that are both.

    scores: a file with id and score, as the quality notebook leaves it; a sentence says so where there is none.
    """
    if not scores.exists():
        return "No scores yet: after `python -m helpers run quality NAME` this shows the mean score of each domain."
    known = read_value(scores)[["id", "score"]].dropna()
    both = labelled[["id", "domains"]].merge(known, on="id")
    parts = {name: both.loc[[name in one for one in both["domains"]], "score"] for name in labels.domains}
    lines = [(name, len(part), part.mean()) for name, part in [*parts.items(), ("all rows", both["score"])]]
    return pd.DataFrame(lines, columns=["domain", "rows", "score"])


def labels_by_topic(labelled: pd.DataFrame, rows: pd.DataFrame, topics: Path) -> pd.DataFrame | str:
    """Return a line a topic with labelled rows, most rows first: topic, label, rows, and the top domains and uses.

    rows: id and topic; topics: the file of the map's topics. A sentence says so where rows have no topic.
    """
    if "topic" not in rows or not topics.exists():
        return "No topics: after `python -m helpers run topics NAME` this shows the domains and uses of each topic."
    names = read_value(topics).set_index("topic")["label"]
    lines = []
    for topic, part in labelled.merge(rows[["id", "topic"]], on="id").groupby("topic"):
        lines.append((topic, names.get(topic, ""), len(part), *(_top(part[kind], len(part)) for kind in KINDS)))
    table = pd.DataFrame(lines, columns=["topic", "label", "rows", *KINDS])
    return table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def shares_table(counted: pd.DataFrame) -> pd.DataFrame:
    """Return what count_labels returns, to read, without labels that no row has: the gaps show those."""
    some = counted[counted["rows"] > 0]
    return some.assign(share=[percent(share) for share in some["share"]]).rename(columns={"share": "share of rows"})


def gaps_table(gaps: pd.DataFrame, *, count: int = 20) -> pd.DataFrame:
    """Return the first of what find_gaps returns, to read."""
    first = gaps.head(count)
    return first.assign(expected=["" if np.isnan(one) else f"{one:.1f}" for one in first["expected"]])


def reasons_table(labelled: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows have a valid answer and how many none, by reason."""
    total = max(1, len(labelled) + len(rejected))
    counts = [("labelled", len(labelled)), *rejected["reason"].value_counts().items()]
    return pd.DataFrame(
        [(name, f"{n:,}", percent(n / total)) for name, n in counts], columns=["rows", "count", "share"]
    )


def some_rows(labelled: pd.DataFrame, rows: pd.DataFrame, *, count: int = 12) -> pd.DataFrame:
    """Return the first labelled rows to read: id, the beginning of the text, domains, uses."""
    shown = labelled.head(count).merge(rows[["id", "text"]], on="id")
    return pd.DataFrame(
        {
            "id": shown["id"],
            "text": [shorten(one_line(text), SHOWN_CHARS) for text in shown["text"]],
            **{kind: [", ".join(names) or "none" for names in shown[kind]] for kind in KINDS},
        }
    )


def collect_report(
    run: Run, rows: pd.DataFrame, labelled: pd.DataFrame, rejected: pd.DataFrame, labels: Labels, llm: LLM
) -> dict[str, Any]:
    """Return plain figures: rows = labelled + rejected, coverage, none, counts of rows by label, gaps.

    rows: all of the dataset. coverage: share of labelled rows with a label, none: of those without; both None where no
    row is labelled. known: see label_rows. seconds: of the last call, in which what the log has is not asked again.
    """
    counted, gaps = count_labels(labelled, labels), find_gaps(labelled, labels)
    some = [
        bool(len(domains) or len(used)) for domains, used in zip(labelled["domains"], labelled["uses"], strict=True)
    ]
    report = {
        "name": run.name,
        "title": run.config.title,
        "settings": run.config.uses.model_dump(),
        "dataset_rows": len(rows),
        "dataset_texts": int(rows["vector"].nunique()),
        "rows": len(labelled) + len(rejected),
        "labelled": len(labelled),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
        "coverage": float(np.mean(some)) if some else None,
        "none": 1 - float(np.mean(some)) if some else None,
        "cut": int(labelled["cut"].sum()),
        **counts_by_kind(counted),
        "gaps": gaps.head(20).astype(object).where(gaps.head(20).notna(), None).to_dict("records"),
        "mode": run.config.uses.mode,
        "model": llm.name,
        "by": llm.facts,
        "known": labelled.attrs.get("known"),
        "labels_hash": labels.hash,
        "seconds": run.manifest["stages"]["uses"]["seconds"],
        "output": str(run.path("uses")),
    }
    return report | {"advice": advice(report)}


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    covered = "" if report["coverage"] is None else percent(report["coverage"])
    known = [f"{percent(share)} of {kind}" for kind, share in (report["known"] or {}).items()]
    lines = [
        ("rows of the dataset", f"{report['dataset_rows']:,} ({report['dataset_texts']:,} different texts)"),
        ("texts in the sample", f"{report['rows']:,}"),
        ("labelled", f"{report['labelled']:,}"),
        ("rejected", f"{report['rejected']:,}"),
        ("with a domain or a use", covered),
        ("of longer texts only the beginning", f"{report['cut']:,}"),
        ("top domains", top_labels(report, "domains")),
        ("top uses", top_labels(report, "uses")),
        ("labels found by their own meaning", ", ".join(known) or "not measured (likelihood only)"),
        ("model", f"{report['model']} ({report['mode']})"),
        ("seconds", f"{report['seconds']:,}"),
    ]
    return pd.DataFrame(lines, columns=["figure", "value"])


def advice(report: dict[str, Any]) -> str:
    """Return in a sentence or two whether the labels can be trusted, or what to do where they cannot."""
    if not report["labelled"]:
        return "No row has a valid answer: look at the reasons above."
    if not report["known"]:
        return "Whether the model understands the labels is measured with uses.mode: likelihood only: read some rows."
    told = " and ".join(f"{percent(share)} of the {kind}" for kind, share in report["known"].items())
    found = f"Shown nothing but the meaning of a label, {report['model']} finds the label for {told}."
    if min(report["known"].values()) >= TRUSTED:
        return found
    return (
        f"{found} That is too little to trust its labels: name a larger model in uses.llm.model, or shorten the list."
    )


def top_labels(report: dict[str, Any], kind: str) -> str:
    """Return the most frequent labels of a kind with their shares of the labelled rows, as words."""
    found = [(name, rows) for name, rows in report[kind].items() if rows][:TOP]
    return ", ".join(f"{name} {percent(rows / report['labelled'])}" for name, rows in found) or "none"


def _top(lists: pd.Series, rows: int) -> str:
    counts = lists.explode().dropna().value_counts(sort=False).sort_index()
    first = counts.sort_values(ascending=False, kind="stable").head(TOP)
    return ", ".join(f"{name} {percent(count / rows)}" for name, count in first.items()) or "none"
