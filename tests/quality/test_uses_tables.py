"""What is counted of labelled rows is what a hand would count, and what is drawn is what is counted."""

import io
import math

import numpy as np
import pandas as pd
import pytest

from helpers.quality import uses_pictures as pictures
from helpers.quality import uses_tables as tables
from helpers.quality.uses import Labels

LABELS = Labels(
    dict.fromkeys(["Health", "Law", "Farm $x_"], ""), dict.fromkeys(["Tutoring", "E-commerce", "Answers"], "")
)


@pytest.fixture
def labelled():
    """Five rows as they come back from Parquet: lists are arrays."""
    lines = [
        ("a", ["Health"], ["Answers"]),
        ("b", ["Health", "Law"], ["E-commerce"]),
        ("c", ["Law"], []),
        ("d", [], []),
        ("e", [], ["E-commerce"]),
    ]
    table = pd.DataFrame(lines, columns=["id", "domains", "uses"]).assign(cut=[True, False, False, False, False])
    return table.assign(
        **{kind: table[kind].map(lambda one: np.array(one, dtype=object)) for kind in ("domains", "uses")}
    )


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    return len(file.getvalue()) > 1000


def test_shares_are_of_rows_and_not_of_mentions(labelled):
    counted = tables.count_labels(labelled, LABELS)
    assert counted.values.tolist() == [
        ["domain", "Health", 2, 0.4],
        ["domain", "Law", 2, 0.4],
        ["domain", "Farm $x_", 0, 0.0],
        ["use", "E-commerce", 2, 0.4],
        ["use", "Answers", 1, 0.2],
        ["use", "Tutoring", 0, 0.0],
    ]
    assert tables.shares_table(counted)["share of rows"].tolist() == ["40%", "40%", "40%", "20%"]
    assert tables.counts_by_kind(counted)["uses"] == {"E-commerce": 2, "Answers": 1, "Tutoring": 0}


def test_domains_by_uses_count_rows_that_have_both(labelled):
    crossed = tables.cross_labels(labelled, LABELS)
    assert crossed.index.tolist() == [*LABELS.domains] and crossed.columns.tolist() == [*LABELS.uses]
    assert crossed.to_numpy().tolist() == [[0, 1, 1], [0, 1, 0], [0, 0, 0]]


def test_what_lacks_comes_first_labels_before_pairs_and_most_expected_pairs_before_others(labelled):
    gaps = tables.find_gaps(labelled, LABELS)
    assert len(gaps) == 3 + 3 + 9
    first = gaps.head(3)[["domain", "use", "rows"]].values.tolist()
    assert first == [["Farm $x_", "any", 0], ["any", "Tutoring", 0], ["Law", "Answers", 0]]
    assert gaps["expected"].isna().tolist()[:3] == [True, True, False] and gaps["expected"].iloc[2] == pytest.approx(
        0.4
    )
    assert gaps["rows"].is_monotonic_increasing and gaps["rows"].iloc[-1] == 2
    shown = tables.gaps_table(gaps, count=3)
    assert shown["expected"].tolist() == ["", "", "0.4"]


def test_scores_by_domain_are_means_of_the_rows_that_have_both(labelled, tmp_path):
    file = tmp_path / "scores.parquet"
    assert "No scores yet" in tables.quality_by_domain(labelled, LABELS, file)
    pd.DataFrame({"id": [*"abcz", "d"], "score": [1.0, 3.0, 5.0, 9.0, np.nan]}).to_parquet(file)
    found = tables.quality_by_domain(labelled, LABELS, file)
    assert found["domain"].tolist() == ["Health", "Law", "Farm $x_", "all rows"] and found["rows"].tolist() == [
        2,
        2,
        0,
        3,
    ]
    assert found["score"].tolist()[:2] == [2.0, 4.0] and math.isnan(found["score"][2]) and found["score"][3] == 3.0


def test_each_topic_has_its_top_labels(labelled, tmp_path):
    file = tmp_path / "topics.parquet"
    rows = pd.DataFrame({"id": [*"abcdef"], "text": ["x"] * 6, "topic": [0, 0, 0, 1, -1, 1]})
    assert "No topics" in tables.labels_by_topic(labelled, rows, file)
    pd.DataFrame({"topic": [0, 1, -1], "label": ["Care", "Rest", "Unassigned"]}).to_parquet(file)
    assert "No topics" in tables.labels_by_topic(labelled, rows.drop(columns="topic"), file)
    assert tables.labels_by_topic(labelled, rows, file).values.tolist() == [
        [0, "Care", 3, "Health 67%, Law 67%", "Answers 33%, E-commerce 33%"],
        [-1, "Unassigned", 1, "none", "E-commerce 100%"],
        [1, "Rest", 1, "none", "none"],
    ]


def test_reasons_and_some_rows_are_shown_to_read(labelled):
    rejected = pd.DataFrame({"id": ["x", "y", "z"], "reason": ["late", "late", "odd"]})
    shown = tables.reasons_table(labelled, rejected).values.tolist()
    assert shown == [["labelled", "5", "62%"], ["late", "2", "25%"], ["odd", "1", "12%"]]
    rows = pd.DataFrame({"id": [*"edcba"], "text": ["five", "four", "three", "two\nlines", "one " * 100]})
    some = tables.some_rows(labelled, rows, count=2)
    assert some["id"].tolist() == ["a", "b"] and some["text"][1] == "two lines" and len(some["text"][0]) <= 160
    assert some["domains"].tolist() == ["Health", "Health, Law"]


def test_nothing_labelled_is_no_error(labelled, tmp_path):
    none = labelled.head(0)
    assert tables.count_labels(none, LABELS)["share"].isna().all()
    assert tables.cross_labels(none, LABELS).to_numpy().sum() == 0 and len(tables.find_gaps(none, LABELS)) == 15
    sentence = pictures.plot_labels(tables.count_labels(none, LABELS), "use", valid=0, total=3, title="t")
    assert sentence == "none of 3 rows has a valid answer: there are no uses to draw"
    assert "nothing to draw" in pictures.plot_cross(tables.cross_labels(none, LABELS), title="t")
    nowhere = pd.DataFrame({"kind": ["use"], "label": ["A"], "dataset": ["d"], "share": [np.nan]})
    assert "no dataset has" in pictures.plot_datasets(nowhere, "use")


def test_the_advice_says_whether_the_model_understands_the_labels():
    report = {"labelled": 5, "known": {"domains": 0.75, "uses": 0.2}, "model": "tiny"}
    assert "tiny finds the label for 75% of the domains and 20% of the uses. That is too little" in tables.advice(
        report
    )
    assert "too little" not in tables.advice(report | {"known": {"domains": 0.75, "uses": 0.8}})
    assert "likelihood only" in tables.advice(report | {"known": None})
    assert "No row has a valid answer" in tables.advice(report | {"labelled": 0})


def test_bars_are_the_shares_and_the_title_tells_valid_and_total(labelled):
    counted = tables.count_labels(labelled, LABELS)
    figure = pictures.plot_labels(counted, "domain", valid=5, total=8, title="Costs $1_ $2")
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.4, 0.4, 0.0]
    assert "5 of 8 rows have a valid answer" in axes.get_title(loc="left")
    assert [text.get_text() for text in axes.texts] == ["40%  (2)", "40%  (2)", "none"] and drawn(figure)
    many = pd.DataFrame({"kind": "use", "label": [f"l{i}" for i in range(60)], "rows": 1, "share": 0.2})
    assert len(pictures.plot_labels(many, "use", valid=5, total=5, title="t").axes[0].patches) == pictures.MOST


def test_heat_maps_hold_the_counts(labelled):
    figure = pictures.plot_cross(tables.cross_labels(labelled, LABELS), title="t")
    assert figure.axes[0].images[0].get_array().tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 0]] and drawn(figure)
    shares = pd.concat([tables.count_labels(part, LABELS).assign(dataset=name)
                        for name, part in (("two", labelled), ("one", labelled.head(2)))])  # fmt: skip
    figure = pictures.plot_datasets(shares, "domain")
    assert figure.axes[0].images[0].get_array().tolist() == [[0.4, 1.0], [0.4, 0.5], [0.0, 0.0]]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["two", "one"] and drawn(figure)
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["40%", "100%", "40%"]
