"""Rows picked of a map against random ones, of as many: how much of the map they cover, and seconds.

    python tests/benchmarks/pick.py RUN_FOLDER=COLUMN SOURCE:COLUMN ... [--counts 50,200,1000] [--size 40] [--seeds 5]
    python tests/benchmarks/pick.py --vectors 100000

A run folder is what `run topics NAME --set label.model=none` leaves behind; a source is embedded by the packaged
MiniLM, and clustered with the size. The column holds known classes. Printed for each number of rows, by how they are
picked: mean and 95th percentile of the distance (1 - cosine) of every row to the nearest picked one, the shares of
topics and of known classes that have one, and seconds. random: the mean of several samples of all rows; stratified: a
random sample in each topic, as many as of "even"; centres: k-center in each topic (Gonzalez 1985), as many.
best: the median score of picked rows where every row has a random one between 0 and 1, without best_by and with it.

--vectors: seconds for a thousand rows of so many made vectors (fit.py's mixture of 200 groups and noise), whose topics
are the groups, ten of these each, or one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from pathlib import Path

import numpy as np
import pandas as pd
from assign import _fit, _labelled
from fit import mixture

from helpers.explore.coverage import coverage
from helpers.explore.pick import WEIGHTS, pick_rows
from helpers.explore.read_map import TopicMap

BASE = "even"  # whose number of rows a topic the other ways within a topic have too


def open_map(name: str, size: int) -> TopicMap:
    """Return a map whose rows have the column `known`."""
    if "=" in name:
        folder, column = name.rsplit("=", 1)
        rows = pd.read_parquet(Path(folder, "rows.parquet"))
        topics = pd.read_parquet(Path(folder, "topics.parquet"))
        vectors = np.load(Path(folder, "vectors.npy"))
        return TopicMap(rows.assign(known=rows[column].astype(str)), topics, pd.DataFrame(), vectors)
    with contextlib.redirect_stderr(io.StringIO()):
        vectors, known = _labelled(name)
        topic = _fit(vectors, size)
    return make_map(vectors.astype(np.float16), topic, known)


def make_map(vectors: np.ndarray, topic: np.ndarray, known: np.ndarray | None = None) -> TopicMap:
    """Return a map of vectors, a row each."""
    rows = pd.DataFrame({"id": [f"{at:07d}" for at in range(len(topic))], "vector": range(len(topic)), "topic": topic})
    topics = pd.DataFrame({"topic": np.unique(topic), "label": [f"topic {one}" for one in np.unique(topic)]})
    return TopicMap(rows if known is None else rows.assign(known=known), topics, pd.DataFrame(), vectors)


def centres(vectors: np.ndarray, count: int) -> np.ndarray:
    """Return lines of so many vectors, each the furthest from those before it, the first the most central one."""
    chosen = [int((vectors @ vectors.mean(axis=0)).argmax())]
    away = 1 - vectors @ vectors[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(away.argmax()))
        away = np.minimum(away, 1 - vectors @ vectors[chosen[-1]])
    return np.array(chosen)


def ways(topic_map: TopicMap, count: int, seeds: int) -> dict[str, list[np.ndarray]]:
    """Return the lines that each way picks, a list where chance has a part in it."""
    rows, chance = topic_map.rows, np.random.default_rng(0)
    found = {"random": [chance.choice(len(rows), count, replace=False) for _ in range(seeds)]}
    lines = pd.Series(np.arange(len(rows)), index=rows["id"])
    tables = {}
    for by in WEIGHTS:
        picked, tables[by] = pick_rows(topic_map, count, by=by)
        found[by] = [lines[picked["id"]].to_numpy()]
    wanted = tables[BASE].set_index("topic")["picked"]
    inside = {topic: np.flatnonzero(rows["topic"] == topic) for topic in wanted.index[wanted > 0]}
    full = topic_map.row_vectors
    found["stratified"] = [
        np.concatenate([chance.choice(some, wanted[topic], replace=False) for topic, some in inside.items()])
        for _ in range(seeds)
    ]
    found["centres"] = [np.concatenate([some[centres(full[some], wanted[topic])] for topic, some in inside.items()])]
    return found


def measure(topic_map: TopicMap, count: int, seeds: int) -> pd.DataFrame:
    """Return a line a way."""
    rows, full = topic_map.rows, topic_map.row_vectors
    topics, known = rows["topic"].to_numpy(), rows["known"]
    lines = []
    for way, samples in ways(topic_map, count, seeds).items():
        figures = [coverage(full, one, topics=topics) for one in samples]
        classes = [known.iloc[one].nunique() / known.nunique() for one in samples]
        lines.append({"way": way} | pd.DataFrame(figures).mean().to_dict() | {"classes": np.mean(classes)})
    return pd.DataFrame(lines).assign(n=count)


def measure_best(topic_map: TopicMap, count: int) -> pd.DataFrame:
    """Return a line without and one with best_by, of random scores."""
    scores = np.random.default_rng(1).random(len(topic_map.rows))
    scored = TopicMap(topic_map.rows.assign(points=scores), topic_map.topics, topic_map.layers, topic_map.vectors)
    lines, at = [], pd.Series(np.arange(len(scores)), index=topic_map.rows["id"])
    for best_by in (None, "points"):
        picked, _ = pick_rows(scored, count, best_by=best_by)
        figures = coverage(scored.row_vectors, at[picked["id"]].to_numpy())
        lines.append({"n": count, "best_by": best_by, "median": picked["points"].median(), "mean": figures["mean"]})
    return pd.DataFrame(lines)


def seconds(count: int) -> None:
    """Print how long a thousand rows take of so many made vectors."""
    vectors, group = mixture(count)
    for topics, topic in ((200, group), (20, group // 10), (1, group * 0)):
        made = make_map(vectors.astype(np.float16), topic)
        started = time.perf_counter()
        picked, _ = pick_rows(made, 1_000, by="size")
        print(
            f"{len(picked):,} of {count:,} vectors in {topics} topics: {time.perf_counter() - started:.1f} s",
            flush=True,
        )


def main() -> None:
    """Print a table a set and number of rows."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("sets", nargs="*")
    ask.add_argument("--counts", default="50,200,1000")
    ask.add_argument("--size", type=int, default=40)
    ask.add_argument("--seeds", type=int, default=5)
    ask.add_argument("--vectors", type=int, default=0)
    asked = ask.parse_args()
    for name in asked.sets:
        topic_map = open_map(name, asked.size)
        topics, known = topic_map.rows["topic"].nunique(), topic_map.rows["known"].nunique()
        print(f"{name}: {len(topic_map.rows):,} rows, {topics} topics with the unassigned, {known} classes")
        counts = [int(count) for count in asked.counts.split(",")]
        found = pd.concat([measure(topic_map, count, asked.seeds) for count in counts])
        print(found.set_index(["n", "way"])[["mean", "p95", "topics", "classes"]].round(3).to_string())
        best = pd.concat([measure_best(topic_map, count) for count in counts])
        print(best.round(3).to_string(index=False), flush=True)
    if asked.vectors:
        seconds(asked.vectors)


if __name__ == "__main__":
    main()
