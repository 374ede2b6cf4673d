import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from helpers.topics.reduce import place_points, principal_components, reduce_again, reduce_vectors


def own(n, **columns):
    return pd.DataFrame({"id": [f"r{i}" for i in range(n)], "vector": range(n), **columns})


def groups_of_vectors(n, *, groups=8, seed=0):
    generator = np.random.default_rng(seed)
    group = generator.integers(groups, size=n)
    return (generator.normal(size=(groups, 24))[group] + generator.normal(size=(n, 24)) * 0.3).astype(np.float32), group


def test_principal_components_are_those_of_scikit_learn_up_to_the_sign():
    vectors = np.random.default_rng(0).normal(size=(300, 12)) * np.arange(1, 13)
    found, oracle = principal_components(vectors, 4), PCA(4).fit_transform(vectors)
    np.testing.assert_allclose(np.abs(found), np.abs(oracle), atol=1e-3)


def test_where_there_are_fewer_components_the_rest_is_zero():
    vectors = np.outer(np.random.default_rng(0).normal(size=40), np.arange(8))
    found = principal_components(vectors, 3)
    assert np.ptp(found[:, 0]) > 1 and not found[:, 1:].any()
    assert principal_components(vectors[:2], 5).shape == (2, 5) and not principal_components(np.ones((4, 3)), 2).any()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 15, 16, 17, 20, 25])
def test_few_vectors_are_laid_out_too(n):
    vectors = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
    reduced, points, lines, distances = reduce_vectors(vectors)
    assert reduced.shape == (n, 5) and points.shape == (n, 2) and lines.shape == distances.shape == (n, min(15, n))
    assert reduced.dtype == points.dtype == np.float32
    assert np.isfinite(reduced).all() and np.isfinite(points).all()


def test_equal_vectors_are_laid_out_too():
    reduced, points, _, _ = reduce_vectors(np.ones((40, 8), dtype=np.float32))
    assert np.isfinite(reduced).all() and np.isfinite(points).all()


def test_two_dimensions_are_the_map_as_well():
    reduced, points, _, _ = reduce_vectors(np.random.default_rng(0).normal(size=(60, 8)), n_components=2)
    np.testing.assert_array_equal(reduced, points)


def test_own_points_of_two_columns_are_the_map_and_are_clustered():
    frame = own(3, x=[1, 2, 3], y=["4", "5", "6"])
    reduced, points, _, _ = reduce_vectors(np.zeros((3, 8)), frame, columns=["x", "y"])
    np.testing.assert_array_equal(points, [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(reduced, points)


def test_own_points_of_more_columns_are_clustered_whole_and_mapped():
    frame = own(20, **{c: np.random.default_rng(ord(c)).normal(size=20) for c in "abc"})
    reduced, points, _, _ = reduce_vectors(np.zeros((20, 8)), frame, columns=["a", "b", "c"])
    np.testing.assert_allclose(reduced, frame[["a", "b", "c"]], rtol=1e-6)
    assert points.shape == (20, 2)


@pytest.mark.parametrize(("columns", "message"), [(["x", "z"], "no column 'z'"), (["x", "y"], "1 rows .*'r1'")])
def test_own_points_that_are_not_there_or_no_numbers_are_told(columns, message):
    with pytest.raises(ValueError, match=f"reduce.columns: {message}"):
        reduce_vectors(np.zeros((3, 8)), own(3, x=[1, 2, 3], y=[1, "two", 3]), columns=columns)


def test_new_rows_are_placed_where_their_like_are_without_a_fit():
    vectors, group = groups_of_vectors(900)
    _, points, _, _ = reduce_vectors(vectors[:700], device="cpu")
    placed = place_points(vectors[700:], vectors[:700], points)
    assert placed.shape == (200, 2) and placed.dtype == np.float32
    nearest = ((placed[:, None] - points[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (group[:700][nearest] == group[700:]).mean() > 0.98


def test_a_fitted_row_comes_to_lie_on_its_own_point():
    vectors, _ = groups_of_vectors(300)
    _, points, _, _ = reduce_vectors(vectors, device="cpu")
    np.testing.assert_allclose(place_points(vectors[::7], vectors, points), points[::7], atol=1e-5)
    assert place_points(vectors[:1], vectors[:1], points[:1]).tolist() == points[:1].tolist()


def test_a_layout_made_again_with_the_same_seed_is_the_same_and_with_others_is_not():
    vectors, _ = groups_of_vectors(300)
    reduced, _, near, distances = reduce_vectors(vectors, device="cpu", seed=42)
    first, second = reduce_again(vectors, near, distances, seeds=2, seed=41)
    assert (first == reduced).all() and not np.allclose(second, reduced)
    assert reduce_again(vectors, near, distances, seeds=2, columns=["x", "y"]) == []
    assert reduce_again(vectors[:5], near[:5], distances[:5], seeds=2) == []
