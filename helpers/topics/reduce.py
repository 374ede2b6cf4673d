"""Vectors -> points in few dimensions for clustering, and points in two for the map.

Both are UMAP's layouts of one graph of neighbours: which are near is found in neighbours.py, and laid out in layout.py.
Clusters are left to cluster.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from helpers.topics.neighbours import find_nearest, find_neighbours

FEWEST = 16  # fewer vectors are laid out by their principal components: a graph of all with all says nothing
SAMPLE = 20_000  # vectors that the principal components are found from
SAME = 1e-6  # vectors nearer than this are one vector
MAP_EPOCHS = 100  # the map begins from what is clustered, and is soon in shape


def reduce_vectors(
    vectors: np.ndarray,
    own: pd.DataFrame | None = None,
    *,
    columns: Sequence[str] = (),
    n_neighbors: int = 15,
    n_components: int = 5,
    min_dist: float = 0.0,
    map_min_dist: float = 0.25,
    n_epochs: int = 100,
    metric: str = "cosine",
    device: str = "auto",
    seed: int = 42,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what is clustered, (n, n_components), and the map, (n, 2), float32; and each vector's nearest.

    vectors: (n, d). columns: the user's own points in own, clustered in place of the vectors, see take_points; two of
    them, or n_components 2, are the map as well. The nearest are lines (int32) and distances (float32), both
    (n, n_neighbors), see find_neighbours. The same for any number of threads.
    """
    given = take_points(own, columns=columns) if columns else np.asarray(vectors, dtype=np.float32)
    metric = "euclidean" if columns else metric
    print(f"reduce: the {min(n_neighbors, len(given))} nearest of {len(given):,} vectors", flush=True)  # noqa: T201
    lines, distances = find_neighbours(given, n_neighbors=n_neighbors, metric=metric, device=device, seed=seed)
    graph = _graph(lines, distances)
    reduced = given
    if not columns:
        reduced = _laid_out(graph, principal_components(given, n_components), min_dist, n_epochs, seed)
    points = reduced
    if reduced.shape[1] != 2:
        points = _laid_out(graph, principal_components(reduced, 2), map_min_dist, MAP_EPOCHS, seed)
    return reduced, points, lines, distances


def reduce_again(
    vectors: np.ndarray,
    lines: np.ndarray,
    distances: np.ndarray,
    *,
    seeds: int,
    seed: int = 42,
    n_components: int = 5,
    min_dist: float = 0.0,
    n_epochs: int = 100,
    columns: Sequence[str] = (),
    **_: object,
) -> list[np.ndarray]:
    """Return what would be clustered, `seeds` times (n, n_components), had the layout been made with other seeds.

    vectors, lines, distances and settings: as for reduce_vectors and as it returned them. Nothing for the user's own
    points (columns), or for so few that their layout has no chance in it.
    """
    if columns or len(lines) < FEWEST or not seeds:
        return []
    graph, start = _graph(lines, distances), principal_components(vectors, n_components)
    return [_laid_out(graph, start, min_dist, n_epochs, seed + 1 + one) for one in range(seeds)]


def place_points(
    new: np.ndarray,
    vectors: np.ndarray,
    points: np.ndarray,
    *,
    n_neighbors: int = 15,
    metric: str = "cosine",
    device: str = "auto",
    seed: int = 42,
) -> np.ndarray:
    """Return places (m, k) float32 for new vectors among fitted ones, without a fit: the mean of their nearest.

    new: (m, d); vectors (n, d) and points (n, k): the fitted ones and where they lie. The nearest of each, n_neighbors
    of them, count by how near they are, in UMAP's measure: a half of the weight is lost every time that the distance
    beyond the nearest grows by as much as the others' median. A vector that was fitted comes to lie on its own point.
    """
    near = {"n_neighbors": n_neighbors, "metric": metric, "device": device, "seed": seed}
    lines, distances = find_nearest(new, vectors, **near)
    beyond = distances - distances[:, :1]
    width = np.median(beyond[:, 1:], axis=1, keepdims=True) if lines.shape[1] > 1 else np.ones((len(new), 1))
    weights = 0.5 ** (beyond / np.maximum(width, 1e-9))
    weights[distances[:, 0] <= SAME, 1:] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ij,ijk->ik", weights, points[lines]).astype(np.float32)


def _graph(lines: np.ndarray, distances: np.ndarray) -> csr_matrix | None:
    if len(lines) < FEWEST:
        return None
    from helpers.topics.layout import make_graph

    return make_graph(lines, distances)


def _laid_out(graph: csr_matrix | None, start: np.ndarray, min_dist: float, n_epochs: int, seed: int) -> np.ndarray:
    if graph is None:
        return start
    from helpers.topics.layout import lay_out

    title = f"reduce to {start.shape[1]}-D"
    return lay_out(graph, start, min_dist=min_dist, epochs=n_epochs, seed=seed, title=title)


def take_points(texts: pd.DataFrame, *, columns: Sequence[str]) -> np.ndarray:
    """Return the user's own points (n, columns) float32, one line a unique vector.

    columns: numeric columns of texts. Raises ValueError for a missing column or a value that is no finite number.
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
    return points


def principal_components(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the vectors' principal components (n, dimensions) float32, zeros where there are fewer.

    They are found from 20,000 evenly spaced vectors. The same for any number of threads, and on every run: the sign of
    each is such that its largest loading is positive.
    """
    full = np.asarray(vectors, dtype=np.float32)
    sample = full[:: -(-len(full) // SAMPLE)].astype(np.float64)
    with threadpool_limits(1):  # the last bit of a matrix product depends on its threads
        centre = sample.mean(axis=0)
        sizes, axes = np.linalg.eigh((sample - centre).T @ (sample - centre))
        sizes, axes = sizes[::-1][:dimensions], axes[:, ::-1][:, :dimensions]
        axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
        found = (full - centre.astype(np.float32)) @ axes.astype(np.float32)
    found[:, sizes <= 1e-9 * sizes.max(initial=0)] = 0
    return np.pad(found, ((0, 0), (0, dimensions - found.shape[1]))).astype(np.float32)
