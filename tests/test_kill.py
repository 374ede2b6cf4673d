"""A run that is killed at any moment goes on where it was, and ends with the same rows, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ["--set", "sample=400", "--set", "cluster.min_cluster_size=8", "--set", "embed.batch_size=2"]
SETTINGS += ["--set", "label.batch_size=1", "--set", "label.max_new_tokens=6"]


def killed_when(ready, folder, timeout=300):
    """Start the run, kill it and all that it started with signal 9 as soon as ready(folder)."""
    command = [sys.executable, "-m", "helpers", "run", "topics", "demo", "--runs", str(folder), *SETTINGS]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    started = time.monotonic()
    while not ready(folder):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() - started < timeout
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def vectors_kept(folder):
    import contextlib
    import sqlite3

    path = folder / ".cache" / "vectors.sqlite"
    if not path.exists():
        return 0
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base,
    ):
        return base.execute("SELECT count(*) FROM vectors").fetchone()[0]
    return 0


def replies_kept(folder):
    path = folder / "demo" / "labels.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.timeout(900)
def test_killed_in_embedding_and_in_labelling_the_rows_are_the_same_bit_for_bit(kit, demo, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    kit("run", "topics", "demo", "--runs", whole, *SETTINGS)
    killed_when(lambda folder: vectors_kept(folder) > 60, cut)
    kept = vectors_kept(cut)
    assert 60 < kept < 380 and not (cut / "demo" / "rows.parquet").exists()
    killed_when(lambda folder: replies_kept(folder) > 2, cut)
    said = replies_kept(cut)
    assert not (cut / "demo" / "rows.parquet").exists()
    kit("run", "topics", "demo", "--runs", cut, *SETTINGS)
    assert (cut / "demo" / "rows.parquet").read_bytes() == (whole / "demo" / "rows.parquet").read_bytes()
    labels = [pd.read_parquet(folder / "demo" / "topics.parquet")["label"].tolist() for folder in (whole, cut)]
    assert labels[0] == labels[1] and len(labels[0]) > said
