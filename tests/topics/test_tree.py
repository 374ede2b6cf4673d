import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.topics.tree import condense, cut_tree, grow_tree, possible_samples, relative_validity


def groups(n, *, count=12, dimensions=3, seed=0):
    """Points in groups of unequal size and width, some within others, with noise between."""
    generator = np.random.default_rng(seed)
    centres, widths = generator.normal(size=(count, dimensions)) * 3, generator.uniform(0.05, 0.9, count)
    centres[count // 2 :] = (
        centres[: count - count // 2] + generator.normal(size=(count - count // 2, dimensions)) * 0.6
    )
    group = generator.choice(count, p=generator.dirichlet(np.ones(count)), size=n)
    points = centres[group] + generator.normal(size=(n, dimensions)) * widths[group, None]
    points[: n // 20] = generator.uniform(-8, 8, (n // 20, dimensions))
    return points


def hdbscan_of(points, **settings_):
    import hdbscan

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hdbscan.HDBSCAN(gen_min_span_tree=True, core_dist_n_jobs=1, **settings_).fit(points)


def assert_same_partition(one, other):
    assert ((one == -1) == (other == -1)).all()
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(set(one)) == len(set(other))


@pytest.mark.parametrize("method", ["eom", "leaf"])
@settings(max_examples=25, deadline=None)
@given(n=st.integers(30, 400), seed=st.integers(0, 10**6), size=st.integers(2, 60), min_samples=st.integers(1, 20))
def test_every_cut_is_the_one_hdbscan_makes(method, n, seed, size, min_samples):
    points = groups(n, seed=seed)
    edges = grow_tree(points, min_samples=min_samples)
    labels, membership = cut_tree(condense(edges, smallest=2), min_cluster_size=size, method=method)
    oracle = hdbscan_of(points, min_cluster_size=size, min_samples=min_samples, cluster_selection_method=method)
    assert_same_partition(labels, oracle.labels_)
    np.testing.assert_allclose(membership, oracle.probabilities_, atol=1e-6)
    if labels.max() > 0:
        assert relative_validity(edges, labels) == pytest.approx(oracle.relative_validity_, abs=1e-9)


def test_one_tree_serves_all_sizes_of_two_thousand_points():
    points = groups(2_000)
    edges = grow_tree(points, min_samples=15)
    tree = condense(edges)
    found = []
    for size in (5, 10, 20, 40, 80, 160, 320, 640):
        labels, _ = cut_tree(tree, min_cluster_size=size)
        assert_same_partition(labels, hdbscan_of(points, min_cluster_size=size, min_samples=15).labels_)
        found.append(len(set(labels) - {-1}))
    assert found[0] > found[-1] >= 0


def test_a_size_below_the_trees_and_an_unknown_method_are_refused():
    tree = condense(grow_tree(groups(100)))
    with pytest.raises(ValueError, match="kept down to clusters of 5 points; 4 is less"):
        cut_tree(tree, min_cluster_size=4)
    with pytest.raises(ValueError, match="expected eom or leaf, got 'dbscan'"):
        cut_tree(tree, min_cluster_size=5, method="dbscan")


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_points_have_no_tree(n):
    assert grow_tree(np.zeros((n, 2))).shape == (0, 3)


def test_equal_points_are_cut_without_infinity():
    """Two places with forty points each: two clusters, and every point is wholly in its own."""
    points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 40, axis=0)
    labels, membership = cut_tree(condense(grow_tree(points, min_samples=5)), min_cluster_size=10)
    assert len(set(labels[:40])) == len(set(labels[40:])) == 1 and labels[0] != labels[-1] and -1 not in labels
    np.testing.assert_allclose(membership, 1)
    alone, _ = cut_tree(condense(grow_tree(np.zeros((50, 2)), min_samples=5)), min_cluster_size=10)
    assert len(set(alone)) == 1


def test_validity_is_high_for_what_lies_apart_and_low_for_a_split_group():
    generator = np.random.default_rng(0)
    points = np.concatenate([generator.normal(0, 0.1, (60, 2)), generator.normal(9, 0.1, (60, 2))])
    edges = grow_tree(points, min_samples=5)
    apart = relative_validity(edges, np.repeat([0, 1], 60))
    split = relative_validity(edges, (points[:, 0] > np.median(points[:60, 0])).astype(int))
    assert apart > 0.8 > 0 > split
    assert relative_validity(edges, np.full(120, -1)) == 0
    assert relative_validity(edges, np.repeat([0, -1], 60)) == pytest.approx(apart / 2, abs=0.1)


def test_min_samples_goes_by_the_data_and_further_where_a_size_is_set():
    found = [(possible_samples(n), possible_samples(n, size_is_set=True)) for n in (1, 4, 400, 1_000, 4_000, 90_000)]
    assert found == [(1, 1), (3, 3), (5, 5), (10, 10), (30, 40), (30, 50)]
    assert possible_samples(90_000, 7, size_is_set=True) == 7 and possible_samples(5, 7) == 4
    points = np.random.default_rng(0).normal(size=(4_000, 3))
    assert np.array_equal(grow_tree(points, size_is_set=True), grow_tree(points, min_samples=40))
