import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.settings import Cluster
from helpers.topics.reduce import reduce_vectors
from helpers.topics.sizes import explore_sizes, plot_tuning
from helpers.topics.tree import condense, cut_tree, grow_tree
from helpers.topics.tune import Choice, choose_size, jaccard, list_sizes, tune_sizes, tuning_table


def vectors_in_groups(n=600, *, groups=6, seed=0):
    """Unit vectors in groups of unequal size, well apart, and each line's group."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(groups, 16))
    group = generator.choice(groups, p=np.arange(1, groups + 1) / np.arange(1, groups + 1).sum(), size=n)
    vectors = centres[group] + generator.normal(size=(n, 16)) * 0.25
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), group


@pytest.fixture(scope="module")
def fit():
    vectors, group = vectors_in_groups()
    layout = reduce_vectors(vectors, device="cpu")
    own = pd.DataFrame({"vector": np.arange(len(vectors))})
    edges = grow_tree(layout[0])
    again, tuning = tune_sizes(vectors, layout[0], layout[2], layout[3], edges, own, more_samples=[3])
    return {
        "vectors": vectors,
        "group": group,
        "reduced": layout[0],
        "points": layout[1],
        "near": layout[2:],
        "edges": edges,
        "own": own,
        "again": again,
        "tuning": tuning,
    }


def settings(**changed):
    return Cluster(**changed).model_dump()


def table(topics, coverage=0.9, largest=0.1, stability=0.8, validity=0.5):
    """A tuning table of sizes 10, 11, ... for numbers of topics."""
    n = len(topics)
    return pd.DataFrame(
        {
            "min_samples": 5,
            "method": "eom",
            "min_cluster_size": np.arange(10, 10 + n),
            "topics": topics,
            "coverage": coverage,
            "largest": largest,
            "validity": validity,
            "stability": stability,
        }
    )


ONE = pd.DataFrame({"vector": range(50)})
SOME_EDGES = np.column_stack([np.zeros(49), np.arange(1, 50), np.ones(49)])


def test_each_line_is_what_hdbscan_gives_at_that_size(fit):
    import hdbscan

    lines = fit["tuning"].query("min_samples == 3")
    assert set(lines["method"]) == {"eom", "leaf"}
    for line in lines.iloc[[0, 15, 40, -1]].itertuples():
        found = hdbscan.HDBSCAN(
            line.min_cluster_size, min_samples=3, cluster_selection_method=line.method, gen_min_span_tree=True
        ).fit(fit["reduced"].astype(float))
        sizes = np.bincount(found.labels_ + 1)[1:]
        assert line.topics == len(sizes) and line.coverage == pytest.approx((found.labels_ >= 0).mean())
        assert line.largest == pytest.approx(sizes.max(initial=0) / 600)
        if len(sizes):
            assert line.validity == pytest.approx(found.relative_validity_)


def test_other_seeds_lay_out_differently_and_the_same_each_time(fit):
    assert fit["again"].shape == (2, 599, 3) and not np.allclose(fit["again"][0], fit["again"][1])
    args = fit["vectors"], fit["reduced"], *fit["near"], fit["edges"], fit["own"]
    again, tuning = tune_sizes(*args, more_samples=[3])
    assert (again == fit["again"]).all()
    pd.testing.assert_frame_equal(tuning, fit["tuning"])


def test_groups_well_apart_come_back_whatever_the_seed(fit):
    best = fit["tuning"].query("method == 'eom' and topics == 6")
    assert len(best) and best["stability"].dropna().max() > 0.97


def test_without_other_seeds_stability_is_unknown_and_a_size_is_found_all_the_same(fit):
    args = fit["vectors"], fit["reduced"], *fit["near"], fit["edges"], fit["own"]
    again, tuning = tune_sizes(*args, seeds=0)
    assert len(again) == 0 and tuning["stability"].isna().all()
    assert 4 <= topics_at(fit, choose_size(tuning, fit["edges"], fit["own"], **settings())) <= 8


def test_sizes_without_topics_do_not_stand_for_a_stability_that_is_unknown():
    lines = table([6] * 12 + [0] * 4, coverage=[0.9] * 12 + [0] * 4, largest=0.1, stability=np.nan)
    choice = choose_size(lines, SOME_EDGES, ONE, **settings())
    assert choice.min_cluster_size == 16 and "6 topics hold 90% of the rows; the largest" in choice.reason


def topics_at(fit, choice):
    labels, _ = cut_tree(condense(fit["edges"]), min_cluster_size=choice.min_cluster_size)
    return len(set(labels.tolist()) - {-1})


def test_rows_that_share_a_vector_count_in_the_shares(fit):
    rows = pd.DataFrame({"vector": np.repeat(np.arange(600), np.where(fit["group"] == 5, 20, 1))})
    args = fit["vectors"], fit["reduced"], *fit["near"], fit["edges"]
    _, weighted = tune_sizes(*args, rows, seeds=0)
    size = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings()).min_cluster_size
    one = weighted[weighted["min_cluster_size"] == size].iloc[0]
    other = fit["tuning"][fit["tuning"]["min_cluster_size"] == size].iloc[0]
    assert one["largest"] > 0.75 > other["largest"]


def test_auto_finds_the_groups(fit):
    choice = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings())
    assert topics_at(fit, choice) == 6 and choice.reason.startswith("auto, one of the best of")
    assert "6 topics hold" in choice.reason and choice.settings["min_cluster_size"] == choice.min_cluster_size


def test_auto_keeps_away_from_a_cliff_and_from_one_lucky_size():
    cliff = table([50] * 9 + [3] * 9, largest=[0.1] * 9 + [0.6] * 9)
    assert choose_size(cliff, SOME_EDGES, ONE, **settings()).min_cluster_size == 14  # the middle of 10 to 18
    lucky = table([30] * 20, stability=[0.6] * 13 + [0.99] + [0.6] * 6)
    assert choose_size(lucky, SOME_EDGES, ONE, **settings()).min_cluster_size == 20


def test_auto_prefers_topics_that_come_back_to_more_of_them():
    lines = table([40] * 10 + [12] * 10, stability=[0.4] * 10 + [0.9] * 10)
    assert choose_size(lines, SOME_EDGES, ONE, **settings()).min_cluster_size >= 20


def test_auto_says_so_when_no_size_gives_two_topics():
    choice = choose_size(table([0, 1, 1, 0], coverage=[0, 0.9, 0.9, 0]), SOME_EDGES, ONE, **settings())
    assert choice.min_cluster_size == 10 and "no size gives two topics" in choice.reason


@pytest.mark.parametrize("wanted", [2, 3, 6, 40])
def test_a_number_of_topics_finds_its_size(fit, wanted):
    choice = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings(topics=wanted, min_cluster_size=30))
    labels, _ = cut_tree(
        condense(fit["edges"], smallest=min(5, choice.min_cluster_size)), min_cluster_size=choice.min_cluster_size
    )
    found = len(set(labels.tolist()) - {-1})
    assert f"gives {found} topics; {wanted} were asked for" in choice.reason
    tree = condense(fit["edges"], smallest=2)
    counts = [len(set(cut_tree(tree, min_cluster_size=s)[0].tolist()) - {-1}) for s in range(5, 300)]
    assert abs(found - wanted) <= min(abs(count - wanted) for count in counts)


def test_a_size_that_is_set_and_other_ways_are_passed_on(fit):
    args = fit["tuning"], fit["edges"], fit["own"]
    assert choose_size(*args, **settings(min_cluster_size=33)) == Choice(
        33, "set in cluster.min_cluster_size", settings(min_cluster_size=33, min_samples=6)
    )
    kmeans = choose_size(*args, **settings(algorithm="kmeans", topics=7))
    assert kmeans.settings["topics"] == 7 and "another way" in kmeans.reason
    assert choose_size(*args, **settings(column="kind", min_cluster_size=9)).min_cluster_size == 9


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_too_few_texts_to_compare_sizes(n):
    vectors, _ = vectors_in_groups(max(n, 1))
    vectors, own = vectors[:n], pd.DataFrame({"vector": range(n)})
    edges = grow_tree(vectors[:, :3])
    again, tuning = tune_sizes(vectors, vectors[:, :3], np.zeros((n, 1), int), np.zeros((n, 1), np.float32), edges, own)
    choice = choose_size(tuning, edges, own, **settings())
    assert choice.min_cluster_size >= 2 and len(again) == 0
    assert plot_tuning(tuning, choice).axes and len(tuning_table(tuning, choice)) <= 1


def test_the_table_to_read_marks_the_chosen_size(fit):
    choice = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings())
    shown = tuning_table(fit["tuning"], choice)
    assert len(shown) <= 14 and (shown[""] == "chosen").sum() == 1
    assert choice.min_cluster_size in shown.index.tolist() and shown.index.is_monotonic_increasing
    other = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings(min_cluster_size=400))
    assert "nearest to 400" in tuning_table(fit["tuning"], other)[""].tolist()


@pytest.mark.parametrize(("n", "low", "high"), [(3, 5, 5), (50, 5, 10), (600, 5, 120), (100_000, 50, 20_000)])
def test_sizes_go_from_one_in_two_thousand_to_one_in_five(n, low, high):
    sizes = list_sizes(n)
    assert sizes[0] == low and abs(sizes[-1] - high) <= 1 and len(sizes) <= 50 and sizes == sorted(set(sizes))


labelings = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, 5), min_size=n, max_size=n),
        st.lists(st.integers(-1, 5), min_size=n, max_size=n),
        st.lists(st.integers(1, 4), min_size=n, max_size=n),
    )
)


@given(labelings)
def test_jaccard_is_that_of_sets_of_rows(drawn):
    labels, other, weights = map(np.array, drawn)
    labels, other = (np.unique(np.append(one, -1), return_inverse=True)[1][:-1] - 1 for one in (labels, other))
    found = jaccard(labels, [other, labels], weights)

    def rows(which, topic):
        return {(at, copy) for at in np.flatnonzero(which == topic) for copy in range(weights[at])}

    for topic in range(labels.max(initial=-1) + 1):
        mine = rows(labels, topic)
        matches = [len(mine & rows(other, t)) / len(mine | rows(other, t)) for t in range(other.max(initial=-1) + 1)]
        assert found[topic] == pytest.approx((max(matches, default=0) + 1) / 2)


def test_jaccard_without_another_clustering_is_unknown():
    assert np.isnan(jaccard(np.array([0, 0, 1, -1]), [])).all()
    assert jaccard(np.array([-1, -1]), [np.array([0, 1])]).shape == (0,)


def test_headless_it_is_a_picture(fit, monkeypatch):
    import io

    from PIL import Image

    monkeypatch.setenv("TOPIC_MAP_HEADLESS", "1")
    choice = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings())
    shown = explore_sizes(fit["reduced"], fit["points"], fit["edges"], fit["own"], choice)
    picture = Image.open(io.BytesIO(shown.data)).convert("RGB")
    assert len(set(picture.getdata())) > 6  # a colour a topic


def test_the_slider_cuts_anew_and_says_what_to_write(fit, monkeypatch):
    monkeypatch.delenv("TOPIC_MAP_HEADLESS", raising=False)
    choice = choose_size(fit["tuning"], fit["edges"], fit["own"], **settings())
    size, method, samples, said, picture = explore_sizes(
        fit["reduced"], fit["points"], fit["edges"], fit["own"], choice
    ).children
    assert "<b>6 topics</b>" in said.value
    before = picture.value
    size.value = size.options[-1]
    assert picture.value != before and f"'cluster.min_cluster_size': {size.value}" in said.value
    own = fit["tuning"]["min_samples"].iloc[0]  # a size that is written down would bring another one
    assert f"'cluster.min_samples': {own}" in said.value
    size.value, method.value, samples.value = 5, "leaf", 5
    import hdbscan

    oracle = hdbscan.HDBSCAN(5, min_samples=5, cluster_selection_method="leaf").fit(fit["reduced"].astype(float))
    assert f"<b>{oracle.labels_.max() + 1} topics</b>" in said.value and "'cluster.min_samples': 5" in said.value
