import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.topics.cluster import cluster_points, number_by_size
from helpers.topics.tree import grow_tree

NO_EDGES = np.zeros((0, 3))


def own(n, **columns):
    return pd.DataFrame({"id": [f"r{i}" for i in range(n)], "vector": range(n), **columns})


@pytest.fixture(scope="module")
def blobs():
    generator = np.random.default_rng(1)
    centres = np.array([[0, 0], [20, 0], [0, 20]])
    sizes = (30, 60, 45)
    return np.concatenate([generator.normal(c, 0.5, (n, 2)) for c, n in zip(centres, sizes, strict=True)])


def clusters_of(points, rows=None, *, min_samples=15, **settings):
    return cluster_points(
        grow_tree(points, min_samples=min_samples), own(len(points)) if rows is None else rows, **settings
    )


def test_clusters_are_those_of_hdbscan_numbered_by_size(blobs):
    import hdbscan

    clusters = clusters_of(blobs, min_cluster_size=15)
    oracle = hdbscan.HDBSCAN(min_cluster_size=15).fit(blobs)
    sizes = clusters["topic"].value_counts()
    assert [sizes[t] for t in range(3)] == sorted((sizes[t] for t in range(3)), reverse=True)
    pairs = set(zip(clusters["topic"], oracle.labels_.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert clusters["topic"].iloc[40] == 0  # the blob of 60 is the largest


def test_confidence_is_zero_without_a_topic_and_above_with_one(blobs):
    points = np.concatenate([blobs, [[200.0, 200.0]]])
    clusters = clusters_of(points, min_cluster_size=15)
    assert clusters["topic"].iloc[-1] == -1 and clusters["confidence"].iloc[-1] == 0
    assert (clusters.loc[clusters["topic"] != -1, "confidence"] > 0).all()


def test_rows_that_share_a_vector_count_for_the_numbers(blobs):
    """The blob of 30 stands for 300 rows, so it is topic 0."""
    rows = pd.DataFrame({"vector": np.concatenate([np.repeat(np.arange(30), 10), np.arange(30, len(blobs))])})
    assert clusters_of(blobs, rows, min_cluster_size=15)["topic"].iloc[0] == 0


@pytest.mark.parametrize("n", [0, 1, 2, 14, 15])
def test_too_few_points_are_unassigned_without_an_error(n):
    points = np.random.default_rng(0).normal(size=(n, 5))
    assert clusters_of(points, own(n), min_cluster_size=15)["topic"].tolist() == [-1] * n


def test_equal_points_do_not_break_it():
    points = np.zeros((50, 5))
    topics = clusters_of(points, min_cluster_size=10)["topic"]
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
    clusters = cluster_points(grow_tree(np.zeros((7, 2)), wanted=False), own(7, kind=given_names), column="kind")
    assert clusters["topic"].tolist() == [0, 1, 0, -1, -1, -1, 0]
    assert clusters["name"].tolist() == ["bread", "trains", "bread", None, None, None, "bread"]


def test_own_clusters_of_numbers_are_taken_by_their_numbers():
    clusters = cluster_points(
        grow_tree(np.zeros((4, 2)), wanted=False), own(4, kind=[3.0, 3.0, float("nan"), -1.0]), column="kind"
    )
    assert clusters["topic"].tolist() == [0, 0, -1, -1] and clusters["name"].tolist()[0] == "3"


def test_a_missing_column_of_own_clusters_is_told():
    with pytest.raises(ValueError, match="cluster.column: no column 'kind'; columns are id, vector"):
        cluster_points(grow_tree(np.zeros((2, 2)), wanted=False), own(2), column="kind")


def test_dbscan_is_that_of_scikit_learn(blobs):
    from sklearn.cluster import DBSCAN

    points = np.concatenate([blobs, [[300.0, 300.0]]])
    found = cluster_points(
        NO_EDGES, own(len(points)), points, algorithm="dbscan", eps=0.8, min_samples=6, min_cluster_size=5
    )
    oracle = DBSCAN(eps=0.8, min_samples=6).fit_predict(points)
    assert found["topic"].tolist() == number_by_size(oracle).tolist() and found["topic"].iloc[-1] == -1
    assert found["confidence"].tolist() == (oracle != -1).tolist()


def test_dbscan_finds_how_near_is_near(blobs):
    found = cluster_points(NO_EDGES, own(len(blobs)), blobs, algorithm="dbscan", min_cluster_size=5)
    assert found["topic"].max() == 2 and (found["topic"] != -1).mean() > 0.9
    same = cluster_points(NO_EDGES, own(30), np.zeros((30, 3)), algorithm="dbscan", min_cluster_size=5)
    assert (same["topic"] == 0).all()


def test_kmeans_leaves_no_point_out(blobs):
    found = cluster_points(NO_EDGES, own(len(blobs)), blobs, algorithm="kmeans", topics=3, min_cluster_size=5)
    assert found["topic"].value_counts().sort_index().tolist() == [60, 45, 30]
    assert found["confidence"].between(0.5, 1).all()
    between = np.concatenate([blobs, [[10.0, 0.0]]])  # half way between two of them
    unsure = cluster_points(NO_EDGES, own(len(between)), between, algorithm="kmeans", topics=3, min_cluster_size=5)
    assert unsure["confidence"].iloc[-1] < 0.1


@pytest.mark.parametrize("topics", [1, 6, 500])
def test_kmeans_takes_no_more_topics_than_points(topics):
    points = np.random.default_rng(0).normal(size=(6, 3))
    found = cluster_points(NO_EDGES, own(6), points, algorithm="kmeans", topics=topics, min_cluster_size=50)
    assert found["topic"].nunique() == min(topics, 6) and (found["topic"] >= 0).all()


def test_evoc_finds_groups_of_vectors():
    pytest.importorskip("evoc", reason="needs the extra evoc, which compiles for minutes")
    generator = np.random.default_rng(0)
    group = np.arange(400) % 4
    vectors = (np.eye(4, 32)[group] + generator.normal(size=(400, 32)) * 0.08).astype(np.float32)
    found = cluster_points(NO_EDGES, own(400), vectors=vectors, algorithm="evoc", min_cluster_size=20)
    again = cluster_points(NO_EDGES, own(400), vectors=vectors, algorithm="evoc", min_cluster_size=20)
    pd.testing.assert_frame_equal(found, again)
    inside = found["topic"] != -1
    assert inside.mean() > 0.8 and pd.crosstab(found["topic"][inside], group[inside]).gt(0).sum(axis=1).max() == 1
    assert (found.loc[inside, "confidence"] > 0).all() and (found.loc[~inside, "confidence"] == 0).all()


def test_an_algorithm_that_is_not_installed_says_how_to_get_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "evoc", None)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[evoc\]"'):
        cluster_points(NO_EDGES, own(40), vectors=np.eye(40), algorithm="evoc", min_cluster_size=5)
