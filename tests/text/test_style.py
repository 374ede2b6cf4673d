"""How a text is written, in figures that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.text.style import FIGURES, style_figures

TEXT = 'One two, three: four. "Yes?" Extraordinary 42 people!'


def figures(text):
    return dict(zip(FIGURES, style_figures([text])[0].tolist(), strict=True))


def test_a_text_counted_by_hand():
    found = figures(TEXT)  # sentences of 4, 1 and 2 words; words of 3 3 5 4 3 13 6 letters
    wanted = {
        "characters": np.log1p(len(TEXT)), "sentence": np.log1p(7 / 3), "sentence_spread": np.log1p(np.std([4, 1, 2])),
        "word": 37 / 7, "long": 1 / 7, "very_long": 1 / 7, "short": 3 / 7, "different": 1, "commas": 1 / 7,
        "brackets": 1 / 7, "quotes": 2 / 7, "questions": 1 / 3, "exclamations": 1 / 3, "lines": 0,
        "digits": 2 / len(TEXT), "capitals": 3 / len(TEXT), "signs": 7 / len(TEXT),
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)


def test_words_said_again_are_not_different_and_the_length_does_not_matter():
    assert figures("a b " * 25)["different"] == pytest.approx(2 / 50)
    assert figures("a b " * 250)["different"] == pytest.approx(2 / 50)


@pytest.mark.parametrize(
    "text", ["", " \n", "12 34", "你好，世界。再见！", "¿Qué? ¡No!", "مرحبا، كيف؟", "\ud83d\ude00"]
)
def test_any_script_and_nothing_at_all_have_figures(text):
    assert np.isfinite(style_figures([text])).all()


def test_spanish_signs_count():
    found = figures("¿Por qué no? ¡Ya está!")
    assert found["questions"] == found["exclamations"] == 1 / 2


@given(st.lists(st.text(max_size=200), max_size=8))
def test_a_texts_figures_depend_on_no_other_text(texts):
    whole = style_figures(texts)
    assert whole.shape == (len(texts), len(FIGURES)) and np.isfinite(whole).all()
    alone = [style_figures([text])[0] for text in texts]
    np.testing.assert_array_equal(whole, np.array(alone, dtype=np.float32).reshape(whole.shape))
