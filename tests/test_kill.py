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


def killed_when(ready, folder, arguments, timeout=300):
    """Start the run, kill it and all that it started with signal 9 as soon as ready(folder)."""
    command = [sys.executable, "-m", "helpers", *arguments, "--runs", str(folder)]
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
def test_killed_in_embedding_and_in_labelling_the_rows_are_the_same_bit_for_bit(kit, demo, demo_command, tmp_path):
    cut = tmp_path / "demo"
    killed_when(lambda folder: vectors_kept(folder) > 60, tmp_path, demo_command)
    assert 60 < vectors_kept(tmp_path) < 300 and not (cut / "rows.parquet").exists()
    killed_when(lambda folder: replies_kept(folder) > 2, tmp_path, demo_command)
    said = (cut / "labels.jsonl").read_text()
    assert not (cut / "topics.parquet").exists()
    kit(*demo_command, "--runs", tmp_path)
    assert (cut / "rows.parquet").read_bytes() == (demo / "rows.parquet").read_bytes()
    whole = (cut / "labels.jsonl").read_text()
    assert whole.startswith(said) and whole.count("\n") > said.count("\n") > 0
    labels = [pd.read_parquet(folder / "topics.parquet")["label"].tolist() for folder in (cut, demo)]
    assert labels[0] == labels[1]
