import numpy as np
import pandas as pd
import pytest

from helpers.quality.figures import score_figures
from helpers.quality.heads import Head
from helpers.quality.thresholds import compare_thresholds, thresholds_table


def test_a_hand_worked_case():
    known, told = np.array([0, 1, 2, 2, 0, 1]), np.array([0.4, 1.6, 1.5, 2.4, 0.6, 0.2])
    table = compare_thresholds([0.5, 1.0, 1.4, 1.5, np.nan], score_figures(known, told, levels=(0, 2)), levels=(0, 2))
    assert table["threshold"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert table["level"].tolist() == [1, pd.NA, 2, pd.NA]
    assert table["kept"].tolist() == [4, 3, 1, 0] and table["share"].tolist() == [0.8, 0.6, 0.2, 0]
    half = table[table["level"].notna()]
    assert half["precision"].tolist() == pytest.approx([3 / 4, 2 / 3]) and half["recall"].tolist() == [3 / 4, 1]
    assert half["f1"].tolist() == pytest.approx([3 / 4, 4 / 5]) and half["known"].tolist() == pytest.approx(
        [2 / 3, 1 / 3]
    )
    assert table.loc[table["level"].isna(), ["precision", "recall", "f1", "known"]].isna().all(axis=None)
    assert thresholds_table(table).values.tolist() == [
        ["score >= 0.5 (int_score >= 1)", "4", "80%", "75% (of 4)", "75%", "0.75", "67%"],
        ["score >= 1", "3", "60%", "", "", "", ""],
        ["score >= 1.5 (int_score >= 2)", "1", "20%", "67% (of 3)", "100%", "0.80", "33%"],
        ["score >= 2", "0", "0%", "", "", "", ""],
    ]


def test_figures_and_rows_kept_are_of_the_same_rule():
    """On the held-out rows themselves precision and recall are those of the rows that "score >= threshold" keeps."""
    random = np.random.default_rng(0)
    told = random.uniform(-0.5, 6, 2000).astype(np.float32)
    known = np.clip(np.round(told + random.normal(size=2000)), 0, 5)
    table = compare_thresholds(told, score_figures(known, told, levels=(0, 5)), levels=(0, 5))
    whole = Head("ridge", *[np.zeros(1)] * 4, lowest=0, highest=5).whole(told)
    for line in table.dropna().itertuples():
        kept = told >= line.threshold
        assert (kept == (whole >= line.level)).all() and line.kept == kept.sum()
        good = known >= line.level
        assert line.precision == pytest.approx(good[kept].mean()) and line.recall == pytest.approx(kept[good].mean())
    assert len(table) == 10 and len(table.dropna()) == 5


def test_what_is_not_measured_is_not_told():
    table = compare_thresholds([1, 2], None, levels=(1, 3))
    assert table["threshold"].tolist() == [1.5, 2, 2.5, 3] and table["precision"].isna().all()
    assert list(thresholds_table(table)) == ["rule", "kept", "share"]
    none_above = score_figures(np.array([0, 0, 1]), np.array([0.0, 0.1, 0.2]), levels=(0, 2))
    table = compare_thresholds([0.3], none_above, levels=(0, 2)).set_index("threshold")
    assert np.isnan(table.loc[0.5, "precision"]) and table.loc[0.5, "recall"] == 0
    assert thresholds_table(table.reset_index())["precision"].tolist() == ["", "", "", ""]
    nothing = thresholds_table(compare_thresholds([], None, levels=(0, 1)))
    assert nothing["kept"].tolist() == ["0", "0"] and nothing["share"].tolist() == ["", ""]
