import json
import stat

import datasets
import huggingface_hub
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from markdown_it import MarkdownIt

from helpers.files import write_value
from helpers.publish import SHARD, push, save_dataset
from helpers.runs import open_run

ROWS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "position": range(4),
        "text": ["cats purr", "cats\nmeow", "tax | forms", "well"],
        "vector": range(4),
        "topic": [0, 0, 1, -1],
        "confidence": np.array([0.9, 0.5, 1, 0], dtype=np.float32),
        "x": np.array([1, 3, 5, 7], dtype=np.float32),
        "y": np.array([0, 2, 4, 6], dtype=np.float32),
        "summary_label": ["Cats", "Cats", "Tax", "Unassigned"],
        "model_name": ["small", "small", None, None],
        "label": ["pet", "pet", "money", None],
        "tags": [["x"], [], ["y", "z"], None],
    }
)
TOPICS = pd.DataFrame(
    {
        "topic": [-1, 0, 1],
        "size": [1, 2, 1],
        "unique": [1, 2, 1],
        "share": [0.25, 0.5, 0.25],
        "name": [None, None, None],
        "representative_ids": [["d"], ["b", "a"], ["c"]],
        "keywords": [[], ["cat", "purr"], ["tax"]],
        "keyword_scores": [[], [0.2, 0.1], [0.3]],
        "parent": pd.array([None, 0, 0], dtype="Int64"),
        "stability": [np.nan, 0.9, 0.4],
        "label": ["Unassigned", "Cats", "Tax"],
        "label_source": ["fixed", "llm", "keywords"],
        "score": pd.array([None, 2, None], dtype="Int64"),
    }
)
NO_EXAMPLES = TOPICS.assign(representative_ids=[[], [], []])
LAYERS = pd.DataFrame(
    {
        "layer": ["fine", "fine", "middle"],
        "topic": [0, 1, 0],
        "parent": [0, 0, -1],
        "label": ["Cats", "Tax", "All of it"],
    }
)
REPORT = {
    "title": "Small talk",
    "settings": {
        "source": {"path": "owner/name", "split": "train"},
        "cluster": {"algorithm": "hdbscan", "column": None, "topics": None},
        "redact": {"kinds": ["email", "phone"]},
    },
    "rows": 6,
    "kept": 4,
    "rejected": 2,
    "rejected_by_reason": {"empty": 2},
    "texts": 4,
    "unique": 4,
    "truncated": 1,
    "topics": 2,
    "coverage": 0.75,
    "min_cluster_size": 2,
    "min_cluster_size_reason": "set",
    "embedding": {"model": "BAAI/bge-base-en-v1.5"},
    "labels": {"by": {"model": "/home/me/models/tiny-llm", "server": "http://10.0.0.1"}},
}


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a finished run folder of small tables and returns it."""

    def make(rows=ROWS, topics=TOPICS, layers=LAYERS, report=REPORT):
        folder = tmp_path / "runs" / "small"
        for name, value in {"rows": rows, "topics": topics, "layers": layers}.items():
            write_value(folder / f"{name}.parquet", value)
        write_value(folder / "report.json", report)
        return folder

    return make


@pytest.fixture
def load(tmp_path):
    """A function that reads a folder back as anybody would, without a network."""

    def load(folder, name):
        return datasets.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"))["train"]

    return load


def card_tables(folder):
    """Return the card's front matter, the kinds of its parts and the cells of its tables, read by another's parser."""
    _, front, body = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    lines, kinds = [], set()
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        kinds |= {token.type, *(child.type for child in token.children or [])}
        if token.type == "tr_open":
            lines.append([])
        if token.type == "inline" and token.level >= 3:
            lines[-1].append("".join(child.content for child in token.children))
    return yaml.safe_load(front), kinds, lines


def test_rows_and_topics_are_read_back_as_two_configurations(make_run, load, tmp_path):
    folder = save_dataset(make_run(), tmp_path / "out")
    rows, topics = load(folder, "rows"), load(folder, "topics")
    assert rows.column_names == "id text topic label confidence x y".split()
    assert rows.to_list()[1] == {"id": "b", "text": "cats\nmeow", "topic": 0, "label": "Cats", "confidence": 0.5,
                                 "x": 3.0, "y": 2.0}  # fmt: skip
    assert topics.to_list()[1] == {
        **{"topic": 0, "label": "Cats", "label_source": "llm", "size": 2, "share": 0.5, "keywords": ["cat", "purr"]},
        **{"examples": ["cats\nmeow", "cats purr"], "x": 2.0, "y": 1.0, "parent": 0, "parent_label": "All of it"},
        **{"stability": pytest.approx(0.9), "score": 2},
    }
    unassigned = topics.to_list()[0]
    assert unassigned["topic"] == -1 and unassigned["parent"] is None and unassigned["stability"] is None
    assert len(rows) == 4 and len(topics) == 3


def test_without_texts_no_text_of_a_row_is_in_any_file(make_run, load, tmp_path):
    folder = save_dataset(make_run(), tmp_path / "out", texts=False)
    assert "text" not in load(folder, "rows").column_names and "examples" not in load(folder, "topics").column_names
    tables = "".join(str(pq.read_table(path).to_pylist()) for path in folder.rglob("*.parquet"))
    everything = tables + (folder / "README.md").read_text("utf-8")
    assert "Unassigned" in tables and not any(word in everything for word in ("meow", "forms"))
    assert ["texts", "left out"] in card_tables(folder)[2]


def test_source_columns_go_only_when_named(make_run, load, tmp_path):
    rows = load(save_dataset(make_run(), tmp_path / "out", columns=["tags", "label", "model_name"]), "rows")
    assert rows.column_names[7:] == ["tags", "source_label", "model_name"]
    assert rows["label"][0] == "Cats" and rows["source_label"][0] == "pet" and rows["tags"][2] == ["y", "z"]
    with pytest.raises(ValueError, match="no column 'colour' to publish with the rows; there are position, vector, "):
        save_dataset(make_run(), tmp_path / "other", columns=["colour"])
    with pytest.raises(ValueError, match="no column 'text'"):
        save_dataset(make_run(), tmp_path / "other", texts=False, columns=["text"])
    assert not (tmp_path / "other").exists()


def test_a_run_may_be_given_itself(dataset, tmp_path, make_run, load):
    run = open_run(str(dataset([{"text": "a"}])), None, tmp_path / "opened")
    for path in make_run().iterdir():
        run.path(path.name).write_bytes(path.read_bytes())
    assert len(load(save_dataset(run, tmp_path / "out"), "rows")) == 4


def test_an_unfinished_run_is_refused(make_run, tmp_path):
    run = make_run()
    (run / "report.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no report\.json: run all cells"):
        save_dataset(run, tmp_path / "out")


def test_many_rows_are_written_to_several_files(make_run, load, tmp_path):
    many = ROWS.iloc[np.arange(SHARD + 2) % len(ROWS)].drop(columns="tags")
    folder = save_dataset(make_run(many.assign(id=np.arange(len(many)).astype(str)), NO_EXAMPLES), tmp_path / "out")
    assert sorted(path.name for path in (folder / "rows").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    rows = load(folder, "rows")
    assert len(rows) == SHARD + 2 and rows[SHARD]["id"] == str(SHARD) and rows[SHARD + 1]["text"] == "cats\nmeow"


def test_a_run_without_topics_or_layers_can_be_published(make_run, load, tmp_path):
    run = make_run(ROWS.assign(topic=-1), TOPICS.head(1).drop(columns=["parent", "stability"]), LAYERS.head(0))
    topics = load(save_dataset(run, tmp_path / "out"), "topics")
    assert topics["keywords"][:] == [[]] and topics["x"][:] == [4.0] and "parent" not in topics.column_names


def test_an_older_dataset_is_replaced_and_nothing_else(make_run, load, tmp_path):
    out = save_dataset(make_run(), tmp_path / "out")
    save_dataset(make_run(ROWS.iloc[[0, 1, 3]], TOPICS.head(2)), out)
    assert len(load(out, "rows")) == 3
    (out / "mine.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="holds other files"):
        save_dataset(make_run(), out)
    for name, content in {"home/notes.txt": "keep me", "repo/README.md": "# mine", "repo/rows/a.parquet": "x"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for name in ("home", "repo", "home/notes.txt"):
        with pytest.raises(FileExistsError, match="no dataset of this kit"):
            save_dataset(make_run(), tmp_path / name)
    assert (out / "mine.txt").exists() and (tmp_path / "repo" / "rows" / "a.parquet").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert save_dataset(make_run(), tmp_path / "empty").is_dir()


def test_files_are_their_owners_alone(make_run, tmp_path):
    folder = save_dataset(make_run(), tmp_path / "out")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o600} and stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_card_tells_figures_models_columns_and_topics(make_run, tmp_path):
    folder = save_dataset(make_run(), tmp_path / "out", columns=["tags"])
    front, _, lines = card_tables(folder)
    assert front["license"] == "unknown" and front["pretty_name"] == "Small talk: topics"
    assert [config["config_name"] for config in front["configs"]] == ["rows", "topics"]
    assert "To fill in before this is shared" in (folder / "README.md").read_text()
    for line in (
        ["rows rejected", "2 (2 x empty)"],
        ["texts in a topic", "75%"],
        ["source", "owner/name, split train"],
        ["embedder", "BAAI/bge-base-en-v1.5"],
        ["texts", "email, phone masked"],
        ["tags", "of the source"],
        ["confidence", "how surely it belongs there, 0 to 1"],
        ["0", "Cats", "2", "50%", "cat, purr"],
        ["-1", "Unassigned", "1", "25%", ""],
    ):
        assert line in lines
    described = [line[0] for line in lines]
    assert all(name in described for path in folder.rglob("*.parquet") for name in pq.read_schema(path).names)


def test_a_licence_that_is_known_stands_in_the_card(make_run, tmp_path):
    folder = save_dataset(make_run(), tmp_path / "out", license="cc-by-4.0")
    assert card_tables(folder)[0]["license"] == "cc-by-4.0" and "To fill in" not in (folder / "README.md").read_text()


@pytest.mark.parametrize("path", ["/home/me/secret/mails.jsonl", "~/secret/mails.jsonl", r"C:\me\secret\mails.jsonl"])
def test_the_card_names_no_folder_of_this_machine(make_run, tmp_path, path):
    source = {**REPORT["settings"], "source": {"path": path, "split": "train"}}
    card = (save_dataset(make_run(report={**REPORT, "settings": source}), tmp_path / "out") / "README.md").read_text()
    assert "mails.jsonl, split train" in card and "| tiny-llm |" in card
    assert "secret" not in card and "/home" not in card and "10.0.0.1" not in card


@pytest.mark.parametrize(
    "evil",
    ["a|b", "two\nlines\n\n# big", "<script>alert(1)</script>", "[x](http://a.b)", "**bold** `code` $x$", "![i](x)",
     "a\\|b", "&lt;b&gt;", "---", "<!-- gone", "~~no~~ _em_"],
)  # fmt: skip
def test_names_from_the_data_stay_words_in_the_card(make_run, load, tmp_path, evil):
    topics = TOPICS.assign(label=evil, keywords=[[evil], [evil, evil], []])
    report = {**REPORT, "title": evil, "rejected_by_reason": {evil: 2}, "embedding": {"model": "m"}}
    rows = ROWS.rename(columns={"tags": evil})
    folder = save_dataset(make_run(rows, topics, report=report), tmp_path / "out", columns=[evil])
    front, kinds, lines = card_tables(folder)
    plain_front, plain_kinds, plain_lines = card_tables(save_dataset(make_run(), tmp_path / "plain", columns=["tags"]))
    shown = " ".join(evil.split())
    assert kinds == plain_kinds and [len(line) for line in lines] == [len(line) for line in plain_lines]
    assert front == {**plain_front, "pretty_name": f"{shown}: topics"}
    assert ["0", shown, "2", "50%", f"{shown}, {shown}"] in lines and ["rows rejected", f"2 (2 x {shown})"] in lines
    assert load(folder, "topics")["label"][0] == evil


@pytest.fixture
def hub(monkeypatch):
    """The hub's functions, replaced by what only writes down how they were called."""
    calls = []

    class Known:
        private = True

    def record(name, answer=None):
        monkeypatch.setattr(huggingface_hub, name, lambda **asked: calls.append((name, asked)) or answer)

    record("create_repo")
    record("dataset_info", Known)
    record("upload_folder")
    return calls, Known


def test_a_push_says_where_it_goes_and_sends_only_the_card_and_the_tables(make_run, hub, tmp_path, capsys):
    folder = save_dataset(make_run(), tmp_path / "out")
    (folder / "notes.txt").write_text("mine")
    assert push(folder, "me/small", token="t").endswith("/datasets/me/small")
    said = capsys.readouterr().out
    assert str(folder) in said and "/datasets/me/small, private" in said and "with the texts" in said
    create, _, upload = (asked for _, asked in hub[0])
    assert [name for name, _ in hub[0]] == ["create_repo", "dataset_info", "upload_folder"]
    assert create == {"repo_id": "me/small", "token": "t", "repo_type": "dataset", "private": True, "exist_ok": True}
    assert upload["repo_type"] == "dataset" and upload["folder_path"] == folder and upload["token"] == "t"
    from huggingface_hub.utils import filter_repo_objects

    there = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    sent = filter_repo_objects(there, allow_patterns=upload["allow_patterns"])
    assert sorted(sent) == ["README.md", *(f"{name}/train-00000-of-00001.parquet" for name in ("rows", "topics"))]
    # Files of an older upload with more rows would be read along with the new ones.
    old = ["rows/train-00001-of-00002.parquet", "README.md", "other/a.parquet"]
    assert list(filter_repo_objects(old, allow_patterns=upload["delete_patterns"])) == old[:1]


def test_a_public_push_must_be_asked_for_and_is_said(make_run, hub, tmp_path, capsys):
    calls, known = hub
    known.private = False
    folder = save_dataset(make_run(), tmp_path / "out", texts=False)
    with pytest.raises(PermissionError, match="me/small is public: nothing was sent"):
        push(folder, "me/small")
    assert "upload_folder" not in dict(calls)
    push(folder, "me/small", private=False)
    assert "PUBLIC: everybody can see it" in capsys.readouterr().out and calls[-1][0] == "upload_folder"
    assert calls[-2][1]["private"] is False


def test_only_what_was_saved_for_it_is_pushed(hub, tmp_path, make_run):
    run = make_run()
    (tmp_path / "README.md").write_text(json.dumps("not ours"))
    for folder in (run, tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="make one with save_dataset"):
            push(folder, "me/small")
    assert hub[0] == []
