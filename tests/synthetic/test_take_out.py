"""What is taken out of the texts that were written, and why."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.clean.decontaminate import drop_contaminated, find_contamination
from helpers.clean.dedup import find_near_duplicates
from helpers.synthetic.take_out import add_scores, dropped_table, need_columns, take_out
from helpers.synthetic_settings import Synthetic

SOURCE = (
    "Bees dance to tell the others where the linden trees are in flower, and how far away they stand from the hive."
)
COPY = (
    "Rain falls on the hills first, because air that climbs a slope cools down until it cannot hold its water any more."
)
ITEM = "Tom has 12 apples and gives 5 of them to his sister Ann. How many apples does Tom have left after that?"
ROWS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d", "e"],
        "text": [
            SOURCE + " Indeed.",
            COPY,
            COPY + " So.",
            f"Here is a riddle of the kind that is told in class. {ITEM}",
            "Something quite different, about boats and the wind that drives them over the lake in the evening.",
        ],
        "style": ["story"] * 5,
    }
)
ITEMS = pd.DataFrame({"benchmark": ["SUMS"], "item": ["7"], "text": [ITEM]})


def found(rows=ROWS):
    known = pd.DataFrame({"id": ["seed"], "text": [SOURCE]})
    hits = find_contamination(rows, ITEMS)
    return hits, find_near_duplicates(drop_contaminated(rows, hits)[0], against=known)[0]


def test_copies_of_each_other_and_of_the_source_benchmark_text_and_broken_rules_are_dropped_with_the_reason():
    scores = pd.DataFrame({"id": [*"edcba"], "score": [1.0, 2, 3, 4, 5], "int_score": [1, 2, 3, 4, 5]})
    left, dropped = take_out(add_scores(ROWS, scores), *found(), keep=["score >= 2"])
    assert left["id"].tolist() == ["c"] and left["score"].tolist() == [3.0]
    reasons = dropped.set_index("id")["reason"]
    assert reasons.index.tolist() == ["a", "b", "d", "e"]
    assert reasons["a"].startswith("near-duplicate: 0.9") and reasons["a"].endswith("seed")
    assert reasons["b"].startswith("near-duplicate: 0.9") and reasons["b"].endswith("of the text c")
    assert reasons["d"] == "contaminated: SUMS 7, 1.00 of it" and reasons["e"] == "rule: score >= 2"


@given(st.permutations(range(5)), st.sampled_from([[], ["style == 'story'"], ["style != 'story'"]]))
def test_every_row_is_in_one_of_both_in_their_order(order, keep):
    rows = ROWS.iloc[list(order)].reset_index(drop=True)
    left, dropped = take_out(rows, *found(rows), keep=keep)
    place = {one: at for at, one in enumerate(rows["id"])}
    for part in (left, dropped):
        assert part["id"].map(place).is_monotonic_increasing
    assert sorted([*left["id"], *dropped["id"]]) == sorted(rows["id"])
    assert set(left["id"]) == ({"c", "e"} if keep != ["style != 'story'"] else set())


def test_copies_of_other_rows_and_rules_on_scores_that_are_not_there_are_refused():
    hits, copies = found()
    with pytest.raises(ValueError, match="a line for each of these rows"):
        take_out(ROWS, hits, copies[::-1])
    with pytest.raises(ValueError, match="score"):
        take_out(ROWS, hits, copies, keep=["score >= 2"])
    left, dropped = take_out(ROWS.head(0), hits.head(0), copies.head(0))
    assert left.empty and dropped.empty and "reason" in dropped
    assert dropped_table(dropped) == "no text was dropped"
    assert dropped_table(take_out(ROWS, hits, copies)[1])["style"].tolist() == ["story"] * 3


def test_columns_that_no_text_will_have_are_refused_before_anything_is_written():
    need_columns(Synthetic(keep=["n_tokens >= 300", "style == 'story'"]), scored=False)
    need_columns(Synthetic(keep=["score >= 3"], stays="best", best_by="score"), scored=True)
    with pytest.raises(ValueError, match="score"):
        need_columns(Synthetic(keep=["score >= 3"]), scored=False)
    with pytest.raises(ValueError, match="synthetic.best_by: no column 'rank'; columns are id, text"):
        need_columns(Synthetic(stays="best", best_by="rank"), scored=True)
