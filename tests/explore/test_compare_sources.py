"""What one source has and another lacks is found, what is chance is not, and what it would add is counted by row."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import comb
from scipy.stats import fisher_exact

from helpers.clean.dedup import find_near_duplicates
from helpers.explore.additions import added_rows, additions, additions_table, isolation_of
from helpers.explore.compare_sources import compare_sources, sources_table

TOPICS = pd.DataFrame({"topic": range(-1, 30), "label": ["Unassigned", *(f"T{at}" for at in range(30))]})


@dataclass(frozen=True)
class Made:
    """What added_rows and additions read of a map."""

    rows: pd.DataFrame
    topics: pd.DataFrame
    vectors: np.ndarray


def counted(**sources):
    """Rows of which source s has counts (topics,) in topic 0, 1, ..."""
    lines = [(topic, name) for name, counts in sources.items() for topic, n in enumerate(counts) for _ in range(n)]
    return pd.DataFrame(lines, columns=["topic", "src"])


def states(compared, source="b"):
    return compared[compared["source"] == source].set_index("topic")["state"].to_dict()


def test_a_planted_new_topic_and_a_planted_missing_one_are_found_at_2_percent():
    """Twenty topics of two sources of 1,000; topic 20 is in b alone, 21 in a alone, 20 rows each."""
    random = np.random.default_rng(0)
    common = random.multinomial(980, [0.05] * 20, size=2).tolist()
    compared = compare_sources(counted(a=[*common[0], 0, 20], b=[*common[1], 20, 0]), TOPICS, by="src", base="a")
    found = states(compared)
    assert found == {topic: "alike" for topic in range(20)} | {20: "only here", 21: "only in base"}
    assert compared["topic"].drop_duplicates().tolist()[:2] == [20, 21] and set(states(compared, "a").values()) == {
        "base"
    }
    new = compared[(compared["topic"] == 20) & (compared["source"] == "b")].iloc[0]
    assert (new["rows"], new["of"], new["share"], new["difference"], new["ratio"]) == (20, 1000, 0.02, 0.02, np.inf)
    told = sources_table(compared)
    assert told["found"].tolist()[:3] == ["only in b (p <0.001)", "not in b (p <0.001)", "alike"]
    assert told.iloc[0, 2:4].to_dict() == {"a (1,000)": "0% (0% to 0.4%), 0", "b (1,000)": "2.0% (1.3% to 3.1%), 20"}


def test_p_is_fishers_adjusted_over_all_topics_and_sources():
    counts = {"a": [50, 30, 20], "b": [20, 30, 10], "c": [5, 15, 10]}
    compared = compare_sources(counted(**counts), TOPICS, by="src")
    assert compared["source"].iloc[0] == "a"  # the largest is the base
    known = []
    for line in compared[compared["source"] != "a"].itertuples():
        own, of, base = counts[line.source][line.topic], sum(counts[line.source]), counts["a"][line.topic]
        assert line.p == pytest.approx(fisher_exact([[own, of - own], [base, 100 - base]]).pvalue)
        assert line.difference == pytest.approx(own / of - base / 100)
        assert line.ratio == pytest.approx(own / of / (base / 100))
        known.append(line.p)
    p, adjusted = np.sort(known), np.sort(compared["adjusted"].dropna())
    steps = np.minimum.accumulate((p * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    assert adjusted == pytest.approx(np.minimum(steps, 1))
    assert compared.loc[compared["source"] == "a", ["p", "adjusted", "difference", "ratio"]].isna().all(axis=None)


@given(st.integers(0, 30), st.integers(1, 200), st.integers(30, 200))
def test_no_row_is_no_news_where_that_is_likely(rows, of, base):
    """Fisher's p of none is never less than the chance that none of the topic's rows is among so many."""
    chance = comb(base + of - rows, of, exact=True) / comb(base + of, of, exact=True)
    found = fisher_exact([[0, of], [rows, base - rows]]).pvalue
    assert found >= chance * (1 - 1e-9)
    compared = compare_sources(counted(a=[rows, base - rows], b=[0, of]), TOPICS, by="src", base="a")
    if chance >= 0.05:
        assert "only in base" not in compared["state"].tolist()


def test_a_small_source_without_a_topic_may_only_be_small():
    compared = compare_sources(counted(a=[20, 980], b=[0, 50]), TOPICS, by="src")
    assert states(compared) == {0: "alike", 1: "alike"}  # of 50 rows with 2% none is in it in 36 of 100 cases
    assert states(compare_sources(counted(a=[20, 980], b=[0, 900]), TOPICS, by="src"))[0] == "only in base"


def test_more_and_less():
    compared = compare_sources(counted(a=[100, 100, 300], b=[200, 20, 280]), TOPICS, by="src", base="b")
    assert states(compared, "a") == {0: "less", 1: "more", 2: "alike"}
    assert sources_table(compared)["found"].tolist() == [
        "less in a, 0.50x (p <0.001)",
        "more in a, 5.0x (p <0.001)",
        "alike",
    ]


@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from(["a", "$b$", "_c", None])), min_size=4, max_size=60))
@settings(max_examples=40)
def test_all_rows_are_counted_in_whatever_order(pairs):
    rows = pd.DataFrame([(0, "a"), (-1, "$b$"), *pairs], columns=["topic", "src"])
    compared = compare_sources(rows, TOPICS, by="src")
    assert compared["rows"].sum() == rows["src"].notna().sum()
    assert ((compared["low"] <= compared["share"]) & (compared["share"] <= compared["high"])).all()
    mixed = compare_sources(rows.sample(frac=1, random_state=0), TOPICS, by="src")
    pd.testing.assert_frame_equal(mixed, compared)
    assert len(sources_table(compared)) == rows["topic"].nunique()
    assert compared["topic"].tolist()[-1] == -1


def test_sources_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"two or more; there is 'a' \(3 rows\)"):
        compare_sources(counted(a=[3]), TOPICS, by="src")
    with pytest.raises(ValueError, match="there is none"):
        compare_sources(pd.DataFrame({"topic": [1], "src": [None]}), TOPICS, by="src")
    with pytest.raises(ValueError, match=r"base: no source 'c'; sources are 'a' \(3 rows\), 'b' \(2 rows\)"):
        compare_sources(counted(a=[3], b=[2]), TOPICS, by="src", base="c")
    with pytest.raises(ValueError, match="no column 'source'"):
        compare_sources(counted(a=[3], b=[2]), TOPICS, by="source")


def test_sources_are_told_by_their_whole_names():
    """Numbers are named as they are read, and two names that begin alike stay two."""
    assert compare_sources(pd.DataFrame({"topic": [0, 0, 1], "src": [1.0, 2.0, 2.0]}), TOPICS, by="src", base=1)[
        "source"
    ].unique().tolist() == ["1", "2"]
    long = "x" * 100
    compared = compare_sources(counted(**{long + "1": [3, 1], long + "2": [2, 2]}), TOPICS, by="src")
    assert sorted(compared["source"].unique()) == [long + "1", long + "2"] and len(sources_table(compared).columns) == 5


@pytest.mark.shared
def test_intents_planted_in_one_part_of_real_data_are_found(shared):
    """Halves of the 13,072 questions of Banking77, two intents of which (under 2%) are in one half alone."""
    lines = pd.read_csv(shared / "labelled_banking77.csv.gz")
    names = sorted(lines["category"].unique())
    rows = pd.DataFrame({"topic": lines["category"].map(names.index)})
    rows["src"] = np.where(rows.groupby("topic").cumcount() % 2 == 0, "a", "b")
    rows.loc[rows["topic"] == 5, "src"] = "a"
    rows.loc[rows["topic"] == 6, "src"] = "b"
    compared = compare_sources(rows, pd.DataFrame({"topic": range(77), "label": names}), by="src", base="a")
    found = {topic: state for topic, state in states(compared).items() if state != "alike"}
    assert found == {5: "only in base", 6: "only here"}


def around(centre, count, random, *, width=0.15):
    points = centre + width * random.normal(size=(count, len(centre)))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def two_sources(*, same=200, new=40):
    """A base of two tight topics and a wide one; source b has rows of these and of a topic of its own."""
    random = np.random.default_rng(0)
    centres = np.eye(16)[:4]
    parts = [(0, "a", 150, 0.1), (1, "a", 150, 0.1), (2, "a", 150, 0.3), (0, "b", same, 0.1), (3, "b", new, 0.1)]
    vectors = np.concatenate([around(centres[topic], n, random, width=width) for topic, _, n, width in parts])
    rows = pd.DataFrame([(topic, name) for topic, name, n, _ in parts for _ in range(n)], columns=["topic", "src"])
    rows["vector"] = np.arange(len(rows))
    rows["id"] = [f"r{at}" for at in rows.index]
    rows["text"] = [" ".join(f"w{at}x{word}" for word in range(9)) for at in rows.index]
    rows["score"] = rows["topic"].astype(float)
    return Made(rows, TOPICS, vectors.astype(np.float16))


def test_what_a_source_adds_is_its_own_topic_and_a_twentieth_of_what_is_known():
    made = two_sources()
    added = added_rows(made, by="src", source="b")
    assert added["id"].tolist() == made.rows.loc[made.rows["src"] == "b", "id"].tolist()
    assert added.loc[added["topic"] == 3, "new"].all()
    assert 0.0 <= added.loc[added["topic"] == 0, "new"].mean() <= 0.1
    lines = additions(made, added, by="src", examples=2)
    assert lines[["topic", "label", "base_rows", "rows", "near_duplicates"]].values.tolist() == [
        [3, "T3", 0, 40, 0],
        [0, "T0", 150, 200, 0],
    ]
    assert lines.loc[0, ["new", "share_new", "score"]].tolist() == [40, 1, 3] and np.isnan(lines.loc[0, "base_score"])
    assert lines.loc[1, "base_score"] == 0 and lines["rows"].sum() == len(added)
    first = added[added["topic"] == 3].sort_values("isolation").iloc[-1]
    assert lines.loc[0, "example_ids"][0] == first["id"] and lines.loc[0, "examples"][0] == first["text"]
    assert [len(ids) for ids in lines["example_ids"]] == [2, min(2, lines.loc[1, "new"])]
    told = additions_table(lines)
    assert told.iloc[0, :9].tolist() == [3, "T3", "0", "40", "0", "40", "100%", "3.00", ""]


def test_the_nearest_is_that_of_all_of_them():
    made = two_sources(same=30, new=5)
    added = added_rows(made, by="src", source="b")
    full = made.vectors.astype(np.float64)
    full /= np.linalg.norm(full, axis=1, keepdims=True)
    is_base = (made.rows["src"] == "a").to_numpy()
    similar = full[~is_base] @ full[is_base].T
    assert added["similarity"].to_numpy() == pytest.approx(similar.max(axis=1), abs=1e-5)
    ids = made.rows.loc[is_base, "id"].to_numpy()
    assert added["nearest"].tolist() == ids[similar.argmax(axis=1)].tolist()


def test_isolation_is_held_against_the_own_region():
    """The same distance from the nearest is far beside a tight topic and near inside a wide one."""
    made = two_sources()
    full = made.vectors.astype(np.float32)
    full /= np.linalg.norm(full, axis=1, keepdims=True)
    known = full[(made.rows["src"] == "a").to_numpy()]
    random = np.random.default_rng(5)
    beside, inside = (around(np.eye(16)[at], 200, random, width=0.3).astype(np.float32) for at in (0, 2))
    far = isolation_of(beside, known)["far"].mean(), isolation_of(inside, known)["far"].mean()
    assert far[0] > 0.7 and far[1] < 0.1
    # Brute force of one line.
    own = np.sort(known @ known.T - 2 * np.eye(len(known), dtype=np.float32), axis=1)[:, ::-1][:, :10].mean(axis=1)
    similar = known @ beside[0]
    ten = np.argsort(-similar)[:10]
    assert isolation_of(beside[:1], known)["isolation"].iloc[0] == pytest.approx(
        own[ten].mean() - similar[ten].mean(), abs=1e-5
    )


def test_equal_texts_and_near_duplicates_of_the_base_are_not_new():
    made = two_sources(same=10, new=3)
    rows = made.rows.copy()
    of_b = rows.index[rows["src"] == "b"]
    rows.loc[of_b[0], ["text", "vector"]] = rows.loc[0, ["text", "vector"]].tolist()
    long = " ".join(f"word{at}" for at in range(60))
    rows.loc[[1, of_b[-1]], "text"] = [long, long + " more"]
    made = replace(made, rows=rows)
    added = added_rows(made, by="src", source="b")
    assert added["near_duplicate_of"].tolist() == ["r0", *[None] * 11, "r1"]
    assert added["similarity"].iloc[0] == pytest.approx(1) and added["nearest"].iloc[0] == "r0"
    assert added["new"].tolist()[-3:] == [True, True, False] and not added["new"].iloc[0]  # though its vector is far
    parts = [rows[rows["src"] == name][["id", "text"]] for name in "ba"]
    copies, _ = find_near_duplicates(parts[0], against=parts[1], within=False)
    assert added["near_duplicate_of"].tolist() == copies["near_duplicate_of"].tolist()
    assert additions(made, added, by="src").set_index("topic").loc[[0, 3], "near_duplicates"].tolist() == [1, 1]


def test_order_and_copies_of_rows_do_not_matter():
    made = two_sources(same=30, new=5)
    added = added_rows(made, by="src", source="b").set_index("id")
    base = made.rows[made.rows["src"] == "a"]
    doubled = pd.concat([made.rows, base.assign(id="copy " + base["id"])]).sample(frac=1, random_state=0)
    again = added_rows(replace(made, rows=doubled), by="src", source="b", base="a").set_index("id").loc[added.index]
    columns = ["similarity", "isolation", "new", "topic"]
    pd.testing.assert_frame_equal(again[columns], added[columns], atol=1e-6)


def test_a_source_or_a_base_that_cannot_be_is_refused():
    made = two_sources(same=5, new=2)
    for source in ("a", "c"):
        with pytest.raises(ValueError, match=f"source: expected one other than the base 'a', of 'b'; got '{source}'"):
            added_rows(made, by="src", source=source)
    with pytest.raises(ValueError, match="the base has 1 different text"):
        rows = made.rows.assign(vector=np.where(made.rows["src"] == "a", 0, made.rows["vector"]))
        added_rows(replace(made, rows=rows), by="src", source="b")


def test_hostile_texts_are_shown_on_one_line():
    made = two_sources(same=3, new=2)
    made = replace(made, rows=made.rows.assign(text="<script>\n$\x07" + made.rows["id"] + " x" * 300))
    lines = additions(made, added_rows(made, by="src", source="b"), by="src")
    for text in sum(lines["examples"].tolist(), []):
        assert "\n" not in text and "\x07" not in text and len(text) <= 160
    assert json.dumps(lines["example_ids"].tolist())


def test_a_source_that_is_all_unassigned():
    made = two_sources(same=5, new=2)
    made = replace(made, rows=made.rows.drop(columns="score").assign(topic=-1))
    lines = additions(made, added_rows(made, by="src", source="b"), by="src")
    assert lines[["topic", "label", "rows"]].values.tolist() == [[-1, "Unassigned", 7]]
    assert "score" not in lines and "score" not in additions_table(lines)
