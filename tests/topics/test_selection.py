import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.topics.selection import selected_ids, selected_rows

ROWS = pd.DataFrame({"id": ["a", "b", "007", "NA", "é, x"], "text": ["one", "two", "three", "four", "five"]})
# What an id may be: any text on one line that a file can hold.
IDS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8), max_size=8)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_the_pages_json_and_a_plain_list_give_the_same_ids(write):
    page = {"kit": "topic-map", "run": "demo", "ids": ["b", "a", "b", "007"]}
    assert selected_ids(write("selection.json", json.dumps(page))) == ["b", "a", "007"]
    assert selected_ids(write("list.json", json.dumps(page["ids"]))) == ["b", "a", "007"]


def test_numbers_become_strings_as_the_ids_of_rows_are(write):
    assert selected_ids(write("n.json", "[12, 7, 12]")) == ["12", "7"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_a_csv_gives_the_column_id_whatever_stands_beside_it(write, mark):
    text = 'id,topic,label\r\nb,3,"Cats, dogs"\r\n007,3,"two\r\nlines"\r\nNA,-1,=1+1\r\nb,3,x\r\n"é, x",0,""\r\n'
    assert selected_ids(write("s.csv", mark + text.encode())) == ["b", "007", "NA", "é, x"]
    assert selected_ids(write("s2.csv", mark + b"label,id\ncats,a\n")) == ["a"]
    assert selected_ids(write("s3.CSV", mark + b"id\nb\na\n")) == ["b", "a"]


def test_a_csv_that_a_spreadsheet_saved_with_semicolons_is_read(write):
    assert selected_ids(write("s.csv", "id;label\na;one, two\nb;x\n")) == ["a", "b"]


@given(ids=IDS, marked=st.booleans())
def test_what_was_written_is_read_back(ids, marked, tmp_path_factory):
    folder, encoding = tmp_path_factory.mktemp("ids"), "utf-8-sig" if marked else "utf-8"
    (folder / "s.json").write_text(json.dumps({"ids": ids}, ensure_ascii=False), encoding=encoding)
    table = io.StringIO(newline="")
    csv.writer(table).writerows([["id", "topic", "label"], *([one, 1, "x"] for one in ids)])
    (folder / "s.csv").write_text(table.getvalue(), encoding=encoding, newline="")
    once = list(dict.fromkeys(ids))
    assert selected_ids(folder / "s.json") == once == selected_ids(folder / "s.csv")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("s.csv", "key,topic\na,1\n", "no column id; columns are key, topic"),
        ("s.csv", "", "an empty file"),
        ("s.csv", "id,x\na,1\nb\xff".encode("latin-1"), "not UTF-8"),
        ("s.csv", 'id,x\na,"1\n', "not CSV"),
        ("s.json", '{"kit": "topic-map", "run": "demo"}', "an object without `ids`; it has kit, run"),
        ("s.json", '{"ids": "a"}', r"not a list of ids: expected \[...\], got a string"),
        ("s.json", '["a", null]', "not a list of ids: number 2 is null"),
        ("s.json", '["a", 1.5]', "not a list of ids: number 2 is a number"),
        ("s.json", "[true]", "not a list of ids: number 1 is"),
        ("s.json", '["a"', "not JSON"),
        ("s.json", b"\xff\xfe[", "not UTF-8"),
        ("s.txt", "a", "expected a .json or .csv file"),
    ],
)
def test_what_is_no_list_of_ids_is_said(write, name, content, said):
    path = write(name, content)
    with pytest.raises(ValueError, match=said) as error:
        selected_ids(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none\.json"):
        selected_ids(tmp_path / "none.json")


def test_rows_come_in_the_files_order(write):
    found = selected_rows(ROWS, write("s.json", '["NA", "a", "NA"]'))
    assert found.to_dict("list") == {"id": ["NA", "a"], "text": ["four", "one"]}
    assert list(found.index) == [0, 1]


def test_no_id_gives_no_row(write):
    none = selected_rows(ROWS, write("s.csv", "id\n"))
    assert none.empty and list(none.columns) == ["id", "text"]


def test_ids_that_rows_lack_are_named(write):
    path = write("s.json", json.dumps(["a", *(f"x{i}" for i in range(7))]))
    with pytest.raises(
        ValueError, match="7 of 8 ids are not among the 5 rows: 'x0', 'x1', 'x2', 'x3', 'x4' and 2 more"
    ):
        selected_rows(ROWS, path)
