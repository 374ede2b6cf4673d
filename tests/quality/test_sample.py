"""The texts that are rated: each once, rare topics too, the same in any order of rows."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.quality.sample import sample_texts


def made(sizes):
    """Return rows, so many different texts of each topic, every third one there twice."""
    topics = np.repeat(np.arange(len(sizes)) - 1, sizes)
    rows = pd.DataFrame({"topic": topics, "vector": np.arange(len(topics))})
    rows = pd.concat([rows, rows[::3]], ignore_index=True)
    return rows.assign(id=[f"r{i}" for i in range(len(rows))], text=[f"text {v}" for v in rows["vector"]])


def test_small_topics_get_more_than_their_share_and_none_is_left_out():
    taken = sample_texts(made([900, 100, 9]), sample=86, by_topic=True)["topic"].value_counts()
    assert taken.to_dict() == {-1: 60, 0: 20, 1: 6}  # as the roots, 30 : 10 : 3


def test_at_random_topics_are_as_they_are():
    taken = sample_texts(made([900, 100]), sample=300)["topic"].value_counts(normalize=True)
    assert abs(taken[-1] - 0.9) < 0.06


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 250), st.booleans(), st.randoms())
def test_each_text_once_as_many_as_asked_for_whatever_the_order(sizes, sample, by_topic, random):
    rows = made(sizes)
    found = sample_texts(rows, sample=sample, by_topic=by_topic)
    assert found["vector"].is_unique and len(found) == min(sample or sum(sizes), sum(sizes))
    if by_topic and sample >= len(sizes):
        assert found["topic"].nunique() == len(sizes)
    order = list(range(len(rows)))
    random.shuffle(order)
    again = sample_texts(rows.iloc[order], sample=sample, by_topic=by_topic)
    pd.testing.assert_frame_equal(found, again)


def test_no_topic_is_left_out_of_a_sample_as_large_as_there_are_topics():
    assert sample_texts(made([100, 1, 1]), sample=3, by_topic=True)["topic"].nunique() == 3
    assert (sample_texts(made([5000, 4]), sample=40, by_topic=True)["topic"] == 0).sum() == 1


def test_a_larger_sample_holds_the_smaller_one():
    rows = made([300, 40])
    small, large = (set(sample_texts(rows, sample=n)["id"]) for n in (50, 90))
    assert small < large
    small, large = (set(sample_texts(rows, sample=n, by_topic=True)["id"]) for n in (50, 90))
    assert small < large


def test_without_topics_it_is_at_random():
    rows = made([50]).drop(columns="topic")
    assert len(sample_texts(rows, sample=10, by_topic=True)) == 10
