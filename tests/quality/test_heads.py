"""Heads tell what scikit-learn tells, by themselves and row by row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor

from helpers.quality.heads import STRENGTHS, Head, fit_head, level_weights
from helpers.vectors.embedder import unit_length

KINDS = list(STRENGTHS)


def rated(count=400, *, seed=0, levels=6):
    """Return unit vectors and scores that a direction in them tells, with some noise."""
    random = np.random.default_rng(seed)
    axis = np.random.default_rng(99).normal(size=16)
    vectors = unit_length(random.normal(size=(count, 16)))
    raw = 2.5 + 4 * vectors @ axis / np.linalg.norm(axis) + 0.3 * random.normal(size=count)
    return vectors, np.clip(np.rint(raw), 0, levels - 1)


def test_ridge_and_hidden_are_scikit_learns():
    vectors, scores = rated()
    weights = level_weights(scores)
    wanted = Ridge(alpha=1.0).fit(vectors, scores, sample_weight=weights).predict(vectors)
    ours = fit_head(vectors, scores, kind="ridge", strength=1.0, levels=(0, 5), weights=weights)
    np.testing.assert_allclose(ours.scores(vectors), wanted, atol=1e-4)
    model = MLPRegressor(hidden_layer_sizes=(64,), alpha=1.0, max_iter=200, random_state=42)
    wanted = model.fit(4.0 * vectors.astype(float), scores, sample_weight=weights).predict(4.0 * vectors)
    ours = fit_head(vectors, scores, kind="hidden", strength=1.0, levels=(0, 5), weights=weights)
    np.testing.assert_allclose(ours.scores(vectors), wanted, atol=1e-3)


def test_ordinal_is_the_sum_of_the_chances_to_be_at_a_level_or_above():
    vectors, scores = rated()
    ours = fit_head(vectors, scores, kind="ordinal", strength=0.1, levels=(0, 5))
    chances = [
        LogisticRegression(C=10, max_iter=300).fit(vectors, scores >= level).predict_proba(vectors)[:, 1]
        for level in range(1, 6)
    ]
    np.testing.assert_allclose(ours.scores(vectors), np.sum(chances, axis=0), atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learnt_holds_for_rows_that_were_not_seen(kind):
    head = fit_head(*rated(800), kind=kind, strength=STRENGTHS[kind][0], levels=(0, 5))
    vectors, scores = rated(500, seed=1)
    assert np.corrcoef(head.scores(vectors), scores)[0, 1] > 0.85
    assert (np.abs(head.whole(head.scores(vectors)) - scores) <= 1).mean() > 0.95


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 399), max_size=30), st.sampled_from(KINDS))
def test_a_row_is_scored_by_itself(lines, kind):
    vectors, _ = rated()
    head = fitted(kind)
    assert np.array_equal(head.scores(vectors[lines]), head.scores(vectors)[lines])


def fitted(kind, known={}):  # noqa: B006 - kept between examples
    if kind not in known:
        known[kind] = fit_head(*rated(), kind=kind, strength=1.0, levels=(0, 5))
    return known[kind]


def test_levels_are_the_nearest_halves_up_and_never_outside():
    head = Head("ridge", *(np.zeros((1, 1)),) * 4, lowest=0, highest=5)
    assert head.whole([-3, -0.5, 0.49, 0.5, 1.5, 2.5, 4.49, 9]).tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


def test_scores_between_levels_and_levels_that_nobody_has():
    """The mean of probabilities is no whole number; and of five levels only two may be rated."""
    vectors, scores = rated(600)
    soft = np.clip(scores + np.random.default_rng(0).uniform(-0.4, 0.4, 600), 0, 5)
    for kind in KINDS:
        found = fit_head(vectors, soft, kind=kind, strength=1.0, levels=(0, 5)).scores(vectors)
        assert np.corrcoef(found, soft)[0, 1] > 0.8
    two = np.where(scores > 2, 3.0, 2.0)
    found = fit_head(vectors, two, kind="ordinal", strength=0.1, levels=(0, 5)).scores(vectors)
    assert found.min() > 1.9 and found.max() < 3.1


def test_rare_levels_count_for_more_but_not_as_much_as_all_others():
    scores = np.array([0.0] * 100 + [4.0] * 4)
    weights = level_weights(scores)
    assert weights.mean() == pytest.approx(1) and weights[-1] / weights[0] == pytest.approx(5)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="expected a head of kind ridge, ordinal, hidden, got 'tree'"):
        fit_head(*rated(50), kind="tree", strength=1.0, levels=(0, 5))
