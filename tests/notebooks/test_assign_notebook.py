"""The second notebook, run as a user would: by a command, on the demo's map."""

import json

import pandas as pd
import pytest
from filelock import FileLock

from helpers.files import read_value
from helpers.runs import continue_run


@pytest.fixture(scope="module")
def assigned(demo, kit):
    """The demo's rows again, some noise and a bad line as a new source, assigned once; what the terminal showed."""
    rows = pd.read_parquet(demo / "rows.parquet").drop_duplicates("text").head(150)
    source, terminal = demo.parent / "new.jsonl", demo.parent / "assign.txt"
    with FileLock(demo.parent / "assign.lock"):  # the other worker of the tests waits
        if not terminal.exists():
            lines = [json.dumps({"id": id, "body": text}) for id, text in zip(rows["id"], rows["text"], strict=True)]
            lines += [json.dumps({"id": f"noise{i}", "body": f"The tax form {i} for VAT, § {i}."}) for i in range(60)]
            source.write_text("\n".join([*lines, '{"id": "bad']))
            settings = {"source.path": source, "text.column": "body", "text.format": "text"}
            settings |= {"pilot": 40, "place": "true"}
            given = [part for key, value in settings.items() for part in ("--set", f"assign.{key}={value}")]
            done = kit("run", "assign", "demo", *given, "--runs", demo.parent, network=False)
            terminal.write_text(done.stdout)
    return rows, terminal.read_text()


def test_every_row_is_there_and_those_of_the_map_are_where_they_were(assigned, demo):
    rows, _ = assigned
    found = pd.read_parquet(demo / "assigned")
    columns = "id file position topic confidence distance runner_up reason x y".split()
    assert found.columns.tolist() == columns and len(found) == 210
    both = rows.merge(found, on="id", suffixes=("_fit", ""))
    inside = both[both["topic_fit"] != -1]
    assert len(both) == 150 and (inside["topic"] == inside["topic_fit"]).mean() > 0.8
    assert (found.loc[found["id"].str.startswith("noise"), "topic"] == -1).mean() > 0.8
    assert ((found["topic"] == -1) == (found["reason"] != "")).all()


def test_the_terminal_and_the_report_say_what_came_out(assigned, demo):
    _, shown = assigned
    report = read_value(demo / "assign_report.json")
    assert (
        report["rows"]
        == 211
        == report["assigned"]
        + report["rejected"]
        + sum(line["rows"] for line in report["topics"] if line["topic"] == -1)
    )
    assert report["rejected"] == 1 and report["new"] > 0.1 and report["turned_away"]
    assert "211 rows (1 rejected)" in shown and f"rows: {demo / 'assigned'}" in shown
    assert "something new that the map has no topic for" in shown
    assert report["estimate"]["rows"] == 211 and report["estimate"]["seconds"] > 0


def test_the_pictures_and_the_notebook_stay_in_the_run_folder(assigned, demo):
    for name in ("topics", "confidence", "map"):
        assert (demo / f"assign_{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (demo / "assign.ipynb").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (demo / "assigned").glob("*.parquet"))


def test_the_map_is_as_it_was(assigned, demo):
    """Its settings and report are those of the fit, whatever the new rows were assigned with."""
    manifest = read_value(demo / "manifest.json")
    assert manifest["settings"]["sample"] == 400 and "assign" in manifest["stages"]
    assert (demo / "report.json").exists()


def test_settings_of_the_map_are_refused(demo):
    with pytest.raises(ValueError, match="cluster.min_cluster_size: assign takes only settings of assign"):
        continue_run("demo", {"cluster.min_cluster_size": 3}, demo.parent, chapter="assign")


def test_without_a_map_it_is_said_how_to_make_one(tmp_path, kit):
    done = kit("run", "assign", "demo", "--runs", tmp_path, check=False)
    assert done.returncode == 1 and "run `python -m helpers run topics demo` first" in done.stderr
