"""Vectors -> the nearest of each, by faiss: the one graph that both reductions are made from.

What is done with it is told in layout.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

EXACT = 5_000  # vectors up to which each is compared with every other
PROBES = 12  # cells searched beyond: finds 96 of 100 of the true nearest of 68,000 real vectors
AT_ONCE = 4_096  # vectors searched between two looks at the progress
EXACTLY = "donot_use_mm_for_euclid_dist"  # torch's word for differences, not products, so that equal ones are 0 apart
ON_CARD = 2**27  # distances held on a card at once: half a gigabyte, and as much again while they are made


def find_neighbours(
    vectors: np.ndarray, *, n_neighbors: int = 15, metric: str = "cosine", seed: int = 42, device: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines (int32) and distances (float32) of each vector's nearest, both (n, k), itself first at 0.

    vectors: (n, d), n >= 2. k is n_neighbors, or n where that is less. metric: cosine (1 - cosine) or euclidean.
    Exact up to 5,000 vectors and on a CUDA card; beyond, by an inverted file (Sivic and Zisserman 2003) of 2 sqrt(n)
    cells, of which the 12 nearest to a vector are searched. The same for any number of CPU threads.
    """
    full = _comparable(vectors, metric)
    return _itself_first(*_nearest(full, full, n_neighbors, metric, seed, device))


def find_nearest(
    new: np.ndarray,
    vectors: np.ndarray,
    *,
    n_neighbors: int = 15,
    metric: str = "cosine",
    seed: int = 42,
    device: str = "auto",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines (int32) and distances (float32) of the vectors nearest to new ones, both (m, k), nearest first.

    new: (m, d); vectors: (n, d). All else as for find_neighbours.
    """
    asked, full = _comparable(new, metric), _comparable(vectors, metric)
    lines, distances = _nearest(asked, full, n_neighbors, metric, seed, device)
    distances = np.where(lines < 0, distances[:, :1], np.maximum(distances, 0))
    lines = np.where(lines < 0, lines[:, :1], lines)  # the cells that were searched held fewer
    order = np.lexsort((lines, distances), axis=1)
    return np.take_along_axis(lines, order, axis=1), np.take_along_axis(distances, order, axis=1).astype(np.float32)


def _comparable(vectors: np.ndarray, metric: str) -> np.ndarray:
    full = np.ascontiguousarray(vectors, dtype=np.float32)
    if metric != "cosine":
        return full
    lengths = np.linalg.norm(full, axis=1, keepdims=True)
    return full / np.where(lengths == 0, 1, lengths)


def _nearest(
    asked: np.ndarray, full: np.ndarray, n_neighbors: int, metric: str, seed: int, device: str
) -> tuple[np.ndarray, np.ndarray]:
    count = min(n_neighbors, len(full))
    make = _on_card if _has_card(device) else _on_cpu
    search, workers = make(asked, full, count, metric, seed)
    step = AT_ONCE if make is _on_cpu else max(64, min(AT_ONCE, ON_CARD // max(1, len(full))))
    blocks = [slice(start, start + step) for start in range(0, len(asked), step)]
    lines, distances = np.empty((len(asked), count), dtype=np.int32), np.empty((len(asked), count), dtype=np.float32)
    with (
        ThreadPoolExecutor(workers) as threads,
        tqdm(total=len(asked), desc="find neighbours", unit=" vectors", unit_scale=True, mininterval=1) as progress,
    ):
        for block, (near, found) in zip(blocks, threads.map(search, blocks), strict=True):
            lines[block], distances[block] = found, near
            progress.update(len(near))
    return lines, distances


def _has_card(device: str) -> bool:
    if device == "cpu":
        return False
    import torch

    return torch.cuda.is_available()


def _on_cpu(asked: np.ndarray, full: np.ndarray, count: int, metric: str, seed: int) -> tuple[Callable, int]:
    """Return a search for a block of what is asked and the threads that may search at once."""
    import faiss
    from joblib import cpu_count
    from threadpoolctl import threadpool_limits

    n, dimensions = full.shape
    inner = metric == "cosine"
    cells = int(2 * np.sqrt(n)) if n > EXACT else 1
    coarse = faiss.IndexFlatIP(dimensions) if inner else faiss.IndexFlatL2(dimensions)
    index = faiss.IndexIVFFlat(coarse, dimensions, cells, faiss.METRIC_INNER_PRODUCT if inner else faiss.METRIC_L2)
    index.cp.seed, index.cp.niter, index.nprobe = seed, 6, min(PROBES, cells)
    index.cp.min_points_per_centroid = 1  # or few vectors bring a warning
    sample = np.sort(np.random.default_rng(seed).permutation(n)[: 64 * cells])
    with threadpool_limits(1):  # the last bit of a matrix product depends on its threads, and a cell on the last bit
        index.train(full[sample])
        index.add(full)
        scores, chosen = coarse.search(asked, index.nprobe)

    def search(block: slice) -> tuple[np.ndarray, np.ndarray]:
        near, lines = index.search_preassigned(asked[block], count, chosen[block], scores[block])
        return (1 - near if inner else np.sqrt(np.maximum(near, 0))), lines

    return search, cpu_count()


def _on_card(asked: np.ndarray, full: np.ndarray, count: int, metric: str, seed: int) -> tuple[Callable, int]:  # noqa: ARG001
    """Return a search for a block of what is asked among all, on the card, and the threads that may search at once."""
    import torch

    held, wanted = torch.from_numpy(full).to("cuda"), torch.from_numpy(asked).to("cuda")

    def search(block: slice) -> tuple[np.ndarray, np.ndarray]:
        far = (
            1 - wanted[block] @ held.T if metric == "cosine" else torch.cdist(wanted[block], held, compute_mode=EXACTLY)
        )
        near, lines = torch.topk(far, count, dim=1, largest=False)
        return near.cpu().numpy(), lines.cpu().numpy()

    return search, 1


def _itself_first(lines: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours with each vector as its own first, at distance 0, in the order of distances.

    Equal vectors may come before a vector in its own list, or push it out; lines missing (-1) become itself.
    """
    own = np.arange(len(lines), dtype=lines.dtype)[:, None]
    lines = np.where(lines < 0, own, lines)
    distances = np.where(lines == own, -1, np.maximum(distances, 0))
    missing = ~(lines == own).any(axis=1)
    lines[missing, -1], distances[missing, -1] = own[missing, 0], -1
    order = np.lexsort((lines, distances), axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    return np.take_along_axis(lines, order, axis=1), np.maximum(distances, 0).astype(np.float32)
