"""HDBSCAN's tree -> what every min_cluster_size would give, and the one to take.

The tree is grown once and cut for each size, so fifty sizes take seconds. How often a topic comes back is seen in
layouts made with other seeds. sizes.py shows it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.shown import percent
from helpers.topics.cluster import rows_of
from helpers.topics.reduce import reduce_again
from helpers.topics.tree import SMALLEST, Tree, condense, cut_tree, grow_tree, possible_samples, relative_validity

SIZES = 50  # compared, evenly by their logarithm
FINEST, COARSEST = 2_000, 5  # a topic has at least one in 2,000 of the texts, and no more than one in 5
METHODS = ("eom", "leaf")
SMOOTH = 5  # sizes: a size is judged with its neighbours, so that none is taken that does well by accident
NEARLY = 0.95  # of the best is as good as the best
LEVEL = 0.9  # of such sizes' most topics: the middle one of those that have so many is far from any cliff
COLUMNS = "min_samples method min_cluster_size topics coverage largest validity stability".split()
RETURNS = 0.5  # Hennig 2007: a cluster whose best match has a lower Jaccard index than this is dissolved


@dataclass(frozen=True)
class Choice:
    """The size to cut at, in words why, and the settings of cluster_points with that size in them."""

    min_cluster_size: int
    reason: str
    settings: dict[str, Any]


def tune_sizes(
    vectors: np.ndarray,
    reduced: np.ndarray,
    near: np.ndarray,
    distances: np.ndarray,
    edges: np.ndarray,
    own: pd.DataFrame,
    *,
    seeds: int = 2,
    more_samples: Sequence[int] = (),
    seed: int = 42,
    reduce: dict[str, Any] | None = None,
    tree: dict[str, Any] | None = None,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the trees' edges with other seeds, (seeds, n - 1, 3), and a line a size, method and min_samples.

    The table has topics; coverage and largest, shares of all rows; validity, see relative_validity; and stability, the
    mean over the seeds and the rows in topics of how well their topic comes back, see jaccard. reduce and tree: the
    settings that made reduced and edges. more_samples: further values of min_samples. Empty without edges.
    """
    reduce, tree = reduce or {}, tree or {}
    if not len(edges):
        return np.zeros((0, 0, 3)), pd.DataFrame({name: [] for name in COLUMNS})
    again = [
        grow_tree(points, **tree) for points in reduce_again(vectors, near, distances, seeds=seeds, seed=seed, **reduce)
    ]
    own_samples = possible_samples(len(reduced), tree.get("min_samples"), size_is_set=tree.get("size_is_set", False))
    grown = [(own_samples, edges, again)]
    grown += [(count, grow_tree(reduced, min_samples=count), []) for count in more_samples if count != own_samples]
    weights = rows_of(own)
    sizes = list_sizes(len(weights))
    lines = []
    with tqdm(total=len(grown) * len(METHODS) * len(sizes), desc="compare sizes", unit=" cut", mininterval=1) as bar:
        for count, trunk, others in grown:
            trees = [condense(one) for one in (trunk, *others)]
            for method in METHODS:
                for size in sizes:
                    lines.append({"min_samples": count, "method": method} | _cut(trunk, trees, weights, size, method))
                    bar.update()
    stacked = np.stack(again) if again else np.zeros((0, 0, 3))
    return stacked, pd.DataFrame(lines, columns=COLUMNS)


def list_sizes(n: int) -> list[int]:
    """Return the sizes to compare for n points: up to 50, from one in 2,000 to one in 5, 5 at least."""
    low = max(SMALLEST, n // FINEST)
    return np.unique(np.geomspace(low, max(low, n // COARSEST), SIZES).astype(int)).tolist()


def jaccard(labels: np.ndarray, others: Sequence[np.ndarray], weights: np.ndarray | None = None) -> np.ndarray:
    """Return for each topic, 0 to the last, how well it comes back in other clusterings of the same points.

    That is the Jaccard index, shared by all, with the cluster most like it, and the mean of it over the others (Hennig
    2007, "Cluster-wise assessment of cluster stability"): 1 is the very same, below 0.5 it has dissolved. labels and
    others: (n,), -1 for none. weights: how many rows a point stands for. NaN where there are no others.
    """
    count = int(labels.max(initial=-1)) + 1
    if not len(others):
        return np.full(count, np.nan)
    return np.mean([_best_match(labels, other, weights, count) for other in others], axis=0)


def choose_size(tuning: pd.DataFrame, edges: np.ndarray, own: pd.DataFrame, **cluster: Any) -> Choice:  # noqa: ANN401
    """Return the size to cut at and why: the one that is set, the one that gives `topics`, or the one that does best.

    cluster: the settings of cluster_points. "auto" takes the size at which most rows are in topics that come back,
    those of the largest topic left out: stability x (coverage - largest), or validity in place of stability where there
    are no other layouts. Over 22 sets of 500 to 68,000 texts with known topics, from eight sources, its mean AMI was
    .61, that of a fixed size of 50 .57, and the best of all sizes had .66. A number is passed on as it is. The settings
    that come back say the tree's min_samples as well.
    """
    size, wanted, method = cluster["min_cluster_size"], cluster["topics"], cluster["method"]
    own_way = cluster["algorithm"] != "hdbscan" or cluster["column"]
    if own_way or not len(edges):
        reason = "topics come in another way than by size" if own_way else "there are too few texts to compare sizes"
        number = size if size != "auto" else SMALLEST
        return Choice(number, reason, {**cluster, "min_cluster_size": number})
    if wanted:
        number, reason = _size_for(edges, wanted=wanted, method=method, weights=rows_of(own))
    elif size == "auto":
        number, reason = _best(_shown(tuning, method))
    else:
        number, reason = size, "set in cluster.min_cluster_size"
    is_set = size != "auto" and not wanted
    samples = possible_samples(len(edges) + 1, cluster.get("min_samples"), size_is_set=is_set)
    return Choice(number, reason, {**cluster, "min_cluster_size": number, "min_samples": samples})


def tuning_table(tuning: pd.DataFrame, choice: Choice, *, most: int = 12) -> pd.DataFrame:
    """Return some sizes of the chosen method to be read, the one that was chosen, or is nearest to it, marked."""
    lines = _shown(tuning, choice.settings["method"])
    if lines.empty:
        return pd.DataFrame({"size": [], "topics": []})
    chosen = (lines["min_cluster_size"] - choice.min_cluster_size).abs().idxmin()
    some = lines.loc[sorted({*lines.index[:: -(-len(lines) // most)], chosen})]
    exact = lines["min_cluster_size"][chosen] == choice.min_cluster_size
    mark = "chosen" if exact else f"nearest to {choice.min_cluster_size}"
    marks = [mark if at == chosen else "" for at in some.index]
    return pd.DataFrame(
        {
            "min_cluster_size": some["min_cluster_size"],
            "topics": some["topics"],
            **{name: some[name].map(percent) for name in ("coverage", "largest")},
            **{name: some[name].round(2) for name in ("validity", "stability")},
            "": marks,
        }
    ).set_index("min_cluster_size")


def _shown(tuning: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the lines of one method and of the run's own min_samples, which come first."""
    own = tuning["min_samples"].isin(tuning["min_samples"].head(1))
    return tuning[own & (tuning["method"] == method)].reset_index(drop=True)


def _cut(edges: np.ndarray, trees: list[Tree], weights: np.ndarray, size: int, method: str) -> dict[str, Any]:
    labels, *others = (dense(cut_tree(tree, min_cluster_size=size, method=method)[0]) for tree in trees)
    rows = np.bincount(labels + 1, weights=weights, minlength=2)
    matches = jaccard(labels, others, weights)
    inside, absent = rows[1:].sum(), 0.0 if others else np.nan
    return {
        "min_cluster_size": size,
        "topics": int(labels.max(initial=-1)) + 1,
        "coverage": inside / rows.sum(),
        "largest": rows[1:].max() / rows.sum(),
        "validity": relative_validity(edges, labels),
        "stability": float((matches * rows[1 : len(matches) + 1]).sum() / inside) if inside and others else absent,
    }


def dense(labels: np.ndarray) -> np.ndarray:
    """Return labels numbered from 0 without gaps, -1 as it is."""
    return np.unique(np.append(labels, -1), return_inverse=True)[1][:-1] - 1


def _best_match(labels: np.ndarray, other: np.ndarray, weights: np.ndarray | None, count: int) -> np.ndarray:
    weights = np.ones(len(labels)) if weights is None else weights
    width = int(other.max(initial=-1)) + 1
    if not width:
        return np.zeros(count)
    both = (labels >= 0) & (other >= 0)
    shared = np.bincount(labels[both] * width + other[both], weights=weights[both], minlength=count * width)
    shared = shared.reshape(count, width)
    size = np.bincount(labels[labels >= 0], weights=weights[labels >= 0], minlength=count)
    other_size = np.bincount(other[other >= 0], weights=weights[other >= 0], minlength=width)
    return (shared / (size[:, None] + other_size - shared)).max(axis=1)


def _best(lines: pd.DataFrame) -> tuple[int, str]:
    measure = "stability" if lines["stability"].notna().any() else "validity"
    score = lines[measure].clip(lower=0) * (lines["coverage"] - lines["largest"])
    score = score.rolling(SMOOTH, center=True, min_periods=1).median().where(lines["topics"] > 1, 0)
    if not (score > 0).any():
        return int(lines["min_cluster_size"].iloc[0]), "no size gives two topics; this is the smallest"
    best = lines[score >= NEARLY * score.max()]
    level = best[best["topics"] >= LEVEL * best["topics"].max()]
    chosen = level.iloc[len(level) // 2]
    kept = f" and come back to {percent(chosen['stability'])} in other layouts" if measure == "stability" else ""
    return int(chosen["min_cluster_size"]), (
        f"auto, one of the best of {len(lines)} sizes: {chosen['topics']} topics hold "
        f"{percent(chosen['coverage'])} of the rows{kept}; the largest has {percent(chosen['largest'])}"
    )


def _size_for(edges: np.ndarray, *, wanted: int, method: str, weights: np.ndarray) -> tuple[int, str]:
    """Return the size whose number of topics is nearest to what is wanted, of equal ones that of most coverage."""
    n = len(edges) + 1
    low = min(SMALLEST, max(2, n // (2 * wanted)))
    tree = condense(edges, smallest=low)
    sizes = np.unique(np.geomspace(low, max(low, n // 2), 8 * SIZES).astype(int)).tolist()
    found = []
    for size in tqdm(sizes, "sizes for topics", unit=" cut", mininterval=1, leave=False):
        labels, _ = cut_tree(tree, min_cluster_size=size, method=method)
        topics = len(np.unique(labels[labels >= 0]))
        found.append((abs(topics - wanted), -weights[labels >= 0].sum(), size, topics))
    _, _, size, topics = min(found)
    near = "" if topics == wanted else f", and no other comes nearer than {topics}"
    return size, f"cluster.topics: this size gives {topics} topics; {wanted} were asked for{near}"
