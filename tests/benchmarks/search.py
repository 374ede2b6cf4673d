"""Seconds that a search takes among so many texts, without and with a rule, and to the nearest topics.

    python tests/benchmarks/search.py [--rows 100000] [--repeats 5]

The vectors are fit.py's mixture of 384 dimensions, read from the disk as 16 bits as those of a run are; the question is
one of them, so that no model's time is in it. Median and longest of the repeats; the first call for topics makes their
middles.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from fit import mixture

from helpers.explore.read_map import TopicMap
from helpers.explore.search import more_like, nearest_topics

TEXT = "I would like to have my money back, as the parcel came a week late and its box was wet. "


def main() -> None:
    """Print the seconds of each kind of question."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rows", type=int, default=100_000)
    ask.add_argument("--repeats", type=int, default=5)
    asked = ask.parse_args()
    vectors, groups = mixture(asked.rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, vectors.astype(np.float16))
        topics = pd.DataFrame({"topic": np.unique([-1, *groups])}).assign(label="Parcels", size=1)
        rows = pd.DataFrame({"id": [f"row-{at}" for at in range(asked.rows)], "text": TEXT * 5})
        rows = rows.assign(vector=np.arange(asked.rows), topic=groups, n_tokens=100)
        topic_map = TopicMap(rows, topics, pd.DataFrame(), np.load(path, mmap_mode="r"))
        question = np.float32(topic_map.vectors[0])
        time_of("nearest rows", lambda: more_like(topic_map, "row-0"), asked.repeats)
        time_of("nearest rows by a rule", lambda: more_like(topic_map, "row-0", where=["n_tokens > 5"]), asked.repeats)
        time_of("nearest topics", lambda: nearest_topics(topic_map, question), asked.repeats)


def time_of(name: str, work: Callable[[], object], repeats: int) -> None:
    """Print the median and the longest of the seconds that the work takes."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    print(f"{name}: {median(seconds):.3f} s, longest {max(seconds):.3f} s")


if __name__ == "__main__":
    main()
