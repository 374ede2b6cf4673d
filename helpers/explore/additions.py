"""A map of several sources -> what one of them would add to the base: which of its rows are new, by topic.

New is told by vectors, near-duplicates by the words in a row that two texts share (clean/dedup.py).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.clean.dedup import find_near_duplicates
from helpers.explore.compare_sources import choose_base, name_sources
from helpers.explore.read_map import TopicMap
from helpers.explore.shares import UNASSIGNED, labels_of, share_text
from helpers.text.excerpt import one_line, shorten
from helpers.vectors.embedder import unit_length

NEAR = 10  # nearest texts of the base that a text is held against
FAR = 0.05  # share of the base's own texts that would be new to the rest of it
BLOCK = 2_048  # vectors looked up at once
CHARS = 160  # of an example


def added_rows(
    topic_map: TopicMap, *, by: str, source: str, base: str | None = None, threshold: float = 0.8
) -> pd.DataFrame:
    """Return the rows of a source in their order, with what each would add to the base.

    id, source, topic, similarity (cosine, 0 to 1, to the nearest text of the base), nearest (id of the first row that
    has it), isolation (see isolation_of), new, near_duplicate_of (id of a row of the base, null for none) and jaccard,
    text, and score where the map has one. new: more isolated from the base than 95 of 100 of the base's own different
    texts are from the others, and no near-duplicate; so of a source that is just like the base 5% are new. threshold:
    of near-duplicates, see dedup.find_near_duplicates. Searched is exactly, among all texts of the base. Raises
    ValueError for sources that are not there or are the same, and for a base of fewer than two different texts.
    """
    rows = topic_map.rows
    names = name_sources(rows, by=by)
    chosen = choose_base(names, base=base)
    if str(source) not in set(names.dropna()) - {chosen}:
        others = ", ".join(map(repr, sorted(set(names.dropna()) - {chosen})))
        raise ValueError(f"source: expected one other than the base {chosen!r}, of {others}; got {str(source)!r}")
    known, asked = rows[names == chosen], rows[names == str(source)]
    firsts = known.drop_duplicates("vector")
    vectors = unit_length(topic_map.vectors[firsts["vector"].to_numpy()])
    lines, back = np.unique(asked["vector"].to_numpy(), return_inverse=True)
    found = isolation_of(unit_length(topic_map.vectors[lines]), vectors).iloc[back].reset_index(drop=True)
    columns = ["id", "text"]
    copies, _ = find_near_duplicates(asked[columns], against=known[columns], within=False, threshold=threshold)
    copy = copies["near_duplicate_of"].to_numpy(dtype=object)
    told = {
        "id": asked["id"],
        "source": names[asked.index],
        "topic": asked["topic"],
        "similarity": found["similarity"].to_numpy(),
        "nearest": firsts["id"].to_numpy(dtype=object)[found["nearest"]],
        "isolation": found["isolation"].to_numpy(),
        "new": found["far"].to_numpy() & pd.isna(copy),
        "near_duplicate_of": copy,
        "jaccard": copies["similarity"].to_numpy(),
        "text": asked["text"],
    }
    return pd.DataFrame(told | ({"score": asked["score"]} if "score" in asked else {})).reset_index(drop=True)


def additions(
    topic_map: TopicMap, added: pd.DataFrame, *, by: str, base: str | None = None, examples: int = 3
) -> pd.DataFrame:
    """Return a line a topic, the one to which most new rows would be added first, -1 last.

    topic, label, base_rows, rows (of the source), near_duplicates (of a row of the base), new (rows), share_new (of the
    rows), score and base_score (means, where the map has scores), example_ids and examples (beginnings) of the new rows
    that are most isolated from the base. Topics without a row of the source are left out. added: see added_rows, with
    the same by and base.
    """
    names = name_sources(topic_map.rows, by=by)
    known = topic_map.rows[names == choose_base(names, base=base)]
    grouped = added.groupby("topic")
    found = pd.DataFrame(
        {
            "base_rows": known.groupby("topic").size().reindex(list(grouped.groups), fill_value=0),
            "rows": grouped.size(),
            "near_duplicates": grouped["near_duplicate_of"].count(),
            "new": grouped["new"].sum(),
            "share_new": grouped["new"].mean(),
        }
    )
    if "score" in added:
        found = found.assign(score=grouped["score"].mean(), base_score=known.groupby("topic")["score"].mean())
    new = added[added["new"]].assign(by_id=added["id"].map(str), far=-added["isolation"]).sort_values(["far", "by_id"])
    shown = {topic: lines.head(examples) for topic, lines in new.groupby("topic")}
    none = added.head(0)
    found["example_ids"] = [shown.get(topic, none)["id"].tolist() for topic in found.index]
    found["examples"] = [[_beginning(text) for text in shown.get(topic, none)["text"]] for topic in found.index]
    lines = found.rename_axis("topic").reset_index()
    lines.insert(1, "label", labels_of(topic_map.topics, lines["topic"]))
    keys = {"last": lines["topic"] == UNASSIGNED, "new": -lines["new"], "rows": -lines["rows"], "topic": lines["topic"]}
    return lines.loc[pd.DataFrame(keys).sort_values(list(keys)).index].reset_index(drop=True)


def additions_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what additions returns to be read: shares in percent, scores with two digits, an example a line."""
    told = pd.DataFrame({"topic": lines["topic"], "label": lines["label"]})
    for name, head in (
        ("base_rows", "in base"),
        ("rows", "rows"),
        ("near_duplicates", "near-duplicates"),
        ("new", "new"),
    ):
        told[head] = [f"{count:,}" for count in lines[name]]
    told["share new"] = [share_text(share) for share in lines["share_new"]]
    for name, head in (("score", "score"), ("base_score", "score in base")):
        if name in lines:
            told[head] = ["" if pd.isna(score) else f"{score:.2f}" for score in lines[name]]
    told["examples"] = [" · ".join(texts) for texts in lines["examples"]]
    return told


def isolation_of(asked: np.ndarray, known: np.ndarray) -> pd.DataFrame:
    """Return a line for each vector asked: nearest (the line of known), similarity to it, isolation, and far (bool).

    isolation: how similar the 10 nearest known ones are to their own 10 nearest on average, less how similar it is to
    those 10; so it is held against what is usual in its own region, as by the local outlier factor (Breunig et al.
    2000). far: that is more than for 95 of 100 known ones among themselves. asked (m, d) and known (n, d): different
    vectors of unit length, float32. Raises ValueError where fewer than two are known.
    """
    if len(known) < 2:
        raise ValueError(f"the base has {len(known)} different text: expected 2 or more to tell what is new beside it")
    count = min(NEAR, len(known) - 1)
    around, near = _search(known, known, count + 1)
    # Itself goes to the end, and is cut off; where that many are equal to it, one of them is.
    order = np.argsort(around == np.arange(len(known))[:, None], axis=1, kind="stable")[:, :count]
    around, near = (np.take_along_axis(one, order, axis=1) for one in (around, near))
    usual = near.mean(axis=1)
    places, similar = _search(asked, known, count)
    isolation = usual[places].mean(axis=1) - similar.mean(axis=1)
    limit = np.quantile(usual[around].mean(axis=1) - usual, 1 - FAR)
    columns = {"nearest": places[:, 0], "similarity": similar[:, 0], "isolation": isolation, "far": isolation > limit}
    return pd.DataFrame(columns)


def _search(asked: np.ndarray, known: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines and similarities of the nearest known vectors (m, count), nearest first."""
    import faiss
    from tqdm import tqdm

    places, near = np.empty((len(asked), count), dtype=np.int64), np.empty((len(asked), count), dtype=np.float32)
    for start in tqdm(
        range(0, len(asked), BLOCK), desc="find the nearest in the base", delay=2, mininterval=1, leave=False
    ):
        block = slice(start, start + BLOCK)
        near[block], places[block] = faiss.knn(asked[block], known, count, metric=faiss.METRIC_INNER_PRODUCT)
    return places, np.clip(near, 0, 1)


def _beginning(text: str) -> str:
    return shorten(one_line(text[: 2 * CHARS]), CHARS)
