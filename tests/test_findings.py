"""What chapters found of rows stands beside them, on one table."""

import pandas as pd
import pytest

from helpers.clean.filter import filter_rows
from helpers.findings import by_topic, by_topic_table, columns_to_colour, found_columns, join_findings, table
from helpers.quality.rows import known_columns
from helpers.runs import Run
from helpers.settings import Config

ROWS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "text": ["x", "y", "x", "z"],
        "vector": [0, 1, 0, 2],
        "topic": [0, 0, 0, -1],
        "rule": [7, 7, 7, 7],
    }
)


@pytest.fixture
def run(tmp_path):
    return Run("r", Config(title="t", source={"path": "x"}, clean={"benchmarks": "gsm8k"}), tmp_path)


@pytest.fixture
def found_run(run):
    run.save(
        "quality/scores.parquet", pd.DataFrame({"id": [*"dcba"], "score": [4.0, 3, 2, 1], "int_score": [4, 3, 2, 1]})
    )
    copies = {"id": [*"abcd"], "near_duplicate_of": ["c", None, None, None], "similarity": [0.9, None, None, None]}
    run.save("clean/near_duplicates.parquet", pd.DataFrame(copies))
    hits = [("b", "ARC-Easy", "7", "edited"), ("b", "GSM8K", "12", "contaminated"), ("b", "ARC", "1", "contaminated")]
    run.save("clean/contamination.parquet", pd.DataFrame(hits, columns=["id", "benchmark", "item", "state"]))
    labels = pd.DataFrame({"id": ["c"], "domains": [["Law", "Health"]], "uses": [["E-commerce"]]})
    run.save("uses/labels.parquet", labels)
    return run


def test_a_run_without_other_chapters_has_its_rows_alone(run):
    assert join_findings(run, ROWS).columns.tolist() == ["id", "text", "vector", "topic", "source_rule"]
    assert found_columns(run) == [] and columns_to_colour(run, ROWS).empty
    with pytest.raises(FileNotFoundError, match="1_topics_template"):
        table(run)


def test_what_each_chapter_found_stands_beside_the_row_of_its_id(found_run):
    found_run.save("rows.parquet", ROWS)
    found = table(found_run).set_index("id")
    assert found["score"].to_dict() == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert found["near_duplicate_of"].dropna().to_dict() == {"a": "c"}
    assert found["jaccard"].dropna().to_dict() == {"a": 0.9}
    assert found["contaminated_by"].dropna().to_dict() == {"b": "GSM8K 12"}, "the first hit that counts"
    assert found["domains"].dropna().to_dict() == {"a": "Law, Health", "c": "Law, Health"}, "a is a copy of c"
    assert set(found_columns(found_run)) <= set(found)


def test_rules_read_what_was_found_and_are_checked_before_it_is(found_run):
    found = join_findings(found_run, ROWS)
    kept, dropped = filter_rows(found, keep=["near_duplicate_of.isna()", "contaminated_by.isna()"])
    assert kept["id"].tolist() == ["c", "d"] and dropped["rule"].tolist() == [
        "near_duplicate_of.isna()",
        "contaminated_by.isna()",
    ]
    assert filter_rows(found, keep=["uses.str.contains('E-commerce')"])[0]["id"].tolist() == ["a", "c"]
    assert {*found} <= {*known_columns(found_run, ROWS)}


def test_a_scorer_not_yet_made_is_known_and_labels_not_made_are_not(run):
    assert {"score", "int_score", "duplicate_of"} <= {*known_columns(run, ROWS)}
    assert "uses" not in known_columns(run, ROWS)


def test_points_with_one_vector_have_one_colour(found_run):
    shown = columns_to_colour(found_run, ROWS)
    assert shown.groupby(ROWS["vector"]).nunique(dropna=False).max().max() == 1
    assert shown["contaminated_by"].tolist() == ["", "GSM8K", "", ""] and shown["score"].tolist() == [1, 2, 1, 4]
    assert "near_duplicate" not in shown, "c stays, whose text a has too"
    copies = pd.DataFrame({"id": [*"abcd"], "near_duplicate_of": ["d", None, "d", None], "similarity": 0.9})
    found_run.save("clean/near_duplicates.parquet", copies)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        shown = columns_to_colour(found_run, ROWS.iloc[order]).set_axis(ROWS["id"].iloc[order])
        assert shown["near_duplicate"].to_dict() == {"a": "yes", "b": "", "c": "yes", "d": ""}


def test_a_benchmark_is_named_whole_and_shown_for_a_point_of_which_any_row_holds_it(run):
    hits = [("c", "my items.jsonl", "7", "contaminated")]
    run.save("clean/contamination.parquet", pd.DataFrame(hits, columns=["id", "benchmark", "item", "state"]))
    assert columns_to_colour(run, ROWS)["contaminated_by"].tolist() == ["my items.jsonl", "", "my items.jsonl", ""]


def test_where_no_benchmark_was_looked_for_nothing_is_said_of_it(found_run, tmp_path):
    run = Run("r", Config(title="t", source={"path": "x"}), tmp_path)
    assert "contaminated_by" not in join_findings(run, ROWS) and "contaminated_by" not in found_columns(run)


def test_a_source_column_of_such_a_name_changes_nothing(run):
    run.save("clean/contamination.parquet", pd.DataFrame(columns=["id", "benchmark", "item", "state"]))
    found = join_findings(run, ROWS.assign(contaminated_by="mine"))
    assert filter_rows(found, keep=["contaminated_by.isna() or contaminated_by.str.contains('x')"])[1].empty
    assert set(found["source_contaminated_by"]) == {"mine"}


def test_nothing_was_found_of_any_row(run):
    run.save(
        "clean/near_duplicates.parquet",
        pd.DataFrame({"id": [*"abcd"], "near_duplicate_of": [None] * 4, "similarity": 1.0}),
    )
    run.save("clean/contamination.parquet", pd.DataFrame(columns=["id", "benchmark", "item", "state"]))
    found = join_findings(run, ROWS)
    assert found["contaminated_by"].isna().all() and found["near_duplicate_of"].isna().all()
    assert filter_rows(found, keep=["contaminated_by.isna() or contaminated_by.str.contains('x')"])[0].shape[0] == 4
    assert columns_to_colour(run, ROWS).empty
    assert by_topic(found, pd.DataFrame({"topic": [0, -1], "label": ["a", "b"]}))["contaminated"].tolist() == [0, 0]


def test_topics_have_the_shares_of_their_rows(found_run):
    topics = pd.DataFrame({"topic": [-1, 0], "label": ["Unassigned", "Letters <b>"]})
    lines = by_topic(join_findings(found_run, ROWS), topics)
    assert lines["topic"].tolist() == [0, -1] and lines["rows"].tolist() == [3, 1]
    assert lines["score"].tolist() == [2, 4] and lines["uses"].tolist() == ["E-commerce", ""]
    assert lines["near_duplicates"].tolist() == pytest.approx([1 / 3, 0])
    assert lines["contaminated"].tolist() == pytest.approx([1 / 3, 0])
    assert by_topic_table(lines)["contaminated"].tolist() == ["33%", "0%"]
