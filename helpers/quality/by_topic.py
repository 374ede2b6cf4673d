"""Scores of rows and of topics -> what each topic's rows score, and where the topic's own rating disagrees."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.shown import percent

MUCH = 1.0  # levels from which on a topic's rating and its rows disagree
SURE = 3.0  # standard errors of the rows' mean beyond which that is none of chance


def score_topics(
    rows: pd.DataFrame, topics: pd.DataFrame, *, threshold: float, rated: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return a line a topic in the order of `topics`, -1 last if there are such rows: what its rows score.

    topic, label, rows (with a score), mean, spread (standard deviation), low and high (quartiles), share (of them with
    score >= threshold); NaN for a topic without such rows, and no line where there is no map. With rated (topic, score:
    the topics' own ratings): topic_score, difference (mean - topic_score) and note, "" or where the two disagree. A
    rater is stricter on a group than on a text of it, so the median difference of all topics is taken off first; what
    is left disagrees from MUCH levels on if it is beyond SURE standard errors of the mean. rows: topic, score. topics:
    topic, label. Raises ValueError for rows in a topic that is not in `topics`.
    """
    scored = rows.reindex(columns=["topic", "score"]).dropna()
    good = scored["score"] >= threshold  # in the scores' own precision, as in a rule of filter_rows
    scored = scored.astype({"score": np.float64})
    if unknown := sorted(set(scored["topic"]) - set(topics["topic"])):
        raise ValueError(f"rows are in topics {unknown}; the table of topics has only {sorted(topics['topic'])}")
    grouped = scored.groupby("topic")["score"]
    found = pd.DataFrame(
        {
            "rows": grouped.size(),
            "mean": grouped.mean(),
            "spread": grouped.std(),
            "low": grouped.quantile(0.25),
            "high": grouped.quantile(0.75),
            "share": good.groupby(scored["topic"]).mean(),
        }
    )
    named = topics[["topic", "label"]].sort_values("topic", key=lambda topic: topic == -1, kind="stable")
    table = named[(named["topic"] != -1) | named["topic"].isin(found.index)].join(found, on="topic")
    table = table.assign(rows=table["rows"].fillna(0).astype(int)).reset_index(drop=True)
    if rated is None or rated.empty:
        return table
    own = table["topic"].map(rated.set_index("topic")["score"]).astype(np.float64)
    compared = table.assign(topic_score=own, difference=table["mean"] - own)
    return compared.assign(note=_notes(compared))


def topic_scores_table(scored: pd.DataFrame) -> pd.DataFrame:
    """Return what score_topics returns to be read: scores with two digits, shares in percent."""
    told = pd.DataFrame({"topic": scored["topic"], "label": scored["label"]})
    told["rows"] = [f"{rows:,}" for rows in scored["rows"]]
    told["mean"] = _told(scored["mean"])
    told["spread"] = _told(scored["spread"])
    quartiles = zip(_told(scored["low"]), _told(scored["high"]), strict=True)
    told["quartiles"] = [f"{low} to {high}" if low else "" for low, high in quartiles]
    told["share"] = ["" if np.isnan(share) else percent(share) for share in scored["share"]]
    if "topic_score" in scored:
        told = told.assign(topic_score=_told(scored["topic_score"]), note=scored["note"])
    return told


def _notes(compared: pd.DataFrame) -> list[str]:
    usual = compared["difference"].median()
    beside = f", the usual {usual:+.1f} taken off" if abs(usual) >= 0.05 else ""
    left = compared["difference"] - usual
    error = compared["spread"] / np.sqrt(compared["rows"])
    disagree = (left.abs() >= MUCH) & (left.abs() > SURE * error)
    return [
        f"its rows score {abs(one):.1f} {'less' if one < 0 else 'more'} than the topic itself{beside}" if far else ""
        for one, far in zip(left, disagree, strict=True)
    ]


def _told(scores: pd.Series) -> list[str]:
    return ["" if np.isnan(score) else f"{score:.2f}" for score in scores]
