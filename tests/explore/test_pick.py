"""Rows that cover a map: exact counts, no text twice, better covered than by chance, the same in any order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances

from helpers.explore.coverage import against_random, coverage, coverage_table, mean_distance, nearest_distances
from helpers.explore.pick import ALIKE, AS_GOOD, pick_rows
from helpers.explore.read_map import TopicMap
from helpers.proportions import share_out
from helpers.vectors.embedder import unit_length


def made(vectors, topics, **columns):
    """Return a map with a row a vector."""
    count = len(topics)
    ids = [f"row {at:04d}" for at in range(count)]
    rows = pd.DataFrame({"id": ids, "text": ids, "vector": range(count), "topic": np.array(topics, dtype=int)})
    rows["duplicate_of"] = pd.Series([None] * count, dtype=object)
    there = sorted({-1, *topics})
    table = pd.DataFrame({"topic": there, "label": [f"$<script>{topic}" for topic in there]})
    return TopicMap(rows.assign(**columns), table, pd.DataFrame(), np.asarray(vectors, dtype=np.float16))


def groups(sizes, *, seed=0, dimensions=16, spread=0.7):
    """Return a map of topics of these sizes, the last of them the unassigned rows."""
    chance = np.random.default_rng(seed)
    topics = np.repeat([*range(len(sizes) - 1), -1], sizes)
    centres = chance.normal(size=(len(sizes), dimensions))
    return made(unit_length(centres[topics] + spread * chance.normal(size=(len(topics), dimensions))), topics)


def with_rows(topic_map, rows):
    return TopicMap(rows, topic_map.topics, topic_map.layers, topic_map.vectors)


@pytest.mark.parametrize(
    ("n", "settings", "counts"),
    [
        (12, {"by": "even"}, [3, 3, 3, 3]),
        (14, {"by": "even"}, [4, 4, 3, 3]),
        (2, {"by": "even"}, [1, 1, 0, 0]),
        (1, {}, [1, 0, 0, 0]),
        (18, {"by": "size"}, [10, 5, 2, 1]),  # of 180 rows: 10, 5, 2 and 1
        (40, {"by": "root"}, [16, 12, 7, 5]),  # by roots 16.19, 11.45, 7.24 and 5.12
        (60, {"by": "even"}, [17, 17, 16, 10]),  # the unassigned are only ten
        (10, {"shares": {1: 3, -1: 1}}, [0, 8, 0, 2]),
        (10, {"shares": {0: 0.5, 2: 0.5}}, [5, 0, 5, 0]),
        (0, {}, [0, 0, 0, 0]),
    ],
)
def test_each_topic_has_its_share(n, settings, counts):
    topic_map = groups([100, 50, 20, 10])
    picked, table = pick_rows(topic_map, n, **settings)
    assert table["topic"].tolist() == [0, 1, 2, -1] and table["rows"].tolist() == [100, 50, 20, 10]
    assert table["label"].tolist()[0] == "$<script>0" and table["texts"].tolist() == [100, 50, 20, 10]
    assert table["wanted"].tolist() == counts == table["picked"].tolist()
    assert picked["pick"].tolist() == list(range(1, n + 1)) and picked["id"].is_unique
    assert picked["picked_for"].tolist() == picked["topic"].tolist()
    assert picked.columns.tolist() == [*topic_map.rows.columns, "picked_for", "pick"]


def test_shares_of_many_digits_are_counted_exactly():
    """Their fractions are longer than the 64 bits of numpy's whole numbers."""
    sizes = [646, 387, 275, 225, 209, 153, 152, 146, 105, 98, 58, 546]
    found = share_out(100, np.sqrt(sizes).tolist(), [600] * 12)
    assert found.tolist() == [14, 11, 9, 8, 8, 7, 7, 7, 6, 6, 4, 13]


@settings(max_examples=25)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=5), st.data())
def test_so_many_rows_no_two_the_same_in_any_order(sizes, data):
    sizes = [*sizes, 1]
    by = data.draw(st.sampled_from(["even", "size", "root"]))
    n = data.draw(st.integers(1, sum(sizes)))
    seed = data.draw(st.integers(0, 3))
    topic_map = groups(sizes, seed=seed, dimensions=64, spread=2)  # no two so near as to be alike
    picked, table = pick_rows(topic_map, n, by=by, seed=seed)
    assert len(picked) == n == table["picked"].sum() and picked["vector"].is_unique
    assert (table["picked"] <= table["texts"]).all() and (table["picked"] == table["wanted"]).all()
    assert (
        picked["topic"].value_counts().to_dict() == table.set_index("topic")["picked"].loc[lambda of: of > 0].to_dict()
    )
    mixed = topic_map.rows.sample(frac=1, random_state=data.draw(st.integers(0, 9)))
    again, same = pick_rows(with_rows(topic_map, mixed), n, by=by, seed=seed)
    pd.testing.assert_frame_equal(again, picked)
    pd.testing.assert_frame_equal(same, table)


def test_everything_can_be_picked():
    picked, _ = pick_rows(groups([20, 9, 4]), 33)
    assert sorted(picked["id"]) == groups([20, 9, 4]).rows["id"].tolist()


def test_the_first_rows_cover_every_topic():
    """Whoever stops early has all topics, each by its share; the first row of a topic stands for most."""
    even, _ = pick_rows(groups([40, 40, 40, 40]), 20)
    assert [sorted(even["topic"][start : start + 4]) for start in range(0, 20, 4)] == [[-1, 0, 1, 2]] * 5
    sized, _ = pick_rows(groups([80, 40, 40]), 20, by="size")
    assert sized["topic"].head(8).value_counts().to_dict() == {0: 4, 1: 2, -1: 2}


def test_one_of_each_part_is_picked():
    """Three tight bunches in one topic, of 30, 20 and 10 rows: the middle of each, the largest first."""
    chance = np.random.default_rng(0)
    part = np.repeat([0, 1, 2], [30, 20, 10])
    vectors = unit_length(np.eye(8)[part] + 0.1 * chance.normal(size=(60, 8)))
    topic_map = made(vectors, [0] * 60)
    picked, _ = pick_rows(topic_map, 3)
    assert part[picked["vector"]].tolist() == [0, 1, 2]
    full = topic_map.row_vectors
    for at, line in enumerate(picked["vector"]):
        inside = np.flatnonzero(part == at)
        away = pairwise_distances(full[inside], metric="cosine").mean(axis=1)
        assert line == inside[away.argmin()]


def test_picked_rows_cover_more_than_any_of_many_random_samples():
    topic_map = groups([150, 60, 30, 60], spread=0.9)
    picked, _ = pick_rows(topic_map, 24)
    full, topics = unit_length(topic_map.row_vectors), topic_map.rows["topic"].to_numpy()
    ours = coverage(full, picked["vector"].to_numpy(), topics=topics)
    chance = np.random.default_rng(0)
    others = [coverage(full, chance.choice(300, 24, replace=False), topics=topics) for _ in range(30)]
    assert ours["mean"] < min(other["mean"] for other in others) and ours["topics"] == 1
    assert ours["p95"] < np.mean([other["p95"] for other in others])


def test_it_is_nearly_as_good_as_the_greedy_choice_of_all():
    """Facility location, one row after the other, each time the one that lowers the mean distance most."""
    chance = np.random.default_rng(0)
    bunches = chance.normal(size=(8, 16))[np.arange(60) % 8] + 0.7 * chance.normal(size=(60, 16))
    topic_map = made(unit_length(bunches), [0] * 60)
    picked, _ = pick_rows(topic_map, 8)
    away = pairwise_distances(unit_length(topic_map.row_vectors), metric="cosine")
    chosen: list[int] = []
    for _ in range(8):
        chosen.append(min(range(60), key=lambda one: away[[*chosen, one]].min(axis=0).mean()))
    greedy = away[chosen].min(axis=0).mean()
    assert away[picked["vector"]].min(axis=0).mean() < 1.05 * greedy


def test_no_text_twice_and_no_near_duplicate():
    topic_map = groups([40, 40, 10])
    rows = topic_map.rows
    copies = rows.head(30).assign(id=[f"a copy {at:02d}" for at in range(30)], duplicate_of=rows["id"].head(30))
    both = pd.concat([copies, rows], ignore_index=True)
    both["near_duplicate_of"] = np.where(both["vector"].between(50, 59), "row 0049", None)
    picked, table = pick_rows(with_rows(topic_map, both), 80)
    assert picked["vector"].is_unique and picked["duplicate_of"].isna().all()  # the first, though copies' ids are lower
    assert not picked["vector"].between(50, 59).any()
    assert table["rows"].tolist() == [70, 40, 10] and table["texts"].tolist() == [40, 30, 10]
    without, _ = pick_rows(with_rows(topic_map, both), 40, keep=["duplicate_of.notna() or topic != 0"])
    assert set(without.loc[without["topic"] == 0, "id"]) <= set(copies["id"])  # a copy, where only it fulfils the rules


def test_no_two_picked_rows_are_alike():
    """Fifty texts, each with a twin that differs by a hair in another topic: of 100 only 50 can be picked."""
    chance = np.random.default_rng(0)
    once = chance.normal(size=(50, 12))
    vectors = unit_length(np.concatenate([once, once + 0.01 * chance.normal(size=(50, 12))]))
    topic_map = made(vectors, [0] * 50 + [1] * 50)
    picked, table = pick_rows(topic_map, 60)
    assert len(picked) == 50 == table["picked"].sum() and table["wanted"].tolist() == [30, 30]
    full = unit_length(topic_map.row_vectors)
    away = pairwise_distances(full[picked["vector"]], metric="cosine")
    assert away[np.triu_indices(50, 1)].min() > ALIKE * mean_distance(full)
    same = made(np.ones((20, 4)) / 2, [0] * 20)
    assert len(pick_rows(same, 5)[0]) == 1  # twenty equal vectors under twenty numbers


def test_what_a_topic_lacks_goes_to_the_others():
    """A topic of which all texts are one but for a hair gives one row, and the others more than was wanted."""
    chance = np.random.default_rng(0)
    tight = np.eye(16)[[0] * 30] + 0.001 * chance.normal(size=(30, 16))
    wide = chance.normal(size=(60, 16))
    topic_map = made(unit_length(np.concatenate([tight, wide])), [0] * 30 + [1] * 30 + [2] * 30)
    picked, table = pick_rows(topic_map, 30)
    assert table["wanted"].tolist() == [10, 10, 10] and table["picked"].tolist() == [1, 15, 14]
    assert len(picked) == 30
    named, table = pick_rows(topic_map, 20, shares={0: 1, 1: 1})
    assert table["picked"].tolist() == [1, 19, 0]  # a topic without a share has none, whatever the others lack


def test_rules_come_first():
    topic_map = groups([30, 30, 30])
    picked, table = pick_rows(topic_map, 20, keep=["topic != -1", "vector >= 20"])
    assert table.set_index("topic")["texts"].to_dict() == {0: 10, 1: 30, -1: 0}
    assert table["picked"].tolist() == [10, 10, 0] and (picked["vector"] >= 20).all()


def test_of_rows_that_cover_as_much_the_better_is_picked():
    chance = np.random.default_rng(0)
    topic_map = groups([100, 100, 100], spread=0.8)
    scores = chance.uniform(0, 5, 300)
    scores[:50] = np.nan
    scored = with_rows(topic_map, topic_map.rows.assign(score=scores))
    plain, best = (pick_rows(scored, 12, best_by=by)[0] for by in (None, "score"))
    as_texts = with_rows(scored, scored.rows.assign(score=scored.rows["score"].map(str)))  # as a CSV has them
    assert pick_rows(as_texts, 12, best_by="score")[0]["id"].tolist() == best["id"].tolist()
    assert best["score"].mean() > plain["score"].mean() + 0.5
    full = unit_length(topic_map.row_vectors)
    away = [coverage(full, picked["vector"].to_numpy())["mean"] for picked in (plain, best)]
    assert away[1] < (1 + AS_GOOD) * away[0]
    # of equal texts the row with the best score stands for all
    pair = pd.concat([scored.rows, scored.rows.assign(id="z" + scored.rows["id"], score=9.0)], ignore_index=True)
    assert (pick_rows(with_rows(scored, pair), 10, best_by="score")[0]["score"] == 9).all()


def test_a_hand_worked_choice_by_score():
    """Rows on an arc at -20, -2, 0, 2 and 20 degrees: 0 is the middle, 2 as good, 20 is not, whatever its score."""
    turns = np.deg2rad([-20, -2, 0, 2, 20])
    vectors = np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1)
    topic_map = made(np.concatenate([vectors, [[0, 0, 1]] * 5]), [0] * 5 + [1] * 5, score=[9, 1, 2, 3, 9, *[0] * 5])
    assert pick_rows(topic_map, 1)[0]["vector"].tolist() == [2]
    assert pick_rows(topic_map, 1, best_by="score")[0]["vector"].tolist() == [3]


@pytest.mark.parametrize(
    ("n", "settings", "said"),
    [
        (41, {}, r"41 rows were asked for, and there are 40 different texts to pick from; ask for no more"),
        (11, {"shares": {1: 1}}, r"there are 10 different texts to pick from in topics \[1\]"),
        (5, {"keep": ["vector < 3"]}, r"there are 3 different texts to pick from that fulfil \['vector < 3'\]"),
        (-1, {}, "-1 rows were asked for"),
        (3, {"by": "most"}, "pick_by: expected one of even, size, root, got 'most'"),
        (3, {"shares": {7: 1}}, r"no rows are in topics \[7\]; topics are \[0, 1, -1\]"),
        (3, {"shares": {0: 0.0}}, r"a share is more than 0, got \{0: 0.0\}"),
        (3, {"best_by": "stars"}, "pick_best_by: no column 'stars'; columns are id"),
        (3, {"best_by": "text"}, "explore.pick_best_by: column 'text': expected numbers, got "),
        (3, {"keep": ["stars > 3"]}, 'there is no column "stars"'),
    ],
)
def test_what_cannot_be_picked_is_refused(n, settings, said):
    with pytest.raises(ValueError, match=said):
        pick_rows(groups([20, 10, 10]), n, **settings)


def test_maps_of_one_kind():
    one, none = made(np.eye(6), [0] * 6), made(np.eye(6), [-1] * 6)
    assert pick_rows(one, 2)[1][["topic", "picked"]].to_numpy().tolist() == [[0, 2]]
    assert pick_rows(none, 6)[1][["topic", "picked"]].to_numpy().tolist() == [[-1, 6]]
    own = made(np.eye(6), [0] * 6, pick="mine", picked_for=3)
    picked, _ = pick_rows(own, 2)
    assert picked["source_pick"].tolist() == ["mine"] * 2 and picked["pick"].tolist() == [1, 2]
    assert "pick" in own.rows and len(own.rows) == 6  # as it was
    empty = made(np.zeros((0, 4)), [])
    assert pick_rows(empty, 0)[0].empty
    with pytest.raises(ValueError, match="there are 0 different texts"):
        pick_rows(empty, 1)


def test_a_hand_worked_coverage():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    figures = coverage(vectors, np.array([0, 1]), topics=np.array([0, -1, 1, 2]), radius=0.25)
    assert figures["mean"] == pytest.approx((0 + 0 + 0.2 + 1) / 4) and figures["rows"] == 2
    assert figures["p95"] == pytest.approx(np.quantile([0, 0, 0.2, 1], 0.95))
    assert figures["within"] == 0.75 and figures["topics"] == pytest.approx(1 / 3)
    assert coverage(vectors, np.array([], dtype=int))["mean"] is None
    assert coverage(vectors, np.array([0]))["topics"] is None
    assert coverage(vectors, np.arange(4))["mean"] == pytest.approx(0, abs=1e-6)


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=30)
def test_distances_are_those_of_the_library(n, count, seed):
    vectors = unit_length(np.random.default_rng(seed).normal(size=(n, 5)))
    away = pairwise_distances(vectors.astype(float), metric="cosine")
    assert nearest_distances(vectors, vectors[:count]) == pytest.approx(away[:, :count].min(axis=1), abs=1e-5)
    assert mean_distance(vectors) == pytest.approx(away.mean(), abs=1e-5)


def test_figures_beside_those_of_random_samples():
    topic_map = groups([60, 30, 20], spread=0.9)
    picked, _ = pick_rows(topic_map, 12)
    compared = against_random(topic_map, picked)
    assert compared["sample"].tolist() == ["picked", "random"] and compared["rows"].tolist() == [12, 12]
    ours, chance = compared["mean"]
    assert ours < chance and compared["topics"][0] == 1
    full = unit_length(topic_map.row_vectors)
    assert ours == pytest.approx(coverage(full, picked["vector"].to_numpy())["mean"])
    mixed = with_rows(topic_map, topic_map.rows.sample(frac=1, random_state=1))
    assert against_random(mixed, picked)["mean"].tolist() == pytest.approx(compared["mean"].tolist())
    assert coverage_table(compared)["mean"].tolist() == [f"{ours:.3f}", f"{chance:.3f}"]
    some = against_random(topic_map, pick_rows(topic_map, 5, keep=["topic == 0"])[0], keep=["topic == 0"])
    assert some["topics"].tolist() == [1, 1] and some["mean"].is_monotonic_increasing
    nothing = coverage_table(against_random(topic_map, picked.head(0)))
    assert nothing["rows"].tolist() == ["0", "0"] and nothing["mean"].tolist() == ["", ""]
