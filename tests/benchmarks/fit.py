"""The fit against the stock recipe, in one process on the same vectors.

    python tests/benchmarks/fit.py [--sizes 5000,20000,100000] [--vectors FILE.npy] [--truth FILE.parquet] [--parts]

Stock: UMAP(15, 5, 0.0, cosine, seed 42), HDBSCAN(min_cluster_size), and a second UMAP for the map. Without --vectors,
which needs --truth, vectors are made: 200 groups of unequal size and width in 384 dimensions, with
5 % noise. --parts: short texts with noisy copies, so that the graph of neighbours falls into thousands of parts.
--truth: a parquet with the column `truth`, a line a vector.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings

import numpy as np
import pandas as pd

from helpers.topics.cluster import cluster_points
from helpers.topics.reduce import reduce_vectors
from helpers.topics.tree import condense, cut_tree, grow_tree
from helpers.vectors.embedder import unit_length

COLUMNS = "fit vectors size reduce tree seconds topics coverage nmi".split()


def mixture(n: int, *, parts: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n unit vectors of 384 dimensions and the group of each; parts: in thousands of tight families."""
    random = np.random.default_rng(seed)
    groups = 200
    axes = random.normal(size=(40, 384))  # real vectors fill few of their dimensions
    centres, widths = random.normal(size=(groups, 40)), random.uniform(0.3, 0.9, groups)
    group = random.choice(groups, p=random.dirichlet(np.full(groups, 2.0)), size=n)
    inner = centres[group] + random.normal(size=(n, 40)) * widths[group, None]
    if parts:
        family = random.integers(max(1, n // 25), size=n)
        first = np.unique(family, return_index=True)[1]
        lines = first[np.searchsorted(np.unique(family), family)]
        group, inner = group[lines], inner[lines] + random.normal(size=(n, 40)) * 0.02
    noise = random.random(n) < 0.05
    inner[noise] = random.normal(size=(noise.sum(), 40)) * 1.4
    return unit_length(inner @ axes + random.normal(size=(n, 384)) * 0.5), group


def stock(vectors: np.ndarray, size: int) -> tuple[np.ndarray, dict[str, float]]:
    """Return the stock recipe's clusters and seconds."""
    import hdbscan
    import umap

    started = time.perf_counter()
    points = umap.UMAP(15, 5, min_dist=0.0, metric="cosine", random_state=42).fit_transform(vectors)
    umap.UMAP(15, 2, min_dist=0.0, metric="cosine", random_state=42).fit_transform(vectors)
    reduced = time.perf_counter()
    labels = hdbscan.HDBSCAN(min_cluster_size=size).fit_predict(points.astype(np.float64))
    return labels, {"reduce": reduced - started, "tree": time.perf_counter() - reduced}


def ours(vectors: np.ndarray, size: int) -> tuple[np.ndarray, dict[str, float]]:
    """Return this kit's clusters and seconds, of the tree that sizes are compared on."""
    started = time.perf_counter()
    reduced, _, _, _ = reduce_vectors(vectors, device="cpu")
    laid = time.perf_counter()
    clusters = cluster_points(
        grow_tree(reduced),
        pd.DataFrame({"vector": np.arange(len(vectors))}),
        min_cluster_size=size,
    )
    return clusters["topic"].to_numpy(), {"reduce": laid - started, "tree": time.perf_counter() - laid}


def line(name: str, fit: tuple[np.ndarray, dict[str, float]], truth: np.ndarray, size: int) -> dict[str, object]:
    """Return a line of the table: seconds, topics, coverage, and agreement with the truth over all rows."""
    from sklearn.metrics import normalized_mutual_info_score

    labels, seconds = fit
    return {
        "fit": name,
        "vectors": len(labels),
        "size": size,
        **{part: round(value, 1) for part, value in seconds.items()},
        "seconds": round(sum(seconds.values()), 1),
        "topics": len(set(labels.tolist()) - {-1}),
        "coverage": round(float((labels != -1).mean()), 3),
        "nmi": round(float(normalized_mutual_info_score(truth, labels)), 3),
    }


def sweep(points: np.ndarray, size: int) -> str:
    """Return in words how long twenty cuts of one tree take beside two HDBSCAN fits."""
    import hdbscan

    started = time.perf_counter()
    tree = condense(grow_tree(points))
    for one in np.unique(np.geomspace(10, len(points) // 10, 20).astype(int)):
        cut_tree(tree, min_cluster_size=int(one))
    swept = time.perf_counter() - started
    started = time.perf_counter()
    for one in (size, 2 * size):
        hdbscan.HDBSCAN(min_cluster_size=one).fit(points.astype(np.float64))
    twice = time.perf_counter() - started
    return f"tree and 20 cuts {swept:.1f} s, two HDBSCAN fits {twice:.1f} s, ratio {swept / twice:.2f}"


def main() -> None:
    """Print the table, ratios and this process's peak memory."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--sizes", default="5000,20000,100000")
    ask.add_argument("--vectors")
    ask.add_argument("--truth")
    ask.add_argument("--parts", action="store_true")
    ask.add_argument("--only", choices=["stock", "ours"], help="one of both, to see its peak memory")
    asked = ask.parse_args()
    warnings.filterwarnings("ignore")
    random = np.random.default_rng(0)
    lines = []
    warm, _ = mixture(2_000)
    for fit in (stock, ours):
        if asked.only in (None, fit.__name__):
            fit(warm, 50)  # compile
    for n in map(int, asked.sizes.split(",")):
        if asked.vectors:
            given = np.load(asked.vectors, mmap_mode="r")
            chosen = np.sort(random.permutation(len(given))[:n])
            order = random.permutation(len(chosen))
            vectors = np.asarray(given[chosen], dtype=np.float32)[order]
            truth = pd.read_parquet(asked.truth)["truth"].to_numpy()[chosen][order]
        else:
            vectors, truth = mixture(n, parts=asked.parts)
        size = max(25, n // 500)
        for fit in (ours, stock):
            if asked.only in (None, fit.__name__):
                lines.append(line(fit.__name__, fit(vectors, size), truth, size))
                print(pd.DataFrame(lines[-1:])[COLUMNS].to_string(index=False, header=len(lines) == 1), flush=True)
        if asked.only is None:
            print(f"ratio {lines[-2]['seconds'] / lines[-1]['seconds']:.2f};", sweep(reduce_vectors(vectors)[0], size))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
