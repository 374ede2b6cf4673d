"""Neighbours -> points in few dimensions, by the gradient descent of UMAP (McInnes et al. 2018) on all cores at once.

umap-learn runs on one core as soon as it is given a seed: two threads that move the same point end in whatever order
they come. Here the points are in blocks, and the edges between two blocks make a tile. In one epoch each block meets
each other once, as teams in a league do: the tiles of a round share no block, so they can be worked on at once, and
within a tile edges go one after the other. The points come out the same for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy.sparse import csr_matrix
from tqdm import tqdm

from helpers.compiled import keep_umap

BLOCKS = 16  # even; half as many tiles can be worked on at once, and so many threads are of use
NEGATIVES = 5  # random points that push a point away for each edge that pulls it, as in umap-learn
EXTENT = 10.0  # the start is stretched to this, as in umap-learn
SPREAD = 1.0
FARTHEST = np.float32(4)  # a coordinate moves no further than this in a step of full length, as in umap-learn

# Forces are looked up by the leading bits of the squared distance: 128 steps from each power of two to the next.
STEP_BITS, LOWEST, HIGHEST = 7, 127 - 24, 127 + 16
SLOTS = (HIGHEST - LOWEST) << STEP_BITS


def make_graph(lines: np.ndarray, distances: np.ndarray) -> csr_matrix:
    """Return UMAP's fuzzy graph of the neighbours, (n, n) float32, symmetric.

    lines, distances: (n, k), each vector's nearest, itself first, see neighbours.py.
    """
    print("reduce: the graph of neighbours (UMAP compiles when it is new, half a minute)", flush=True)  # noqa: T201
    from umap.umap_ import fuzzy_simplicial_set

    keep_umap()

    n, count = lines.shape
    some = np.zeros((n, 1), dtype=np.float32)  # looked at for its length only
    random = np.random.RandomState(0)  # noqa: NPY002 - what umap takes, and has no use for where neighbours are given
    graph, _, _ = fuzzy_simplicial_set(some, count, random, "precomputed", knn_indices=lines, knn_dists=distances)
    return graph.tocsr().astype(np.float32)


def lay_out(
    graph: csr_matrix,
    start: np.ndarray,
    *,
    min_dist: float = 0.0,
    epochs: int = 100,
    seed: int = 42,
    title: str = "lay out",
) -> np.ndarray:
    """Return the points (n, dimensions) float32 that the graph's edges pull together from start.

    graph: see make_graph; edges too weak to be drawn once in all epochs are left out. start: (n, dimensions), in an
    order that has nothing to do with where points lie, or some threads have more to do than others. The same for any
    number of threads.
    """
    from umap.umap_ import find_ab_params

    edges = graph.tocoo()
    strong = edges.data >= edges.data.max(initial=0) / epochs
    heads, tails, weights = edges.row[strong], edges.col[strong], edges.data[strong]
    first, tile = _tiles(heads, tails, n=len(start))
    order = np.argsort(tile, kind="stable")
    heads, tails = heads[order].astype(np.int32), tails[order].astype(np.int32)
    period = (weights.max(initial=1) / weights[order]).astype(np.float32)  # epochs from one use of an edge to the next
    bounds = np.searchsorted(tile[order], np.arange(first[-1] + 1))
    due = period.copy()
    pull, push = _forces(*find_ab_params(SPREAD, min_dist))
    points = _stretched(start)
    for epoch in tqdm(range(epochs), title, unit=" epoch", mininterval=1):
        step = np.float32(1 - epoch / epochs)
        before = points.copy()
        for begin, end in zip(first[:-1], first[1:], strict=True):
            _play(points, before, bounds, begin, end, heads, tails, period, due, pull, push, step, epoch, seed)
    return points


def _stretched(start: np.ndarray) -> np.ndarray:
    low, high = start.min(axis=0), start.max(axis=0)
    extent = np.where(high > low, high - low, 1)
    return np.ascontiguousarray(EXTENT * (start - low) / extent, dtype=np.float32)


def _tiles(heads: np.ndarray, tails: np.ndarray, *, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first tile of each round, with the number of tiles at the end, and the tile of each edge.

    The first round has the edges within a block; in the others the blocks pair off by the circle method: one stays,
    the rest move on by one place.
    """
    rounds = [[(block, block) for block in range(BLOCKS)]]
    places = list(range(BLOCKS))
    for _ in range(BLOCKS - 1):
        rounds.append([(places[at], places[-1 - at]) for at in range(BLOCKS // 2)])
        places = [places[0], places[-1], *places[1:-1]]
    number = np.zeros((BLOCKS, BLOCKS), dtype=np.int64)
    for tile, (one, other) in enumerate(pair for pairs in rounds for pair in pairs):
        number[one, other] = number[other, one] = tile
    block = np.arange(n) * BLOCKS // n
    return np.cumsum([0, *map(len, rounds)]), number[block[heads], block[tails]]


def _forces(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pull and push by slot: the gradient of UMAP's curve 1 / (1 + a d^2b) at the middle of each."""
    bits = (LOWEST << 23) + ((np.arange(SLOTS) + 0.5) * (1 << (23 - STEP_BITS))).astype(np.int64)
    square = bits.astype(np.int32).view(np.float32).astype(np.float64)
    pull = -2 * a * b * square ** (b - 1) / (a * square**b + 1)
    push = 2 * b / ((0.001 + square) * (a * square**b + 1))
    return pull.astype(np.float32), push.astype(np.float32)


@numba.njit(inline="always")
def _slot(square: np.float32) -> int:
    """Return the slot of a squared distance: the exponent and the leading bits of its float32."""
    slot = (np.float32(square).view(np.int32) >> (23 - STEP_BITS)) - (LOWEST << STEP_BITS)
    return min(max(slot, 0), SLOTS - 1)


@numba.njit(inline="always")
def _bounded(move: np.float32) -> np.float32:
    return min(max(move, -FARTHEST), FARTHEST)


@numba.njit(
    parallel=True,
    fastmath=True,
    cache=True,
    locals={"square": numba.float32, "move": numba.float32, "force": numba.float32, "other": numba.int64},
)
def _play(
    points: np.ndarray,
    before: np.ndarray,
    bounds: np.ndarray,
    begin: int,
    end: int,
    heads: np.ndarray,
    tails: np.ndarray,
    period: np.ndarray,
    due: np.ndarray,
    pull: np.ndarray,
    push: np.ndarray,
    step: np.float32,
    epoch: int,
    seed: int,
) -> None:
    """Move points along the edges of one round's tiles that are due; what pushes them away stands where it was before.

    before: the points as the epoch began, so that a push does not depend on the tiles worked on meanwhile.
    """
    n, dimensions = points.shape
    for tile in numba.prange(begin, end):
        state = np.uint64(seed) + np.uint64(0xD1342543DE82EF95) * (
            np.uint64(epoch) * np.uint64(100003) + np.uint64(tile)
        )
        for edge in range(bounds[tile], bounds[tile + 1]):
            if due[edge] > epoch:
                continue
            due[edge] += period[edge]
            head, tail = heads[edge], tails[edge]
            square = np.float32(0)
            for d in range(dimensions):
                move = points[head, d] - points[tail, d]
                square += move * move
            if square > 0:
                force = pull[_slot(square)]
                for d in range(dimensions):
                    move = _bounded(force * (points[head, d] - points[tail, d]))
                    points[head, d] += step * move
                    points[tail, d] -= step * move
            for _ in range(NEGATIVES):
                # splitmix64 (Steele et al. 2014); its upper half, as a fraction of 2^32, chooses the point
                state += np.uint64(0x9E3779B97F4A7C15)
                mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                mixed = mixed ^ (mixed >> np.uint64(31))
                other = np.int64((mixed >> np.uint64(32)) * np.uint64(n) >> np.uint64(32))
                if other == head:
                    continue
                square = np.float32(0)
                for d in range(dimensions):
                    move = points[head, d] - before[other, d]
                    square += move * move
                if square > 0:
                    force = push[_slot(square)]
                    for d in range(dimensions):
                        points[head, d] += step * _bounded(force * (points[head, d] - before[other, d]))
