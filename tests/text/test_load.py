"""Sources of every kind, whole and broken, are read into the same rows, and what cannot be read is told."""

import csv
import gzip
import json
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text.load import (
    Record,
    Rejected,
    describe_source,
    load_rows,
    read_records,
    repeated_ids,
    source_files,
    source_fingerprint,
    source_table,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
PETS = [
    {"id": "a", "text": "A cat sleeps.", "label": "pets"},
    {"id": "b", "text": 'She said "no", twice;\nthen left.', "label": "people"},
    {"id": "c", "text": "Crème brûlée 🍮 \u2028 and tea", "label": "food"},
    {"id": "d", "text": "", "label": "nothing"},
]


def lines_of(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def write_csv(path, records, **style):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]), **style)
        writer.writeheader()
        writer.writerows(records)


def write_arrow(path, records, new):
    table = pa.Table.from_pylist(records)
    with new(str(path), table.schema) as writer:
        writer.write_table(table)


WRITERS = {
    "array.json": lambda path, records: path.write_text(json.dumps(records, indent=2), encoding="utf-8"),
    "named.json": lambda path, records: path.write_text(json.dumps({one["id"]: one for one in records})),
    "listed.json": lambda path, records: path.write_text(json.dumps({"version": 1, "data": records})),
    "lines.json": lambda path, records: path.write_bytes(lines_of(records)),
    "rows.jsonl": lambda path, records: path.write_bytes(lines_of(records)),
    "marked.jsonl": lambda path, records: path.write_bytes(b"\xef\xbb\xbf" + lines_of(records)),
    "wide.jsonl": lambda path, records: path.write_bytes(lines_of(records).decode().encode("utf-16")),
    "windows.ndjson": lambda path, records: path.write_bytes(lines_of(records).replace(b"\n", b"\r\n")),
    "rows.csv": lambda path, records: write_csv(path, records),
    "semicolons.csv": lambda path, records: write_csv(path, records, delimiter=";"),
    "rows.tsv": lambda path, records: write_csv(path, records, delimiter="\t"),
    "rows.parquet": lambda path, records: pq.write_table(pa.Table.from_pylist(records), path),
    "rows.arrow": lambda path, records: write_arrow(path, records, pa.ipc.new_file),
    "stream.arrow": lambda path, records: write_arrow(path, records, pa.ipc.new_stream),
}
PACKERS = {"": lambda data: data, ".gz": gzip.compress, ".zst": lambda data: zstandard.ZstdCompressor().compress(data)}


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name, packed):
    WRITERS[name](tmp_path / name, PETS)
    path = write(tmp_path / f"{name}{packed}", PACKERS[packed]((tmp_path / name).read_bytes()))
    rows, rejected = load_rows(path=path)
    in_order = rows.sort_values("position")
    assert [json.loads(record) for record in in_order["record"]] == PETS
    assert list(in_order["id"]) == ["a", "b", "c", "d"] and list(in_order["position"]) == [0, 1, 2, 3]
    assert rejected.empty and list(rejected.columns) == ["position", "line", "file", "reason"]


def test_a_text_file_is_a_text_a_line_and_a_folder_of_them_a_text_a_file(tmp_path):
    one = write(tmp_path / "one.txt", "first\r\n\nthird")
    rows, _ = load_rows(path=one)
    assert [json.loads(record) for record in rows.sort_values("position")["record"]] == [
        {"text": "first"},
        {"text": ""},
        {"text": "third"},
    ]
    write(tmp_path / "two.md", "# Two\nlines")
    for path in (str(tmp_path), str(tmp_path / "*")):
        rows, _ = load_rows(path=path)
        assert [json.loads(record) for record in rows.sort_values("position")["record"]] == [
            {"file": "one.txt", "text": "first\r\n\nthird"},
            {"file": "two.md", "text": "# Two\nlines"},
        ]


def test_a_folder_and_a_glob_are_read_by_name_and_notes_are_left_out(tmp_path):
    write(tmp_path / "b.jsonl", lines_of(PETS[2:]))
    write(tmp_path / "a.jsonl", lines_of(PETS[:2]))
    write(tmp_path / "README.md", "about this folder")
    write(tmp_path / ".hidden.jsonl", lines_of(PETS))
    assert [file.name for file in source_files(str(tmp_path))] == ["a.jsonl", "b.jsonl"]
    folder, _ = load_rows(path=str(tmp_path))
    pattern, _ = load_rows(path=str(tmp_path / "*.jsonl"))
    assert list(folder.sort_values("position")["id"]) == ["a", "b", "c", "d"]
    pd.testing.assert_frame_equal(folder, pattern)


def test_the_data_file_of_an_installed_package_is_read_without_importing_it():
    import sys

    pytest.importorskip("chitchat_dataset")
    sys.modules.pop("chitchat_dataset")
    rows, rejected = load_rows(path="package:chitchat_dataset/dataset.json", end=50)
    assert len(rows) == 50 and rejected.empty and "chitchat_dataset" not in sys.modules
    assert "a07edb12-6b91-4138-b11e-02421888d699" in set(rows["id"])  # the first key of the file


@pytest.mark.parametrize(
    "name", ["e.json", "e.jsonl", "e.csv", "e.txt", "e.parquet", "e.arrow", "e.jsonl.gz", "e.json.zst"]
)
def test_an_empty_file_has_no_rows(tmp_path, name):
    rows, rejected = load_rows(path=write(tmp_path / name, b""))
    assert rows.empty and rejected.empty
    assert list(rows.columns) == ["id", "position", "record"]


@pytest.mark.parametrize("content", ["[]", "  \n [ ] \n", "\n\n"])
def test_json_without_records_has_no_rows(tmp_path, content):
    rows, rejected = load_rows(path=write(tmp_path / "e.json", content))
    assert rows.empty and rejected.empty


def test_one_row(tmp_path):
    rows, _ = load_rows(path=write(tmp_path / "one.json", '{"text": "only", "n": 1}'))
    assert list(rows["record"]) == ['{"n": 1, "text": "only"}']
    assert rows["id"][0] == load_rows(path=write(tmp_path / "x.jsonl", '{"n":1,"text":"only"}'))[0]["id"][0]


def test_one_conversation_in_a_json_file_is_one_record(tmp_path):
    talk = {"messages": [{"role": "user", "content": "hi"}], "source": "phone"}
    rows, _ = load_rows(path=write(tmp_path / "talk.json", json.dumps(talk)))
    assert [json.loads(record) for record in rows["record"]] == [talk]


def test_ten_thousand_rows_with_one_broken_line(tmp_path):
    lines = [json.dumps({"text": f"row {n}"}) for n in range(10_000)]
    lines[6_999] = '{"text": "row 6999" "label"}'
    rows, rejected = load_rows(path=write(tmp_path / "big.jsonl", "\n".join(lines)))
    assert len(rows) == 9_999 and 6_999 not in set(rows["position"])
    assert rejected.to_dict("records") == [
        {
            "position": 6_999,
            "line": 7_000,
            "file": "big.jsonl",
            "reason": "not JSON: Expecting ',' delimiter at column 21",
        }
    ]


def test_each_bad_line_is_told_and_the_rest_goes_on(tmp_path):
    lines = [
        b'{"text": "good"}',
        b'{"text": "caf\xff"}',
        b"null",
        b"[1, 2]",
        b"7",
        b"",
        b'{"text": "half \\ud83d"}',
        b"[" * 100_000,
        b'{"n": ' + b"9" * 5_000 + b"}",
        b'{"text": "last"}',
    ]
    rows, rejected = load_rows(path=write(tmp_path / "bad.jsonl", b"\n".join(lines)))
    assert set(rows["position"]) == {0, 8}
    reasons = dict(zip(rejected["line"], rejected["reason"], strict=True))
    assert reasons[2] == "not UTF-8: byte 0xff at 13"
    assert reasons[3] == "record is null"
    assert reasons[4] == "not an object: a list" and reasons[5] == "not an object: a number"
    assert reasons[7] == "not Unicode: a lone surrogate U+D83D"
    assert reasons[8] == "not JSON: nested too deeply"
    assert reasons[9].startswith("not JSON: Exceeds the limit")
    assert list(rejected["position"]) == [1, 2, 3, 4, 5, 6, 7]


def test_numbers_that_json_lacks_become_null(tmp_path):
    rows, _ = load_rows(path=write(tmp_path / "n.jsonl", '{"a": NaN, "b": -Infinity, "c": 1e999, "d": [NaN]}'))
    assert list(rows["record"]) == ['{"a": null, "b": null, "c": null, "d": [null]}']


def test_uneven_schemas_are_records_all_the_same(tmp_path):
    records = [{"text": "a"}, {"text": ["b"], "n": 1}, {"other": {"deep": None}}, {}]
    rows, rejected = load_rows(path=write(tmp_path / "u.jsonl", lines_of(records)))
    assert [json.loads(record) for record in rows.sort_values("position")["record"]] == records and rejected.empty


@pytest.mark.parametrize(
    ("content", "good", "reason"),
    [
        ('[{"n": 0}, {"n": 1}, {"n": ', 2, "not JSON: Expecting value at column 28"),
        ('[{"n": 0}, {"n": 1}', 2, "not JSON: Expecting ',' delimiter at column 20"),
        ('[{"n": 0} {"n": 1}]', 1, "not JSON: Expecting ',' delimiter at column 11"),
        ('[{"n": 0}] more', 1, "not JSON: Extra data at column 12"),
        ('[{"n": 0},]', 1, "not JSON: Expecting value at column 11"),
        ('{"x": {"n": 0}, "y": {"n": 1}, "z', 2, "not JSON: Unterminated string starting at column 32"),
        ('{"x": {"n": 0}, 5}', 1, "not JSON: Expecting property name enclosed in double quotes at column 17"),
        ('[{"n": 0}, ' + "[" * 100_000, 1, "not JSON: nested too deeply"),
    ],
)
def test_a_broken_json_file_keeps_the_records_before_the_break(tmp_path, content, good, reason):
    rows, rejected = load_rows(path=write(tmp_path / "b.json", content))
    assert sorted(json.loads(record)["n"] for record in rows["record"]) == list(range(good))
    assert list(rejected["reason"]) == [f"{reason}; the file is read up to here"]
    assert list(rejected["line"]) == [1] and list(rejected["position"]) == [good]


def test_a_bad_byte_in_a_json_array_costs_one_record(tmp_path):
    rows, rejected = load_rows(path=write(tmp_path / "b.json", b'[{"n": 0},\n{"n": "\xfe"},\n{"n": 2}, null]'))
    assert list(rows.sort_values("position")["position"]) == [0, 2]
    assert rejected[["position", "line", "reason"]].values.tolist() == [
        [1, 2, "not UTF-8: byte 0xfe at 7"],
        [3, 3, "record is null"],
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=5),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers(-(2**70), 2**70)
                | st.text(max_size=8)
                | st.floats(allow_nan=False, allow_infinity=False),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
                max_leaves=6,
            ),
            max_size=4,
        ),
        max_size=6,
    )
)
def test_an_array_and_lines_of_any_records_are_read_as_the_standard_library_reads_them(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("any")
    array, _ = load_rows(path=write(folder / "r.json", json.dumps(records, indent=1)))
    lines, _ = load_rows(path=write(folder / "r.jsonl", "\n".join(map(json.dumps, records))))
    assert [json.loads(record) for record in array.sort_values("position")["record"]] == records
    pd.testing.assert_frame_equal(array, lines)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60))
def test_a_json_array_cut_anywhere_loses_only_what_was_cut(tmp_path_factory, cut):
    whole = json.dumps([{"n": 0, "t": "a,]"}, {"n": 1, "t": "b"}, {"n": 2, "t": "c"}])
    rows, rejected = load_rows(path=write(tmp_path_factory.mktemp("cut") / "c.json", whole[: max(len(whole) - cut, 0)]))
    ends = [whole.index("}", whole.index(f'"n": {n}')) + 1 for n in range(3)]
    assert len(rows) == sum(end <= len(whole) - cut for end in ends)
    assert len(rejected) == (0 < cut < len(whole))


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", PACKERS[".zst"])])
def test_a_cut_compressed_file_keeps_the_lines_before_the_break(tmp_path, ending, pack):
    chance = random.Random(7)
    whole = lines_of({"n": n, "t": chance.randbytes(40).hex()} for n in range(5_000))
    rows, rejected = load_rows(path=write(tmp_path / f"r.jsonl{ending}", pack(whole)[: len(pack(whole)) // 2]))
    assert 0 < len(rows) < 5_000 and list(rows["position"].sort_values()) == list(range(len(rows)))
    assert len(rejected) == 1 and "file ended" in rejected["reason"][0] and rejected["line"][0] == len(rows) + 1


def test_a_file_that_is_not_what_its_name_says_is_one_rejection(tmp_path):
    for name in ("x.jsonl.gz", "x.csv.zst", "x.parquet", "x.arrow"):
        rows, rejected = load_rows(path=write(tmp_path / name, b"this is plain text, not what the name says"))
        assert rows.empty and len(rejected) == 1 and rejected["file"][0] == name, name


def test_a_broken_file_in_a_folder_does_not_stop_the_others(tmp_path):
    write(tmp_path / "a.parquet", b"rubbish")
    write(tmp_path / "b.jsonl", lines_of(PETS))
    rows, rejected = load_rows(path=str(tmp_path))
    assert set(rows["id"]) == {"a", "b", "c", "d"} and list(rejected["file"]) == ["a.parquet"]


def test_csv_rows_that_do_not_fit_are_told_and_the_rest_goes_on(tmp_path):
    content = b'text,label\n"fine, really",x\nno label\ntoo,many,cells\n\n"broken" quote,x\n'
    content += b'"open,x\n"two\nlines",y\nbad \xe9,x\nnul\x00,z\n'
    rows, rejected = load_rows(path=write(tmp_path / "r.csv", content))
    assert [json.loads(record) for record in rows.sort_values("position")["record"]] == [
        {"label": "x", "text": "fine, really"},
        {"label": "y", "text": "two\nlines"},
        {"label": "z", "text": "nul\x00"},
    ]
    assert dict(zip(rejected["line"], rejected["reason"], strict=True)) == {
        3: "not CSV: 1 cells where the header has 2",
        4: "not CSV: 3 cells where the header has 2",
        6: "not CSV: ',' expected after '\"'",
        7: "not CSV: ',' expected after '\"'",
        10: "not UTF-8: byte 0xe9 at 4",
    }


def test_a_row_of_five_megabytes(tmp_path):
    text = "long, " * 900_000
    write_csv(tmp_path / "long.csv", [{"id": "1", "text": text}])
    rows = [
        load_rows(path=path)[0]
        for path in (str(tmp_path / "long.csv"), write(tmp_path / "l.jsonl", lines_of([{"id": "1", "text": text}])))
    ]
    assert json.loads(rows[0]["record"][0])["text"] == text
    pd.testing.assert_frame_equal(*rows)


def test_values_that_json_lacks_become_plain(tmp_path):
    import datetime
    from decimal import Decimal

    record = {
        "day": datetime.date(2024, 2, 29),
        "at": datetime.datetime(2024, 2, 29, 12, 30),
        "bytes": b"caf\xc3\xa9",
        "raw": b"\xff",
        "price": Decimal("1.50"),
        "none": float("nan"),
    }
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "p.parquet")
    rows, _ = load_rows(path=str(tmp_path / "p.parquet"))
    assert json.loads(rows["record"][0]) == {
        "day": "2024-02-29",
        "at": "2024-02-29T12:30:00",
        "bytes": "café",
        "raw": "/w==",
        "price": 1.5,
        "none": None,
    }


def test_a_bad_byte_in_a_parquet_column_costs_one_row(tmp_path):
    bad = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc")]
    )
    pq.write_table(pa.table({"text": bad}), tmp_path / "b.parquet")
    rows, rejected = load_rows(path=str(tmp_path / "b.parquet"))
    assert sorted(rows["position"]) == [0, 2]
    assert rejected[["position", "reason"]].values.tolist() == [[1, "not UTF-8: byte 0xff at 0"]]


def test_repeated_ids_are_numbered_and_counted_and_stay_in_the_record(tmp_path):
    records = [
        {"id": name, "text": text} for name, text in [("x", "1"), ("x", "2"), ("x", "3"), ("x-2", "4"), ("y", "5")]
    ]
    rows, _ = load_rows(path=write(tmp_path / "r.jsonl", lines_of(records)))
    assert sorted(rows["id"]) == ["x", "x-2", "x-3", "x-4", "y"] and repeated_ids(rows) == 2
    texts = {name: json.loads(record) for name, record in zip(rows["id"], rows["record"], strict=True)}
    assert texts["x-2"] == {"id": "x-2", "text": "4"}, "an id of the source is never taken by a repeat"
    assert {texts[name]["id"] for name in ("x", "x-3", "x-4")} == {"x"}


def test_rows_that_are_all_the_same_each_have_an_id(tmp_path):
    rows, _ = load_rows(path=write(tmp_path / "same.txt", "again\n" * 50))
    assert rows["id"].is_unique and len(rows) == 50 and repeated_ids(rows) == 49


@pytest.mark.parametrize("named", [True, False])
def test_a_shuffled_file_gives_the_same_rows(tmp_path, named):
    records = [{"text": f"row {n % 90}", "n": n % 45} | ({"id": n % 80} if named else {}) for n in range(100)]
    shuffled = random.Random(3).sample(records, len(records))
    one, _ = load_rows(path=write(tmp_path / "one.jsonl", lines_of(records)))
    two, _ = load_rows(path=write(tmp_path / "two.jsonl", lines_of(shuffled)))
    pd.testing.assert_frame_equal(one.drop(columns="position"), two.drop(columns="position"))
    assert repeated_ids(one) > 0 and list(one["position"]) != list(two["position"])


def test_a_sample_depends_on_content_and_seed_only(tmp_path):
    records = [{"id": n, "text": f"row {n}"} for n in range(200)]
    one = write(tmp_path / "one.jsonl", lines_of(records) + b"broken\n")
    two = write(tmp_path / "two.jsonl", b"broken\n" + lines_of(reversed(records)))
    whole = load_rows(path=one)[0]
    picks = [load_rows(path=path, sample=20)[0] for path in (one, two)]
    assert list(picks[0]["record"]) == list(picks[1]["record"]) == list(whole["record"][:20])
    assert len(load_rows(path=one, sample=20)[1]) == 1
    assert set(load_rows(path=one, sample=20, seed=1)[0]["id"]) != set(picks[0]["id"])
    assert len(load_rows(path=one, sample=999)[0]) == 200


def test_start_and_end_count_bad_records_too(tmp_path):
    path = write(tmp_path / "r.jsonl", "\n".join(["{}", "bad", '{"n": 2}', '{"n": 3}', "bad", "bad"]))
    rows, rejected = load_rows(path=path, start=1, end=5)
    assert sorted(rows["position"]) == [2, 3] and list(rejected["position"]) == [1, 4]
    assert len(load_rows(path=path, start=6)[0]) == 0
    assert sum(map(len, load_rows(path=path))) == 6


def test_ids_come_from_the_column_asked_for_or_a_usual_one_or_the_content(tmp_path):
    records = [{"uuid": f"u{n}", "key": n, "text": f"t{n}"} for n in range(20)]
    del records[3]["uuid"]
    path = write(tmp_path / "r.jsonl", lines_of(records))
    ids = load_rows(path=path)[0].set_index("position")["id"]
    assert ids[0] == "u0" and len(ids[3]) == 16
    assert set(load_rows(path=path, id="key")[0]["id"]) == {str(n) for n in range(20)}
    nameless = write(tmp_path / "n.jsonl", lines_of([{"id": {"not": "scalar"}, "text": "t"}]))
    assert len(load_rows(path=nameless)[0]["id"][0]) == 16
    with pytest.raises(ValueError, match="no column 'nr' .*columns are key, text, uuid"):
        load_rows(path=path, id="nr")


def test_columns_kept_apart_are_beside_the_record_and_do_not_change_the_order(tmp_path):
    records = [{"text": f"t{n}", "vector": [n, 0.5], "cluster": n % 2} for n in range(10)]
    write_csv(tmp_path / "r.csv", [{**one, "vector": json.dumps(one["vector"])} for one in records])
    pq.write_table(
        pa.Table.from_pylist([{**one, "vector": [float(x) for x in one["vector"]]} for one in records]),
        tmp_path / "r.parquet",
    )
    plain = load_rows(path=write(tmp_path / "plain.jsonl", lines_of({"text": one["text"]} for one in records)))[0]
    for path in (write(tmp_path / "r.jsonl", lines_of(records)), str(tmp_path / "r.csv"), str(tmp_path / "r.parquet")):
        rows, _ = load_rows(path=path, apart=["vector", "cluster"])
        pd.testing.assert_frame_equal(rows[["id", "position", "record"]], plain)
        assert rows["vector"][0].dtype == "float32" and rows["vector"][0].tolist() == [rows["position"][0], 0.5]
        assert rows["cluster"].dtype == "int64" and list(rows["cluster"]) == list(rows["position"] % 2)
    with pytest.raises(ValueError, match="no column 'vectors'"):
        load_rows(path=path, apart=["vectors"])
    with pytest.raises(ValueError, match="cannot be kept apart"):
        load_rows(path=path, apart=["id"])


def test_columns_kept_apart_of_any_kind_can_be_written(tmp_path):
    odd = [1, "two", None, {"a": [1]}, 2**80, True, [1, "x"]]
    rows, _ = load_rows(
        path=write(tmp_path / "r.jsonl", lines_of({"n": n, "odd": one} for n, one in enumerate(odd))), apart=["odd"]
    )
    rows.to_parquet(tmp_path / "r.parquet")
    back = pd.read_parquet(tmp_path / "r.parquet").sort_values("position")
    assert list(back["odd"]) == ["1", "two", None, '{"a": [1]}', str(2**80), "true", '[1, "x"]']


def test_records_are_a_stream(tmp_path):
    stream = read_records(path=write(tmp_path / "r.jsonl", lines_of(PETS[:1]) + b"bad\n"))
    first, second = stream
    assert first == Record(0, "a", json.dumps(PETS[0], sort_keys=True))
    assert second == Rejected(1, "not JSON: Expecting value at column 1", "r.jsonl", 2)


def test_the_fingerprint_changes_with_the_files(tmp_path):
    path = write(tmp_path / "r.jsonl", lines_of(PETS))
    before = source_fingerprint(path=path, split="train", id=None, start=0, end=None)
    assert before == source_fingerprint(path)
    write(tmp_path / "r.jsonl", lines_of(PETS[1:]))
    assert before != source_fingerprint(path)


def test_a_source_is_described_for_people(tmp_path):
    described = describe_source(write(tmp_path / "r.jsonl", lines_of(PETS)))
    assert described["kind"] == "file" and described["files"] == ["r.jsonl"] and described["first"] == PETS[0]
    assert described["columns"] == {"id": "a string", "label": "a string", "text": "a string"}


def test_a_wrong_path_says_what_is_there(tmp_path):
    write(tmp_path / "conversations.jsonl", b"")
    with pytest.raises(FileNotFoundError, match="near matches: conversations.jsonl"):
        load_rows(path=str(tmp_path / "conversation.jsonl"))
    with pytest.raises(FileNotFoundError, match="no data file in .*it has nothing"):
        (tmp_path / "empty").mkdir()
        load_rows(path=str(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError, match="no data file in"):
        load_rows(path=str(tmp_path / "*.csv"))
    with pytest.raises(ValueError, match="not a known kind of file; known are .json"):
        load_rows(path=write(tmp_path / "x.docx", b""))
    with pytest.raises(FileNotFoundError, match="no package 'no_such_package'"):
        load_rows(path="package:no_such_package/x.json")
    with pytest.raises(FileNotFoundError, match="nearest folder is"):
        load_rows(path="package:pandas/no_such_file.json")


def test_a_dataset_of_the_hub_that_cannot_be_asked_now_is_told_and_holds_nothing_up():
    """What was read before may stand; whether it does is for the next step to say."""
    described = describe_source("nobody/nothing")
    assert described["kind"] == "hub" and "the hub cannot be reached" in described["not looked at"]
    assert source_table(described)["source"].tolist() == ["kind", "path", "not looked at"]


@pytest.mark.hub
def test_a_dataset_of_the_hub_is_read_and_a_wrong_split_says_what_exists():
    try:
        rows, _ = load_rows(path="LDJnr/Puffin", end=20)
    except ConnectionError as error:
        pytest.skip(str(error))
    assert len(rows) == 20 and "conversations" in json.loads(rows["record"][0])
    with pytest.raises(ValueError, match="splits of .* are train"):
        load_rows(path="LDJnr/Puffin", split="nope")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared beside the checkout")
def test_all_shared_csv_rows_are_those_that_the_standard_library_reads():
    path = SHARED / "labelled_banking77.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    rows, rejected = load_rows(path=str(path))
    assert [json.loads(record) for record in rows.sort_values("position")["record"]] == expected and rejected.empty
