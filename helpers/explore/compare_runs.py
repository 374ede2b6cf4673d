"""Two finished maps with rows in common -> what became of each topic, which labels carry over, and how far they agree.

Both are looked at on their shared rows alone. Whatever differs, encoder, settings or day, is not asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.explore.read_map import TopicMap
from helpers.shown import counted, percent
from helpers.topics.drawing import NOISE
from helpers.topics.evaluate import agreement
from helpers.topics.tune import RETURNS

MOST = 0.5  # of rows are most of them where they are more than this share
LEAST = 50  # shared rows, or half of the smaller map's; fewer say little of the topics
OTHER_TEXTS = 0.5  # of the shared rows have another text: the ids may be those of something else
COLUMNS = "topic_a label_a rows_a topic_b label_b rows_b shared jaccard state parts".split()
STATES = {
    "same": "a topic of B is this one",
    "split": "became several topics of B",
    "merged": "most of it is in a topic of B with others",
    "vanished": "most of it is unassigned in B",
    "scattered": "is here and there in B",
    "split off": "a topic of B, most of which was in one topic of A",
    "new": "a topic of B that was none of A",
    "not shared": "none of its rows is in the other map",
}


def shared_rows(a: TopicMap, b: TopicMap) -> pd.DataFrame:
    """Return the rows that both maps have, by id, in its order: id, topic_a, topic_b, same_text (bool).

    Raises ValueError where they are fewer than 50 and fewer than half of the smaller map's rows.
    """
    one, other = (found.rows[["id", "text", "topic"]].astype({"id": str}) for found in (a, b))
    both = one.merge(other, on="id", suffixes=("_a", "_b")).sort_values("id", kind="stable", ignore_index=True)
    smaller = min(len(one), len(other))
    if not len(both) or len(both) < min(LEAST, smaller / 2):
        raise ValueError(
            f"the maps share {counted(len(both), 'row')} of {len(one):,} and {len(other):,}: expected {LEAST}, or half "
            f"of the smaller map's. Rows are joined by id, such as {one['id'].head(1).tolist()} and "
            f"{other['id'].head(1).tolist()}; name the column that holds it in source.id for both"
        )
    return both.assign(same_text=both["text_a"] == both["text_b"])[["id", "topic_a", "topic_b", "same_text"]]


def align_topics(a: TopicMap, b: TopicMap) -> pd.DataFrame:
    """Return a line a topic of A, in their order, and then one for each topic of B that none of these became.

    topic_a, label_a, rows_a, topic_b, label_b, rows_b (null where there is none), shared (rows in both), jaccard (of
    the two), state, parts (labels of all topics of B that it became, the largest part first). Rows are shared ones, and
    most of them means more than half. The first state that holds is given:

    same: the Jaccard index is more than half. No topic can be so much like two others, so both are each other's best
    match; a cluster whose best match is no better has dissolved (Hennig 2008).
    split: two topics of B or more are each mostly of it, and together hold most of it; topic_b is the largest part.
    merged: most of it is in one topic of B, which holds others as well, of other topics or unassigned before.
    vanished: most of it is unassigned in B. scattered: none of these; for both topic_b is the most alike.
    not shared: none of its rows is in the other map.

    Of B alone: "split off" is mostly of one topic of A, and topic_a that one, which is the same as another, merged or
    lies scattered; "new" is mostly of rows that were unassigned or in several topics. Raises ValueError for too few
    shared rows, see shared_rows.
    """
    counts = count_pairs(a, b)
    sizes_a, sizes_b = counts.sum(axis=1), counts.sum(axis=0)
    topics_a, topics_b = (sorted(set(found.names) - {NOISE}) for found in (a, b))
    lines, became = [], set()
    for topic in topics_a:
        state, parts, nearest = _fate(counts, sizes_a, sizes_b, topic)
        became |= set(parts)
        lines.append((topic, nearest, state, [b.names[part] for part in parts]))
    for topic in topics_b:
        if topic not in became:
            state, origin = _origin(counts, sizes_b, topic)
            lines.append((origin, topic, state, []))
    found = pd.DataFrame(lines, columns=["topic_a", "topic_b", "state", "parts"])
    for side, names, sizes in (("a", a.names, sizes_a), ("b", b.names, sizes_b)):
        topics = found[f"topic_{side}"] = found[f"topic_{side}"].astype("Int64")
        found[f"label_{side}"] = topics.map(names).astype(object).where(topics.notna(), None)
        found[f"rows_{side}"] = topics.map(sizes).astype("Int64").where(topics.isna(), topics.map(sizes).fillna(0))
    pairs = list(zip(found["topic_a"], found["topic_b"], strict=True))
    found["shared"] = [int(_at(counts, *pair)) for pair in pairs]
    union = found["rows_a"].fillna(0) + found["rows_b"].fillna(0) - found["shared"]
    found["jaccard"] = (found["shared"] / union.where(union > 0)).astype(float).fillna(0.0)
    return found[COLUMNS]


def count_pairs(a: TopicMap, b: TopicMap) -> pd.DataFrame:
    """Return how many shared rows are in each topic of A (lines) and of B (columns), -1 the unassigned ones."""
    shared = shared_rows(a, b)
    return pd.crosstab(shared["topic_a"], shared["topic_b"])


def agree(a: TopicMap, b: TopicMap) -> dict[str, Any]:
    """Return how far two maps agree on their shared rows, 1 for the same partition; see evaluate.agreement.

    rows, of_a and of_b (shares of each map's rows that these are), same_text (share of them with one text in both),
    coverage_a, coverage_b and coverage (in a topic of both). all: nmi, ami and ari of all, the unassigned as a topic.
    covered: of those in topics of both, None where there are none.
    """
    shared = shared_rows(a, b)
    in_a, in_b = (shared[name].to_numpy() != NOISE for name in ("topic_a", "topic_b"))
    figures: dict[str, Any] = {"rows": len(shared)}
    figures |= {"of_a": len(shared) / len(a.rows), "of_b": len(shared) / len(b.rows)}
    figures |= {"same_text": float(shared["same_text"].mean())}
    figures |= {"coverage_a": float(in_a.mean()), "coverage_b": float(in_b.mean())}
    figures |= {"coverage": float((in_a & in_b).mean())}
    for which, rows in (("all", shared), ("covered", shared[in_a & in_b])):
        found = agreement(rows["topic_a"].astype(str), rows["topic_b"].to_numpy())["all"]
        figures[which] = {name: found[name] for name in ("nmi", "ami", "ari")} if found else None
    return figures


def carried_labels(aligned: pd.DataFrame) -> dict[int, str]:
    """Return for each topic of B that is the same as one of A: the label of A."""
    same = aligned[aligned["state"] == "same"]
    return dict(zip(same["topic_b"].astype(int).tolist(), same["label_a"].tolist(), strict=True))


def aligned_table(aligned: pd.DataFrame) -> pd.DataFrame:
    """Return what align_topics returns to be read, what is still the same last; a split topic's parts are all told."""
    order = {state: at for at, state in enumerate([*list(STATES)[1:], "same"])}
    lines = aligned.sort_values("state", key=lambda states: states.map(order), kind="stable")
    told = pd.DataFrame({"state": lines["state"]})
    for side in ("a", "b"):
        told[f"topic_{side}"] = ["" if pd.isna(one) else str(one) for one in lines[f"topic_{side}"]]
        told[f"label_{side}"] = lines[f"label_{side}"].fillna("")
        told[f"rows_{side}"] = ["" if pd.isna(rows) else f"{rows:,}" for rows in lines[f"rows_{side}"]]
    split = lines["state"] == "split"
    told["label_b"] = np.where(split, lines["parts"].map("; ".join), told["label_b"])
    told["shared"] = [f"{shared:,}" if shared else "" for shared in lines["shared"]]
    told["jaccard"] = [f"{jaccard:.2f}" if jaccard else "" for jaccard in lines["jaccard"]]
    return told.reset_index(drop=True)


def agreement_table(figures: dict[str, Any]) -> pd.DataFrame:
    """Return what agree returns to be read, with a word where the shared ids may not be those of the same rows."""
    odd = " (other texts: are these the same rows?)" if 1 - figures["same_text"] > OTHER_TEXTS else ""
    lines = {
        "shared rows": f"{figures['rows']:,} ({percent(figures['of_a'])} of A, {percent(figures['of_b'])} of B)",
        "of these with the same text": percent(figures["same_text"]) + odd,
        "in a topic of A, of B, of both": ", ".join(percent(figures[f"coverage{side}"]) for side in ("_a", "_b", "")),
    }
    for which, rows in (("all", "all shared rows"), ("covered", "those in topics of both")):
        for name, figure in (figures[which] or {}).items():
            lines[f"{name.upper()}, {rows}"] = f"{figure:.2f}"
    return pd.DataFrame({"figure": lines.keys(), "value": lines.values()})


def _fate(
    counts: pd.DataFrame, sizes_a: pd.Series, sizes_b: pd.Series, topic: int
) -> tuple[str, list[int], int | None]:
    """Return what became of a topic of A, the topics of B that it became, and the one to be named beside it."""
    if topic not in counts.index:
        return "not shared", [], None
    rows = sizes_a[topic]
    met = counts.loc[topic].drop(NOISE, errors="ignore")
    met = met[met > 0].sort_values(ascending=False, kind="stable")
    likeness = met / (rows + sizes_b[met.index] - met)
    nearest = int(likeness.idxmax()) if len(met) else None
    mostly = [int(part) for part in met.index[met > MOST * sizes_b[met.index]]]
    if len(met) and likeness.max() > RETURNS:
        return "same", [nearest], nearest
    if len(mostly) > 1 and met[mostly].sum() > MOST * rows:
        return "split", mostly, mostly[0]
    if len(met) and met.iloc[0] > MOST * rows:
        return "merged", [int(met.index[0])], int(met.index[0])
    return "vanished" if rows - met.sum() > MOST * rows else "scattered", [], nearest


def _origin(counts: pd.DataFrame, sizes_b: pd.Series, topic: int) -> tuple[str, int | None]:
    """Return what a topic of B is that none of A became, and the topic of A that most of it was in."""
    if topic not in counts.columns:
        return "not shared", None
    met = counts[topic].drop(NOISE, errors="ignore")
    most = met.index[met > MOST * sizes_b[topic]]
    return ("split off", int(most[0])) if len(most) else ("new", None)


def _at(counts: pd.DataFrame, topic_a: Any, topic_b: Any) -> int:  # noqa: ANN401 - a number, or null
    there = not pd.isna(topic_a) and not pd.isna(topic_b) and topic_a in counts.index and topic_b in counts.columns
    return counts.at[topic_a, topic_b] if there else 0
