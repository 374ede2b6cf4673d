"""Shares by group are what pandas counts, their tests what scipy finds, and chance alone makes no topic differ."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, fisher_exact

from helpers.explore import chance
from helpers.explore.shares import (
    changes,
    changes_table,
    count_grid,
    group_names,
    noise_band,
    share_text,
    shares_table,
    tell_left_out,
    topic_shares,
)
from helpers.proportions import wilson_interval

TOPICS = pd.DataFrame({"topic": range(-1, 8), "label": ["Unassigned", *"ABCDEFGH"]})
ROWS = st.lists(
    st.tuples(st.sampled_from([-1, 0, 1, 5]), st.sampled_from(["a", "b", " ", None, "$x$", "<script>"])), max_size=40
)


def table(pairs):
    return pd.DataFrame(pairs, columns=["topic", "group"]).astype({"topic": "int64", "group": object})


def spread(counts, groups=None):
    """Rows of which counts (topics, groups) are in topic 0, 1, ... and group a, b, ..."""
    names = groups or [chr(97 + at) for at in range(len(counts[0]))]
    return table([(t, names[g]) for t, line in enumerate(counts) for g, count in enumerate(line) for _ in range(count)])


def test_a_hand_worked_case():
    rows = table([(0, "b"), (0, "b"), (-1, "b"), (1, "b"), (1, "a"), (1, "a"), (0, None), (3, " ")])
    shares = topic_shares(rows, by="group")
    assert shares[["group", "topic", "rows", "of"]].values.tolist() == [
        ["a", 0, 0, 2],
        ["a", 1, 2, 2],
        ["a", 3, 0, 2],
        ["a", -1, 0, 2],
        ["b", 0, 2, 4],
        ["b", 1, 1, 4],
        ["b", 3, 0, 4],
        ["b", -1, 1, 4],
    ]
    assert shares["share"].tolist() == [0, 1, 0, 0, 0.5, 0.25, 0, 0.25]
    assert tell_left_out(rows, by="group") == "2 of 8 rows (25%) have no group and are left out"
    assert tell_left_out(rows.head(6), by="group") == "all 6 rows have a group"
    assert shares_table(shares, TOPICS).values.tolist() == [
        [0, "A", "0%", "50%"],
        [1, "B", "100%", "25%"],
        [3, "D", "0%", "0%"],
        [-1, "Unassigned", "0%", "25%"],
    ]


@given(ROWS, st.randoms())
@settings(max_examples=50)
def test_shares_are_what_pandas_counts_in_whatever_order(pairs, random):
    rows = table(pairs)
    shares = topic_shares(rows, by="group")
    there = rows[rows["group"].notna() & (rows["group"] != " ")]
    known = pd.crosstab(there["group"], there["topic"])
    for line in shares.itertuples():
        count = known.at[line.group, line.topic] if line.topic in known else 0
        assert (line.rows, line.of) == (count, known.loc[line.group].sum())
        assert 0 <= line.low <= line.share == line.rows / line.of <= line.high <= 1
    assert shares["rows"].sum() == len(there)
    assert len(shares) == there["group"].nunique() * rows["topic"].nunique()
    mixed = rows.sample(frac=1, random_state=random.randrange(2**31))
    pd.testing.assert_frame_equal(topic_shares(mixed, by="group"), shares)
    changed = changes(shares, TOPICS)
    pd.testing.assert_frame_equal(changes(shares.sample(frac=1, random_state=1), TOPICS), changed)
    assert changed["rows"].sum() == len(there) and changed["effect"].between(0, 1).all()
    assert changed["adjusted"].between(0, 1).all() and (changed["adjusted"] >= changed["p"] - 1e-12).all()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([10, 9, 9, None], ["9", "10"]),
        ([1.5, np.nan, -2.0, 1.5], ["-2", "1.5"]),
        ([True, False, None, True], ["no", "yes"]),
        (["10", "9", "B", "a"], ["10", "9", "B", "a"]),
        ([1, "a", 1, None], ["1", "a"]),
        (pd.Categorical(["low", "high", "low", None], ["low", "high", "top"], ordered=True), ["low", "high"]),
        (pd.Categorical(["low", "high", "low", None], ["low", "high"]), ["high", "low"]),
        (pd.to_datetime(["2024-02-01", None, "2023-01-01", "2023-01-01"]), ["2023-01-01", "2024-02-01"]),
        (pd.PeriodIndex(["2024-02", None, "2023-12", "2024-02"], freq="Q"), ["2023-Q4", "2024-Q1"]),
        (pd.array([2, None, 1, 2], dtype="Int64"), ["1", "2"]),
    ],
)
def test_groups_are_in_their_own_order(values, told):
    shares = topic_shares(pd.DataFrame({"topic": [0, 0, 1, 1], "by": values}), by="by")
    assert group_names(shares["group"].drop_duplicates()) == told
    assert group_names(count_grid(shares)[0].columns) == told
    assert len(changes(shares, TOPICS)) == 2


def test_columns_that_hold_no_groups_are_refused():
    with pytest.raises(ValueError, match="no column 'lang'; columns are topic, group"):
        topic_shares(table([(0, "a")]), by="lang")
    with pytest.raises(ValueError, match="column 'group' holds lists"):
        topic_shares(table([(0, ["a"])]), by="group")
    with pytest.raises(ValueError, match=r"has 5,001 different values, such as 'x0': expected at most 5,000"):
        topic_shares(table([(0, f"x{at}") for at in range(5001)]), by="group")
    with pytest.raises(ValueError, match=r"rows are in topics \[7\]"):
        changes(topic_shares(table([(7, "a"), (0, "b")]), by="group"), TOPICS[TOPICS["topic"] < 7])


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_is_wilsons(pair):
    count, of = pair
    low, high = wilson_interval(np.array([count]), np.array([of]))
    known = binomtest(count, of).proportion_ci(method="wilson")
    assert low[0] == pytest.approx(known.low, abs=1e-6) and high[0] == pytest.approx(known.high, abs=1e-6)
    assert low[0] <= count / of <= high[0]


def test_the_test_is_scipys_where_counts_are_large():
    counts = np.array([[30, 40, 80], [50, 60, 70], [120, 100, 50]])
    of = counts.sum(axis=0)
    squares, p = chance.independence(counts.astype(float), of.astype(float))
    for line, one, two in zip(counts, squares, p, strict=True):
        known = chi2_contingency([line, of - line], correction=False)
        assert one == pytest.approx(known.statistic) and two == pytest.approx(known.pvalue)
    changed = changes(topic_shares(spread(counts.tolist()), by="group"), TOPICS).set_index("topic")
    assert changed.at[0, "effect"] == pytest.approx(np.sqrt(squares[0] / counts.sum()))
    assert changed.at[0, "most"] == "c" and changed.at[0, "most_ratio"] == pytest.approx(80 / (150 * 200 / 600))
    assert changed.at[0, "least"] == "a" and changed.at[0, "least_ratio"] == pytest.approx(30 / (150 * 200 / 600))
    assert not changed.at[0, "noise"] and changed.index[0] == 2  # 0.27 of the rows of one group to 0.6 of another


def test_the_test_is_exact_where_counts_are_small():
    counts, of = np.array([[6, 1], [1, 0], [9, 15]]), np.array([16, 16])
    _, p = chance.independence(counts.astype(float), of.astype(float))
    for line, found in zip(counts[:2], p[:2], strict=True):
        known = fisher_exact([line, of - line]).pvalue  # with equal sums, as far off is as rare
        assert found == pytest.approx(known, rel=0.35)
    assert 0 < p.min()


def test_few_rows_in_many_groups_are_no_change():
    """Chi-square would say of 3 rows in 60 groups, two in one small group, that they are there for a reason."""
    of = np.array([2.0] + [50.0] * 59)
    counts = np.zeros((1, 60))
    counts[0, 1:4] = 1
    assert chance.independence(counts, of)[1][0] > 0.5
    counts[0, :2] = 2, 1
    counts[0, 2:4] = 0
    p = chance.independence(counts, of)[1][0]
    assert 0 < p < 0.01
    assert chance.independence(counts, of)[1][0] == p  # the same draws every time


def test_chance_alone_makes_no_topic_differ():
    """Of 200 topics of one share everywhere, no more than a few hundredths are called real; most times none."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"topic": random.zipf(1.5, 8000) % 40, "group": random.integers(0, 6, 8000)})
    topics = pd.DataFrame({"topic": range(40), "label": "x"})
    shares = topic_shares(rows, by="group")
    assert changes(shares, topics)["noise"].mean() >= 0.95
    assert noise_band(shares)["outside"].groupby(shares["topic"]).any().mean() <= 0.1


def test_a_topic_that_differs_is_found_and_stands_first():
    rows = spread([[100, 100, 100], [60, 50, 10], [40, 50, 90]])
    lines = changes(topic_shares(rows, by="group"), TOPICS)
    assert lines["noise"].tolist() == [False, False, True] and lines["topic"].tolist()[-1] == 0
    told = changes_table(lines)
    assert told.loc[told["label"] == "B"].values.tolist() == [
        [1, "B", "120", "20%", "a (1.5x)", "c (0.25x)", "0.27", "<0.001", "real"]
    ]
    assert told["most above"].iloc[2] == "" and told["difference"].iloc[2] == "may be noise"


def test_the_band_holds_a_constant_topic_in_all_groups_95_times_of_100():
    random = np.random.default_rng(0)
    of = np.array([20, 50, 80, 200, 35, 35, 400, 60])
    for share in (0.02, 0.1, 0.5):
        low, high = chance.noise_limits(np.array([share]), of)
        drawn = random.binomial(of, share, (4000, len(of)))
        inside = ((drawn >= low) & (drawn <= high)).all(axis=1).mean()
        assert 0.945 <= inside and (0 <= low).all() and (high <= of).all()


@pytest.mark.parametrize(
    "pairs",
    [
        [(0, "a"), (1, "a"), (1, "a")],  # one group
        [(2, "a"), (2, "b"), (2, "b")],  # one topic
        [(-1, "a"), (-1, "b")],  # all unassigned
        [(0, "a")],
    ],
)
def test_where_nothing_can_differ_nothing_does(pairs):
    shares = topic_shares(table(pairs), by="group")
    lines = changes(shares, TOPICS)
    assert lines["noise"].all() and lines["p"].eq(1).all() and lines["effect"].eq(0).all()
    assert lines[["most", "least", "most_ratio", "least_ratio"]].isna().all(axis=None)
    assert not noise_band(shares)["outside"].any()
    assert changes_table(lines)["most above"].eq("").all()


@pytest.mark.parametrize("pairs", [[], [(0, None), (1, " ")]])
def test_without_a_row_in_a_group_tables_are_empty(pairs):
    shares = topic_shares(table(pairs), by="group")
    assert shares.empty and shares_table(shares, TOPICS).empty
    assert changes_table(changes(shares, TOPICS)).empty and noise_band(shares).empty


def test_labels_and_groups_of_any_kind_are_told_as_they_are():
    hostile = TOPICS.assign(label="$\\frac{$ <script>")
    rows = table([(0, "$a$"), (1, "<b>\nc"), (1, "x" * 200)])
    shares = topic_shares(rows, by="group")
    assert changes(shares, hostile)["label"].eq("$\\frac{$ <script>").all()
    heads = list(shares_table(shares, hostile))[2:]
    assert heads[:2] == ["$a$ (1)", "<b> c (1)"] and len(heads[2]) < 70


def test_broader_topics_are_counted_in_their_own_column():
    rows = table([(0, "a"), (1, "a"), (2, "b")]).assign(topic_middle=[0, 0, -1])
    shares = topic_shares(rows, by="group", layer="topic_middle")
    assert shares[["topic", "rows"]].values.tolist() == [[0, 2], [-1, 0], [0, 0], [-1, 1]]


def test_a_share_is_never_told_as_none_or_all_where_it_is_not():
    assert [share_text(one) for one in (0, 1e-6, 0.0004, 0.0994, 0.0996, 0.999, 1, np.nan)] == [
        *("0%", "<0.1%", "<0.1%", "9.9%", "10%", "99%", "100%", ""),
    ]


def test_numbers_that_differ_have_names_that_differ():
    assert group_names([1234560.0, 1234561.0, 0.1, 1e20]) == ["1234560", "1234561", "0.1", "100000000000000000000"]
