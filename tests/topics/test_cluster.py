import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.topics.cluster import cluster_points, number_by_size
from helpers.topics.reduce import find_neighbours, reduce_vectors


def own(n, **columns):
    return pd.DataFrame({"id": [f"r{i}" for i in range(n)], "vector": range(n), **columns})


@pytest.fixture(scope="module")
def blobs():
    generator = np.random.default_rng(1)
    centres = np.array([[0, 0], [20, 0], [0, 20]])
    sizes = (30, 60, 45)
    return np.concatenate([generator.normal(c, 0.5, (n, 2)) for c, n in zip(centres, sizes, strict=True)])


def test_clusters_are_those_of_hdbscan_numbered_by_size(blobs):
    import hdbscan

    clusters = cluster_points(blobs, own(len(blobs)), min_cluster_size=15)
    oracle = hdbscan.HDBSCAN(min_cluster_size=15).fit(blobs)
    sizes = clusters["topic"].value_counts()
    assert [sizes[t] for t in range(3)] == sorted((sizes[t] for t in range(3)), reverse=True)
    pairs = set(zip(clusters["topic"], oracle.labels_.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert clusters["topic"].iloc[40] == 0  # the blob of 60 is the largest


def test_confidence_is_zero_without_a_topic_and_above_with_one(blobs):
    points = np.concatenate([blobs, [[200.0, 200.0]]])
    clusters = cluster_points(points, own(len(points)), min_cluster_size=15)
    assert clusters["topic"].iloc[-1] == -1 and clusters["confidence"].iloc[-1] == 0
    assert (clusters.loc[clusters["topic"] != -1, "confidence"] > 0).all()


def test_rows_that_share_a_vector_count_for_the_numbers(blobs):
    """The blob of 30 stands for 300 rows, so it is topic 0."""
    rows = pd.DataFrame({"vector": np.concatenate([np.repeat(np.arange(30), 10), np.arange(30, len(blobs))])})
    assert cluster_points(blobs, rows, min_cluster_size=15)["topic"].iloc[0] == 0


@pytest.mark.parametrize("n", [0, 1, 2, 14, 15])
def test_too_few_points_are_unassigned_without_an_error(n):
    points = np.random.default_rng(0).normal(size=(n, 5))
    assert cluster_points(points, own(n), min_cluster_size=15)["topic"].tolist() == [-1] * n


def test_equal_points_do_not_break_it():
    points = np.zeros((50, 5))
    topics = cluster_points(points, own(50), min_cluster_size=10)["topic"]
    assert topics.nunique() == 1


@given(st.lists(st.integers(-1, 6), max_size=40))
def test_numbers_go_by_size_and_keep_the_partition(clusters):
    numbers = number_by_size(np.array(clusters, dtype=int))
    assert [(n == -1) for n in numbers] == [c == -1 for c in clusters]
    assert len(set(zip(clusters, numbers.tolist(), strict=True))) == len(set(clusters)) == len(set(numbers.tolist()))
    sizes = [int((numbers == n).sum()) for n in range(numbers.max(initial=-1) + 1)]
    assert sizes == sorted(sizes, reverse=True) and 0 not in sizes


def test_own_clusters_keep_their_names_and_say_what_is_none():
    given_names = ["bread", "trains", "bread", None, "-1", "Noise", "bread"]
    clusters = cluster_points(np.zeros((7, 2)), own(7, kind=given_names), column="kind")
    assert clusters["topic"].tolist() == [0, 1, 0, -1, -1, -1, 0]
    assert clusters["name"].tolist() == ["bread", "trains", "bread", None, None, None, "bread"]


def test_own_clusters_of_numbers_are_taken_by_their_numbers():
    clusters = cluster_points(np.zeros((4, 2)), own(4, kind=[3.0, 3.0, float("nan"), -1.0]), column="kind")
    assert clusters["topic"].tolist() == [0, 0, -1, -1] and clusters["name"].tolist()[0] == "3"


def test_a_missing_column_of_own_clusters_is_told():
    with pytest.raises(ValueError, match="cluster.column: no column 'kind'; columns are id, vector"):
        cluster_points(np.zeros((2, 2)), own(2), column="kind")


def test_reduction_is_the_same_every_time_and_parts_what_is_apart():
    generator = np.random.default_rng(0)
    vectors = np.concatenate([generator.normal(c, 0.05, (60, 32)) for c in (-1, 0.0, 1)]) + np.eye(180, 32) * 0.1
    reduced, points = reduce_vectors(vectors)
    again, _ = reduce_vectors(vectors)
    np.testing.assert_array_equal(reduced, again)
    assert reduced.shape == (180, 5) and points.shape == (180, 2) and reduced.dtype == np.float32
    topics = cluster_points(reduced, own(180), min_cluster_size=20)["topic"].to_numpy()
    assert (topics[:60] == topics[0]).mean() > 0.9 and len(set(topics)) >= 2


@pytest.mark.parametrize("n", [1, 2, 3, 5, 15, 16, 17, 20, 25])
def test_few_vectors_are_laid_out_too(n):
    vectors = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
    reduced, points = reduce_vectors(vectors)
    assert reduced.shape == (n, 5) and points.shape == (n, 2)
    assert np.isfinite(reduced).all() and np.isfinite(points).all()


def test_equal_vectors_are_laid_out_too():
    reduced, points = reduce_vectors(np.ones((40, 8), dtype=np.float32))
    assert np.isfinite(reduced).all() and np.isfinite(points).all()


def test_own_points_of_two_columns_are_the_map_and_are_clustered():
    frame = own(3, x=[1, 2, 3], y=["4", "5", "6"])
    reduced, points = reduce_vectors(np.zeros((3, 8)), frame, columns=["x", "y"])
    np.testing.assert_array_equal(points, [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(reduced, points)


def test_own_points_of_more_columns_are_clustered_whole_and_mapped():
    frame = own(20, **{c: np.random.default_rng(ord(c)).normal(size=20) for c in "abc"})
    reduced, points = reduce_vectors(np.zeros((20, 8)), frame, columns=["a", "b", "c"])
    assert reduced.shape == (20, 3) and points.shape == (20, 2)


@pytest.mark.parametrize(
    ("columns", "message"), [(["x", "z"], "no column 'z'"), (["x", "bad"], "2 rows hold no finite number, first 'r1'")]
)
def test_bad_own_points_are_told(columns, message):
    frame = own(3, x=[1, 2, 3], bad=[1, "one", float("inf")])
    with pytest.raises(ValueError, match=message):
        reduce_vectors(np.zeros((3, 8)), frame, columns=columns)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_the_nearest_with_each_vector_first_of_its_own(metric):
    from scipy.spatial.distance import cdist

    vectors = np.random.default_rng(3).normal(size=(60, 6)).astype(np.float32)
    lines, distances = find_neighbours(vectors, n_neighbors=5, metric=metric)
    truth = cdist(vectors, vectors, metric)
    assert lines[:, 0].tolist() == list(range(60)) and (distances[:, 0] == 0).all()
    np.testing.assert_allclose(distances[:, 1:], np.sort(truth, axis=1)[:, 1:5], atol=1e-5)
    assert find_neighbours(vectors[:10]) is None
