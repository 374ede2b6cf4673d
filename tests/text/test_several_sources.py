"""Several sources on one map: each row says of which it is, ids stay apart, every source keeps its own format."""

import json
from itertools import chain

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.config import read_config
from helpers.text.load import load_rows, name_sources, source_fingerprint
from helpers.text.strings import convert_rows


@pytest.fixture
def files(tmp_path):
    """A file of texts, one of chats, and one with a broken line."""
    texts = [{"id": str(number), "text": f"plain text {number}", "score": number} for number in range(5)]
    chats = [
        {
            "id": str(number),
            "messages": [{"role": "user", "content": f"hi {number}"}, {"role": "assistant", "content": "yes"}],
        }
        for number in range(4)
    ]
    for name, records in {"real": texts, "made": chats}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    (tmp_path / "broken.jsonl").write_text('{"id": "9", "text": "whole"}\n{"id": \n')
    return {path.stem: str(path) for path in tmp_path.iterdir()}


def test_rows_of_all_sources_are_there_once_and_say_where_they_are_from(files):
    rows, rejected = load_rows(
        path=files["real"], also={"made": {"path": files["made"]}, "bad": {"path": files["broken"]}}
    )
    assert rows["source_name"].value_counts().to_dict() == {"real": 5, "made": 4, "bad": 1}
    assert set(rows["id"]) == {*"01234", *(f"made/{number}" for number in range(4)), "bad/9"}
    assert rejected[["position", "line", "file"]].values.tolist() == [[1, 2, "bad: broken.jsonl"]]
    texts, unusable = convert_rows(rows, keep=["score"])
    assert texts["id"].tolist() == rows["id"].tolist() and unusable.empty
    told = texts.set_index("id")
    assert told.loc["made/2", "text"] == "hi 2\nyes" and list(told.loc["made/2", "speakers"]) == ["user", "assistant"]
    assert told.loc["3", ["text", "score", "source_name"]].tolist() == ["plain text 3", 3, "real"]
    assert pd.isna(told.loc["made/2", "score"])
    assert texts.attrs["format"]["made"]["format"] == "openai" and texts.attrs["format"]["real"]["format"] == "text"


def test_a_source_alone_is_as_it_was(files):
    rows, _ = load_rows(path=files["real"])
    assert "source_name" not in rows and set(rows["id"]) == {*"01234"}
    several, _ = load_rows(path=files["real"], also={"made": {"path": files["made"]}})
    kept = several[several["source_name"] == "real"].drop(columns="source_name").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, rows)


@given(st.permutations(["made", "bad"]), st.integers(1, 10))
def test_the_order_of_the_other_sources_does_not_matter_and_a_sample_is_of_all(tmp_path_factory, order, sample):
    folder = tmp_path_factory.mktemp("sources")
    for name in ("real", *order):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": f"{name} {n}"}) + "\n" for n in range(6)))
    also = {name: {"path": str(folder / f"{name}.jsonl")} for name in order}
    rows, _ = load_rows(path=str(folder / "real.jsonl"), also=also, sample=sample)
    other, _ = load_rows(path=str(folder / "real.jsonl"), also=dict(sorted(also.items())), sample=sample)
    pd.testing.assert_frame_equal(rows, other)
    assert len(rows) == sample and rows["id"].is_unique


def test_the_settings_name_further_sources_by_path_or_whole(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    also = {"made": "made.jsonl", "again": {"path": "real.jsonl", "split": "test"}}
    _, config = read_config(files["real"], {"source.also": also, "explore.sources": "source_name"})
    assert config.source.also["made"].path == files["made"] and config.source.also["again"].split == "test"
    rows, _ = load_rows(**config.source, **config.sampling)
    assert rows["source_name"].value_counts().to_dict() == {"real": 5, "again": 5, "made": 4}
    assert config.text.keep == []
    with pytest.raises(ValueError, match="embed.file has a line a row of one source"):
        read_config(files["real"], {"source.also": also, "embed.file": "x.npy"})
    with pytest.raises(ValueError, match="source_name"):
        read_config(files["real"], {"text.keep": ["source_name"]})


def test_a_change_in_any_source_is_seen(files):
    also = {"made": {"path": files["made"]}}
    before = source_fingerprint(files["real"], also=also)
    assert before == source_fingerprint(files["real"], also=also, known=before)
    with open(files["made"], "a") as more:
        more.write('{"messages": []}\n')
    assert before != source_fingerprint(files["real"], also=also)


def test_what_cannot_stand_beside_others_is_refused_by_name(files, tmp_path):
    turns = [{"conversation_id": f"c{number // 2}", "role": "user", "content": "hello"} for number in range(6)]
    (tmp_path / "turns.jsonl").write_text("".join(json.dumps(one) + "\n" for one in turns))
    rows, _ = load_rows(path=files["real"], also={"talk": {"path": str(tmp_path / "turns.jsonl")}})
    with pytest.raises(ValueError, match="source talk: a row is one turn of a conversation"):
        convert_rows(rows)
    with pytest.raises(FileNotFoundError, match="^source gone: "):
        load_rows(path=files["real"], also={"gone": {"path": str(tmp_path / "gone.jsonl")}})
    with pytest.raises(ValueError, match="two sources are called 'real'"):
        load_rows(path=files["real"], also={"real": {"path": files["made"]}})
    with pytest.raises(ValueError, match="no column 'body'"):
        convert_rows(load_rows(path=files["real"], also={"made": {"path": files["made"]}})[0], keep=["body"])
    assert list(chain(name_sources({"path": "owner/name"}, None, {"b": {"path": "x"}}))) == ["name", "b"]


def test_kept_columns_of_all_sources_are_read_as_one(tmp_path):
    """What one source lacks, or has as another kind of value, loses nothing of the other's."""
    big = [{"text": f"a {at}", "big": 1234567890123456789 + at, "flag": at % 2 == 0, "kind": "x"} for at in range(4)]
    other = [{"text": f"b {at}", "kind": at} for at in range(3)]
    for name, records in {"one": big, "two": other}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    rows, _ = load_rows(path=str(tmp_path / "one.jsonl"), also={"two": {"path": str(tmp_path / "two.jsonl")}})
    texts, _ = convert_rows(rows, keep=["big", "flag", "kind"])
    found = texts.sort_values("text")
    assert found["big"].dropna().tolist() == [one["big"] for one in big] and found["big"].isna().sum() == 3
    assert found["flag"].dropna().tolist() == [True, False, True, False]
    assert found["kind"].tolist() == ["x", "x", "x", "x", "0", "1", "2"]
    texts.to_parquet(tmp_path / "texts.parquet")


def test_sources_without_a_single_row_are_no_texts(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text("{broken\n")
    rows, rejected = load_rows(path=str(tmp_path / "one.jsonl"), also={"two": {"path": str(tmp_path / "two.jsonl")}})
    texts, unusable = convert_rows(rows, keep=["x"])
    assert texts.empty and unusable.empty and len(rejected) == 2 and "source_name" in texts


def test_sources_that_stand_beside_their_yaml_are_found_from_there(files, tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(
        "title: Mine\nsource: {path: real.jsonl, also: {2024: made.jsonl, bad: {path: broken.jsonl}}}\n"
    )
    monkeypatch.chdir("/")
    _, config = read_config(str(tmp_path / "mine.yaml"))
    assert config.source.path == files["real"] and config.source.also["2024"].path == files["made"]
    assert config.source.also["bad"].path == files["broken"]
