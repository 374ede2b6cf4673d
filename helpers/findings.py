"""What the chapters of a run found out about its rows -> one table on `id`, from the files that they left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.files import read_value
from helpers.runs import Run
from helpers.shown import percent

SCORES, COPIES, HITS, LABELS = (
    "quality/scores.parquet",
    "clean/near_duplicates.parquet",
    "clean/contamination.parquet",
    "uses/labels.parquet",
)
# What each chapter's file adds to a row.
FOUND = {
    SCORES: ("score", "int_score"),
    COPIES: ("near_duplicate_of", "jaccard"),
    HITS: ("contaminated_by",),
    LABELS: ("domains", "uses"),
}
TEXTS = ("near_duplicate_of", "contaminated_by", "domains", "uses")  # of these columns, though all may be null
RULE = "rule"  # the column of rows that a filter dropped


def table(run: Run) -> pd.DataFrame:
    """Return rows.parquet of a finished map with all that other chapters found of its rows, see join_findings."""
    path = run.path("rows.parquet")
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run all cells of 1_topics_template first")
    return join_findings(run, read_value(path))


def join_findings(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with what other chapters found of them: the columns in FOUND of those that were run.

    score and int_score; near_duplicate_of (id of the row that stays, null for rows that stay) and jaccard (how like
    it); contaminated_by (benchmark and item); domains and uses, each as one text. All are null for a row of which
    nothing was found, or that was not looked at; rows with equal texts (one `vector`) share domains and uses. A column
    of the source that has such a name is called source_NAME.
    """
    names = [*(name for columns in FOUND.values() for name in columns), RULE]
    found = rows.rename(columns={name: f"source_{name}" for name in names})
    for name, columns in FOUND.items():
        if run.path(name).exists():
            lines = _by_id(name, read_value(run.path(name)), rows)
            found = found.assign(**{column: rows["id"].map(lines[column]) for column in columns})
    texts = [name for name in TEXTS if name in found and name not in rows]
    return found.astype(dict.fromkeys(texts, object))


def found_columns(run: Run, *, with_scores: bool = False) -> list[str]:
    """Return the columns that join_findings adds. with_scores: those of a scorer are there, or are still to come."""
    there = [name for name in FOUND if run.path(name).exists() or (with_scores and name == SCORES)]
    return [column for name in there for column in FOUND[name]]


def columns_to_colour(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Return columns by which a map's points are coloured, in the order of rows; one vector has one value.

    score, near_duplicate ("yes", or ""), contaminated_by (the benchmark), domains, uses: those that are there. The
    first of rows with equal texts speaks for all.
    """
    found = join_findings(run, rows)
    shown = found[[name for name in ("score", "domains", "uses") if name in found_columns(run)]].copy()
    if "near_duplicate_of" in found:
        shown["near_duplicate"] = np.where(found["near_duplicate_of"].notna(), "yes", "")
    if "contaminated_by" in found:
        shown["contaminated_by"] = found["contaminated_by"].astype("string").str.split(" ").str[0].fillna("")
    first = rows["vector"].map(pd.Series(range(len(rows))).groupby(rows["vector"].to_numpy()).first())
    return shown.iloc[first.to_numpy()].set_axis(rows.index)


def by_topic(found: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    """Return a line a topic, -1 last: topic, label, rows, and of what was found score, copies, contaminated, uses.

    found: as table returns it. score: the mean; near_duplicates and contaminated: shares of the topic's rows; uses: the
    most frequent label of its labelled rows.
    """
    grouped = found.groupby("topic")
    lines = {"rows": grouped.size()}
    if "score" in found:
        lines["score"] = grouped["score"].mean()
    for column, name in (("near_duplicate_of", "near_duplicates"), ("contaminated_by", "contaminated")):
        if column in found:
            lines[name] = found[column].notna().groupby(found["topic"]).mean()
    if "uses" in found:
        lines["uses"] = grouped["uses"].agg(_most_frequent)
    named = topics[["topic", "label"]].sort_values("topic", key=lambda topic: topic == -1, kind="stable")
    return named.join(pd.DataFrame(lines), on="topic", how="inner").reset_index(drop=True)


def by_topic_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what by_topic returns to be read: scores with two digits, shares in percent."""
    told = lines.assign(rows=[f"{rows:,}" for rows in lines["rows"]])
    if "score" in told:
        told["score"] = ["" if np.isnan(score) else f"{score:.2f}" for score in told["score"]]
    for name in {"near_duplicates", "contaminated"} & set(told):
        told[name] = [percent(share) for share in told[name]]
    return told


def _by_id(name: str, lines: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a chapter's file says of rows, a line an id."""
    if name == HITS:
        best = lines[lines["state"] == "contaminated"].drop_duplicates("id")
        return best.set_index("id").assign(contaminated_by=best["benchmark"].to_numpy() + " " + best["item"].to_numpy())
    if name == COPIES:
        return lines.set_index("id").rename(columns={"similarity": "jaccard"})
    if name != LABELS:
        return lines.set_index("id")
    labelled = lines.merge(rows[["id", "vector"]], on="id").drop_duplicates("vector").set_index("vector")
    told = {column: rows["vector"].map(labelled[column].map(", ".join)).to_numpy() for column in FOUND[LABELS]}
    return pd.DataFrame(told, index=rows["id"])


def _most_frequent(labels: Sequence[str | None]) -> str:
    """Return the label that most of the texts have, of those with several each counts."""
    counts = pd.Series([one for text in pd.Series(labels).dropna() for one in text.split(", ") if one]).value_counts()
    return str(counts.index[0]) if len(counts) else ""
