from itertools import combinations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from helpers.topics.layout import BLOCKS, _forces, _slot, _tiles, lay_out, make_graph
from helpers.topics.neighbours import find_neighbours
from helpers.topics.reduce import principal_components


@pytest.fixture(scope="module")
def groups():
    """Eight groups of sixty vectors, shuffled, with their numbers and graph."""
    generator = np.random.default_rng(3)
    group = generator.permutation(np.repeat(np.arange(8), 60))
    vectors = generator.normal(size=(8, 30))[group] + generator.normal(size=(480, 30)) * 0.35
    lines, distances = find_neighbours(vectors, device="cpu")
    return vectors, group, make_graph(lines, distances)


def test_the_graph_is_that_of_umap_learn(groups):
    from umap.umap_ import fuzzy_simplicial_set

    vectors, _, graph = groups
    lines, distances = find_neighbours(vectors, device="cpu")
    random = np.random.RandomState(5)
    oracle, _, _ = fuzzy_simplicial_set(vectors, 15, random, "cosine", knn_indices=lines, knn_dists=distances)
    np.testing.assert_allclose(graph.toarray(), oracle.toarray(), atol=1e-6)
    assert (graph != graph.T).nnz == 0


def test_in_a_round_no_two_tiles_share_a_block_and_every_two_blocks_meet_once():
    n = BLOCKS * 3
    heads, tails = (side.ravel() for side in np.meshgrid(np.arange(n), np.arange(n)))
    first, tile = _tiles(heads, tails, n=n)
    block = np.arange(n) * BLOCKS // n
    met = {int(t): set(block[heads[tile == t]].tolist()) | set(block[tails[tile == t]].tolist()) for t in set(tile)}
    assert len(met) == BLOCKS * (BLOCKS + 1) // 2 == first[-1]
    assert {frozenset(blocks) for blocks in met.values()} == {
        frozenset(pair) for pair in [*combinations(range(BLOCKS), 2), *((b, b) for b in range(BLOCKS))]
    }
    for begin, end in zip(first[:-1], first[1:], strict=True):
        assert all(not met[a] & met[b] for a, b in combinations(range(begin, end), 2))


@pytest.mark.parametrize("min_dist", [0.0, 0.25])
def test_forces_are_the_gradient_of_umaps_curve(min_dist):
    from umap.umap_ import find_ab_params

    a, b = find_ab_params(1.0, min_dist)
    pull, push = _forces(a, b)
    for square in np.geomspace(1e-6, 1e4, 200):
        slot = _slot(np.float32(square))
        assert pull[slot] == pytest.approx(-2 * a * b * square ** (b - 1) / (1 + a * square**b), rel=0.01)
        assert push[slot] == pytest.approx(2 * b / ((0.001 + square) * (1 + a * square**b)), rel=0.02)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_what_is_near_stays_near_and_groups_come_apart(groups, dimensions):
    vectors, group, graph = groups
    points = lay_out(graph, principal_components(vectors, dimensions))
    assert points.shape == (480, dimensions) and points.dtype == np.float32
    assert trustworthiness(vectors, points, n_neighbors=10, metric="cosine") > 0.93
    centres = np.stack([points[group == g].mean(axis=0) for g in range(8)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == group).mean() > 0.97


def test_a_seed_gives_one_layout_and_another_seed_another(groups):
    vectors, _, graph = groups
    start = principal_components(vectors, 2)
    first = lay_out(graph, start, seed=1)
    np.testing.assert_array_equal(first, lay_out(graph, start, seed=1))
    assert np.abs(first - lay_out(graph, start, seed=2)).max() > 1e-3
    np.testing.assert_array_equal(start, principal_components(vectors, 2))


def test_parts_without_any_edge_between_them_are_laid_out_side_by_side():
    generator = np.random.default_rng(0)
    parts = [generator.normal(size=6) * 3 + generator.normal(size=(20, 6)) * 0.01 for _ in range(50)]
    order = generator.permutation(1000)
    vectors, part = np.concatenate(parts)[order], np.repeat(np.arange(50), 20)[order]
    graph = make_graph(*find_neighbours(vectors, n_neighbors=10, metric="euclidean", device="cpu"))
    from scipy.sparse.csgraph import connected_components

    assert connected_components(graph)[0] == 50
    points = lay_out(graph, principal_components(vectors, 2), min_dist=0.25)
    assert np.isfinite(points).all()
    inner = max(np.ptp(points[part == p], axis=0).max() for p in range(50))
    assert inner < np.ptp(points, axis=0).max() / 3
