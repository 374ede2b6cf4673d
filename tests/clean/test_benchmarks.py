"""Items of benchmarks come from files, YAMLs and names; what cannot be read is refused, and says why."""

import gzip
import json
import re

import pandas as pd
import pytest

from helpers.clean import benchmarks
from helpers.clean.benchmarks import known_benchmarks, read_benchmarks

ASKED = ["Which river runs through Vienna and four more capitals on its way to the sea?", "Is it so?", "Is it so?"]


@pytest.fixture
def write(tmp_path):
    """A function that writes records to a file of lines and returns its path."""

    def writes(name, records):
        path = tmp_path / name
        text = "".join(json.dumps(record) + "\n" for record in records)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        return str(path)

    return writes


def lines(table):
    return list(table.itertuples(index=False, name=None))


def test_a_file_is_named_for_itself_and_its_columns_are_found(write, tmp_path):
    packed = write("river_test.jsonl.gz", [{"question": ASKED[0], "answer": "the Danube", "id": 7}])
    csv = tmp_path / "sums.csv"
    csv.write_text("prompt,answer\nAdd one to two,3\n")
    table = tmp_path / "more.parquet"
    pd.DataFrame({"Text": ["¿Qué río cruza Viena?"], "label": [1]}).to_parquet(table)
    assert lines(read_benchmarks([packed, str(csv), str(table)])) == [
        ("river_test", "7", ASKED[0]),
        ("sums", "0", "Add one to two"),
        ("more", "0", "¿Qué río cruza Viena?"),
    ]
    assert read_benchmarks([]).columns.tolist() == ["benchmark", "item", "text"]


def test_answers_are_no_part_of_an_item_and_options_only_of_a_stub(write):
    """A question that several items ask, or a short one, says nothing by itself."""
    same = "Which of the following statements about the text above is the right one, all told?"
    records = [
        {"question": ASKED[0], "choices": {"text": ["Rhine", "Danube"], "label": ["A", "B"]}, "answer": "B"},
        {"question": "Is it so?", "choices": {"text": ["yes", "no"], "label": ["A", "B"]}, "answer": "A"},
        {"question": same, "choices": {"text": ["One", "Two"], "label": ["A", "B"]}, "answer": "A"},
        {"question": same.upper(), "choices": {"text": ["Three", "Four"], "label": ["A", "B"]}, "answer": "A"},
    ]
    wanted = [ASKED[0], "Is it so?\nA. yes\nB. no", f"{same}\nA. One\nB. Two", f"{same.upper()}\nA. Three\nB. Four"]
    assert read_benchmarks([write("a.jsonl", records)])["text"].tolist() == wanted
    named = {"name": "mine", "path": write("a.jsonl", records), "columns": "question", "options": "choices.text"}
    assert read_benchmarks([named])["text"].tolist() == wanted
    only = read_benchmarks([{"path": write("a.jsonl", records), "columns": ["answer", "question"]}])
    assert only["text"][1] == "A\nIs it so?" and only["benchmark"][0] == "a"


def test_a_yaml_of_ones_own_has_the_form_of_the_packaged_one(write, tmp_path):
    write("goals.jsonl", [{"goal": "Sharpen a knife", "sol1": "with a stone", "sol2": "with butter", "nr": 3}])
    path = tmp_path / "mine.yaml"
    path.write_text("household: {path: goals.jsonl, columns: goal, options: [sol1, sol2], id: nr}\n")
    assert lines(read_benchmarks([str(path)])) == [
        ("household", "3", "Sharpen a knife\nA. with a stone\nB. with butter"),
    ]


def test_items_have_names_of_their_own(write):
    repeated = [{"id": "x", "text": "first"}, {"id": "y", "text": "second"}, {"id": "x", "text": "third"}]
    assert read_benchmarks([write("a.jsonl", repeated)])["item"].tolist() == ["x 0", "y", "x 2"]
    numbered = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"text": "c"}, {"id": 3, "text": "d"}]
    assert read_benchmarks([write("c.jsonl", numbered)])["item"].tolist() == ["1", "2", "2-2", "3"]
    repeated = [{"id": "a", "text": "a"}, {"id": "a", "text": "b"}, {"id": "a 0", "text": "c"}]
    assert read_benchmarks([write("d.jsonl", repeated)])["item"].tolist() == ["a 0-2", "a 1", "a 0"]
    missing = [{"id": "x", "text": "first"}, {"id": None, "text": None}, {"text": ["third", {"a": 4}]}]
    table = read_benchmarks([write("b.jsonl", missing)])
    assert lines(table) == [("b", "x", "first"), ("b", "1", ""), ("b", "2", "third\n4")]


def test_known_names_are_known_however_they_are_written():
    from helpers.clean.benchmarks import _named

    asked = (
        "GSM8K HumanEval MMLU ARC-Easy arc_challenge HellaSwag PIQA BoolQ TruthfulQA OpenBookQA WinoGrande SIQA MBPP"
    )
    asked += " CommonsenseQA DROP SQuAD"
    for name in asked.split():
        [(known, where)] = _named(name)
        assert known in known_benchmarks() and where.columns and where.split and "/" in where.path
    assert [name for name, _ in _named("ARC")] == ["arc_challenge", "arc_easy"]
    with pytest.raises(ValueError, match=r"no benchmark 'gsm9k' \(did you mean 'gsm8k'\?\): known are aime24, arc_"):
        read_benchmarks(["gsm9k"])


def test_a_benchmark_of_the_hub_is_asked_for_aloud(capfd):
    with pytest.raises(ConnectionError, match="cannot be reached"):
        read_benchmarks(["gsm8k"])
    assert "asking the Hugging Face hub for openai/gsm8k" in capfd.readouterr().err


@pytest.mark.hub
def test_every_known_benchmark_is_where_it_is_said_to_be():
    try:
        tables = [read_benchmarks([name]) for name in known_benchmarks() if name != "gpqa"]  # which asks for consent
    except ConnectionError as error:
        pytest.skip(str(error))
    for table in tables:
        assert len(table) > 20 and table["text"].str.len().gt(5).mean() > 0.99 and table["item"].is_unique


def test_what_cannot_be_read_is_refused(write, tmp_path):
    good = write("a.jsonl", [{"question": ASKED[0]}])
    torn = tmp_path / "torn.jsonl"
    torn.write_text('{"question": "Why?"}\n{"question": ')
    (tmp_path / "list.yaml").write_text("- gsm8k")
    (tmp_path / "wrong.yaml").write_text("a: {path: x, question: y}")
    (tmp_path / "empty.jsonl").write_text("")
    for names, message in [
        ([good, good], "two benchmarks are called 'a'"),
        ([str(torn)], "benchmark torn: line 2 cannot be read: not JSON"),
        ([str(tmp_path / "empty.jsonl")], "benchmark empty: there is no item"),
        ([{"path": good, "columns": "ask"}], "benchmark a: no column 'ask'; columns are question"),
        ([{"path": good, "id": "nr"}], "benchmark a: no column 'nr'"),
        ([{"columns": "question"}], "path: Field required; a benchmark takes path, config, split"),
        ([str(tmp_path / "list.yaml")], "list.yaml: expected lines such as `mine:"),
        ([str(tmp_path / "wrong.yaml")], "wrong.yaml: a: question: Extra inputs are not permitted"),
        ([write("b.jsonl", [{"q": 1}])], "benchmark b: no column of questions found; columns are q: name it in a YAML"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            read_benchmarks(names)
    with pytest.raises(FileNotFoundError, match="near matches: torn.jsonl"):
        read_benchmarks([str(tmp_path / "toren.jsonl")])


@pytest.mark.shared
def test_real_files_are_read_whole(shared):
    table = read_benchmarks([str(shared / f"benchmarks/{name}.jsonl.gz") for name in ("gsm8k_test", "humaneval")])
    assert table["benchmark"].value_counts().to_dict() == {"gsm8k_test": 1319, "humaneval": 164}
    assert table["item"].iloc[[0, -1]].tolist() == ["gsm8k-test-0", "HumanEval/163"]
    assert table["text"].str.len().min() > 20 and not table["text"].str.contains("####").any()


def test_an_error_of_its_source_names_the_benchmark(tmp_path):
    with pytest.raises(FileNotFoundError, match="^benchmark itms: no file"):
        read_benchmarks([str(tmp_path / "itms.jsonl")])


def test_items_in_the_store_are_not_read_again_until_their_files_or_settings_change(write, tmp_path, monkeypatch):
    path, store = write("sums.jsonl", [{"question": ASKED[0], "hint": ASKED[0] + " Think."}]), tmp_path / "items"
    first = read_benchmarks([path], store=store)
    pd.testing.assert_frame_equal(first, read_benchmarks([path]))
    read, again = [], benchmarks.read_records
    monkeypatch.setattr(benchmarks, "read_records", lambda **asked: (read.append(asked["path"]), again(**asked))[1])
    pd.testing.assert_frame_equal(read_benchmarks([path], store=store), first)
    assert read == []
    other = {"name": "sums", "path": path, "columns": ["hint"]}
    assert read_benchmarks([other], store=store)["text"].tolist() == [ASKED[0] + " Think."] and len(read) == 1
    write("sums.jsonl", [{"question": "How many bridges has the town of the seven bridges?"}])
    assert read_benchmarks([path], store=store)["text"].tolist() != first["text"].tolist() and len(read) == 2
