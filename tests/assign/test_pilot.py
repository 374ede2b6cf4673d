"""A pilot tells what the whole will take; a source of another kind is opened as what it is."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from helpers.assign.pilot import pilot_rows, pilot_table, try_rows
from helpers.assign.source import open_source
from helpers.text.sources.count import count_records
from helpers.vectors.new_rows import source_table
from helpers.vectors.readers import VectorReader
from tests.assign.conftest import around


def test_the_estimate_is_of_all_rows(known, write_vectors):
    model, topics = known
    vectors, _ = around([500, 400, 300, 200, 100, 0], seed=4)
    vectors[::50] = np.nan
    new = open_source(str(write_vectors(vectors)), model, column="vector", id="id", text={"column": "text"})
    tried = try_rows(new, model, pilot=60)
    told = tried.estimate
    assert told["rows"] == told["tried"] == 1500 and told["rejected"] == 30
    assert told["seconds"] == pytest.approx(told["rows"] / told["rows_a_second"])
    assert told["coverage"] == pytest.approx(0.95, abs=0.05) and told["vector_mb"] == 0
    shown = pilot_rows(tried, topics)
    assert 4 < len(shown) <= 12 and shown["topic"].iloc[0] == -1 and shown["text"].str.startswith("row ").all()
    table = pilot_table(tried).set_index("what")["found"]
    assert table["rows in the source"] == "about 1,500" and "not kept" in table["disk for the vectors"]


def test_empty_files_are_passed_over_and_a_bad_byte_does_not_shrink_a_file(known, write_vectors, tmp_path):
    model, _ = known
    folder = write_vectors(around([40] * 6, seed=4)[0], files=2)
    for number in range(5):
        pd.read_parquet(folder / "0.parquet").head(0).to_parquet(folder / f"00{number}.parquet")
    tried = try_rows(open_source(str(folder), model, column="vector"), model)
    assert tried.estimate["tried"] == 240 and tried.estimate["seconds"] < 60
    rows = [json.dumps({"n": i}).encode() for i in range(3000)]
    (tmp_path / "a.json").write_bytes(b"[" + b",".join([*rows[:5], b'"\xff"', *rows[5:]]) + b"]")
    assert count_records(tmp_path / "a.json") == pytest.approx(3001, rel=0.2)


def test_nothing_that_can_be_used_is_told(known, write_vectors):
    model, topics = known
    new = open_source(str(write_vectors(np.full((6, 24), np.nan))), model, column="vector")
    tried = try_rows(new, model)
    assert tried.estimate["coverage"] is None and pilot_rows(tried, topics).empty
    assert "no row could be used" in pilot_table(tried)["found"].iloc[-1]


def test_the_table_of_a_source(known, write_vectors, tmp_path):
    new = open_source(str(write_vectors(around([9] * 6, seed=0)[0])), known[0], column="vector")
    assert isinstance(new.reader, VectorReader)
    told = source_table(new).set_index("what")["found"]
    assert told["files"].startswith("3 files (parquet)") and told["vectors"] == "ready, column vector"


@pytest.mark.parametrize("packed", [False, True])
def test_records_are_counted_in_files_of_every_kind(tmp_path, packed):
    rows = [{"text": f"row {i}", "n": i} for i in range(57)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    contents = {
        "a.jsonl": lines.encode(),
        "b.jsonl": lines.rstrip("\n").encode(),
        "c.csv": ("text,n\n" + "".join(f"{row['text']},{row['n']}\n" for row in rows)).encode(),
        "d.txt": "".join(row["text"] + "\n" for row in rows).encode(),
        "e.json": json.dumps(rows).encode(),
    }
    for name, content in contents.items():
        path = tmp_path / (name + (".gz" if packed else ""))
        path.write_bytes(gzip.compress(content) if packed else content)
        assert count_records(path) == 57, name
    many = tmp_path / "many.json"
    many.write_text(json.dumps(rows * 100))
    assert count_records(many) == pytest.approx(5700, rel=0.15)
    pd.DataFrame(rows).to_parquet(tmp_path / "f.parquet")
    pd.DataFrame(rows).to_feather(tmp_path / "g.feather")
    assert count_records(tmp_path / "f.parquet") == count_records(tmp_path / "g.feather") == 57
    assert count_records(tmp_path / "d.txt" if not packed else tmp_path / "d.txt.gz", is_text=True) == 1


def test_broken_files_are_counted_as_far_as_they_go(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 90_000)[:-20])
    assert 0 < count_records(tmp_path / "a.jsonl.gz") <= 90_000
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    assert count_records(tmp_path / "b.parquet") <= 1
