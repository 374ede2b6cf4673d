"""A run's topics -> those that prompts are made of, by id, size or score; the others with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.shown import counted
from helpers.synthetic.tables import left_out_table, topic_name

UNASSIGNED = -1
NAMED = 8  # ids in an error


def choose_topics(
    topics: pd.DataFrame,
    *,
    include: Sequence[int] = (),
    exclude: Sequence[int] = (),
    least_size: int | None = None,
    most_size: int | None = None,
    least_score: float | None = None,
    scores: pd.DataFrame | None = None,
    rows: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the topics that prompts are made of, in the order of their ids, and those left out with the reason.

    topics: topic, size, label. include, exclude: ids, never names, which two topics may share and another run changes;
    include: only these. The rows of no topic, -1, are in only where include names them. least_score: of a topic's mean.
    scores: score, with topic, or with id, whose topics are in rows. Raises ValueError for ids that are not there or
    both in include and exclude, for a least_score without scores, and where no topic is left.
    """
    known = set(topics["topic"])
    if strange := [one for one in (*include, *exclude) if one not in known]:
        raise ValueError(
            f"there is no topic {strange[0]!r}: topics are chosen by id, and the ids are {_listed(sorted(known))}"
        )
    if both := sorted({*include} & {*exclude}):
        raise ValueError(f"topic {both[0]} is named in both include and exclude")
    means = _mean_scores(scores, rows) if least_score is not None else {}

    def reason(topic: int, size: int) -> str | None:
        if include and topic not in include:
            return "is not among the topics in include"
        if topic in exclude:
            return "is named in exclude"
        if topic == UNASSIGNED and topic not in include:
            return "holds the rows of no topic; name -1 in include to take it"
        if least_size is not None and size < least_size:
            return f"has {counted(size, 'row')}, fewer than {least_size:,}"
        if most_size is not None and size > most_size:
            return f"has {counted(size, 'row')}, more than {most_size:,}"
        if least_score is not None and not means.get(topic, float("nan")) >= least_score:
            mean = means.get(topic)
            return "has no score" if mean is None else f"has a mean score of {mean:.2f}, less than {least_score:g}"
        return None

    table = topics.sort_values("topic").reset_index(drop=True)
    reasons = [reason(one.topic, one.size) for one in table[["topic", "size"]].itertuples(index=False)]
    is_out = pd.Series([why is not None for why in reasons], dtype=bool)
    lines = [
        ("topic", topic_name(one), int(one["size"]), why)
        for one, why in zip(table.to_dict("records"), reasons, strict=True)
        if why
    ]
    if is_out.all():
        told = "; ".join(f"{name} {why}" for _, name, _, why in lines[:3])
        raise ValueError(f"no topic is left to make prompts of: {told or 'the run has none'}")
    return table[~is_out].reset_index(drop=True), left_out_table(lines)


def _mean_scores(scores: pd.DataFrame | None, rows: pd.DataFrame | None) -> dict[int, float]:
    """Return the mean score by topic; topics without a score are not in it."""
    if scores is None:
        raise ValueError(
            "synthetic.least_score needs scores, and the run has none: make them with `python -m helpers run quality`, "
            "or leave least_score out"
        )
    if "topic" not in scores:
        if rows is None:
            raise ValueError("scores by row need the rows, which say in which topic each is")
        places = rows[["id", "topic"]].astype({"id": str})
        scores = scores.astype({"id": str})[["id", "score"]].merge(places, on="id")
    return scores.dropna(subset=["score"]).groupby("topic")["score"].mean().to_dict()


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:NAMED])) + (f", ... {ids[-1]}" if len(ids) > NAMED else "")
