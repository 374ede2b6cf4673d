"""A source of many files loses the same near-duplicates as all its rows at once, and goes on where it was stopped."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.clean import dedup, dedup_parts
from helpers.clean.dedup import drop_near_duplicates, find_near_duplicates
from helpers.clean.dedup_source import count_parts, dedup_source, read_pairs

ROOT = Path(__file__).resolve().parents[2]


def made(count, seed=0):
    """Records of which every third is another one with a few words changed, or none."""
    chance, texts = random.Random(seed), []
    for _ in range(count):
        words = [f"w{chance.randrange(5_000)}" for _ in range(chance.randrange(20, 90))]
        if texts and chance.random() < 0.33:
            words = chance.choice(texts).split()
            for _ in range(chance.randrange(4)):
                words[chance.randrange(len(words))] = "other"
        texts.append(" ".join(words))
    return [{"id": f"r{i}", "text": text, "grade": chance.randrange(4)} for i, text in enumerate(texts)]


@pytest.fixture
def records():
    return made(300)


@pytest.fixture
def source(records, tmp_path):
    """The records in lines, packed lines, and a Parquet file."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [json.dumps(one) + "\n" for one in records]
    (folder / "a.jsonl").write_text("".join(lines[:90]))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[90:200]).encode()))
    pq.write_table(pa.Table.from_pylist(records[200:]), folder / "c.parquet")
    return folder


@pytest.fixture
def by_bands(monkeypatch):
    """As with more rows than are compared with all others."""
    for module in (dedup, dedup_parts):
        monkeypatch.setattr(module, "EXACT", 0)


def whole(parts, folder=""):
    return pd.concat([pd.read_parquet(part.parent / folder / part.name) for part in parts], ignore_index=True)


@pytest.mark.parametrize(
    "settings",
    [{}, {"keep": "first", "threshold": 0.6}, {"keep": "best", "by": "grade", "words": 3}, {"within": False}],
    ids=str,
)
@pytest.mark.parametrize("against", [False, True])
def test_parts_are_what_all_rows_at_once_would_be(records, source, tmp_path, by_bands, settings, against):
    known = pd.DataFrame(made(300)[:60]).assign(id=[f"k{i}" for i in range(60)])
    known.to_json(tmp_path / "known.jsonl", orient="records", lines=True)
    rows, place = pd.DataFrame(records), str(tmp_path / "known.jsonl") if against else None
    copies, pairs = find_near_duplicates(rows, against=known if against else None, **settings)
    kept, dropped = drop_near_duplicates(rows, copies)
    assert (len(dropped) > 30) == (against or "within" not in settings)
    parts = dedup_source(str(source), tmp_path / "out", against=place, **settings)
    stayed, went = whole(parts), whole(parts, "_rejected")
    assert stayed[["id", "text"]].to_dict("list") == kept[["id", "text"]].to_dict("list")
    assert stayed["copies"].tolist() == copies.loc[copies["near_duplicate_of"].isna(), "copies"].tolist()
    told = ["id", "text", "reason", "near_duplicate_of", "near_duplicate_in", "similarity"]
    assert went[told].to_dict("list") == dropped[told].to_dict("list")
    found = read_pairs(tmp_path / "out")
    pd.testing.assert_frame_equal(found[list(pairs)], pairs, check_dtype=False)
    assert count_parts(parts) == {
        "rows": 300, "kept": len(kept), "near-duplicate": len(dropped), "without text": 0,
    }  # fmt: skip
    back = pd.concat([stayed, went]).sort_values(["file", "position"])
    assert [json.loads(one) for one in back["record"]] == records
    where = {("rows", row.file, row.position): row.id for row in back.itertuples()}
    where |= {("against", "known.jsonl", i): f"k{i}" for i in range(60)}
    for row in went.itertuples():
        at = row.near_duplicate_in, row.near_duplicate_file, row.near_duplicate_position
        assert where[at] == row.near_duplicate_of


def test_workers_and_files_change_nothing(records, source, tmp_path):
    one = whole(dedup_source(str(source), tmp_path / "1", workers=1))
    two = whole(dedup_source(str(source), tmp_path / "2", workers=2))
    pd.testing.assert_frame_equal(one, two)
    random.Random(1).shuffle(records)
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    three = whole(dedup_source(str(tmp_path / "all.jsonl"), tmp_path / "3"))
    assert three.sort_values("id")["record"].tolist() == one.sort_values("id")["record"].tolist()


def test_only_what_is_missing_is_made(records, source, tmp_path):
    out = tmp_path / "out"
    parts = dedup_source(str(source), out)
    signed = sorted((out / "_signed").glob("*.parquet"))
    times = {path: path.stat().st_mtime_ns for path in [*parts, *signed]}
    before = parts[1].read_bytes()
    parts[1].unlink()
    assert dedup_source(str(source), out, threshold=0.8) == parts and parts[1].read_bytes() == before
    assert [path.stat().st_mtime_ns == times[path] for path in [*parts, *signed]] == [True, False, True] + [True] * 3
    again = dedup_source(str(source), out, keep="first")
    assert not set(again) & set(parts) and not any(part.exists() for part in parts)
    assert all(path.stat().st_mtime_ns == times[path] for path in signed)
    new = source / "d.jsonl"  # of which nothing stays
    new.write_text(json.dumps(records[0] | {"id": "new"}) + "\n")
    more = dedup_source(str(source), out, keep="first")
    went = whole(more, "_rejected").set_index("id")
    assert went.loc["new", "near_duplicate_of"] == "r0" and len(list((out / "_signed").glob("*.parquet"))) == 4
    assert all(path.stat().st_mtime_ns == times[path] for path in signed)
    assert count_parts(more)["rows"] == 301 and pq.read_metadata(more[3]).num_rows == 0
    assert pd.read_parquet(out)["id"].tolist() == whole(more)["id"].tolist()  # other tools read what stays
    assert sorted([*whole(more)["id"], *went.index]) == sorted([*(record["id"] for record in records), "new"])


def killed_when(ready, command, timeout=120):
    """Start the command, and kill it and all that it started with signal 9 as soon as ready()."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process, started = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet), time.monotonic()
    while not ready():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() - started < timeout
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_at_any_moment_it_ends_with_the_same_rows(tmp_path):
    """Once while shards are signed, and once while they are sorted out."""
    (tmp_path / "in").mkdir()
    records, out = made(1_500), tmp_path / "out"
    for number in range(30):
        lines = [json.dumps(record) + "\n" for record in records[50 * number : 50 * number + 50]]
        (tmp_path / "in" / f"{number:02d}.jsonl").write_text("".join(lines))
    program = (
        f"from helpers.clean.dedup_source import *; dedup_source({str(tmp_path / 'in')!r}, {str(out)!r}, workers=1)"
    )
    command = [sys.executable, "-c", program]

    def whole_ones(folder):
        return {part: part.stat().st_mtime_ns for part in folder.glob("[!_.]*.parquet")}

    killed_when(lambda: len(whole_ones(out / "_signed")) > 5, command)
    signed = whole_ones(out / "_signed")
    assert 5 < len(signed) < 30 and not (out / "_copies").exists()
    killed_when(lambda: len(whole_ones(out)) > 5, command)
    sorted_out = whole_ones(out)
    assert 5 < len(sorted_out) < 30 and signed.items() <= whole_ones(out / "_signed").items()
    parts = dedup_source(str(tmp_path / "in"), out, workers=1)
    assert sorted_out.items() <= whole_ones(out).items()
    rows = pd.DataFrame(records)
    kept, dropped = drop_near_duplicates(rows, find_near_duplicates(rows)[0])
    assert whole(parts)["id"].tolist() == kept["id"].tolist() and len(dropped) > 150
    told = ["id", "reason", "near_duplicate_of", "similarity"]
    assert whole(parts, "_rejected")[told].to_dict("list") == dropped[told].to_dict("list")


def test_rows_without_a_text_are_told_with_the_reason_and_none_is_lost(tmp_path):
    text = "one two three four five six seven"
    lines = [json.dumps({"text": one}) for one in ["fine", None, "  ", text, "<b>\u0000</b>", f"{text.upper()}!", text]]
    lines.insert(2, "{torn")
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    parts = dedup_source(str(tmp_path / "in.jsonl"), tmp_path / "out")
    stayed, went = whole(parts), whole(parts, "_rejected")
    assert stayed["position"].tolist() == [0, 5, 6] and stayed["copies"].tolist() == [0, 0, 2]
    assert went["position"].tolist() == [1, 2, 3, 4, 7] and went["near_duplicate_position"].tolist()[3:] == [6, 6]
    assert went["reason"][1].startswith("not JSON") and went["reason"].tolist()[3:] == ["near-duplicate"] * 2
    assert count_parts(parts) == {"rows": 8, "kept": 3, "near-duplicate": 2, "without text": 3}
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n' + '{"text": 5.5}\n{"text": ""}\n' * 3)
    parts = dedup_source(str(tmp_path / "bad.jsonl"), tmp_path / "out", against=str(tmp_path / "in.jsonl"))
    assert sum(count_parts(parts).values()) == 14


def test_the_best_is_found_in_a_table_of_texts(tmp_path):
    """A CSV has numbers as texts, and some rows have none."""
    text = " ".join(f"w{i}" for i in range(40))
    scores = ["2", "10.5", "", "unknown", "9"]
    pd.DataFrame({"text": [text] * 5, "score": scores}).to_csv(tmp_path / "in.csv", index=False)
    parts = dedup_source(str(tmp_path / "in.csv"), tmp_path / "out", keep="best", by="score")
    assert whole(parts)["position"].tolist() == [1]
    assert whole(parts, "_rejected")["near_duplicate_position"].tolist() == [1] * 4
    with pytest.raises(ValueError, match="by: no row has a number in 'grade'"):
        dedup_source(str(tmp_path / "in.csv"), tmp_path / "out", keep="best", by="grade")


def test_what_cannot_be_used_is_refused_before_anything_is_written(source, tmp_path):
    for settings, message in [
        ({"keep": "best"}, "keep: expected longest, first, or best and a column"),
        ({"threshold": 0.01}, "threshold: expected a share of common words"),
        ({"words": 0}, "words: expected one or more"),
    ]:
        with pytest.raises(ValueError, match=message):
            dedup_source(str(source), tmp_path / "out", **settings)
    with pytest.raises(ValueError, match="stands within the source"):
        dedup_source(str(source), source / "out")
    with pytest.raises(ValueError, match="stands within the source"):
        dedup_source(str(source / "a.jsonl"), tmp_path / "out" / "x", against=str(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_source_that_changes_meanwhile_is_no_other_rows_copy(source, tmp_path, monkeypatch):
    def change(*given, **settings):
        finding(*given, **settings)
        lines = (source / "a.jsonl").read_text().splitlines()
        (source / "a.jsonl").write_text("\n".join(lines[::-1]))

    finding = dedup_parts.find_copies_of_parts
    monkeypatch.setattr("helpers.clean.dedup_source.find_copies_of_parts", change)
    with pytest.raises(RuntimeError, match="a.jsonl was changed while its near-duplicates were looked for"):
        dedup_source(str(source), tmp_path / "out", workers=1)
    assert not np.any([part.name.startswith("a_") for part in (tmp_path / "out").glob("*.parquet")])
