"""Points -> HDBSCAN's tree of clusters within clusters, grown once; a cut of it for any min_cluster_size.

Growing takes seconds, cutting hundredths of one, so that sizes can be compared. HDBSCAN itself (Campello et al. 2013;
McInnes and Healy 2017) grows the tree; the cuts are the same as its own. Which cut to take is left to tune.py.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

# The usual min_samples is a hundredth of the points between the first two. HDBSCAN's own default, min_cluster_size,
# would need a tree for every size, and agreed no better with known topics over seven datasets of 500 to 68,000 texts
# (mean NMI of sizes 25 to 150 .655, 30: .659). Where a size is set, up to 50 are better (six datasets, sizes 10 to 150,
# .660 to .656; the layouts of snips vary most, over ten seeds .708 to .698), where it is found, 30.
FEWEST_SAMPLES, MOST_SAMPLES, MOST_FOR_A_SIZE = 5, 30, 50
SMALLEST = 5  # the tree is kept down to clusters of so many points; smaller ones are asked for hardly ever


@dataclass(frozen=True)
class Tree:
    """Clusters within clusters: lambda is 1 / distance, and grows from the root, cluster 0, to the leaves.

    Parents stand before their children. points leave their cluster one by one as lambda grows, or when it ends.
    """

    parent: np.ndarray  # (clusters,) the cluster that each is split from; the root's is itself
    sibling: np.ndarray  # (clusters,) the other half of the split
    birth: np.ndarray  # (clusters,) lambda of the split
    size: np.ndarray  # (clusters,) points in it at its birth
    within: np.ndarray  # (clusters,) points in it when it splits, 0 for a leaf
    home: np.ndarray  # (n,) the cluster that each point leaves last
    left: np.ndarray  # (n,) lambda at which it does
    first: np.ndarray  # (clusters + 1,) where a cluster's own points begin in
    falling: np.ndarray  # (n,) lambda of the points, cluster by cluster, the last to leave first
    smallest: int  # min_cluster_size of the smallest cut


def possible_samples(n: int, min_samples: int | None = None, *, size_is_set: bool = False) -> int:
    """Return min_samples for n points: the usual where nothing is said, and no more than a point has neighbours."""
    most = MOST_FOR_A_SIZE if size_is_set else MOST_SAMPLES
    return max(1, min(min_samples or min(most, max(FEWEST_SAMPLES, n // 100)), n - 1))


def grow_tree(
    points: np.ndarray, *, min_samples: int | None = None, size_is_set: bool = False, wanted: bool = True
) -> np.ndarray:
    """Return the (n - 1, 3) float64 edges of HDBSCAN's minimum spanning tree, the shortest first: from, to, distance.

    points: (n, k). distance is the mutual reachability of min_samples, see possible_samples; size_is_set: whether the
    tree is for one min_cluster_size that is known beforehand. No edges for fewer than
    three points, or where they are not wanted because clusters are found in another way.
    """
    full = np.asarray(points, dtype=np.float64)
    if len(full) < 3 or not wanted:
        return np.zeros((0, 3))
    print(f"tree: {len(full):,} points in clusters within clusters", flush=True)  # noqa: T201
    import hdbscan

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        grown = hdbscan.HDBSCAN(
            min_cluster_size=max(2, len(full) // 2),  # only the edges are wanted
            min_samples=possible_samples(len(full), min_samples, size_is_set=size_is_set),
            metric="euclidean",
            gen_min_span_tree=True,
            core_dist_n_jobs=1,
        ).fit(full)
    edges = grown.minimum_spanning_tree_.to_numpy()
    return edges[np.argsort(edges[:, 2], kind="stable")]


def condense(edges: np.ndarray, *, smallest: int = SMALLEST) -> Tree:
    """Return the tree of all clusters of at least `smallest` points that the edges of grow_tree make."""
    from hdbscan._hdbscan_linkage import label
    from hdbscan._hdbscan_tree import condense_tree

    n = len(edges) + 1
    joined = edges.copy()
    joined[:, 2] = np.maximum(joined[:, 2], 1e-12 * joined[:, 2].max(initial=0) or 1e-12)  # equal points: no infinity
    found = condense_tree(label(joined), smallest)
    point = found["child"] < n
    home, left = np.zeros(n, dtype=np.int64), np.zeros(n)
    home[found["child"][point]] = found["parent"][point] - n
    left[found["child"][point]] = found["lambda_val"][point]
    split = found[~point]  # two lines a split, one after the other; numbers rise from parents to children
    count = len(split) + 1
    parent, sibling, birth, size = (np.zeros(count, dtype=kind) for kind in (np.int64, np.int64, float, np.int64))
    number = split["child"] - n
    parent[number], birth[number], size[number] = split["parent"] - n, split["lambda_val"], split["child_size"]
    sibling[number] = number.reshape(-1, 2)[:, ::-1].ravel()
    size[0] = n
    within = np.bincount(parent[1:], weights=size[1:], minlength=count).astype(np.int64)
    order = np.lexsort((-left, home))
    first = np.searchsorted(home[order], np.arange(count + 1))
    return Tree(parent, sibling, birth, size, within, home, left, first, left[order], smallest)


def cut_tree(tree: Tree, *, min_cluster_size: int, method: str = "eom") -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster (n,) int64 of each point, -1 for none, and its membership (n,) float32 between 0 and 1.

    They are those of HDBSCAN(min_cluster_size, cluster_selection_method=method) on the same edges. The root is never a
    cluster. Raises ValueError for a size below that of the tree, or another method than eom and leaf.
    """
    if method not in ("eom", "leaf"):
        raise ValueError(f"cluster.method: expected eom or leaf, got {method!r}")
    if min_cluster_size < tree.smallest:
        raise ValueError(f"the tree is kept down to clusters of {tree.smallest} points; {min_cluster_size} is less")
    whole, left = _pruned(tree, min_cluster_size)
    stays = np.flatnonzero(whole == np.arange(len(whole)))  # clusters of this cut's tree
    up = whole[tree.parent]
    at, lambdas = whole[tree.home], np.minimum(tree.left, left[tree.home])
    chosen = _chosen(stays, up, _stability(tree, stays, up, at, lambdas), method)
    cluster = np.full(len(whole), -1)
    for one in stays[1:]:
        cluster[one] = cluster[up[one]] if cluster[up[one]] >= 0 else (one if chosen[one] else -1)
    labels = cluster[at]
    last = np.zeros(len(whole))
    np.maximum.at(last, at, lambdas)
    np.maximum.at(last, up[stays[1:]], tree.birth[stays[1:]])
    membership = np.where(labels == -1, 0, np.minimum(lambdas, last[labels]) / np.maximum(last[labels], 1e-300))
    return labels, membership.astype(np.float32)


def relative_validity(edges: np.ndarray, labels: np.ndarray) -> float:
    """Return how much denser clusters are inside than between them, from -1 to 1: DBCV (Moulavi et al. 2014) by edges.

    As HDBSCAN's relative_validity_: the spanning tree's edges stand for all pairs, unassigned points count as 0.
    """
    clusters, labels = np.unique(labels, return_inverse=True)
    labels = labels - (clusters[:1] == -1).sum()
    sizes = np.bincount(labels[labels >= 0])
    if not len(sizes):
        return 0.0
    one, other = labels[edges[:, 0].astype(int)], labels[edges[:, 1].astype(int)]
    far = edges[:, 2]
    inside = (one == other) & (one >= 0)
    between = (one != other) & (one >= 0) & (other >= 0)
    outward = (one >= 0) ^ (other >= 0)
    widest, nearest = np.zeros(len(sizes)), np.full(len(sizes), np.inf)
    np.maximum.at(widest, one[inside], far[inside])
    for side in (one, other):
        np.minimum.at(nearest, side[between], far[between])
    farthest = far.max() if len(sizes) > 1 else far[outward].min(initial=far.max())
    nearest = np.where(np.isinf(nearest), 2 * farthest, nearest)
    index = (nearest - widest) / np.maximum(np.maximum(nearest, widest), 1e-300)
    return float((sizes * index).sum() / len(labels))


def _pruned(tree: Tree, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which cluster each is part of once those under `size` are dissolved, and lambda at which it is left.

    A cluster that splits in two of which one is too small goes on as the other. One that splits in two that are both
    too small ends, and before that, as soon as fewer than `size` points are in it.
    """
    kept = tree.size >= size
    ends = kept.copy()
    ends[tree.parent[1:][kept[1:]]] = False
    ends &= tree.within < size
    left = np.full(len(kept), np.inf)
    left[ends] = tree.falling[tree.first[:-1][ends] + size - tree.within[ends] - 1]
    parent, sibling, birth = tree.parent.tolist(), tree.sibling.tolist(), tree.birth.tolist()
    whole, keeps, until = [0] * len(parent), kept.tolist(), left.tolist()
    for one in range(1, len(parent)):
        up = parent[one]
        whole[one] = one if keeps[one] and keeps[sibling[one]] else whole[up]
        if not keeps[one]:
            until[one] = min(birth[one], until[up])
    return np.array(whole), np.array(until)


def _stability(tree: Tree, stays: np.ndarray, up: np.ndarray, at: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Return for each cluster the sum of how long points stay in it, in lambda."""
    count = len(tree.parent)
    sums = np.bincount(at, weights=lambdas - tree.birth[at], minlength=count)
    children = stays[1:]
    time = (tree.birth[children] - tree.birth[up[children]]) * tree.size[children]
    return sums + np.bincount(up[children], weights=time, minlength=count)


def _chosen(stays: np.ndarray, up: np.ndarray, stability: np.ndarray, method: str) -> np.ndarray:
    """Return whether each cluster may be chosen: eom if it outlasts those within it, leaf if there are none within."""
    chosen, within = np.zeros(len(up), dtype=bool), np.zeros(len(up))
    inner = np.zeros(len(up), dtype=bool)
    inner[up[stays[1:]]] = True
    for one in stays[:0:-1]:
        chosen[one] = not inner[one] if method == "leaf" else within[one] <= stability[one]
        within[up[one]] += max(within[one], stability[one])
    return chosen
