import json

import pandas as pd
import pytest

from helpers.text.strings import convert_rows


def turns(conversations=20):
    records = [
        {"conversation_id": f"c{c}", "turn": t, "role": ["user", "assistant"][t % 2], "text": f"turn {t} of {c}"}
        for c in range(conversations)
        for t in range(4)
    ]
    ids = [f"r{i}" for i in range(len(records))]
    return pd.DataFrame({"id": ids, "position": range(len(records)), "record": [json.dumps(r) for r in records]})


GROUPED = {"format": "grouped", "group": "conversation_id", "column": "text", "order": "turn"}


def test_a_sample_of_grouped_turns_is_of_whole_conversations():
    texts, rejected = convert_rows(turns(), **GROUPED, sample=5)
    assert len(texts) == 5 and rejected.empty
    assert all(len(starts) == 4 for starts in texts["turns"])


def test_the_sample_depends_on_the_seed_and_not_on_the_order():
    rows = turns()
    taken = {seed: set(convert_rows(rows, **GROUPED, sample=5, seed=seed)[0]["id"]) for seed in (1, 2)}
    assert taken[1] != taken[2]
    assert set(convert_rows(rows[::-1].reset_index(drop=True), **GROUPED, sample=5, seed=1)[0]["id"]) == taken[1]


def test_a_sample_of_rows_that_turn_out_to_be_turns_is_refused():
    with pytest.raises(ValueError, match="set text.format: grouped .text.group: conversation_id"):
        convert_rows(turns(), sample=5)
