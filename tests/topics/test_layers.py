import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.topics.cluster import cluster_points
from helpers.topics.layers import stack_layers
from helpers.topics.tree import grow_tree

NO_SEEDS = np.zeros((0, 0, 3))


def nested(n, *, seed, wide=4, within=5):
    """Points in groups of groups."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(wide, 1, 3)) * 30 + generator.normal(size=(wide, within, 3)) * 4
    group = generator.integers(wide * within, size=n)
    points = centres.reshape(-1, 3)[group] + generator.normal(size=(n, 3)) * 0.4
    points[: n // 15] = generator.uniform(-60, 60, (n // 15, 3))
    return points, group // within


def layered(points, rows=None, *, size=8, method="eom", again=NO_SEEDS, min_samples=5):
    edges = grow_tree(points, min_samples=min_samples)
    own = pd.DataFrame({"vector": range(len(points))}) if rows is None else rows
    clusters = cluster_points(edges, own, min_cluster_size=size, method=method)
    return clusters, *stack_layers(clusters, edges, again, own, min_cluster_size=size, method=method)


def test_groups_of_groups_are_found_as_broader_topics():
    points, wide = nested(1_500, seed=3)
    _, placed, table = layered(points)
    inside = (placed["topic_middle"] != -1) & (np.arange(1_500) >= 100)
    from sklearn.metrics import homogeneity_score

    assert homogeneity_score(wide[inside], placed["topic_middle"][inside]) > 0.99 and inside.mean() > 0.9
    assert 3 <= placed.loc[inside, "topic_middle"].nunique() <= 9
    assert table.groupby("layer").size()["fine"] >= 15


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(40, 500),
    seed=st.integers(0, 10**6),
    size=st.integers(2, 25),
    method=st.sampled_from(["eom", "leaf"]),
    wide=st.integers(1, 6),
)
def test_topics_are_within_broader_ones_whole(n, seed, size, method, wide):
    points, _ = nested(n, seed=seed, wide=wide)
    clusters, placed, table = layered(points, size=size, method=method)
    assert (placed[clusters.columns] == clusters).all(axis=None)
    names = ["topic", *(name for name in ("topic_middle", "topic_broad") if name in placed)]
    counts = [placed.loc[placed[name] != -1, name].nunique() for name in names]
    assert counts == sorted(counts, reverse=True)
    for at, (layer, name) in enumerate(zip(("fine", "middle", "broad"), names, strict=False)):
        lines = table[table["layer"] == layer].set_index("topic")
        assert lines["size"].to_dict() == placed.loc[placed[name] != -1, name].value_counts().to_dict()
        assert lines["size"].is_monotonic_decreasing
        if at + 1 == len(names):
            assert (lines["parent"] == -1).all()
            continue
        inside = placed[placed[name] != -1]
        above = inside.groupby(name)[names[at + 1]].agg(["nunique", "first"])
        assert (above["nunique"] == 1).all() and above["first"].tolist() == lines["parent"].tolist()
        assert (inside[names[at + 1]] != -1).all()  # coverage never falls


def test_sizes_are_rows_and_not_vectors():
    points, _ = nested(600, seed=5)
    rows = pd.DataFrame({"vector": np.repeat(np.arange(600), 3)})
    _, _, table = layered(points, rows)
    _, _, single = layered(points)
    assert table["size"].tolist() == [3 * size for size in single["size"]]


def test_a_tree_cut_the_same_again_is_stable_and_another_one_is_not():
    points, _ = nested(800, seed=7)
    edges = grow_tree(points, min_samples=5)
    other = grow_tree(np.random.default_rng(0).permutation(points), min_samples=5)
    _, _, table = layered(points, again=np.stack([edges, edges]))
    fine = table[table["layer"] == "fine"]
    assert (fine["stability"] == 1).all() and table.loc[table["layer"] != "fine", "stability"].isna().all()
    _, _, table = layered(points, again=np.stack([other, other]))
    assert table.loc[table["layer"] == "fine", "stability"].max() < 0.3


@pytest.mark.parametrize("n", [0, 2, 7])
def test_without_a_tree_there_is_one_layer(n):
    own = pd.DataFrame({"vector": range(n)})
    clusters = pd.DataFrame({"topic": np.arange(n) % 2, "confidence": np.ones(n, dtype=np.float32)})
    placed, table = stack_layers(clusters, np.zeros((0, 3)), NO_SEEDS, own, min_cluster_size=5)
    assert placed is clusters and set(table["layer"]) <= {"fine"} and table["size"].sum() == n
    assert (table["parent"] == -1).all() and table["stability"].isna().all()
