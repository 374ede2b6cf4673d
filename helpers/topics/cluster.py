"""HDBSCAN's tree -> a cluster a row and how sure it is; or those of another algorithm, or the user's own.

Cluster numbers are topic numbers: 0 is the largest, -1 is unassigned. What a cluster is about is left to describe.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.topics.tree import SMALLEST, condense, cut_tree, possible_samples

SIZED = ("hdbscan", "evoc")  # the algorithms that read min_cluster_size
DENSE_SHARE = 0.9  # of all points lie densely enough for dbscan to begin a cluster there
UNASSIGNED = {"-1", "", "none", "nan", "null", "noise", "outlier", "unassigned", "unclustered"}


def cluster_points(
    edges: np.ndarray,
    own: pd.DataFrame,
    reduced: np.ndarray | None = None,
    vectors: np.ndarray | None = None,
    *,
    algorithm: str = "hdbscan",
    column: str | None = None,
    min_cluster_size: int = 50,
    method: str = "eom",
    topics: int | None = None,
    eps: float | None = None,
    min_samples: int | None = None,
    seed: int = 42,
) -> pd.DataFrame:
    """Return a line a point: topic (int64, -1 for none) and confidence (float32, 0 to 1, 0 for none).

    edges: see grow_tree; the only thing that hdbscan needs. own: a line a row, with `vector`, its point's number.
    reduced (n, k) is what dbscan and kmeans cluster, vectors (n, d) what evoc does, see their functions. column: the
    user's own clusters in own, see take_clusters. Topics are numbered by their rows, equal ones by their first point.
    For hdbscan and evoc, no more points than min_cluster_size are all unassigned.
    """
    if column:
        return take_clusters(own, column=column)
    n = own["vector"].nunique()
    if not n or (algorithm in SIZED and (n <= min_cluster_size or (algorithm == "hdbscan" and not len(edges)))):
        labels, membership = np.full(n, -1), np.zeros(n)
    elif algorithm == "hdbscan":
        tree = condense(edges, smallest=min(SMALLEST, min_cluster_size))
        labels, membership = cut_tree(tree, min_cluster_size=min_cluster_size, method=method)
    elif algorithm == "dbscan":
        labels, membership = by_dbscan(reduced, eps=eps, min_samples=min_samples)
    elif algorithm == "kmeans":
        labels, membership = by_kmeans(reduced, topics=topics, seed=seed)
    else:
        labels, membership = by_evoc(vectors, min_cluster_size=min_cluster_size, topics=topics, seed=seed)
    return pd.DataFrame(
        {"topic": number_by_size(labels, weights=rows_of(own)), "confidence": membership.astype(np.float32)}
    )


def by_dbscan(
    points: np.ndarray, *, eps: float | None = None, min_samples: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return DBSCAN's cluster of each point (n, k), -1 for none, and 1 for each that is in one.

    eps: how near neighbours are; by default, so that nine in ten points have min_samples of them.
    """
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    count = possible_samples(len(points), min_samples)
    if eps is None:
        far, _ = NearestNeighbors(n_neighbors=count).fit(points).kneighbors(points)
        eps = float(np.quantile(far[:, -1], DENSE_SHARE)) or float(np.finfo(np.float32).eps)
        print(f"cluster: eps {eps:.3g}, where nine in ten texts have {count} neighbours", flush=True)  # noqa: T201
    labels = DBSCAN(eps=eps, min_samples=count).fit_predict(points)
    return labels, labels != -1


def by_kmeans(points: np.ndarray, *, topics: int | None = None, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """Return k-means' cluster of each point (n, k), none without one, and how much nearer its centre is than the next.

    topics: how many; by default the root of half the points (Mardia et al. 1979). The same for any number of threads.
    """
    from sklearn.cluster import KMeans

    count = min(topics or max(2, round(np.sqrt(len(points) / 2))), len(points))
    with threadpool_limits(1):  # sums over threads end in another last bit each time
        far = KMeans(count, n_init=3, random_state=seed).fit_transform(np.asarray(points, dtype=np.float64))
    nearest = np.sort(far, axis=1)[:, :2]
    sure = 1 - nearest[:, 0] / np.maximum(nearest[:, -1], 1e-300) if count > 1 else np.ones(len(points))
    return far.argmin(axis=1), np.clip(sure, 1e-3, 1)


def by_evoc(
    vectors: np.ndarray, *, min_cluster_size: int = 50, topics: int | None = None, seed: int = 42
) -> tuple[np.ndarray, np.ndarray]:
    """Return EVoC's cluster of each vector (n, d), -1 for none, and its membership. No reduction is made before.

    topics: about how many. Raises ImportError where evoc is not installed.
    """
    try:
        from evoc import EVoC
    except ImportError:
        raise ImportError('cluster.algorithm: evoc is not installed: pip install -e ".[evoc]"') from None
    print("cluster: EVoC, which compiles for minutes when it is first used", flush=True)  # noqa: T201
    found = EVoC(base_min_cluster_size=min_cluster_size, approx_n_clusters=topics, random_state=seed)
    labels = found.fit_predict(np.asarray(vectors, dtype=np.float32))
    return labels, np.where(labels == -1, 0, np.clip(found.membership_strengths_, 1e-3, 1))


def take_clusters(texts: pd.DataFrame, *, column: str, **_: object) -> pd.DataFrame:
    """Return the user's own clusters as cluster_points does, one line a unique vector, with their `name`.

    column: cluster of every row, numbers or names; -1, nothing, "noise" and the like mean unassigned.
    """
    if column not in texts:
        raise ValueError(f"cluster.column: no column {column!r}; columns are {', '.join(map(str, texts.columns))}")
    unique = texts.drop_duplicates("vector").sort_values("vector")
    names = unique[column].map(_cluster_name).to_numpy(dtype=object)
    codes, known = pd.factorize(names)
    topics = number_by_size(codes, weights=rows_of(texts))
    named = dict(zip(codes.tolist(), known[codes] if len(known) else [], strict=False))
    return pd.DataFrame(
        {
            "topic": topics,
            "confidence": (topics != -1).astype(np.float32),
            "name": [named[code] if code != -1 else None for code in codes.tolist()],
        }
    )


def number_by_size(clusters: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Return clusters renumbered: 0 is the largest, equal sizes in order of appearance; -1 stays.

    weights: how many rows each line stands for; one by default.

    >>> number_by_size(np.array([7, -1, 3, 3, 9]))
    array([ 1, -1,  0,  0,  2])
    """
    codes, seen = pd.factorize(np.asarray(clusters), sort=False)
    sizes = np.bincount(codes, weights=weights, minlength=len(seen)) if len(seen) else np.zeros(0, dtype=int)
    order = [code for code in np.argsort(-sizes, kind="stable") if seen[code] != -1]
    number = np.full(len(seen) + 1, -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[codes]


def rows_of(own: pd.DataFrame) -> np.ndarray:
    """Return how many rows share each unique vector."""
    return np.bincount(own["vector"].to_numpy())


def _cluster_name(value: object) -> str | None:
    """Return a given cluster as text (3.0 is 3), None where it says that there is none."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    return None if text.lower() in UNASSIGNED else text
