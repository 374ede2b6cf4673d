"""Assignment of new rows against system B's nearest neighbour and BERTopic's transform, in one process.

    python tests/benchmarks/assign.py [--vectors 1000000] [--topics 150]
    python tests/benchmarks/assign.py --parquet 200000,1000000 [--workers 2]
    python tests/benchmarks/assign.py --sets SOURCE:COLUMN SOURCE:COLUMN ... [--size 25]
    python tests/benchmarks/assign.py --near SOURCE:COLUMN ... [--size 25]
    python tests/benchmarks/assign.py --sample SOURCE:COLUMN ... [--size 25]

Without --sets: seconds for so many vectors of 384 dimensions in memory; with --parquet from Parquet to Parquet, and the
peak memory of one worker. With --sets: how well, on labelled sets. A map is fitted on six
tenths of each set; the other rows are in scope, as many of each other set are out of scope. At a loss of 5, 10 and 20 %
of the rows in scope: how many out of scope are turned away, each method by its own distances; NMI of the topics given
to rows in scope with their labels, nobody turned away. B: the label of the nearest of all fitted rows (at most
100,000), by faiss. BERTopic: the nearest centroid, that of the unassigned among them.

--near: the same, but a map is fitted on half of a set's classes, and the rows of the other half are out of scope.
--sample: all sets as one, fitted whole, and on shares of it with the rest assigned (fit.sample): topics, coverage, and
agreement of all rows' topics with the sets' labels and with those of the whole fit. The size shrinks with the share.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import normalized_mutual_info_score

from helpers.runs import RUNS
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows
from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import fit_assigner, keep_out, save_assigner
from helpers.topics.cluster import cluster_points
from helpers.topics.describe import describe_topics, open_model
from helpers.topics.reduce import reduce_vectors
from helpers.topics.tree import grow_tree
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import find_embedder, unit_length

LOSSES = (0.05, 0.1, 0.2)
DIMENSIONS = 384
B_ROWS = 100_000  # fitted rows among which B looks
B_SHARE = 0.02  # of the rows are placed by B's method, which takes minutes for all


def rates(count: int, topics: int) -> None:
    """Print rows a second of the three methods on made vectors."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(topics, DIMENSIONS)).astype(np.float32)
    topic = random.integers(topics, size=B_ROWS)
    fitted = unit_length(centres[topic] + 1.2 * random.normal(size=(B_ROWS, DIMENSIONS)).astype(np.float32))
    new = np.empty((count, DIMENSIONS), dtype=np.float16)
    for start in range(0, count, B_ROWS):
        part = centres[random.integers(topics, size=min(B_ROWS, count - start))]
        new[start : start + len(part)] = unit_length(part + 1.2 * random.normal(size=part.shape).astype(np.float32))
    assigner = fit_assigner(fitted, topic)
    assign_vectors(new[:10_000], assigner)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = {"ours": _seconds(lambda: assign_vectors(new, assigner))}
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    model = _bertopic(fitted, topic)
    texts = ["a"] * count
    seconds["BERTopic's transform"] = _seconds(lambda: model.transform(texts, embeddings=new))
    some = new[: int(B_SHARE * count)]
    seconds["B: faiss, one neighbour of 100,000"] = _seconds(lambda: _nearest(fitted, some)) / B_SHARE
    for name, took in seconds.items():
        print(f"{name}: {took:.1f} s, {count / took:,.0f} rows/s, {took / seconds['ours']:.1f} times ours")
    print(f"ours: peak memory grew by {grown:.0f} MB while {count:,} rows were assigned")


def parquet(counts: list[int], topics: int, workers: int) -> None:
    """Print rows a second from Parquet to Parquet, and the peak memory of one worker, each in its own process."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            run = [sys.executable, __file__, "--topics", str(topics), "--folder", folder, "--vectors", str(count)]
            subprocess.run([*run, "--do", "write"], check=True)
            for number in (1, workers):
                subprocess.run([*run, "--do", "assign", "--workers", str(number)], check=True)


def write(folder: Path, count: int, topics: int) -> None:
    """Write a model, and vectors in row groups of 25,000."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    centres = random.normal(size=(topics, DIMENSIONS)).astype(np.float32)
    writer = None
    for start in range(0, count, B_ROWS):
        topic = random.integers(topics, size=min(B_ROWS, count - start))
        rows = unit_length(centres[topic] + 1.2 * random.normal(size=(len(topic), DIMENSIONS)).astype(np.float32))
        if start == 0:
            save_assigner(fit_assigner(rows, topic), folder)
        lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), DIMENSIONS)
        table = pa.table({"id": [f"r{start + i}" for i in range(len(topic))], "vector": lists})
        if writer is None:
            writer = pq.ParquetWriter(folder / "rows.parquet", table.schema, compression="none", use_dictionary=False)
        writer.write_table(table, row_group_size=25_000)
    writer.close()


def assign(folder: Path, count: int, workers: int) -> None:
    """Assign what write wrote, and print how fast and with how much memory."""
    from helpers.assign.shards import assign_source

    settings = {"column": "vector", "id": "id", "workers": workers, "rows": count}
    took = _seconds(lambda: assign_source(str(folder / "rows.parquet"), folder, folder / f"out{workers}", **settings))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    memory = f", peak memory {peak:.0f} MB" if workers == 1 else ""
    print(f"Parquet to Parquet, {workers} workers: {count:,} rows, {took:.1f} s, {count / took:,.0f} rows/s{memory}")


def quality(sets: list[str], size: int) -> None:
    """Print a line a pair of sets and method."""
    known = {name: _labelled(name) for name in sets}
    for name, (vectors, labels) in known.items():
        order = np.random.default_rng(0).permutation(len(vectors))
        fitted, unseen = order[: int(0.6 * len(order))], order[int(0.6 * len(order)) :]
        topics = _fit(vectors[fitted], size)
        assigner = fit_assigner(vectors[fitted], topics)
        kept = keep_out(topics)
        away = (assign_vectors(vectors[fitted][kept], assigner)["topic"] == -1).mean()
        new = assign_vectors(vectors[unseen], assigner)
        print(
            f"{name}: {topics.max() + 1} topics, coverage {(topics >= 0).mean():.2f}; turned away at reject 0.05: "
            f"{away:.3f} of the kept-out rows, {(new['topic'] == -1).mean():.3f} of the unseen ones"
        )
        for other, (others, _) in known.items():
            if other == name:
                continue
            out = others[np.random.default_rng(1).permutation(len(others))[: len(unseen)]]
            queries = np.concatenate([vectors[unseen], out])
            for method, (topic, similarity) in _methods(vectors[fitted], topics, assigner, queries).items():
                turned = _turned_away(similarity[: len(unseen)], similarity[len(unseen) :])
                nmi = normalized_mutual_info_score(labels[unseen], topic[: len(unseen)])
                print(f"  out of scope {other:12s} {method:9s} turned away {turned}, NMI {nmi:.3f}")


def near(sets: list[str], size: int) -> None:
    """Print a line a set and method, where the rows out of scope are of classes of the same set."""
    for name in sets:
        vectors, labels = _labelled(name)
        random = np.random.default_rng(0)
        classes = random.permutation(np.unique(labels))
        known = np.isin(labels, classes[: -(-len(classes) // 2)])
        order = random.permutation(np.flatnonzero(known))
        fitted, unseen = order[: int(0.6 * len(order))], order[int(0.6 * len(order)) :]
        topics = _fit(vectors[fitted], size)
        assigner = fit_assigner(vectors[fitted], topics)
        print(f"{name}: {topics.max() + 1} topics of {-(-len(classes) // 2)} classes; the others are out of scope")
        queries = np.concatenate([vectors[unseen], vectors[~known]])
        for method, (topic, similarity) in _methods(vectors[fitted], topics, assigner, queries).items():
            turned = _turned_away(similarity[: len(unseen)], similarity[len(unseen) :])
            nmi = normalized_mutual_info_score(labels[unseen], topic[: len(unseen)])
            print(f"  {method:9s} turned away {turned}, NMI {nmi:.3f}")


def sample(sets: list[str], size: int) -> None:
    """Print a line a share of the rows that is fitted."""
    found = [
        (vectors, [f"{name} {label}" for label in labels]) for name in sets for vectors, labels in [_labelled(name)]
    ]
    vectors = np.concatenate([vectors for vectors, _ in found])
    truth = np.concatenate([labels for _, labels in found])
    order = np.random.default_rng(0).permutation(len(vectors))
    vectors, truth, whole = vectors[order], truth[order], None
    for share in (1, 0.5, 0.25, 0.1):
        started = time.perf_counter()
        count = int(share * len(vectors))
        topics = _fit(vectors[:count], max(5, round(size * share)))
        if share < 1:
            topics = np.concatenate(
                [topics, assign_vectors(vectors[count:], fit_assigner(vectors[:count], topics))["topic"]]
            )
        took = time.perf_counter() - started
        whole = topics if whole is None else whole
        inside, both = topics >= 0, (topics >= 0) & (whole >= 0)
        print(
            f"{share:.0%} of {len(vectors):,} fitted: {topics.max() + 1} topics, coverage {inside.mean():.3f}, "
            f"NMI with the labels {normalized_mutual_info_score(truth, topics):.3f}, in topics "
            f"{normalized_mutual_info_score(truth[inside], topics[inside]):.3f}; with the whole fit, where both have a "
            f"topic, {normalized_mutual_info_score(whole[both], topics[both]):.3f}; {took:.1f} s"
        )


def _turned_away(inside: np.ndarray, outside: np.ndarray) -> list[float]:
    return [round(float((outside < np.quantile(inside, loss)).mean()), 3) for loss in LOSSES]


def _methods(fitted: np.ndarray, topics: np.ndarray, assigner, queries: np.ndarray) -> dict:  # noqa: ANN001
    found = assign_vectors(queries, assigner, reject=0)
    numbers = np.unique(topics)  # BERTopic has a centroid of the unassigned too
    centroids = unit_length(np.stack([fitted[topics == number].mean(axis=0) for number in numbers]))
    cosines = queries @ centroids.T
    near, line = _nearest(fitted, queries)
    return {
        "ours": (found["topic"].to_numpy(), 1 - found["distance"].to_numpy()),
        "B": (topics[line], near),
        "BERTopic": (numbers[cosines.argmax(axis=1)], cosines.max(axis=1)),
    }


def _nearest(fitted: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    index = faiss.IndexFlatIP(fitted.shape[1])
    index.add(np.ascontiguousarray(fitted[:B_ROWS], dtype=np.float32))
    near, line = index.search(np.ascontiguousarray(queries, dtype=np.float32), 1)
    return near[:, 0], line[:, 0]


def _bertopic(vectors: np.ndarray, topics: np.ndarray):  # noqa: ANN202 - BERTopic's model, saved and loaded
    texts = pd.DataFrame({"id": [str(i) for i in range(len(topics))], "text": [f"word{t} and more" for t in topics]})
    texts["text"] += " " + texts["id"]
    texts["vector"] = np.arange(len(topics))
    clusters = pd.DataFrame({"topic": topics, "confidence": 1.0})
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder, "model")
        embedder = find_embedder(model="all-MiniLM-L6-v2")
        describe_topics(texts, vectors, clusters, embedder=embedder, own_vectors=True, model_folder=path)
        return open_model(path)


def _labelled(name: str) -> tuple[np.ndarray, np.ndarray]:
    source, column = name.rsplit(":", 1)
    rows, _ = load_rows(path=source)
    texts, _ = convert_rows(rows, keep=[column])
    texts = number_vectors(texts.drop_duplicates("text", ignore_index=True))
    embedder = find_embedder(model="all-MiniLM-L6-v2")
    vectors, _ = embed_texts(texts, embedder=embedder, runs=RUNS, run="benchmark")  # from its cache the next time
    return unit_length(vectors.astype(np.float32)[texts["vector"]]), texts[column].astype(str).to_numpy()


def _fit(vectors: np.ndarray, size: int) -> np.ndarray:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        reduced = reduce_vectors(vectors)[0]
        edges = grow_tree(reduced, size_is_set=True)
        own = pd.DataFrame({"vector": np.arange(len(vectors))})
        return cluster_points(edges, own, min_cluster_size=size)["topic"].to_numpy()


def _seconds(work) -> float:  # noqa: ANN001
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure what is asked for."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--vectors", type=int, default=1_000_000)
    ask.add_argument("--topics", type=int, default=150)
    ask.add_argument("--sets", nargs="+")
    ask.add_argument("--near", nargs="+")
    ask.add_argument("--sample", nargs="+")
    ask.add_argument("--size", type=int, default=25)
    ask.add_argument("--parquet", type=lambda text: [int(count) for count in text.split(",")])
    ask.add_argument("--workers", type=int, default=2)
    ask.add_argument("--do", choices=["write", "assign"], help=argparse.SUPPRESS)
    ask.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.do == "write":
        write(asked.folder, asked.vectors, asked.topics)
    elif asked.do == "assign":
        assign(asked.folder, asked.vectors, asked.workers)
    elif asked.parquet:
        parquet(asked.parquet, asked.topics, asked.workers)
    elif asked.sets:
        quality(asked.sets, asked.size)
    elif asked.near:
        near(asked.near, asked.size)
    elif asked.sample:
        sample(asked.sample, asked.size)
    else:
        rates(asked.vectors, asked.topics)


if __name__ == "__main__":
    main()
