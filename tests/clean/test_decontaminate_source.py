"""A source of many files is sorted out shard by shard as its rows would be at once, and goes on where it stopped."""

import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.clean.contamination_report import contamination_by_ngram
from helpers.clean.decontaminate import drop_contaminated, find_contamination
from helpers.clean.decontaminate_source import count_parts, decontaminate_source, read_hits
from helpers.clean.read_texts import open_texts
from tests.clean.test_decontaminate import BAKER, CHAT, FERRY, ITEMS, MOSS, SHORT, TEMPLATE, edited, items

SAID = [
    *CHAT, f"{CHAT[1]} {BAKER}", edited(FERRY, 8), f"Tell me: {SHORT}", TEMPLATE.format(5, 6, 7, 8), *ITEMS, "Bye.",
    f"{MOSS} {FERRY}",
]  # fmt: skip
BENCHMARKS = items(*ITEMS, TEMPLATE.format(1, 2, 3, 4))


def talk(number, text):
    return {"id": f"r{number}", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}]}


@pytest.fixture
def source(tmp_path):
    """The texts in conversations, in two files of lines, one of them packed, and a Parquet file."""
    folder = tmp_path / "in"
    folder.mkdir()
    talks = [talk(number, text) for number, text in enumerate(SAID)]
    lines = [json.dumps(one) + "\n" for one in talks]
    (folder / "a.jsonl").write_text("".join(lines[:5]))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[5:9]).encode()))
    pq.write_table(pa.Table.from_pylist(talks[9:]), folder / "c.parquet")
    return folder


def whole(parts, folder=""):
    return pd.concat([pd.read_parquet(part.parent / folder / part.name) for part in parts], ignore_index=True)


def test_parts_are_what_all_rows_at_once_would_be(source, tmp_path):
    parts = decontaminate_source(str(source), BENCHMARKS, tmp_path / "out")
    rows = pd.DataFrame({"id": [f"r{i}" for i in range(len(SAID))], "text": [f"Hi\n{text}" for text in SAID]})
    wanted = find_contamination(rows, BENCHMARKS)
    kept, dropped = drop_contaminated(rows, wanted)
    stayed, went, hits = whole(parts), whole(parts, "_rejected"), read_hits(parts)
    assert stayed[["id", "text"]].to_dict("list") == kept.to_dict("list")
    told = ["id", "text", "reason", "contaminated_by", "share"]
    assert went[told].to_dict("list") == dropped[told].to_dict("list")
    pd.testing.assert_frame_equal(hits[wanted.columns.tolist()], wanted, check_dtype=False)
    assert contamination_by_ngram(hits).equals(contamination_by_ngram(wanted))
    assert {"edited", "variant", "contaminated"} == set(hits["state"])
    assert count_parts(parts) == {
        "rows": len(SAID), "kept": len(kept), "contaminated": len(dropped), "without text": 0,
    }  # fmt: skip
    back = pd.concat([stayed, went]).sort_values(["file", "position"])
    assert [json.loads(one) for one in back["record"]] == [talk(number, text) for number, text in enumerate(SAID)]
    assert pd.read_parquet(tmp_path / "out")["id"].tolist() == kept["id"].tolist()


def test_workers_and_files_change_nothing(source, tmp_path):
    one = whole(decontaminate_source(str(source), BENCHMARKS, tmp_path / "1", workers=1))
    two = whole(decontaminate_source(str(source), BENCHMARKS, tmp_path / "2", workers=2))
    lines = [json.dumps(talk(number, text)) + "\n" for number, text in enumerate(SAID)]
    (tmp_path / "all.jsonl").write_text("".join(lines))
    three = whole(decontaminate_source(str(tmp_path / "all.jsonl"), BENCHMARKS, tmp_path / "3"))
    pd.testing.assert_frame_equal(one, two)
    assert three["record"].tolist() == one["record"].tolist()


def test_only_what_is_missing_is_made_and_other_items_or_settings_make_all_anew(source, tmp_path):
    parts = decontaminate_source(str(source), BENCHMARKS, tmp_path / "out")
    times = {part: part.stat().st_mtime_ns for part in parts}
    before = parts[1].read_bytes()
    parts[1].unlink()
    assert decontaminate_source(str(source), BENCHMARKS, tmp_path / "out", ngram=10) == parts
    assert [part.stat().st_mtime_ns == times[part] for part in parts] == [True, False, True]
    assert parts[1].read_bytes() == before
    found = read_hits(parts)
    for other in ({"ngram": 7}, {"share": 0.9}, {"numbers": False}, {"common": [BAKER]}, {"least": 9}):
        again = decontaminate_source(str(source), BENCHMARKS, tmp_path / "out", **other)
        assert not set(again) & set(parts) and not any(part.exists() for part in parts)
        assert not read_hits(again).equals(found)
    fewer = decontaminate_source(str(source), BENCHMARKS.head(1), tmp_path / "out")
    assert read_hits(fewer)["item"].unique().tolist() == ["q0"]


def test_rows_without_a_text_are_told_with_the_reason_and_none_is_lost(tmp_path):
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(["fine", None, "  ", BAKER, "<b>\u0000</b>"])]
    lines.insert(2, "{torn")
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    parts = decontaminate_source(str(tmp_path / "in.jsonl"), BENCHMARKS, tmp_path / "out")
    went = whole(parts, "_rejected")
    assert whole(parts)["position"].tolist() == [0, 5] and went["position"].tolist() == [1, 2, 3, 4]
    assert went["reason"].tolist()[-1] == "contaminated" and went["reason"][1].startswith("not JSON")
    assert went["contaminated_by"].tolist() == [None, None, None, "exam q0"]
    assert count_parts(parts) == {"rows": 6, "kept": 2, "contaminated": 1, "without text": 3}
    clean = tmp_path / "clean.jsonl"
    clean.write_text(json.dumps({"text": CHAT[0]}) + "\n")
    parts = decontaminate_source(str(clean), BENCHMARKS, tmp_path / "none")
    assert read_hits(parts).empty and {"state", "item", "file", "row_begins"} <= set(read_hits(parts).columns)


def test_what_cannot_be_used_is_refused_before_anything_is_written(source, tmp_path):
    with pytest.raises(ValueError, match="stands within the source"):
        decontaminate_source(str(source), BENCHMARKS, source / "out")
    with pytest.raises(ValueError, match="share above 0"):
        decontaminate_source(str(source), BENCHMARKS, tmp_path / "out", share=2)
    with pytest.raises(TypeError, match="ngrams"):
        decontaminate_source(str(source), BENCHMARKS, tmp_path / "out", ngrams=7)
    turns = [{"conversation_id": "a", "turn": i, "role": "user", "text": f"Say {i}"} for i in range(9)]
    (tmp_path / "turns.jsonl").write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    with pytest.raises(ValueError, match="rows are turns of conversations"):
        open_texts(str(tmp_path / "turns.jsonl"))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValueError, match="no record here"):
        open_texts(str(tmp_path / "empty.jsonl"))
    assert all(path.name.startswith("_") for path in (tmp_path / "out").glob("*"))
