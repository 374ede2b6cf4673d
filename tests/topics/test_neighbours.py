import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from helpers.topics.neighbours import EXACT, find_nearest, find_neighbours


def mixture(n, *, groups=40, d=24, seed=0):
    """Vectors in groups, each of its own width, as those of texts are."""
    generator = np.random.default_rng(seed)
    centres, widths = generator.normal(size=(groups, d)), generator.uniform(0.2, 0.8, groups)
    group = generator.integers(groups, size=n)
    return (centres[group] + generator.normal(size=(n, d)) * widths[group, None]).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_few_vectors_are_compared_with_all(metric):
    vectors = mixture(700)
    lines, distances = find_neighbours(vectors, n_neighbors=12, metric=metric, device="cpu")
    oracle = NearestNeighbors(n_neighbors=12, metric=metric, algorithm="brute").fit(vectors)
    near, expected = oracle.kneighbors(vectors)
    np.testing.assert_allclose(distances, near, atol=2e-3)
    np.testing.assert_allclose(distances[:, 1:], near[:, 1:], atol=2e-5)
    assert (lines == expected).mean() > 0.999 and lines.dtype == np.int32 and distances.dtype == np.float32


def test_of_many_vectors_nearly_all_true_neighbours_are_found():
    vectors = mixture(EXACT + 3_000)
    lines, _ = find_neighbours(vectors, device="cpu")
    some = np.arange(0, len(vectors), 40)
    expected = (
        NearestNeighbors(n_neighbors=15, metric="cosine", algorithm="brute").fit(vectors).kneighbors(vectors[some])[1]
    )
    found = np.mean([len(set(a) & set(b)) for a, b in zip(lines[some].tolist(), expected.tolist(), strict=True)]) / 15
    assert found > 0.9


@pytest.mark.parametrize("n", [1, 2, 5, 14, 15, 16, 100])
def test_each_is_its_own_nearest_and_distances_rise(n):
    lines, distances = find_neighbours(mixture(n), device="cpu")
    assert lines.shape == distances.shape == (n, min(15, n))
    assert lines[:, 0].tolist() == list(range(n)) and (distances[:, 0] == 0).all()
    assert (np.diff(distances, axis=1) >= 0).all() and all(len(set(line)) == len(line) for line in lines.tolist())


def test_of_equal_vectors_each_still_has_itself_once():
    vectors = np.concatenate([np.ones((40, 8)), mixture(20, d=8)])
    lines, distances = find_neighbours(vectors, device="cpu")
    assert lines[:, 0].tolist() == list(range(60)) and np.allclose(distances[:40], 0, atol=1e-6)
    assert all((line == at).sum() == 1 for at, line in enumerate(lines))


def test_vectors_of_zeros_are_far_from_all_and_break_nothing():
    lines, distances = find_neighbours(np.concatenate([mixture(30), np.zeros((1, 24))]), device="cpu")
    assert lines[-1, 0] == 30 and np.isfinite(distances).all()


@pytest.mark.gpu
def test_a_card_finds_the_exact_neighbours():
    vectors = mixture(EXACT + 3_000)
    lines, _ = find_neighbours(vectors)
    expected = NearestNeighbors(n_neighbors=15, metric="cosine", algorithm="brute").fit(vectors).kneighbors(vectors)[1]
    assert (lines == expected).mean() > 0.99


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("n", [3, 700])
def test_new_vectors_find_the_nearest_of_the_others(n, metric):
    vectors, new = mixture(n), mixture(50, seed=1)
    lines, distances = find_nearest(new, vectors, n_neighbors=9, metric=metric, device="cpu")
    oracle = NearestNeighbors(n_neighbors=min(9, n), metric=metric, algorithm="brute").fit(vectors)
    near, expected = oracle.kneighbors(new)
    np.testing.assert_allclose(distances, near, atol=1e-4)
    assert (lines == expected).mean() > 0.99


def test_new_vectors_among_many_find_nearly_all_of_the_nearest():
    vectors, new = mixture(EXACT + 3_000), mixture(200, seed=1)
    lines, distances = find_nearest(new, vectors, device="cpu")
    oracle = NearestNeighbors(n_neighbors=15, metric="cosine", algorithm="brute").fit(vectors)
    expected = oracle.kneighbors(new)[1]
    assert np.mean([len(set(a) & set(b)) for a, b in zip(lines.tolist(), expected.tolist(), strict=True)]) > 13
    assert (np.diff(distances, axis=1) >= 0).all() and lines.min() >= 0
