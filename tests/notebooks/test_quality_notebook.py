"""The third notebook, run as a user would: by a command on the demo's map, killed once, and without a map."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from helpers.files import read_value

ROOT = Path(__file__).resolve().parent.parent.parent
ASKED = ["run", "quality", "demo", "--set", "quality.sample=48", "--set", "quality.again=8", "--set",
         'quality.keep=["score >= 2", "duplicate_of.isna()"]', "--set", "quality.threshold=2"]  # fmt: skip


def killed_while_it_rates(runs):
    """Run it, and kill it and all that it started with signal 9 when some texts are rated; return how many were."""
    log = runs / "demo" / "quality" / "ratings.jsonl"
    command = [sys.executable, "-m", "helpers", *ASKED, "--runs", str(runs)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet)
    started = time.monotonic()
    while not (log.exists() and log.read_text().count("\n") >= 8):
        assert process.poll() is None and time.monotonic() - started < 300
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return log.read_text().count("\n")


@pytest.fixture(scope="module")
def rated(demo, kit, tmp_path_factory):
    """A copy of the demo's run that was rated, killed meanwhile, and ended; what was kept before; what was shown."""
    runs = demo.parent / "for_quality"
    with FileLock(demo.parent / "quality.lock"):  # the other worker of the tests waits
        if not (runs / "terminal.txt").exists():
            runs.mkdir(exist_ok=True)
            shutil.copytree(demo, runs / "demo", ignore=shutil.ignore_patterns("assigned", "quality", "uses"))
            (runs / "kept.txt").write_text(str(killed_while_it_rates(runs)))
            shown = kit(*ASKED, "--runs", runs, network=False)
            (runs / "terminal.txt").write_text(shown.stdout)
    return runs / "demo", int((runs / "kept.txt").read_text()), (runs / "terminal.txt").read_text()


@pytest.mark.timeout(900)
def test_a_killed_run_goes_on_and_every_text_has_its_rating(rated):
    folder, before, _ = rated
    ratings = pd.read_parquet(folder / "quality/ratings.parquet")
    assert len(ratings) == 48 and ratings["id"].is_unique and ratings["score"].between(0, 5).all()
    np.testing.assert_allclose([sum(line) for line in ratings["probabilities"]], 1, atol=1e-6)
    assert pd.read_parquet(folder / "quality/rejected.parquet").empty
    lines = [json.loads(line) for line in (folder / "quality/ratings.jsonl").read_text().splitlines()]
    assert 8 <= before < 48 and len({line["key"] for line in lines}) == len(lines)  # nothing was asked twice
    rows = pd.read_parquet(folder / "rows.parquet").set_index("id").loc[ratings["id"]]
    assert rows["vector"].is_unique and rows["topic"].nunique() > 3


def test_every_row_has_a_score_and_is_kept_or_dropped_by_the_rule(rated):
    folder, *_ = rated
    rows, scores = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "quality/scores.parquet")
    assert scores["id"].tolist() == rows["id"].tolist() and scores["int_score"].between(0, 5).all()
    assert scores.groupby(rows["vector"])["score"].nunique().max() == 1
    kept, dropped = (pd.read_parquet(folder / f"quality/{name}.parquet") for name in ("kept", "dropped"))
    good = (scores["score"] >= 2) & rows["duplicate_of"].isna()
    assert kept["id"].tolist() == rows.loc[good, "id"].tolist() and len(kept) + len(dropped) == len(rows)
    assert dropped.loc[dropped["score"] < 2, "rule"].eq("score >= 2").all()


def test_the_report_the_terminal_and_the_pictures(rated):
    folder, _, shown = rated
    report = read_value(folder / "quality_report.json")
    assert report["rows"] == report["kept"] + report["dropped"] and report["rated"] == 48
    assert report["agreement"]["n"] == 8 and report["by"]["model"] == "SmolLM2-135M-Instruct"
    assert {"topic", "mean", "topic_score", "note"} <= set(report["topics"][0])
    assert report["advice"] in shown and f"{report['kept']:,} of {report['rows']:,} rows kept, 48 rated" in shown
    for name in ("agreement", "curve", "scores", "topics", "map", "thresholds"):
        assert (folder / f"quality/{name}.png").read_bytes().startswith(b"\x89PNG"), name
    assert "score" in (folder / "quality/map.html").read_text() and (folder / "map.html").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder / "quality").rglob("*") if path.is_file())


def test_known_scores_without_a_map_and_further_rows_scored_and_filtered(kit, tmp_path):
    texts = ["lol ok!!", "Plants turn light into sugar; the green pigment takes up the energy of the sun."]
    rows = [{"id": f"r{i}", "text": f"{texts[i % 2]} {i}", "stars": 1 + 3 * (i % 2)} for i in range(80)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    new = [{"id": f"n{i}", "body": f"{texts[i % 2]} again {i}"} for i in range(20)]
    lines = "".join(json.dumps(row) + "\n" for row in new)
    (tmp_path / "new.jsonl").write_text(lines + '{"id": "bad')
    settings = {"quality.known": "stars", "text.keep": "stars", "text.column": "text", "text.format": "text"}
    settings |= {"quality.source.path": tmp_path / "new.jsonl", "quality.text.column": "body"}
    settings |= {"quality.keep": "[score >= 2.5, duplicate_of.isna()]", "embed.model": "all-MiniLM-L6-v2"}
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = kit("run", "quality", tmp_path / "mine.jsonl", *given, "--runs", tmp_path / "runs", network=False)
    folder = tmp_path / "runs" / "mine"
    report = read_value(folder / "quality_report.json")
    assert (
        report["levels"] == [1, 4]
        and report["threshold"] == 2.5
        and report["rubric"] is None
        and report["by"] is None
        and report["rated"] == 80
        and report["topics"] == []
    )
    assert report["scorer"]["spearman"] > 0.8 and report["kept"] == 40 and "follow the ratings well" in done.stdout
    further = report["further"]
    assert (further["rows"], further["scored"], further["rejected"], further["kept"]) == (21, 20, 1, 10)
    assert further["left_out"] == ["duplicate_of.isna()"]
    kept = pd.read_parquet(folder / "quality/scored_filtered/kept")
    assert sorted(kept["id"]) == sorted(f"n{i}" for i in range(1, 20, 2))
    assert (folder / "quality/scorer/scorer.safetensors").exists()


def test_a_wrong_rule_says_so_before_anything_is_rated_and_ends_with_status_1(rated, kit):
    """A known program ended with status 0 whatever happened."""
    folder, *_ = rated
    done = kit("run", "quality", "demo", "--set", "quality.keep=scor >= 2", "--runs", folder.parent, check=False)
    assert done.returncode == 1 and 'there is no column "scor"; did you mean "score"?' in done.stderr
    assert "rate:" not in done.stdout
