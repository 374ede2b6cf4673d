"""A scorer is chosen and judged on rows that it has not seen, and says so in figures that scikit-learn would give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support

from helpers.quality.figures import score_figures
from helpers.quality.scorer import fit_scorer, read_scorer, save_scorer, split_rows
from tests.quality.test_heads import rated


@pytest.fixture(scope="module")
def made():
    return fit_scorer(*rated(700), levels=(0, 5), embedder="some model")


def test_it_finds_what_there_is_to_find_and_tells_how_well(made):
    scorer, figures = made
    vectors, scores = rated(600, seed=5)
    found = scorer.score(vectors)
    there = score_figures(scores, found["score"].to_numpy(), levels=(0, 5))
    assert there["spearman"] > 0.9 and there["kappa"] > 0.85
    for name in ("spearman", "kappa", "macro_f1", "error"):  # on rows of a seventh as on many more
        assert figures[name] == pytest.approx(there[name], abs=0.12)
    assert figures["rows"]["test"] == figures["n"] == pytest.approx(100, abs=2)
    assert sum(figures["rows"][part] for part in ("learn", "choose", "test")) == 700
    best = min(figures["tried"], key=lambda line: line["error"])
    assert {name: figures[name] for name in ("inputs", "kind", "strength")}.items() <= best.items()
    assert figures["curve"][-1]["spearman"] == pytest.approx(figures["spearman"])
    assert figures["curve"][0]["rows"] < figures["curve"][-1]["rows"] == 600
    assert found["int_score"].between(0, 5).all() and found["score"].dtype == np.float32


def test_how_a_text_is_written_is_read_where_it_helps_and_only_there():
    """Scores that the style tells and vectors do not, and the other way round."""
    vectors, scores = rated(200)
    random = np.random.default_rng(3)
    noise = random.normal(size=(200, 18)).astype(np.float32)
    telling = noise.copy()
    telling[:, 4] = scores + 0.2 * random.normal(size=200)
    other = vectors[random.permutation(200)]
    by_style, figures = fit_scorer(other, scores, style=telling, levels=(0, 5))
    assert figures["inputs"] in ("style", "both") and figures["spearman"] > 0.75
    with pytest.raises(ValueError, match="reads how a text is written beside its vector, and only vectors came"):
        by_style.score(other)
    _, figures = fit_scorer(vectors, scores, style=noise, levels=(0, 5))
    assert figures["inputs"] != "style" and figures["spearman"] > 0.75


def test_levels_without_anything_to_tell_them_by_are_told_to_be_so():
    """Scores that have nothing to do with the vectors: no figure pretends otherwise."""
    vectors, scores = rated(700)
    shuffled = np.random.default_rng(0).permutation(scores)
    _, figures = fit_scorer(vectors, shuffled, levels=(0, 5))
    assert abs(figures["spearman"]) < 0.25 and abs(figures["kappa"]) < 0.25


@settings(deadline=None, max_examples=30)
@given(st.integers(40, 300), st.integers(1, 6), st.integers(0, 3))
def test_groups_are_never_parted_and_no_row_is_lost(count, size, seed):
    random = np.random.default_rng(seed)
    groups = random.integers(max(8, count // size), size=count)
    levels = random.integers(3, size=count)
    parts = split_rows(levels, groups, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    sides = [set(groups[part]) for part in parts]
    assert sum(map(len, sides)) == len(set(groups))


def test_all_levels_are_on_all_sides_where_there_are_enough():
    levels = np.repeat([0, 1, 2, 3], [400, 200, 50, 14])
    parts = split_rows(levels)
    assert all(set(levels[part]) == {0, 1, 2, 3} for part in parts)
    assert [len(part) for part in parts] == pytest.approx([95] * 7, abs=2)
    assert all(np.array_equal(one, other) for one, other in zip(parts, split_rows(levels), strict=True))


def test_figures_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    known = random.integers(6, size=500)
    told = known + random.normal(size=500)
    figures = score_figures(known, told, levels=(0, 5))
    whole = np.clip(np.floor(told + 0.5), 0, 5).astype(int)
    assert figures["macro_f1"] == pytest.approx(f1_score(known, whole, average="macro"))
    assert np.array(figures["confusion"]).sum() == 500
    assert figures["confusion"][2][3] == ((known == 2) & (whole == 3)).sum()
    for line in figures["thresholds"]:
        wanted = precision_recall_fscore_support(known >= line["level"], whole >= line["level"], average="binary")
        assert (line["precision"], line["recall"], line["f1"]) == pytest.approx(wanted[:3])
    means = [line["known"] for line in figures["calibration"]]
    assert len(means) == 10 and means[0] < means[-1]


def test_nothing_to_measure_is_none_and_not_an_error():
    figures = score_figures(np.full(20, 2), np.full(20, 2.2), levels=(0, 5))
    assert figures["spearman"] is None and figures["kappa"] is None and figures["macro_f1"] == 1
    assert figures["thresholds"][-1] == {
        "level": 5, "known": 0.0, "told": 0.0, "precision": None, "recall": None, "f1": None,
        "counted": 0,
    }  # fmt: skip


def test_style_is_saved_with_it(tmp_path):
    vectors, scores = rated(100)
    style = np.column_stack([scores, np.ones(100), vectors[:, :3]]).astype(np.float32)
    scorer, figures = fit_scorer(vectors[::-1], scores, style=style, levels=(0, 5))
    again = read_scorer(save_scorer(scorer, figures, tmp_path / "scorer"))
    assert again.inputs.needs_style and again.score(vectors, style).equals(scorer.score(vectors, style))
    odd = style * 1e6  # beyond all that it learnt from: as far as the furthest, and no further
    assert np.isfinite(again.score(vectors, odd)["score"]).all()


def test_it_is_saved_without_a_pickle_and_read_back(made, tmp_path):
    scorer, figures = made
    folder = save_scorer(scorer, figures, tmp_path / "scorer")
    again = read_scorer(folder)
    vectors, _ = rated(50, seed=9)
    assert again.score(vectors).equals(scorer.score(vectors)) and again.embedder == "some model"
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".safetensors"]
    (folder / "scorer.safetensors").write_bytes(b"broken")
    with pytest.raises(ValueError, match="is not what this version of the kit saves"):
        read_scorer(folder)
    with pytest.raises(FileNotFoundError, match="holds no scorer"):
        read_scorer(tmp_path)


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        (np.arange(20) % 3, "a scorer needs 30 ratings or more, of 15 different texts; got 20 of 20"),
        (np.ones(90), "all 90 ratings are 1.00, so there is nothing to learn: take another model"),
    ],
)
def test_too_few_ratings_are_refused(scores, told):
    with pytest.raises(ValueError, match=told):
        fit_scorer(rated(len(scores))[0], scores, levels=(0, 5))


def test_many_ratings_of_few_texts_are_refused():
    with pytest.raises(ValueError, match="of 15 different texts; got 60 of 5"):
        fit_scorer(*rated(60), levels=(0, 5), groups=np.arange(60) % 5)


def test_ratings_that_are_all_nearest_to_one_level_are_learnt_from():
    """As a weak model gives them: the means of its levels lie close together."""
    vectors, scores = rated(200)
    _, figures = fit_scorer(vectors, 2.8 + scores / 12, levels=(0, 5))
    assert figures["spearman"] > 0.75 and figures["kappa"] is None


def test_the_length_of_a_vector_does_not_matter(made):
    vectors, _ = rated(40, seed=3)
    assert np.allclose(made[0].score(vectors)["score"], made[0].score(10 * vectors)["score"], atol=1e-5)


def test_ratings_that_stand_for_many_rows_count_for_as_many():
    known, told = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    (line,) = score_figures(known, told, levels=(0, 1), weights=np.array([1, 2, 3, 4]))["thresholds"]
    wanted = precision_recall_fscore_support(known, told, average="binary", sample_weight=[1, 2, 3, 4])
    assert (line["precision"], line["recall"], line["f1"]) == pytest.approx(wanted[:3])
    assert (line["known"], line["told"], line["counted"]) == (0.7, 0.6, 2)


def test_vectors_of_another_embedder_are_refused(made):
    with pytest.raises(ValueError, match=r"expected vectors of 16 dimensions, of some model, got shape \(2, 3\)"):
        made[0].score(np.zeros((2, 3)))
