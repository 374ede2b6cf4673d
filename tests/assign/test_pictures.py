import io

import numpy as np
import pandas as pd
import pytest

from helpers.assign import pictures
from helpers.assign.drift import Found, compare_topics
from helpers.topics.assigner import fit_assigner, save_assigner
from helpers.vectors.embedder import unit_length
from tests.assign.conftest import around


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    return len(file.getvalue()) > 1000


@pytest.fixture
def compared(known):
    topics = known[1].assign(label=["$broken{", "a\nb", "<b>" + "x" * 90, "D", "E", "F", "Unassigned"])
    found = Found(np.array([5, 9, 0, 3, 1, 0, 4]), np.array([1, 1, 1, 1, 0, 0]), np.ones(20, int), {"empty": 3})
    return found, compare_topics(found, topics, known[0]), topics


def test_pictures_are_drawn_with_labels_of_any_kind(known, compared):
    found, table, topics = compared
    assert drawn(pictures.plot_shares(table)) and drawn(pictures.plot_confidence(found, known[0]))
    assert drawn(pictures.plot_reliability(known[0]))
    rows = pd.DataFrame({"topic": [0, 1, -1], "x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 0.0]})
    assert drawn(pictures.plot_places(rows, rows.assign(y=0.5), topics))
    assert "no new row could be placed" in pictures.plot_places(rows, rows.assign(x=np.nan), topics)
    assert pictures.rejected_table(found).values.tolist() == [["empty", "3", "12%"]]


def test_confidence_is_judged_by_rows_that_did_not_make_it(tmp_path):
    """Topics that overlap: what others say of a kept-out row agrees with how often it is right, in every part."""
    vectors, topics = around([4000] * 4, seed=0, spread=1.8)
    save_assigner(assigner := fit_assigner(vectors, topics), tmp_path)
    said, right = pictures._judged_by_others(assigner)
    assert 0.5 < right.mean() < 0.97 and np.ptp(said) > 0.3
    for part in np.array_split(np.argsort(said), 4):
        assert said[part].mean() == pytest.approx(right[part].mean(), abs=0.06)
    assert drawn(pictures.plot_reliability(tmp_path))


def test_few_rows_say_that_they_are_few(tmp_path):
    vectors = unit_length(np.random.default_rng(0).normal(size=(30, 5)))
    save_assigner(fit_assigner(vectors, np.repeat([0, 1], 15)), tmp_path)
    assert "only 2 rows of the map were kept out" in pictures.plot_reliability(tmp_path)
