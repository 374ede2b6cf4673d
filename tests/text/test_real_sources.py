"""Shapes of files that other tools write, and values that files hold against expectation."""

import datetime
import decimal
import json
import uuid

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from helpers.text.audit import audit_texts, count_texts
from helpers.text.load import describe_source, load_rows, source_fingerprint
from helpers.text.strings import convert_rows


def texts_in(path, **settings):
    rows, rejected = load_rows(path=str(path), **settings)
    return sorted(json.loads(record).get("text") for record in rows["record"]), rejected


def converted(record):
    texts, rejected = convert_rows(
        pd.DataFrame({"id": ["a"], "position": [0], "record": [json.dumps(record)]}),
    )
    return texts["text"].tolist() or rejected["reason"].tolist()


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1.0, 2.0, None]),
        pa.array([decimal.Decimal(10**20), decimal.Decimal(10**20 + 1), None], pa.decimal128(38, 0)),
        pa.array([uuid.UUID(int=7).bytes, uuid.UUID(int=8).bytes, None], pa.binary(16)).cast(pa.uuid()),
    ],
    ids=["float", "decimal", "uuid"],
)
def test_ids_of_every_kind_of_column_are_the_rows_own(tmp_path, ids):
    pq.write_table(pa.table({"key": ids, "text": ["same", "same", "other"]}), tmp_path / "a.parquet")
    rows, _ = load_rows(path=str(tmp_path / "a.parquet"), id="key")
    own = {str(int(one) if isinstance(one, float) else one) for one in ids.to_pylist() if one is not None}
    assert own < set(rows["id"]) and len(rows) == 3 and rows.attrs["repeated_ids"] == 0


def test_a_record_keeps_its_number_among_repeats_whatever_the_seed(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"id": n % 5, "text": f"text {n}"}) + "\n" for n in range(40)))
    named = [
        dict(zip(rows["record"], rows["id"], strict=True))
        for rows, _ in map(lambda seed: load_rows(path=str(path), seed=seed), (1, 7))
    ]
    assert named[0] == named[1] and len(set(named[0].values())) == 40


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        (b'{"text":"caf\xe9"}\n{"text":"b"}\n{"text":"c"}\n', ["b", "c"], 1),
        (b'{"text":1\n{"text":"b"}\n{"text":"c"}\n', ["b", "c"], 1),
        (b'{\n "text": "a"\n}\n{\n "text": "b"\n}\n', ["a", "b"], 0),
        (b'{"text":"a"}{"text":"b"} {"te', ["a", "b"], 1),
        (b'{"data": [\n{"text":"a"},\n{"text":"b"}\n]}', ["a", "b"], 0),
        (b'{"train": [{"text":"a"}], "test": [{"text":"b"}]}', ["a", "b"], 0),
    ],
)  # fmt: skip
def test_a_json_file_of_many_objects_is_read_as_such(tmp_path, content, good, bad):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    texts, rejected = texts_in(path)
    assert texts == good and len(rejected) == bad


def test_what_pandas_writes_is_read_row_by_row(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 2, 3]})
    frame.to_json(tmp_path / "columns.json")
    frame.to_json(tmp_path / "index.json", orient="index")
    assert texts_in(tmp_path / "columns.json")[0] == texts_in(tmp_path / "index.json")[0] == ["a", "b", "c"]


def test_what_datasets_saves_is_its_rows_only(tmp_path):
    from datasets import Dataset, DatasetDict

    parts = DatasetDict({"train": Dataset.from_list([{"text": "a"}]), "test": Dataset.from_list([{"text": "b"}])})
    parts.save_to_disk(str(tmp_path / "both"))
    assert texts_in(tmp_path / "both" / "test")[0] == ["b"]
    assert texts_in(tmp_path / "both")[0] == ["a"] and texts_in(tmp_path / "both", split="test")[0] == ["b"]
    with pytest.raises(FileNotFoundError, match="split dev; .*it has .*test.*train"):
        texts_in(tmp_path / "both", split="dev")


def test_what_is_not_read_in_a_folder_is_told(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    (tmp_path / "b.jsonl.bz2").write_bytes(b"x")
    (tmp_path / "lost.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".hidden").write_text("")
    assert describe_source(str(tmp_path))["not read"] == ["b.jsonl.bz2", "lost.jsonl"]


def test_a_file_under_another_folder_is_another_source(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.jsonl").write_text('{"text": "a"}')
    before = source_fingerprint(str(tmp_path))
    (tmp_path / "one").rename(tmp_path / "two")
    assert source_fingerprint(str(tmp_path)) != before


def test_a_glob_that_finds_a_file_twice_reads_it_once(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.txt").write_text("one")
    assert texts_in(f"{tmp_path}/**/**/*.txt")[0] == ["one"]


def test_columns_of_one_name_are_both_kept(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    rows, _ = load_rows(path=str(tmp_path / "a.parquet"))
    assert json.loads(rows["record"][0]) == {"text": "a", "text_2": "b"}


def test_a_date_that_no_calendar_has_costs_one_row(tmp_path):
    days = pa.array([1, 2**30, 3], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"text": ["a", "b", "c"], "day": days}), tmp_path / "a.parquet")
    texts, rejected = texts_in(tmp_path / "a.parquet")
    assert texts == ["a", "c"] and rejected["reason"].str.startswith("a value that cannot be read").all()
    assert rejected["position"].tolist() == [1]
    assert datetime.date(1970, 1, 2).isoformat() in load_rows(path=str(tmp_path / "a.parquet"))[0]["record"].str.cat()


def test_csv_of_other_habits(tmp_path):
    (tmp_path / "tabs.tsv").write_text("text\tone, two, three, four\nhello\tx\n")
    (tmp_path / "mac.csv").write_bytes(b"text,label\rhello,x\r")
    assert texts_in(tmp_path / "tabs.tsv")[0] == ["hello"]
    assert "carriage return" in texts_in(tmp_path / "mac.csv")[1]["reason"][0]


def test_a_frame_with_a_long_window_is_unpacked(tmp_path):
    settings = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    packed = zstandard.ZstdCompressor(compression_params=settings).compress(b'{"text": "a"}\n')
    (tmp_path / "a.jsonl.zst").write_bytes(packed)
    assert texts_in(tmp_path / "a.jsonl.zst")[0] == ["a"]


def test_an_end_before_the_start_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo")
    with pytest.raises(ValueError, match="source.end"):
        load_rows(path=str(tmp_path / "a.txt"), start=2, end=1)


CALL = {"role": "assistant", "function_call": {"name": "look", "arguments": "{}"}}
LISTED = [{"role": "user", "content": "hi"}, CALL]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"instruction": "Sum up", "input": "", "context": "A page", "response": "Short"}, "Sum up\nA page\nShort"),
        ({"instruction": "", "prompt": "the real one", "output": "o"}, "the real one\no"),
        ({"dialogue": "A: hi B: ho", "summary": "greetings"}, "A: hi B: ho"),
        ({"conversations": "[{'from': 'human', 'value': \"it's\"}]"}, "it's"),
        ({"messages": LISTED}, "hi\nlook({})"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": {"value": "deep"}}]}]}, "deep"),
        ({"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]}, "no"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": json.dumps([{"name": "f"}])}]}, "f()"),
        ({"chat": [{"from": "human", "value": "a", "role": None, "content": None}]}, "a"),
    ],
)  # fmt: skip
def test_records_as_they_are_found_on_the_hub(record, text):
    assert converted(record) == [text]


def grouped(turns):
    frame = pd.DataFrame({"id": [f"t{n}" for n in range(len(turns))], "position": range(len(turns))})
    return convert_rows(frame.assign(record=[json.dumps(turn) for turn in turns]), group="chat", format="grouped")


def test_a_turn_without_a_number_does_not_shuffle_the_others():
    turns = [{"chat": 1.0, "text": f"t{n}", "turn": n} for n in (2, 0)] + [{"chat": 1, "text": "t1", "turn": 1}]
    assert grouped(turns)[0]["text"].tolist() == ["t0\nt1\nt2"]
    forward, backward = (
        grouped([*some, {"chat": 1, "text": "?", "turn": "nan"}])[0]["text"] for some in (turns, turns)
    )
    assert forward.tolist() == backward.tolist()


def test_rows_of_grouped_turns_are_counted_as_turns(words):
    turns = [{"chat": n // 10, "text": f"turn {n}", "turn": n} for n in range(40)]
    texts, rejected = grouped([*turns, {"chat": 9, "text": " ", "turn": 1}, {"chat": None, "text": "x", "turn": 1}])
    counts = count_texts(texts, tokenizer=words)
    report = audit_texts(texts, counts, rejected, window=5)
    assert (report["rows"], report["kept"], report["rejected"], report["texts"]) == (42, 40, 2, 4)
