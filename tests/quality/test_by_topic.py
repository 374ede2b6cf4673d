import numpy as np
import pandas as pd
import pytest

from helpers.quality.by_topic import score_topics, topic_scores_table

TOPICS = pd.DataFrame({"topic": [-1, 0, 1, 2], "label": ["Unassigned", "A", "B", "C"]})


def in_topics(scores):
    return pd.DataFrame(
        [(topic, score) for topic, found in scores.items() for score in found], columns=["topic", "score"]
    )


def test_a_hand_worked_case():
    rows = in_topics({0: [1, 2, 3, 4, np.nan], -1: [5], 1: [3, 3]})
    scored = score_topics(rows, TOPICS, threshold=3)
    assert scored["topic"].tolist() == [0, 1, 2, -1] and scored["label"].tolist() == ["A", "B", "C", "Unassigned"]
    assert scored["rows"].tolist() == [4, 2, 0, 1]
    assert scored.loc[0, ["mean", "low", "high", "share"]].tolist() == [2.5, 1.75, 3.25, 0.5]
    assert scored.loc[0, "spread"] == pytest.approx(np.sqrt(5 / 3)) and scored.loc[1, "spread"] == 0
    assert scored.loc[2, ["mean", "spread", "low", "high", "share"]].isna().all() and scored.loc[3, "share"] == 1
    assert "note" not in scored
    assert topic_scores_table(scored).values.tolist() == [
        [0, "A", "4", "2.50", "1.29", "1.75 to 3.25", "50%"],
        [1, "B", "2", "3.00", "0.00", "3.00 to 3.00", "100%"],
        [2, "C", "0", "", "", "", ""],
        [-1, "Unassigned", "1", "5.00", "", "5.00 to 5.00", "100%"],
    ]
    assert score_topics(rows[rows["topic"] != -1], TOPICS, threshold=3)["topic"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"rows are in topics \[0\]"):
        score_topics(rows, TOPICS[TOPICS["topic"] != 0], threshold=3)


def test_topics_that_disagree_with_their_rows_are_told():
    """All topics are rated 0.5 lower than their rows, one 2.3 higher: 1.8 to the others' 0.5."""
    tight = [2.4, 2.6] * 20
    rows = in_topics({0: tight, 1: tight, 2: tight, -1: tight})
    rated = pd.DataFrame({"topic": [0, 1, 2], "score": [2.0, 2.0, 4.8]})
    scored = score_topics(rows, TOPICS, threshold=3, rated=rated)
    assert scored["difference"].tolist()[:3] == pytest.approx([0.5, 0.5, -2.3]) and np.isnan(
        scored["difference"].iloc[3]
    )
    note = "its rows score 2.8 less than the topic itself, the usual +0.5 taken off"
    assert scored["note"].tolist() == ["", "", note, ""]
    table = topic_scores_table(scored)
    assert table["topic_score"].tolist() == ["2.00", "2.00", "4.80", ""] and table["note"].tolist() == [
        "",
        "",
        note,
        "",
    ]


@pytest.mark.parametrize(("own", "note"), [(3.4, ""), (1.4, "its rows score 1.1 more than the topic itself")])
def test_a_rating_a_level_away_is_near_enough_and_more_is_not(own, note):
    tight = [2.4, 2.6] * 20
    rated = pd.DataFrame({"topic": [0, 1, 2], "score": [2.5, own, 2.5]})
    scored = score_topics(in_topics({0: tight, 1: tight, 2: tight}), TOPICS, threshold=3, rated=rated)
    assert scored["note"].tolist() == ["", note, ""]


def test_few_rows_that_differ_say_nothing():
    """A mean of 2 +- 1.15 is 2.5 away from its topic: two standard errors; a hundred such rows are beyond three."""
    rated = pd.DataFrame({"topic": [0, 1, 2], "score": [2.5, 4.5, 2.5]})
    for times, noted in ((1, False), (25, True)):
        rows = in_topics({0: [2.5] * 9, 1: [0, 0, 4, 4] * times, 2: [2.5] * 9})
        scored = score_topics(rows, TOPICS, threshold=3, rated=rated)
        assert scored.loc[1, "note"] == ("its rows score 2.5 less than the topic itself" if noted else "")
    one = score_topics(in_topics({0: [2.5] * 9, 1: [0], 2: [2.5] * 9}), TOPICS, threshold=3, rated=rated)
    assert one["note"].tolist() == ["", "", ""]  # one row has no standard error


def test_scores_are_compared_in_their_own_precision():
    """A float32 of 3.3 is a bit less than 3.3; the rule "score >= 3.3" keeps it."""
    rows = in_topics({0: [3.3, 3.2]}).astype({"score": np.float32})
    assert score_topics(rows, TOPICS, threshold=3.3).loc[0, "share"] == 0.5
