"""What answers leave in the run folder."""

import pandas as pd
import pytest

from helpers.explore.answers import Answer, keep
from helpers.runs import open_run


@pytest.fixture
def run(tmp_path, dataset):
    return open_run(str(dataset([{"text": "a"}], "rows.jsonl")), None, tmp_path / "runs")


def test_what_was_not_asked_leaves_an_earlier_answer_and_what_was_replaces_it(run):
    def left():
        return sorted(path.name for path in run.path("explore").glob("*"))

    table = pd.DataFrame({"id": ["a"]})
    keep(run, Answer("pick", table, "", {"picked": table, "picked_by_topic": table}))
    assert left() == ["picked.parquet", "picked_by_topic.parquet"]
    assert keep(run, Answer("pick", "nothing was picked")) is None
    assert left() == ["picked.parquet", "picked_by_topic.parquet"]
    keep(run, Answer("pick", table, "", {"picked": table}))
    assert left() == ["picked.parquet"]
