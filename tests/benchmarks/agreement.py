"""How well topics agree with known ones, this kit against the stock recipe, over sizes and seeds.

    python tests/benchmarks/agreement.py RUN_FOLDER=COLUMN [...] [--sizes 25,50,100,150] [--seeds 42,1,2]

A run folder is what `run topics NAME --set evaluate.truth=COLUMN` leaves behind; the column is named as it is in
rows.parquet there, where a source's own `topic` is source_topic. Stock and ours are fit.py's, on the
same vectors; printed is the NMI over all rows, its mean over the seeds for each size.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.topics.cluster import cluster_points
from helpers.topics.reduce import reduce_vectors
from helpers.topics.tree import grow_tree


def by_stock(vectors: np.ndarray, sizes: list[int], seed: int) -> dict[int, np.ndarray]:
    """Return the stock recipe's clusters for every size."""
    import hdbscan
    import umap

    points = umap.UMAP(15, 5, min_dist=0.0, metric="cosine", random_state=seed).fit_transform(vectors)
    return {size: hdbscan.HDBSCAN(size).fit_predict(points.astype(np.float64)) for size in sizes}


def by_ours(vectors: np.ndarray, sizes: list[int], seed: int) -> dict[int, np.ndarray]:
    """Return this kit's clusters for every size, each as if it were set."""
    points, own = reduce_vectors(vectors, seed=seed)[0], pd.DataFrame({"vector": np.arange(len(vectors))})
    edges = grow_tree(points, size_is_set=True)
    return {size: cluster_points(edges, own, min_cluster_size=size)["topic"] for size in sizes}


def main() -> None:
    """Print a table a run: a line a recipe, a column a size."""
    from sklearn.metrics import normalized_mutual_info_score

    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("runs", nargs="+")
    ask.add_argument("--sizes", default="25,50,100,150")
    ask.add_argument("--seeds", default="42,1,2")
    asked = ask.parse_args()
    warnings.filterwarnings("ignore")
    sizes = [int(size) for size in asked.sizes.split(",")]
    for folder, column in (run.rsplit("=", 1) for run in asked.runs):
        if column == "topic":
            raise SystemExit("topic is what the kit found; known topics of that name are in source_topic")
        rows = pd.read_parquet(Path(folder, "rows.parquet")).drop_duplicates("vector").sort_values("vector")
        vectors = np.load(Path(folder, "vectors.npy")).astype(np.float32)
        found = [
            {"recipe": fit.__name__[3:], "seed": seed, "size": size, "nmi": normalized_mutual_info_score(known, labels)}
            for known in [rows[column].astype(str)]
            for seed in map(int, asked.seeds.split(","))
            for fit in (by_ours, by_stock)
            for size, labels in fit(vectors, sizes, seed).items()
        ]
        table = pd.DataFrame(found).pivot_table(index="recipe", columns="size", values="nmi", margins=True)
        print(f"{Path(folder).name}, {len(vectors):,} vectors\n{table.round(3).to_string()}", flush=True)


if __name__ == "__main__":
    main()
