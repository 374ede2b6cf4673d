"""Rows are left out only where that is asked for, and each with its reason."""

import pandas as pd

from helpers.clean.decontaminate import find_contamination
from helpers.clean.dedup import find_near_duplicates
from helpers.clean.leave_out import COPY, leave_out_contaminated, leave_out_copies

TEXTS = pd.DataFrame({"id": [*"abcd"], "position": [0, 1, 3, 4], "text": [*"wxyz"], "source_rows": [1, 2, 1, 1]})
COPIES = pd.DataFrame({"id": [*"abcd"], "near_duplicate_of": [None, "a", "a", None]})
FOUND = [("c", "GSM8K", "contaminated"), ("c", "ARC", "contaminated"), ("d", "ARC", "edited")]
HITS = pd.DataFrame(FOUND, columns=["id", "benchmark", "state"])


def test_what_was_found_is_left_out_with_a_line_for_each_row_of_the_source():
    left, gone = leave_out_contaminated(TEXTS, HITS)
    assert left["id"].tolist() == ["a", "b", "d"] and left.index.tolist() == [0, 1, 2]
    assert gone.to_dict("list") == {"position": [3], "id": ["c"], "reason": ["text of the benchmark GSM8K"]}
    left, gone = leave_out_copies(TEXTS, COPIES)
    assert left["id"].tolist() == ["a", "d"]
    assert gone.to_dict("list") == {"position": [1, 1, 3], "id": ["b", "b", "c"], "reason": [COPY] * 3}
    assert left["source_rows"].sum() + len(gone) == TEXTS["source_rows"].sum()


def test_a_copy_of_a_row_that_holds_benchmark_text_stays():
    clean = (
        "A long walk by the river in the morning, with fog over the water and a heron that did not move at all for us."
    )
    item = "How many herons stood there?"
    texts = pd.DataFrame(
        {"id": ["a", "b", "c"], "position": [0, 1, 2], "text": [clean, f"{clean} {item}", clean + " So."]}
    )
    items = pd.DataFrame({"benchmark": ["BIRDS"], "item": ["1"], "text": [item]})
    left, gone = leave_out_contaminated(texts, find_contamination(texts, items))
    assert gone["id"].tolist() == ["b"]
    copies, _ = find_near_duplicates(left)
    left, gone = leave_out_copies(left, copies)
    assert left["id"].tolist() == ["c"] and gone["id"].tolist() == ["a"]


def test_nothing_is_left_out_unless_asked_for():
    for left, gone in (
        leave_out_contaminated(TEXTS, HITS, drop=False),
        leave_out_copies(TEXTS, COPIES, drop=False),
        leave_out_copies(TEXTS, COPIES.assign(near_duplicate_of=None)),
    ):
        assert left.equals(TEXTS) and gone.empty and list(gone) == ["position", "id", "reason"]


def test_no_text_at_all_and_no_hits():
    left, gone = leave_out_contaminated(TEXTS.head(0), HITS.head(0))
    assert left.empty and gone.empty
    assert leave_out_copies(TEXTS.head(0), COPIES.head(0))[0].empty
