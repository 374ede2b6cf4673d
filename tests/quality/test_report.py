"""What the report says of scores is no more than the held-out ratings show."""

import numpy as np
import pytest

from helpers.quality.figures import score_figures
from helpers.quality.report import advice


def about(figures, **more):
    found = {"scorer": figures, "agreement": None, "encoder": "all-MiniLM-L6-v2 1 ''", "english": 1.0, "topics": []}
    return {**found, "settings": {"keep": ["score >= 2"]}, "kept": 5, "rows": 10, **more}


def figures(n, noise):
    random = np.random.default_rng(0)
    known = random.integers(6, size=n)
    return score_figures(known, known + noise * random.normal(size=n), levels=(0, 5))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "no ratings to hold the scores against"),
        (figures(5, 0.1), "5 ratings held out are too few to tell"),
        (figures(300, 0.1), "follow the ratings well"),
        (figures(300, 3.0), "follow the ratings roughly"),
        (figures(300, 100.0), "It is not shown that the scores follow .* larger model or another encoder"),
        (figures(16, 1.5), "rate more rows to know|roughly"),
        (score_figures(np.arange(20) % 6, np.full(20, 2.0), levels=(0, 5)), "say the same of all rows"),
    ],
)
def test_the_advice_goes_by_what_is_sure(found, said):
    import re

    assert re.search(said, advice(about(found)))


def test_languages_are_spoken_of_when_no_text_is_english_too():
    for share, is_said in ((0.0, True), (0.4, True), (0.9, False), (None, False)):
        assert ("bge-m3" in advice(about({}, english=share))) == is_said
    assert "bge-m3" not in advice(about({}, english=0.0, encoder="BAAI/bge-m3 1 ''"))


def test_a_model_that_contradicts_itself_and_rules_are_spoken_of():
    told = advice(about({}, agreement={"spearman": 0.2}))
    assert "hardly agrees with itself" in told and "50% of the rows are kept" in told
    assert "set quality.keep" in advice(about({}, settings={"keep": []}))
