"""Near-duplicates by vectors are those that comparing every vector with every other finds."""

import numpy as np
import pandas as pd
import pytest

from helpers.clean.alike import find_alike


def framed(vectors, random, name="r"):
    sizes = random.integers(1, 9, len(vectors))
    return pd.DataFrame({"id": [f"{name}{i}" for i in range(len(vectors))], "text": ["x" * int(one) for one in sizes]})


def clustered(count, random, dimensions=12):
    """Vectors near one of some, and every sixth of them twice."""
    middles = random.normal(size=(count // 8, dimensions))
    vectors = middles[random.integers(0, len(middles), count)] + random.normal(size=(count, dimensions)) * 0.2
    vectors[: count // 6] = vectors[-(count // 6) :]
    return vectors


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize("within", [True, False])
def test_copies_are_those_that_comparing_all_with_all_finds(within):
    random = np.random.default_rng(0)
    vectors = clustered(300, random)
    close = cosines(vectors)
    assert np.abs(close - 0.95).min() > 1e-6  # none is just at the threshold
    rows, known = framed(vectors[60:], random), framed(vectors[:60], random, "k")
    copies, pairs = find_alike(rows, vectors[60:], against=known, against_vectors=vectors[:60], within=within)
    held = list(range(60))
    for line in sorted(range(240), key=lambda line: (-len(rows["text"][line]), rows["id"][line])):
        if (close[60 + line, held if within else held[:60]] < 0.95).all():
            held.append(60 + line)
    stays = np.isin(np.arange(60, 300), held)
    assert copies["near_duplicate_of"].isna().tolist() == stays.tolist() and 20 < stays.sum() < 220
    near = close[60:, held if within else held[:60]]
    near[(near[:, :60] >= 0.95).any(axis=1), 60:] = 0  # known ones come before all others
    np.testing.assert_allclose(copies["similarity"][~stays], near.max(axis=1)[~stays], atol=1e-6)
    ids = [*known["id"], *rows["id"]]
    of = [ids.index(one) for one in copies["near_duplicate_of"][~stays]]
    np.testing.assert_allclose(copies["similarity"][~stays], close[60:][~stays, of], atol=1e-6)
    assert (copies["near_duplicate_in"][~stays] == np.where(np.array(of) < 60, "against", "rows")).all()
    lines = [[ids.index(one) for one in pairs[name]] for name in ("id", "other")]
    np.testing.assert_allclose(pairs["similarity"], close[tuple(lines)], atol=1e-6)


def test_any_order_and_many_blocks_have_the_same_copies():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(5_000, 8)).astype(np.float16)
    rows = framed(vectors, random)
    copies, pairs = find_alike(rows, vectors)
    mixed = random.permutation(len(rows))
    again, others = find_alike(rows.iloc[mixed], vectors[mixed])
    pd.testing.assert_frame_equal(again.set_index("id").loc[copies["id"]].reset_index(), copies)
    pd.testing.assert_frame_equal(others, pairs)
    stays = copies["near_duplicate_of"].isna().to_numpy()
    close = cosines(vectors.astype(np.float32)) - 2 * np.eye(len(rows))
    assert 1_000 < stays.sum() < 4_900 and close[np.ix_(stays, stays)].max() < 0.95 + 1e-6
    assert close[np.ix_(~stays, stays)].max(axis=1).min() > 0.95 - 1e-6


def test_texts_that_are_all_alike_leave_one():
    random = np.random.default_rng(2)
    vectors = np.ones((5_000, 4)) + random.normal(size=(5_000, 4)) * 0.01
    rows = framed(vectors, random).assign(score=range(5_000))
    copies, pairs = find_alike(rows, vectors, keep="best", by="score")
    assert copies["copies"].tolist() == [0] * 4_999 + [4_999] and len(pairs) == 4_999


@pytest.mark.parametrize(
    ("vectors", "threshold", "message"),
    [
        (np.ones((3, 4)), 0.9, "vectors: expected a line for each of 2 rows, got an array of shape"),
        (np.array([[1, np.nan], [1, 1]]), 0.9, "vectors: expected numbers, got NaN or infinity"),
        (np.array([[1, 0], [0, 0]]), 0.9, "vectors: expected directions, got a line of zeros: row 'r1'"),
        (np.ones((2, 4)), 0, "threshold: expected a cosine above 0 and up to 1, got 0"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(vectors, threshold, message):
    rows = pd.DataFrame({"id": ["r0", "r1"], "text": ["a", "b"]})
    with pytest.raises(ValueError, match=message):
        find_alike(rows, vectors, threshold=threshold)


def test_no_rows_have_no_copies():
    nothing = pd.DataFrame({"id": [], "text": []})
    assert all(table.empty for table in find_alike(nothing, np.zeros((0, 4))))
