"""The samples of an output -> what was turned away: groups of rows that are alike, with keywords and examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from helpers.assign.samples import COUNT
from helpers.shown import percent
from helpers.text.audit import find_languages
from helpers.text.excerpt import one_line, shorten
from helpers.topics.describe import choose_representatives, main_languages, make_vectorizer, stop_word_list
from helpers.vectors.stream import FOLDERS

MOST = 20_000  # rows of either kind that are looked at
GROUP = 40  # rows in a group, about, and
GROUPS = 8  # so many groups at most
WORDS = 8
EXAMPLES = 3


def read_samples(parts: Sequence[Path], *, most: int = MOST) -> pd.DataFrame:
    """Return rows of the samples of all parts, at most so many that got a topic and as many that got none.

    parts: of the rows. vector: (d,) float16 of those in none, None for the others; stands_for: how many rows of its
    part each stands for.
    """
    every = max(1, len(parts) * COUNT // most)
    found = pd.concat([_sample_of(part) for part in parts[::every]], ignore_index=True)
    away = found["topic"] == -1
    return pd.concat([found[away].head(most), found[~away].head(most)], ignore_index=True)


def _sample_of(part: Path) -> pd.DataFrame:
    """Return the sample of a part, and for how many of its rows each stands."""
    rows = pq.read_table(part.parent / FOLDERS["samples"] / part.name).to_pandas()
    with pq.ParquetFile(part) as file:
        topics = (batch.column("topic").to_numpy() for batch in file.iter_batches(columns=["topic"]))
        none = sum(int((topic == -1).sum()) for topic in topics)
        total = file.metadata.num_rows
    away = rows["topic"] == -1
    weights = np.where(away, none / max(1, away.sum()), (total - none) / max(1, (~away).sum()))
    return rows.assign(stands_for=weights)


def group_turned_away(samples: pd.DataFrame, topics: pd.DataFrame, *, seed: int = 42) -> pd.DataFrame:
    """Return a line a group of rows in no topic, the largest first: share, keywords, nearest topics, examples.

    share: of all rows turned away. keywords: words that set the group apart from the others and from rows in a topic.
    nearest: labels of the topics that most of its rows came nearest to. Groups are found by k-means, as many as there
    are rows for; where the rows have no texts there are no keywords, and examples are ids.
    """
    from sklearn.cluster import KMeans

    away = samples[samples["topic"] == -1].reset_index(drop=True)
    columns = ["share", "keywords", "nearest", "examples"]
    if away.empty:
        return pd.DataFrame(columns=columns)
    vectors = np.stack(away["vector"].to_list()).astype(np.float32)
    count = int(np.clip(len(away) // GROUP, 1, GROUPS))
    groups = KMeans(count, random_state=seed, n_init=4).fit_predict(vectors) if count > 1 else np.zeros(len(away), int)
    weights = np.bincount(groups, away["stands_for"], minlength=count) / away["stands_for"].sum()
    order = np.argsort(-weights, kind="stable")
    words = _keywords(away, groups, samples[samples["topic"] != -1])
    label = topics.set_index("topic")["label"]
    lines = []
    for group in order[weights[order] > 0]:
        members = np.flatnonzero(groups == group)
        near = away.loc[members, "runner_up"].map(label).value_counts(normalize=True)
        chosen = away.loc[choose_representatives(vectors, members, n=EXAMPLES)]
        shown = [shorten(one_line(text), 200) or str(id) for text, id in zip(chosen["text"], chosen["id"], strict=True)]
        nearest = list(near[near >= 0.2].index[:3]) or list(near.index[:1])
        lines.append((weights[group], words.get(group, []), nearest, shown))
    return pd.DataFrame(lines, columns=columns)


def groups_table(groups: pd.DataFrame) -> pd.DataFrame:
    """Return what group_turned_away returns with its lists as texts to read."""
    told = {name: groups[name].map(", ".join) for name in ("keywords", "nearest")}
    return groups.assign(share=groups["share"].map(percent), **told, examples=groups["examples"].map(" | ".join))


def _keywords(away: pd.DataFrame, groups: np.ndarray, inside: pd.DataFrame) -> dict[int, list[str]]:
    """Return by c-TF-IDF, with the rows that are in a topic as one more group, the words of each group."""
    from bertopic.vectorizers import ClassTfidfTransformer

    texts = [*away["text"], *inside["text"]]
    named = np.concatenate([groups, np.full(len(inside), groups.max() + 1)])
    if not any(text.strip() for text in texts):
        return {}
    languages = main_languages(pd.DataFrame({"language": find_languages(texts, 500)}))
    vectorizer = make_vectorizer(texts, stop_word_list("auto", languages), 1)
    together = pd.Series(texts).groupby(named).agg(" ".join)
    counted = vectorizer.fit_transform(together)
    weights = ClassTfidfTransformer(reduce_frequent_words=True).fit(counted).transform(counted).toarray()
    names = vectorizer.get_feature_names_out()
    weights[counted.toarray() < 2] = 0  # a word that stands once in a group says nothing of it
    best = np.argsort(-weights[: groups.max() + 1], axis=1, kind="stable")[:, :WORDS]
    return {group: [names[at] for at in found if weights[group, at]] for group, found in enumerate(best)}
