"""What the chapters of a run found out about its rows -> one table on `id`, from the files that they left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.clean.decontaminate import best_hits
from helpers.files import read_value
from helpers.runs import Run
from helpers.shown import percent
from helpers.stages import FINISHED
from helpers.text.sources.several import SOURCE_NAME

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
DIGITS = 2  # of scores that points are coloured by
RULE = "rule"  # the column of rows that a filter dropped


def has_map(run: Run) -> bool:
    """Return whether the run has a finished map."""
    return all(run.path(name).exists() for name in FINISHED)


def table(run: Run) -> pd.DataFrame:
    """Return rows.parquet of a finished map with all that other chapters found of its rows, see join_findings."""
    path = run.path("rows.parquet")
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run all cells of 1_topics_template first")
    return join_findings(run, read_value(path))


def join_findings(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with what other chapters found of them: the columns in FOUND of those that were run.

    score and int_score; near_duplicate_of (id of the row that stays, null for rows that stay) and jaccard (how like
    it); contaminated_by (benchmark and item), where benchmarks were named; domains and uses, each as one text. All are
    null for a row of which nothing was found, or that was not looked at; rows with equal texts (one `vector`) share
    domains and uses. A column of the source that has such a name is called source_NAME.
    """
    names = [*(name for columns in FOUND.values() for name in columns), RULE]
    found = rows.rename(columns={name: f"source_{name}" for name in names})
    for name in _there(run):
        lines = _by_id(name, read_value(run.path(name)), rows)
        found = found.assign(**{column: rows["id"].map(lines[column]) for column in FOUND[name]})
    return found.astype({name: object for name in TEXTS if name in found})


def found_columns(run: Run, *, with_scores: bool = False) -> list[str]:
    """Return the columns that join_findings adds. with_scores: those of a scorer are there, or are still to come."""
    there = {*_there(run), *([SCORES] if with_scores else [])}
    return [column for name in FOUND if name in there for column in FOUND[name]]


def columns_to_colour(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Return columns by which a map's points are coloured, in the order of rows; one vector has one value.

    score (to two digits), domains, uses, near_duplicate ("yes" where all rows of the point go), contaminated_by (the
    benchmark, of any of its rows): those of which something was found. Where there are several sources, source_name as
    well: those that have the text.
    """
    found = join_findings(run, rows)
    vector = rows["vector"].to_numpy()
    shown = found[[name for name in ("score", "domains", "uses") if name in found_columns(run)]].round(DIGITS)
    shown = shown.groupby(vector).transform("first")
    if SOURCE_NAME in rows:
        shown[SOURCE_NAME] = rows.groupby("vector")[SOURCE_NAME].agg(_sources).loc[vector].to_numpy()
    if "near_duplicate_of" in found:
        goes = found["near_duplicate_of"].notna().groupby(vector).transform("all")
        shown["near_duplicate"] = np.where(goes, "yes", "")
    if "contaminated_by" in found:
        best = best_hits(read_value(run.path(HITS)))["benchmark"]
        shown["contaminated_by"] = rows["id"].map(best).astype(object).groupby(vector).transform("first")
        shown["contaminated_by"] = shown["contaminated_by"].where(shown["contaminated_by"].notna(), "")
    return shown[[name for name in shown if shown[name].notna().any() and (shown[name] != "").any()]]


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


def _there(run: Run) -> list[str]:
    """Return the files that chapters left; that of hits only where benchmarks were looked for."""
    looked = {HITS: bool(run.config.clean.benchmarks)}
    return [name for name in FOUND if run.path(name).exists() and looked.get(name, True)]


def _by_id(name: str, lines: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a chapter's file says of rows, a line an id."""
    if name == HITS:
        best = best_hits(lines)
        return best.assign(contaminated_by=best["benchmark"] + " " + best["item"])
    if name == COPIES:
        return lines.set_index("id").rename(columns={"similarity": "jaccard"})
    if name != LABELS:
        return lines.set_index("id")
    labelled = lines.merge(rows[["id", "vector"]], on="id").drop_duplicates("vector").set_index("vector")
    told = {column: rows["vector"].map(labelled[column].map(", ".join)).to_numpy() for column in FOUND[LABELS]}
    return pd.DataFrame(told, index=rows["id"])


def _sources(names: pd.Series) -> str:
    """Return the sources that have a text."""
    return ", ".join(sorted(set(names)))


def _most_frequent(labels: Sequence[str | None]) -> str:
    """Return the label that most of the texts have, of those with several each counts."""
    counts = pd.Series([one for text in pd.Series(labels).dropna() for one in text.split(", ") if one]).value_counts()
    return str(counts.index[0]) if len(counts) else ""
