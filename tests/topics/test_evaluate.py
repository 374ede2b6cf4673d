import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.topics.evaluate import (
    agreement,
    evaluate_topics,
    evaluation_table,
    keyword_coherence,
    keyword_diversity,
)

TEXTS = ["cat dog", "cat dog", "cat fish", "bird"]


def test_coherence_by_hand():
    """p(cat) 3/4, p(dog) 1/2, together 1/2: NPMI = log(.5 / .375) / -log(.5); cat and bird never meet: -1."""
    expected = math.log(0.5 / 0.375) / -math.log(0.5)
    assert keyword_coherence(TEXTS, [["cat", "dog"]]) == pytest.approx(expected)
    assert keyword_coherence(TEXTS, [["cat", "dog"], ["cat", "bird"]]) == pytest.approx((expected - 1) / 2)
    assert keyword_coherence(["a cat dog", "dog cat"], [["cat", "dog"]]) == 1
    assert keyword_coherence(TEXTS, [["cat dog", "cat"]], ngrams=2) == pytest.approx(
        math.log(0.5 / 0.375) / -math.log(0.5)
    )


@pytest.mark.parametrize("words", [[], [[]], [["cat"]]])
def test_without_a_pair_there_is_no_coherence(words):
    assert keyword_coherence(TEXTS, words) is None


def test_words_that_are_signs_are_counted():
    assert keyword_coherence(["🎉 🎈", "🎉 🎈", "🎉"], [["🎉", "🎈"]]) is not None


def test_keywords_found_without_stop_words_are_counted_without_them():
    texts = ["the terms of service", "terms of service", "cats and dogs", "the cats and the dogs"]
    words = [["terms service", "terms"], ["cats dogs", "cats"]]
    assert keyword_coherence(texts, words, ["of", "and", "the"], ngrams=2) == pytest.approx(1)


def test_diversity_is_the_share_of_different_words():
    assert keyword_diversity([["a", "b"], ["a", "c"]]) == 0.75
    assert keyword_diversity([]) is None


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z", None, " "]), st.integers(-1, 3)), max_size=80))
def test_agreement_is_that_of_scikit_learn_on_rows_with_a_truth(pairs):
    from sklearn import metrics

    truth = pd.Series([one for one, _ in pairs], dtype=object)
    topics = np.array([topic for _, topic in pairs], dtype=int)
    figures = agreement(truth, topics)
    kept = [(one, topic) for one, topic in pairs if one and one.strip()]
    assert figures["rows"] == len(kept)
    for which, chosen in (("all", kept), ("covered", [pair for pair in kept if pair[1] != -1])):
        if not chosen:
            assert figures[which] is None
            continue
        names, found = zip(*chosen, strict=True)
        assert figures[which]["nmi"] == pytest.approx(metrics.normalized_mutual_info_score(names, found))
        assert figures[which]["ari"] == pytest.approx(metrics.adjusted_rand_score(names, found))
        assert figures[which]["homogeneity"] == pytest.approx(metrics.homogeneity_score(names, found))


def test_all_figures_stand_in_one_table():
    texts = pd.DataFrame({"text": TEXTS, "vector": range(4), "kind": ["a", "a", "a", "b"]})
    clusters = pd.DataFrame({"topic": [0, 0, 0, -1]})
    topics = pd.DataFrame(
        {"topic": [-1, 0], "size": [1, 3], "keywords": [["bird"], ["cat", "dog"]], "stability": [np.nan, 0.5]}
    )
    edges = np.array([[0, 1, 0.1], [1, 2, 0.1], [2, 3, 5.0]])
    figures = evaluate_topics(texts, clusters, topics, edges, truth="kind", ngrams=1)
    assert figures["coverage"] == 0.75 and figures["stability"] == 0.5 and figures["diversity"] == 1
    assert figures["truth"]["all"]["nmi"] == pytest.approx(1) and figures["truth"]["known_topics"] == 2
    shown = evaluation_table(figures).set_index("figure")["value"]
    assert shown["nmi, all rows"] == "1.00" and shown["coverage"] == "0.75"


def test_a_fit_without_topics_has_no_figures_to_show():
    texts = pd.DataFrame({"text": ["a b"], "vector": [0]})
    topics = pd.DataFrame({"topic": [-1], "size": [1], "keywords": [[]], "stability": [np.nan]})
    figures = evaluate_topics(texts, pd.DataFrame({"topic": [-1]}), topics, np.zeros((0, 3)))
    assert figures == {"coverage": 0, "validity": None, "stability": None, "diversity": None, "coherence": None}
    assert "" in evaluation_table(figures)["value"].tolist()
