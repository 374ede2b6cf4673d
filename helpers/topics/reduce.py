"""Vectors -> points in few dimensions for clustering, and points in two for the map, by UMAP.

The default settings, UMAP(15, 5, 0.0, cosine), are those that BERTopic's users know. Clusters are left to cluster.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

EXACT = 20_000  # vectors up to which every pair is compared; seconds, and no approximation
FEWEST = 16  # UMAP's spectral start needs more rows than dimensions and neighbours worth the name


def reduce_vectors(
    vectors: np.ndarray,
    own: pd.DataFrame | None = None,
    *,
    columns: Sequence[str] = (),
    n_neighbors: int = 15,
    n_components: int = 5,
    min_dist: float = 0.0,
    metric: str = "cosine",
    seed: int = 42,
    **_: object,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, n_components) and (n, 2) float32: what is clustered, and the map.

    vectors: (n, d). columns: the user's own points in own, see take_points. Fewer than 16 vectors are laid out by
    their principal components, as UMAP cannot.
    """
    if columns:
        return take_points(own, columns=columns, seed=seed, n_neighbors=n_neighbors)
    full = np.asarray(vectors, dtype=np.float32)
    settings = {"n_neighbors": n_neighbors, "min_dist": min_dist, "metric": metric, "seed": seed}
    graph = find_neighbours(full, n_neighbors=n_neighbors, metric=metric, seed=seed)
    reduced = _umap(full, n_components, "to cluster", graph=graph, **settings)
    return reduced, reduced if n_components == 2 else _umap(full, 2, "for the map", graph=graph, **settings)


def find_neighbours(
    vectors: np.ndarray, *, n_neighbors: int = 15, metric: str = "cosine", seed: int = 42
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the lines and distances (both (n, k)) of each vector's nearest, itself first; None for too few vectors.

    Exact up to 20,000 vectors, by nearest neighbour descent beyond. Both reductions use the one graph.
    """
    if len(vectors) < FEWEST:
        return None
    count = min(n_neighbors, len(vectors) - 1)
    print(f"reduce: the {count} nearest of {len(vectors):,} vectors", flush=True)  # noqa: T201
    if len(vectors) <= EXACT:
        from sklearn.neighbors import NearestNeighbors

        distances, lines = (
            NearestNeighbors(n_neighbors=count, metric=metric, algorithm="brute").fit(vectors).kneighbors()
        )
        return _with_self(lines, distances)
    from umap.umap_ import nearest_neighbors

    random = np.random.RandomState(seed)  # noqa: NPY002 - what umap takes
    lines, distances, _ = nearest_neighbors(vectors, count, metric, {}, metric == "cosine", random)
    return lines, distances


def _with_self(lines: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours with each vector as its own first, at distance 0, in place of the last: as UMAP counts them."""
    own = np.arange(len(lines))[:, None]
    near = np.concatenate([np.zeros((len(lines), 1)), distances[:, :-1]], axis=1)
    return np.concatenate([own, lines[:, :-1]], axis=1), near.astype(np.float32)


def take_points(
    texts: pd.DataFrame, *, columns: Sequence[str], seed: int = 42, n_neighbors: int = 15, **_: object
) -> tuple[np.ndarray, np.ndarray]:
    """Return the user's own points as reduce_vectors does, one line a unique vector.

    columns: numeric columns of texts; two are clustered and shown as they are, more are clustered as they are and
    reduced to two for the map. Raises ValueError for a missing column or a value that is no finite number.
    """
    missing = [name for name in columns if name not in texts]
    if missing:
        raise ValueError(f"reduce.columns: no column {missing[0]!r}; columns are {', '.join(map(str, texts.columns))}")
    unique = texts.drop_duplicates("vector").sort_values("vector")
    points = unique[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float32)
    wrong = ~np.isfinite(points).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"reduce.columns: {wrong.sum()} rows hold no finite number, first {unique['id'][wrong].iloc[0]!r}"
        )
    if len(columns) == 2:
        return points, points
    graph = find_neighbours(points, n_neighbors=n_neighbors, metric="euclidean", seed=seed)
    settings = {"n_neighbors": n_neighbors, "min_dist": 0.0, "metric": "euclidean", "seed": seed}
    return points, _umap(points, 2, "for the map", graph=graph, **settings)


def _umap(
    vectors: np.ndarray,
    dimensions: int,
    purpose: str,
    *,
    graph: tuple[np.ndarray, np.ndarray] | None,
    n_neighbors: int,
    min_dist: float,
    metric: str,
    seed: int,
) -> np.ndarray:
    if graph is None:
        return _principal(vectors, dimensions)
    print(f"reduce: {len(vectors):,} vectors to {dimensions}-D {purpose}", flush=True)  # noqa: T201
    import umap

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value")  # a seed means one thread; that is wanted
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        warnings.filterwarnings("ignore", message="precomputed_knn")  # that new vectors cannot be placed; they are not
        points = umap.UMAP(
            n_neighbors=min(n_neighbors, len(vectors) - 1),
            n_components=dimensions,
            min_dist=min_dist,
            metric=metric,
            random_state=seed,
            precomputed_knn=graph,
            init="spectral" if len(vectors) > 4 * dimensions else "random",
            tqdm_kwds={
                "desc": f"reduce to {dimensions}-D",
                "unit": " epoch",
                "mininterval": 1,
                "disable": False,
            },
            verbose=False,
        ).fit_transform(vectors)
    # rows without any neighbour get NaN from UMAP; they lie apart from all, in the middle of the map
    return np.nan_to_num(np.asarray(points, dtype=np.float32))


def _principal(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the vectors' principal components, zeros where there are fewer than dimensions."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = (left * sizes)[:, :dimensions]
    return np.pad(found, ((0, 0), (0, dimensions - found.shape[1]))).astype(np.float32)
