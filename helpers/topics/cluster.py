"""HDBSCAN's tree -> a cluster a row and how sure it is; or the user's own clusters, numbered the same way.

Cluster numbers are topic numbers: 0 is the largest, -1 is unassigned. What a cluster is about is left to describe.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.topics.tree import SMALLEST, condense, cut_tree

UNASSIGNED = {"-1", "", "none", "nan", "null", "noise", "outlier", "unassigned", "unclustered"}


def cluster_points(
    edges: np.ndarray,
    own: pd.DataFrame,
    *,
    column: str | None = None,
    min_cluster_size: int = 50,
    method: str = "eom",
    **_: object,
) -> pd.DataFrame:
    """Return a line a point: topic (int64, -1 for none) and confidence (float32, 0 to 1, 0 for none).

    edges: see grow_tree. own: a line a row, with `vector`, its point's number. column: the user's own clusters in own,
    see take_clusters. Topics are numbered by their rows, equal ones by their first point. No more points than
    min_cluster_size are all unassigned.
    """
    if column:
        return take_clusters(own, column=column)
    n = own["vector"].nunique()
    if n <= min_cluster_size or not len(edges):
        return pd.DataFrame({"topic": np.full(n, -1, dtype=np.int64), "confidence": np.zeros(n, dtype=np.float32)})
    tree = condense(edges, smallest=min(SMALLEST, min_cluster_size))
    labels, membership = cut_tree(tree, min_cluster_size=min_cluster_size, method=method)
    topics = number_by_size(labels, weights=_rows_of(own))
    return pd.DataFrame({"topic": topics, "confidence": membership})


def take_clusters(texts: pd.DataFrame, *, column: str, **_: object) -> pd.DataFrame:
    """Return the user's own clusters as cluster_points does, one line a unique vector, with their `name`.

    column: cluster of every row, numbers or names; -1, nothing, "noise" and the like mean unassigned.
    """
    if column not in texts:
        raise ValueError(f"cluster.column: no column {column!r}; columns are {', '.join(map(str, texts.columns))}")
    unique = texts.drop_duplicates("vector").sort_values("vector")
    names = unique[column].map(_cluster_name).to_numpy(dtype=object)
    codes, known = pd.factorize(names)
    topics = number_by_size(codes, weights=_rows_of(texts))
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


def _rows_of(own: pd.DataFrame) -> np.ndarray:
    """Return how many rows share each unique vector."""
    return np.bincount(own["vector"].to_numpy())


def _cluster_name(value: object) -> str | None:
    """Return a given cluster as text (3.0 is 3), None where it says that there is none."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    return None if text.lower() in UNASSIGNED else text
