"""Rows are left out only where that is asked for, and each with its reason."""

import pandas as pd

from helpers.clean.leave_out import leave_out

TEXTS = pd.DataFrame({"id": [*"abcd"], "position": [0, 1, 3, 4], "text": [*"wxyz"], "source_rows": [1, 2, 1, 1]})
COPIES = pd.DataFrame({"id": [*"abcd"], "near_duplicate_of": [None, "a", "a", None]})
FOUND = [("c", "GSM8K", "contaminated"), ("c", "ARC", "contaminated"), ("d", "ARC", "edited")]
HITS = pd.DataFrame(FOUND, columns=["id", "benchmark", "state"])


def test_copies_and_contaminated_rows_are_left_out_with_a_line_for_each_row_of_the_source():
    left, gone = leave_out(TEXTS, COPIES, HITS, drop=True)
    assert left["id"].tolist() == ["a", "d"] and left.index.tolist() == [0, 1]
    assert gone.to_dict("list") == {
        "position": [1, 1, 3],
        "id": ["b", "b", "c"],
        "reason": ["near-duplicate of another row"] * 2 + ["text of the benchmark GSM8K"],
    }
    assert left["source_rows"].sum() + len(gone) == TEXTS["source_rows"].sum()


def test_nothing_is_left_out_unless_asked_for():
    left, gone = leave_out(TEXTS, COPIES, HITS, drop=False)
    assert left.equals(TEXTS) and gone.empty and list(gone) == ["position", "id", "reason"]


def test_no_text_at_all_and_no_hits():
    left, gone = leave_out(TEXTS.head(0), COPIES.head(0), HITS.head(0), drop=True)
    assert left.empty and gone.empty
    assert leave_out(TEXTS, COPIES.assign(near_duplicate_of=None), HITS.head(0), drop=True)[1].empty
