"""New rows find the topic that the fit would have given them, or are told that none fits; each by itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from helpers.topics.assign import FAR, assign_vectors, place_vectors
from helpers.topics.assigner import FILE, fit_assigner, keep_out, read_assigner, save_assigner
from helpers.vectors.embedder import unit_length

DIMENSIONS, TOPICS = 48, 12


def rows(count, *, seed, topics=TOPICS, spread=0.9):
    """Return unit vectors around centres that lie the same for every seed, and the centre of each."""
    centres = np.random.default_rng(7).normal(size=(topics, DIMENSIONS))
    random = np.random.default_rng(seed)
    topic = random.integers(topics, size=count)
    # Rows of a topic differ most in the first few dimensions, as real ones do in some.
    stretch = np.where(np.arange(DIMENSIONS) < 6, 3.0, 1.0)
    return unit_length(centres[topic] + spread * stretch * random.normal(size=(count, DIMENSIONS))), topic


@pytest.fixture(scope="module")
def fitted():
    vectors, topics = rows(6000, seed=0)
    topics = np.where(np.random.default_rng(1).random(6000) < 0.1, -1, topics)
    points = np.column_stack([topics, -topics]).astype(float)
    return fit_assigner(vectors, topics, points), vectors, topics, points


def test_rows_find_their_topic_and_noise_finds_none(fitted):
    vectors, topics = rows(4000, seed=2)
    found = assign_vectors(vectors, fitted[0])
    assert (found["topic"].to_numpy()[found["topic"] != -1] == topics[found["topic"] != -1]).mean() > 0.97
    noise = unit_length(np.random.default_rng(3).normal(size=(2000, DIMENSIONS)))
    turned_away = assign_vectors(noise, fitted[0])
    assert (turned_away["topic"] == -1).mean() > 0.95
    assert ((turned_away["topic"] == -1) == (turned_away["reason"] == FAR)).all()


def test_similarity_is_the_cosine_after_whitening(fitted):
    """The oracle inverts the covariance as it stands; with so few dimensions no direction is left out."""
    assigner, vectors, topics, _ = fitted
    inside = (topics >= 0) & ~keep_out(topics)
    means = np.stack([vectors[inside & (topics == topic)].mean(axis=0) for topic in range(TOPICS)])
    covariance = np.cov((vectors[inside] - means[topics[inside]]).T, bias=True)
    inverse = np.linalg.inv(0.85 * covariance + 0.15 * np.trace(covariance) / DIMENSIONS * np.eye(DIMENSIONS))
    new, _ = rows(300, seed=4)
    lengths = np.sqrt(np.einsum("ij,jk,ik->i", new, inverse, new))
    others = np.sqrt(np.einsum("ij,jk,ik->i", means, inverse, means))
    np.testing.assert_allclose(
        assigner.similarities(new), new @ inverse @ means.T / lengths[:, None] / others, atol=2e-3
    )
    found = assign_vectors(new, assigner, reject=0)
    order = np.argsort(-assigner.similarities(new), axis=1)
    assert found["topic"].tolist() == order[:, 0].tolist() and found["runner_up"].tolist() == order[:, 1].tolist()
    best = np.sort(assigner.similarities(new), axis=1)[:, -1]
    np.testing.assert_allclose(found["distance"], 1 - best, atol=1e-5)


def test_it_beats_the_plain_cosine_where_topics_are_not_round(fitted):
    vectors, topics = rows(4000, seed=5)
    _, known, known_topics, _ = fitted
    centres = unit_length(np.stack([known[known_topics == topic].mean(axis=0) for topic in range(TOPICS)]))
    plain = (vectors @ centres.T).argmax(axis=1)
    ours = assign_vectors(vectors, fitted[0], reject=0)["topic"]
    assert (ours != topics).mean() < 0.5 * (plain != topics).mean()


@pytest.mark.parametrize("reject", [0.02, 0.05, 0.2])
def test_as_many_are_turned_away_as_asked_for(fitted, reject):
    """Of the rows that were kept out exactly; of new ones about as many, over all and not of one topic alone."""
    assigner, vectors, topics, _ = fitted
    kept = keep_out(topics)
    assert np.isclose(
        (assign_vectors(vectors[kept], assigner, reject=reject)["topic"] == -1).mean(), reject, atol=0.005
    )
    new, wanted = rows(8000, seed=6)
    away = assign_vectors(new, assigner, reject=reject)["topic"] == -1
    assert 0.5 * reject < away.mean() < 1.6 * reject
    assert pd.Series(away).groupby(wanted).mean().max() < 4 * reject
    assert (assign_vectors(new, assigner, reject=0)["topic"] >= 0).all()


def test_confidence_is_the_share_that_is_right():
    """Topics that overlap: of new rows with a confidence, as many as it says are where they belong."""
    vectors, topics = rows(20_000, seed=0, spread=1.6)
    assigner = fit_assigner(vectors, topics)
    new, wanted = rows(20_000, seed=1, spread=1.6)
    found = assign_vectors(new, assigner, reject=0)
    right = pd.Series(found["topic"].to_numpy() == wanted)
    by = right.groupby(pd.cut(found["confidence"], [0, 0.5, 0.7, 0.85, 0.95, 1])).agg(["mean", "size"])
    middle = found["confidence"].groupby(pd.cut(found["confidence"], [0, 0.5, 0.7, 0.85, 0.95, 1])).mean()
    enough = by["size"] > 300
    assert enough.sum() >= 3
    assert (by["mean"][enough] - middle[enough]).abs().max() < 0.06


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5999), max_size=40))
def test_a_row_is_assigned_by_itself(fitted, lines):
    """Whatever rows stand beside it, in whatever order."""
    assigner, vectors, _, _ = fitted
    whole = _whole(assigner, vectors)
    part = assign_vectors(vectors[lines], assigner)
    pd.testing.assert_frame_equal(part, whole.iloc[lines].reset_index(drop=True), check_exact=True)


def _whole(assigner, vectors, known={}):  # noqa: B006 - kept between examples
    if id(assigner) not in known:
        known[id(assigner)] = assign_vectors(vectors, assigner)
    return known[id(assigner)]


def test_threads_and_half_precision_change_nothing(fitted):
    assigner, vectors, _, _ = fitted
    half = vectors.astype(np.float16)
    whole = assign_vectors(half, assigner)
    with threadpool_limits(1):
        pd.testing.assert_frame_equal(assign_vectors(half, assigner), whole, check_exact=True)
    pd.testing.assert_frame_equal(assign_vectors(half.astype(np.float32), assigner), whole, check_exact=True)


def test_a_tenth_of_each_topic_is_kept_out_and_always_the_same():
    topics = np.array([0] * 100 + [1] * 19 + [2] * 9 + [-1] * 50)
    kept = keep_out(topics)
    assert [int(kept[topics == topic].sum()) for topic in (0, 1, 2, -1)] == [10, 1, 0, 0]
    assert (kept == keep_out(topics)).all() and (kept != keep_out(topics, seed=1)).any()


def test_new_rows_lie_where_those_like_them_lie(fitted):
    assigner, vectors, topics, points = fitted
    new, wanted = rows(500, seed=8)
    placed = place_vectors(new, assigner)
    assert placed.shape == (500, 2) and np.median(np.abs(placed[:, 0] - wanted)) < 1
    assert np.allclose(placed[:, 0], -placed[:, 1], atol=1e-4)  # within the anchors' own line
    assert len(assigner.anchors) < 4200 and len(place_vectors(new[:0], assigner)) == 0
    with pytest.raises(ValueError, match="without its points"):
        place_vectors(new, fit_assigner(vectors, topics))


def test_it_is_saved_and_read_back(fitted, tmp_path):
    save_assigner(fitted[0], tmp_path)
    again = read_assigner(tmp_path)
    new, _ = rows(200, seed=9)
    pd.testing.assert_frame_equal(assign_vectors(new, again), assign_vectors(new, fitted[0]), check_exact=True)
    assert np.array_equal(place_vectors(new, again), place_vectors(new, fitted[0]))


def test_a_model_that_is_not_there_or_not_whole_is_refused(fitted, tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the model/ of a run"):
        read_assigner(tmp_path)
    path = save_assigner(fitted[0], tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=f"{FILE} is not what this version"):
        read_assigner(tmp_path)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((3, 5)), r"expected vectors of 48 dimensions, as the map's, got shape \(3, 5\)"),
        (np.zeros(48), r"got shape \(48,\)"),
        (np.full((2, 48), np.nan), "2 of 2 vectors hold NaN"),
        (np.array([[np.inf] * 48, [1.0] * 48]), "1 of 2 vectors hold NaN or infinity"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(fitted, vectors, message):
    with pytest.raises(ValueError, match=message):
        assign_vectors(vectors, fitted[0])


def test_no_rows_one_row_and_a_row_of_zeros(fitted):
    assigner = fitted[0]
    none = assign_vectors(np.zeros((0, DIMENSIONS)), assigner)
    assert len(none) == 0 and none.columns.tolist() == ["topic", "confidence", "distance", "runner_up", "reason"]
    zero = assign_vectors(np.zeros((1, DIMENSIONS)), assigner).iloc[0]
    assert zero["topic"] == -1 and zero["reason"] == FAR and zero["distance"] == 1


@pytest.mark.parametrize("count", [1, 3, 40])
def test_maps_of_one_topic_and_of_very_few_rows(count):
    vectors, _ = rows(count, seed=0, topics=1)
    found = assign_vectors(vectors, fit_assigner(vectors, np.zeros(count, int)), reject=0)
    assert (found["topic"] == 0).all() and (found["runner_up"] == -1).all()
    assert found["confidence"].between(0.3, 1).all()


def test_a_topic_of_equal_rows_and_own_vectors_of_two_dimensions():
    vectors = unit_length(np.array([[1.0, 0.0]] * 30 + [[0.0, 1.0]] * 30))
    topics = np.repeat([0, 1], 30)
    found = assign_vectors(vectors, fit_assigner(vectors, topics))
    assert found["topic"].tolist() == topics.tolist()
    assert assign_vectors(unit_length(np.array([[-1.0, -1.0]])), fit_assigner(vectors, topics))["topic"].item() == -1


def test_a_map_without_topics_is_refused():
    with pytest.raises(ValueError, match="no topics that new rows could be in"):
        fit_assigner(np.eye(4), np.full(4, -1))


@pytest.mark.parametrize("reject", [-0.1, 1.0, 2])
def test_a_share_that_is_none_is_refused(fitted, reject):
    with pytest.raises(ValueError, match="assign.reject: expected a share"):
        assign_vectors(fitted[1][:2], fitted[0], reject=reject)
