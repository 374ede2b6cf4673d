"""What became of each topic in another map: hand-worked cases, oracles, and labels of any kind."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from helpers.explore.compare_runs import (
    COLUMNS,
    STATES,
    agree,
    agreement_table,
    align_topics,
    aligned_table,
    carried_labels,
    count_pairs,
    shared_rows,
)
from helpers.explore.pictures_runs import MOST, plot_runs
from helpers.explore.read_map import TopicMap
from tests.drawn import drawn

HOSTILE = ["$\\frac{$", "<script>alert(1)</script>", "W" * 200, "", "a\n\nb $x$", "_^{}", "naïve 😀"]


def made(topics, *, ids=None, labels=None, texts=None, side="A"):
    """Return a map whose rows are in these topics."""
    count = max([*topics, -1]) + 1
    names = labels or ["Unassigned", *(f"{side}{topic}" for topic in range(count))]
    ids = [f"row {at}" for at in range(len(topics))] if ids is None else ids
    rows = pd.DataFrame({"id": ids, "text": texts or ids, "topic": np.array(topics, dtype=int)})
    table = pd.DataFrame({"topic": range(-1, len(names) - 1), "label": names})
    return TopicMap(rows.assign(vector=range(len(rows))), table, pd.DataFrame(), np.zeros((len(rows), 2)))


def pair(flows):
    """Return two maps: so many rows for each (topic of A, topic of B)."""
    topics = [both for both, count in flows.items() for _ in range(count)]
    return made([a for a, _ in topics]), made([b for _, b in topics], side="B")


def told(aligned):
    """Return topic_a, topic_b and state a line, None for none."""
    lines = aligned[["topic_a", "topic_b", "state"]].astype(object)
    return [tuple(None if pd.isna(one) else one for one in line) for line in lines.itertuples(index=False)]


def test_a_hand_worked_case():
    a, b = pair({(0, 1): 8, (0, -1): 2, (1, 0): 6, (1, 1): 1, (-1, 0): 2, (-1, -1): 1})
    aligned = align_topics(a, b)
    assert aligned.columns.tolist() == COLUMNS
    first, second = aligned.to_dict("records")
    assert first == {
        "topic_a": 0,
        "label_a": "A0",
        "rows_a": 10,
        "topic_b": 1,
        "label_b": "B1",
        "rows_b": 9,
        "shared": 8,
        "jaccard": pytest.approx(8 / 11),
        "state": "same",
        "parts": ["B1"],
    }
    assert (second["rows_a"], second["rows_b"], second["shared"]) == (7, 8, 6)
    assert second["jaccard"] == pytest.approx(6 / 9) and second["state"] == "same"
    assert carried_labels(aligned) == {1: "A0", 0: "A1"}
    table = aligned_table(aligned)
    assert table.iloc[0].tolist() == ["same", "0", "A0", "10", "1", "B1", "9", "8", "0.73"]


@pytest.mark.parametrize(
    ("flows", "lines"),
    [
        ({(0, 0): 5, (0, 1): 5}, [(0, 0, "split")]),
        ({(0, 0): 5, (1, 0): 5}, [(0, 0, "merged"), (1, 0, "merged")]),
        ({(0, 0): 9, (1, 0): 4}, [(0, 0, "same"), (1, 0, "merged")]),  # the large one goes on, the small one is in it
        ({(0, 0): 9, (0, 1): 4}, [(0, 0, "same"), (0, 1, "split off")]),
        ({(0, -1): 6, (0, 0): 4}, [(0, 0, "vanished"), (0, 0, "split off")]),
        ({(0, -1): 9, (-1, 0): 9}, [(0, None, "vanished"), (None, 0, "new")]),
        ({(0, 0): 5, (-1, 0): 15}, [(0, 0, "merged")]),
        ({(0, 0): 3, (0, 1): 3, (0, -1): 4, (1, 0): 3, (1, 1): 3, (1, -1): 4},
         [(0, 0, "scattered"), (1, 0, "scattered"), (None, 0, "new"), (None, 1, "new")]),
        ({(0, 0): 5, (1, 0): 5, (0, 1): 5, (1, 1): 5},
         [(0, 0, "scattered"), (1, 0, "scattered"), (None, 0, "new"), (None, 1, "new")]),
        ({(0, 0): 55, (0, 1): 45, (1, 0): 35}, [(0, 0, "split"), (1, 0, "merged")]),
        ({(0, 0): 6, (0, 1): 4, (1, 0): 90}, [(0, 0, "merged"), (1, 0, "same"), (0, 1, "split off")]),
    ],
)  # fmt: skip
def test_what_became_of_a_topic(flows, lines):
    aligned = align_topics(*pair(flows))
    assert told(aligned) == lines
    assert set(aligned["state"]) <= set(STATES)


def test_all_parts_of_a_split_topic_are_told():
    aligned = align_topics(*pair({(0, 0): 4, (0, 1): 5, (0, 2): 3, (0, 3): 1, (1, 3): 9}))
    assert told(aligned) == [(0, 1, "split"), (1, 3, "same")]
    assert aligned["parts"].tolist() == [["B1", "B0", "B2"], ["B3"]]
    assert aligned_table(aligned)["label_b"].tolist() == ["B1; B0; B2", "B3"]


def test_half_is_not_enough_to_be_the_same():
    """Two halves of one topic are both half of it: neither is more it than the other."""
    assert align_topics(*pair({(0, 0): 10, (1, 0): 10}))["jaccard"].tolist() == [0.5, 0.5]
    assert carried_labels(align_topics(*pair({(0, 0): 10, (1, 0): 10}))) == {}
    assert carried_labels(align_topics(*pair({(0, 0): 11, (1, 0): 10}))) == {0: "A0"}


def test_rows_of_one_map_alone_do_not_count():
    a = made([0] * 60 + [1] * 5, ids=range(65))
    b = made([0] * 60 + [1] * 7, ids=[*range(60), *range(100, 107)], side="B")
    aligned = align_topics(a, b)
    assert told(aligned) == [(0, 0, "same"), (1, None, "not shared"), (None, 1, "not shared")]
    assert aligned["jaccard"].tolist() == [1, 0, 0] and aligned["rows_a"].tolist()[:2] == [60, 0]
    assert len(shared_rows(a, b)) == 60
    figures = agree(a, b)
    assert (figures["rows"], figures["of_a"], figures["of_b"]) == (60, 60 / 65, 60 / 67)


def test_maps_that_share_too_little_are_refused():
    with pytest.raises(ValueError, match=r"share 0 rows of 80 and 80: expected 50, or half .*'a0'.*source\.id"):
        align_topics(made([0] * 80, ids=[f"a{at}" for at in range(80)]), made([0] * 80, ids=range(80)))
    with pytest.raises(ValueError, match="share 49 rows"):
        agree(made([0] * 120, ids=range(120)), made([0] * 120, ids=range(71, 191)))
    assert len(shared_rows(made([0] * 120, ids=range(120)), made([0] * 120, ids=range(70, 190)))) == 50
    assert len(shared_rows(made([0] * 3), made([0, 0]))) == 2  # of small maps half is enough
    with pytest.raises(ValueError, match="share 0 rows"):
        shared_rows(made([]), made([]))


def test_ids_of_other_texts_are_told():
    """Rows that are only numbered have the ids of any other dataset."""
    a, b = made([0, 1] * 40, texts=["a"] * 80), made([0, 1] * 40, texts=["b"] * 80)
    assert agree(a, b)["same_text"] == 0
    assert "0% (other texts: are these the same rows?)" in agreement_table(agree(a, b))["value"].tolist()
    assert "other texts" not in agreement_table(agree(a, a))["value"].str.cat()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=1, max_size=60), st.randoms())
def test_figures_are_those_of_the_libraries(topics, chance):
    a, b = made([one for one, _ in topics]), made([other for _, other in topics], side="B")
    one, other = (np.array(side) for side in zip(*topics, strict=True))
    figures = agree(a, b)
    assert figures["all"]["ari"] == pytest.approx(adjusted_rand_score(one, other))
    assert figures["all"]["nmi"] == pytest.approx(normalized_mutual_info_score(one, other))
    inside = (one >= 0) & (other >= 0)
    assert figures["coverage"] == inside.mean() and figures["coverage_a"] == (one >= 0).mean()
    expected = adjusted_rand_score(one[inside], other[inside]) if inside.any() else None
    assert (figures["covered"] or {}).get("ari") == pytest.approx(expected)
    counts = count_pairs(a, b)
    assert int(counts.to_numpy().sum()) == len(topics)
    aligned = align_topics(a, b)
    for line in aligned.dropna(subset=["topic_a", "topic_b"]).itertuples():
        both, either = (
            ((one == line.topic_a) & (other == line.topic_b)),
            (one == line.topic_a) | (other == line.topic_b),
        )
        assert line.shared == both.sum() and line.jaccard == pytest.approx(both.sum() / either.sum())
        assert (line.jaccard > 0.5) == (line.state == "same")
    shuffled = chance.sample(range(len(topics)), len(topics))
    mixed = [TopicMap(found.rows.iloc[shuffled], found.topics, found.layers, found.vectors) for found in (a, b)]
    pd.testing.assert_frame_equal(align_topics(mixed[0], b), aligned)
    assert agree(a, mixed[1]) == figures
    assert set(aligned["topic_a"].dropna()) == set(range(max(one) + 1))  # every topic of A, once, before those of B
    assert aligned["topic_a"].head(max(one) + 1).tolist() == list(range(max(one) + 1))


def test_the_same_map_is_the_same():
    a = made([0, 0, 1, 1, 1, -1])
    aligned = align_topics(a, a)
    assert aligned["state"].tolist() == ["same", "same"] and aligned["jaccard"].tolist() == [1, 1]
    assert carried_labels(aligned) == {0: "A0", 1: "A1"}
    assert agree(a, a)["all"] == pytest.approx({"nmi": 1, "ami": 1, "ari": 1})


def test_maps_without_topics_have_nothing_to_align():
    empty, some = made([-1] * 60), made([0] * 60)
    assert align_topics(empty, empty).empty and aligned_table(align_topics(empty, empty)).empty
    assert told(align_topics(empty, some)) == [(None, 0, "new")]
    assert told(align_topics(some, empty)) == [(0, None, "vanished")]
    assert agree(empty, some)["covered"] is None and len(agreement_table(agree(empty, some))) == 6
    assert plot_runs(some, empty, names=("one", "two")) == (
        "none of the shared rows is in a topic of two: there is nothing to compare"
    )
    assert "a topic of A or B" in plot_runs(empty, empty)


@pytest.mark.parametrize(("topics_a", "topics_b"), [(1, 1), (1, 8), (45, 3), (40, 40)])
def test_a_picture_of_any_size_and_labels(topics_a, topics_b):
    chance = np.random.default_rng(0)
    labels = ["Unassigned", *(HOSTILE[at % len(HOSTILE)] for at in range(45))]
    a = made(np.append(chance.integers(-1, topics_a, 600), topics_a - 1), labels=labels)
    b = made(np.append(chance.integers(-1, topics_b, 600), topics_b - 1), labels=labels)
    figure = plot_runs(a, b, names=("$a$", "<b>"))
    axes = figure.axes[0]
    assert drawn(figure) and "601 shared rows" in axes.get_title("left")
    assert len(axes.texts) <= 2 * (MOST + 2) and not any(text.get_parse_math() for text in axes.texts)
    assert ("all smaller topics" in " ".join(text.get_text() for text in axes.texts)) == (topics_a > MOST)
    bars = [bar.get_height() for bar in axes.patches]
    sides = len(count_pairs(a, b).index), len(count_pairs(a, b).columns)
    assert len(bars) == sum(min(side, MOST + 2) for side in sides)
    left = sum(bars[: min(sides[0], MOST + 2)])
    assert left == pytest.approx(sum(bars) / 2)  # both sides have all rows


def test_labels_in_a_picture_do_not_lie_over_each_other():
    a = made([0] * 500 + [*range(1, 30)])
    axes = plot_runs(a, a).axes[0]
    heights = sorted(text.get_position()[1] for text in axes.texts[:30])
    assert np.diff(heights).min() >= 0.99
