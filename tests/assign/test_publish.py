"""Assigned rows as a dataset that `datasets` reads, of the run that they belong to."""

import datasets
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from helpers.assign.publish import save_assigned
from helpers.assign.shards import assign_source, model_hash
from helpers.files import write_value
from helpers.publish import push
from helpers.topics.assigner import FILE
from tests.assign.conftest import around


@pytest.fixture
def run(known, write_vectors, tmp_path):
    """A run folder with what a map and its new rows leave."""
    model, topics = known
    folder = tmp_path / "runs" / "mine"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / FILE).write_bytes((model / FILE).read_bytes())
    rows = pd.DataFrame(
        {"id": ["a", "b"], "text": ["one | two", "<b>"], "topic": [0, -1], "x": [0.0, 1], "y": [1.0, 0]}
    )
    examples = [["a"], *[[]] * 5, ["b"]]
    table = topics.assign(size=1, share=0.1, keywords=[["w"]] * 7, representative_ids=examples, label_source="llm")
    for name, value in {
        "rows": rows,
        "topics": table,
        "layers": pd.DataFrame({"layer": ["fine"], "topic": [0]}),
    }.items():
        write_value(folder / f"{name}.parquet", value)
    vectors, _ = around([30, 20, 10, 5, 5, 5], seed=3)
    parts = assign_source(str(write_vectors(vectors)), model, folder / "assigned", column="vector", id="id")
    found = pd.concat([pd.read_parquet(part) for part in parts])["topic"].value_counts()
    lines = [{"topic": t, "rows": int(found.get(t, 0)), "found": 0.1, "expected": 0.2} for t in [*range(6), -1]]
    report = {"title": "My $ | map", "coverage": 0.9, "expected_coverage": 0.95, "rows": 75, "assigned": 70}
    report |= {"rejected": 0, "source": "/home/me/private/mails.jsonl", "topics": lines}
    report |= {
        "parts": [part.name for part in parts],
        "settings": {"output": "assigned", "reject": 0.05},
        "model": model_hash(folder / "model"),
    }
    write_value(folder / "assign_report.json", report)
    return folder


def test_rows_and_topics_are_read_by_datasets(run, tmp_path):
    folder = save_assigned(run, tmp_path / "out", license="mit")
    rows = datasets.load_dataset(str(folder), "rows", split="train", cache_dir=tmp_path / "cache").to_pandas()
    wanted = pd.concat([pd.read_parquet(part) for part in sorted((run / "assigned").glob("*.parquet"))])
    assert rows.drop(columns="label").values.tolist() == wanted.values.tolist() and len(rows) == 75
    assert set(rows.loc[rows["topic"] == 0, "label"]) == {"A"}
    topics = datasets.load_dataset(str(folder), "topics", split="train", cache_dir=tmp_path / "cache").to_pandas()
    sizes = rows["topic"].value_counts()
    assert topics["new_rows"].tolist() == [sizes.get(topic, 0) for topic in topics["topic"]]
    assert topics.set_index("topic").loc[0, "examples"].tolist() == ["one | two"]


def test_the_card_tells_what_is_in_it_and_nothing_of_the_machine(run, tmp_path):
    card = (save_assigned(run, tmp_path / "out", texts=False) / "README.md").read_text()
    assert "/home/me" not in card and "mails.jsonl" in card and "To fill in" in card and "one \\| two" not in card
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(card.split("---", 2)[2])
    assert html.count("<table>") == 4 and "My $ | map" in html


def test_what_does_not_belong_together_is_refused(run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="name a new folder"):
        save_assigned(run, tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="is not a dataset of this kit"):
        push(tmp_path / "other", "me/mine")
    part = next((run / "assigned").glob("*.parquet"))
    part.rename(part.with_suffix(".gone"))
    with pytest.raises(ValueError, match="is not what assign_report.json tells of"):
        save_assigned(run, tmp_path / "out")
    part.with_suffix(".gone").rename(part)
    (run / "assigned" / "mine.parquet").write_text("another file, which is no part")
    save_assigned(run, tmp_path / "out")
    path = run / "model" / FILE
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="made anew since its new rows were assigned"):
        save_assigned(run, tmp_path / "out")
    (run / "assign_report.json").unlink()
    with pytest.raises(FileNotFoundError, match="run all cells of 2_assign_template"):
        save_assigned(run, tmp_path / "out")
