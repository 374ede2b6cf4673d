"""What other chapters found of rows stands beside them."""

import pandas as pd

from helpers.clean.filter import filter_rows
from helpers.quality.rows import join_findings, known_columns
from helpers.runs import Run
from helpers.settings import Config


def test_scores_and_labels_stand_beside_the_rows_and_rules_read_them(tmp_path):
    run = Run("r", Config(title="t", source={"path": "x"}), tmp_path)
    rows = pd.DataFrame({"id": ["a", "b", "c"], "text": ["x", "y", "x"], "vector": [0, 1, 0], "rule": [7, 7, 7]})
    scores = pd.DataFrame({"id": ["a", "b", "c"], "score": [1.0, 2.0, 3.0], "int_score": [1, 2, 3]})
    assert join_findings(run, rows, scores).columns.tolist() == [
        "id", "text", "vector", "source_rule", "score", "int_score"
    ]  # fmt: skip
    (tmp_path / "uses").mkdir()
    labelled = pd.DataFrame({"id": ["c"], "domains": [["Law", "Health"]], "uses": [["E-commerce"]]})
    labelled.to_parquet(tmp_path / "uses" / "labels.parquet")
    found = join_findings(run, rows, scores)
    assert found["domains"].tolist()[::2] == ["Law, Health"] * 2 and found["uses"].isna().tolist() == [
        False,
        True,
        False,
    ]
    kept, dropped = filter_rows(found, keep=["uses.str.contains('E-commerce')"])
    assert kept["id"].tolist() == ["a", "c"] and dropped["id"].tolist() == ["b"]  # a is a copy of c
    assert {*found} - {"vector"} <= {*known_columns(rows)} | {"vector"}
