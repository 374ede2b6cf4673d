"""Shards are assigned whole, once, in any number of processes, and after a kill as if nothing had been."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from helpers.assign.shards import AssignShard, assign_source, model_hash
from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import FILE, fit_assigner, read_assigner, save_assigner
from helpers.vectors.embedder import unit_length
from helpers.vectors.new_rows import READING
from helpers.vectors.readers import VectorReader
from helpers.vectors.shards import list_shards

COUNT, FILES = 900, 6


def around(count, *, seed):
    """Return unit vectors around five centres, the same for every seed, and the centre of each."""
    centres = np.random.default_rng(7).normal(size=(5, 16))
    random = np.random.default_rng(seed)
    topics = random.integers(5, size=count)
    return unit_length(centres[topics] + 0.5 * random.normal(size=(count, 16))), topics


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    vectors, topics = around(2000, seed=0)
    save_assigner(fit_assigner(vectors, topics, np.column_stack([topics, topics])), folder)
    return folder


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    vectors, _ = around(COUNT, seed=1)
    values = [None if i % 90 == 7 else list(map(float, vector)) for i, vector in enumerate(vectors)]
    each = COUNT // FILES
    for part in range(FILES):
        lines = range(part * each, (part + 1) * each)
        table = pa.table({"id": [f"r{i}" for i in lines], "vector": [values[i] for i in lines]})
        pq.write_table(table, folder / f"{part}.parquet")
    return folder


def gathered(parts):
    """Return all rows and all rejected rows of an output, by id."""
    rows = pd.concat([pd.read_parquet(part) for part in parts])
    rejected = pd.concat([pd.read_parquet(part.parent / "_rejected" / part.name) for part in parts])
    return rows.sort_values("id", ignore_index=True), rejected.sort_values("id", ignore_index=True)


def test_every_row_gets_what_it_would_get_alone(model, source, tmp_path):
    rows, rejected = gathered(assign_source(str(source), model, tmp_path / "out", column="vector", id="id", place=True))
    assert len(rows) + len(rejected) == COUNT and set(rejected["reason"]) == {"no vector"}
    assert sorted(rejected["id"]) == sorted(f"r{i}" for i in range(COUNT) if i % 90 == 7)
    given = pd.concat([pd.read_parquet(path) for path in sorted(source.glob("*"))]).dropna().sort_values("id")
    alone = assign_vectors(np.stack(given["vector"].to_list()), read_assigner(model))
    for column in ("topic", "confidence", "distance", "runner_up", "reason"):
        assert rows[column].tolist() == alone[column].tolist()
    place = rows[rows["id"] == "r450"].iloc[0]
    assert (place["file"], place["position"]) == ("3.parquet", 0) and rows[["x", "y"]].notna().all(axis=None)


def test_processes_and_the_layout_of_files_change_nothing(model, source, tmp_path):
    one, _ = gathered(assign_source(str(source), model, tmp_path / "one", column="vector", id="id"))
    two, _ = gathered(assign_source(str(source), model, tmp_path / "two", column="vector", id="id", workers=2))
    pd.testing.assert_frame_equal(one, two)
    (tmp_path / "whole").mkdir()
    tables = [pq.read_table(path) for path in sorted(source.glob("*"))]
    pq.write_table(pa.concat_tables(tables), tmp_path / "whole" / "all.parquet", row_group_size=77)
    whole, _ = gathered(assign_source(str(tmp_path / "whole"), model, tmp_path / "three", column="vector", id="id"))
    pd.testing.assert_frame_equal(whole.drop(columns=["file", "position"]), one.drop(columns=["file", "position"]))


def test_what_is_done_is_not_done_again_and_what_changed_is(model, source, tmp_path):
    assign = lambda **more: assign_source(str(source), model, tmp_path / "out", column="vector", id="id", **more)  # noqa: E731
    times = {part: part.stat().st_mtime_ns for part in assign()}
    parts = assign()
    assert {part: part.stat().st_mtime_ns for part in parts} == times
    parts[2].unlink()
    again = assign()
    assert [part.stat().st_mtime_ns == times[part] for part in again] == [True, True, False, True, True, True]
    # a file less, one changed, one more: neither skipped nor double
    (source / "0.parquet").unlink()
    pq.write_table(pq.read_table(source / "1.parquet").slice(0, 10), source / "1.parquet")
    pq.write_table(pa.table({"id": ["new"], "vector": [[1.0] * 16]}), source / "9.parquet")
    rows, rejected = gathered(assign())
    assert len(rows) + len(rejected) == COUNT - 150 - 140 + 1 and rows["id"].is_unique and "new" in set(rows["id"])
    assert len(list((tmp_path / "out").glob("*.parquet"))) == FILES
    # another share turned away: other results, all of them
    stricter, _ = gathered(assign(reject=0.5))
    assert (stricter["topic"] == -1).mean() > (rows["topic"] == -1).mean()
    assert len(list((tmp_path / "out").glob("*.parquet"))) == FILES


def test_other_files_in_the_output_stay(model, source, tmp_path):
    for name in ("out/mine.parquet", "out/_rejected/notes.txt", "out/a-000000000-b.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("mine")
    out = tmp_path / "out"
    assign_source(str(source), model, out, column="vector", id="id")
    assign_source(str(source), model, out, column="vector", id="id", reject=0.5)
    assert (out / "mine.parquet").read_text() == (out / "_rejected/notes.txt").read_text() == "mine"
    assert len(list(out.glob("*.parquet"))) == FILES + 2


def test_killed_and_run_again_the_rows_are_there_once(model, source, tmp_path):
    """A work that takes its time is killed with all its processes while some parts are there."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored where the tests began\n"
        "from pathlib import Path\n"
        "from helpers.assign.shards import AssignShard, model_hash\n"
        "from helpers.vectors.executors import Workers\n"
        "from helpers.vectors.readers import VectorReader\n"
        "from helpers.vectors.shards import list_shards\n"
        "from helpers.vectors.stream import Output, run_shards\n"
        "class Slow(AssignShard):\n"
        "    def __call__(self, shard):\n"
        "        for tables in super().__call__(shard):\n"
        "            time.sleep(0.5)\n"
        "            yield tables\n"
        "if __name__ == '__main__':\n"
        "    source, model, out = sys.argv[1:]\n"
        "    work = Slow(Path(model), model_hash(Path(model)), VectorReader('vector', 'id'))\n"
        "    run_shards(list_shards(source), work, Output(Path(out), work.key), workers=Workers(2))\n"
    )
    out = tmp_path / "out"
    command = [sys.executable, str(script), str(source), str(model), str(out)]
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    for _ in range(600):
        if len(list(out.glob("[!._]*.parquet"))) >= 2 or running.poll() is not None:
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    done = len(list(out.glob("[!._]*.parquet")))
    assert 2 <= done < FILES
    killed, rejected = gathered(assign_source(str(source), model, out, column="vector", id="id"))
    whole, all_rejected = gathered(assign_source(str(source), model, tmp_path / "whole", column="vector", id="id"))
    pd.testing.assert_frame_equal(killed, whole)
    pd.testing.assert_frame_equal(rejected, all_rejected)
    assert not list(out.glob(".*"))


def test_half_a_file_gives_its_reason_and_the_others_their_rows(model, source, tmp_path):
    path = source / "4.parquet"
    path.write_bytes(path.read_bytes()[:2000])
    rows, rejected = gathered(assign_source(str(source), model, tmp_path / "out", column="vector", id="id"))
    broken = rejected[rejected["file"] == "4.parquet"]
    assert len(broken) == 1 and "the file is read up to here" in broken["reason"].item()
    assert len(rows) + len(rejected) == COUNT - 150 + 1


def test_vectors_of_another_embedder_and_a_missing_model_are_refused(model, source, tmp_path):
    (tmp_path / "other").mkdir()
    pq.write_table(pa.table({"vector": [[1.0] * 5]}), tmp_path / "other" / "a.parquet")
    with pytest.raises(ValueError, match="expected vectors of 16 dimensions, as the known ones, got 5"):
        assign_source(str(tmp_path / "other"), model, tmp_path / "out", column="vector")
    with pytest.raises(FileNotFoundError, match="expected the model/ of a run"):
        assign_source(str(source), tmp_path / "nowhere", tmp_path / "out", column="vector")
    with pytest.raises(ValueError, match="no column 'vectors'"):
        assign_source(str(source), model, tmp_path / "out", column="vectors")


def test_an_empty_file_is_an_empty_part(model, tmp_path):
    (tmp_path / "in").mkdir()
    empty = pa.table({"vector": pa.array([], type=pa.list_(pa.float32()))})
    pq.write_table(empty, tmp_path / "in" / "a.parquet")
    rows, rejected = gathered(assign_source(str(tmp_path / "in"), model, tmp_path / "out", column="vector"))
    assert len(rows) == len(rejected) == 0 and "topic" in rows


def test_two_runs_at_once_in_one_folder_are_refused(model, source, tmp_path):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / "_lock"), pytest.raises(RuntimeError, match="another run is at work here"):
        assign_source(str(source), model, tmp_path / "out", column="vector")
    assert len(assign_source(str(source), model, tmp_path / "out", column="vector")) == FILES


def test_a_map_that_changes_meanwhile_is_told(model, source, tmp_path):
    """Topic numbers of two fits never stand in one output."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / FILE).write_bytes((model / FILE).read_bytes())
    work = AssignShard(tmp_path / "model", model_hash(tmp_path / "model"), VectorReader("vector"))
    vectors, topics = around(500, seed=5)
    save_assigner(fit_assigner(vectors, topics), tmp_path / "model")
    with pytest.raises(RuntimeError, match="was made anew while its topics were being given"):
        next(work(list_shards(str(source))[0]))


def test_files_of_one_name_under_a_glob_are_told_apart(model, source, tmp_path):
    """Two files alike in name, size and time, as tar leaves them: every row is there, and says which file it is of."""
    for name in "ab":
        (tmp_path / "g" / name).mkdir(parents=True)
        copy = tmp_path / "g" / name / "x.parquet"
        copy.write_bytes((source / "0.parquet").read_bytes())
        os.utime(copy, (1, 1))
    rows, _ = gathered(assign_source(str(tmp_path / "g" / "*" / "x.parquet"), model, tmp_path / "o", column="vector"))
    assert rows.groupby("file").size().to_dict() == {"a/x.parquet": 148, "b/x.parquet": 148}


def test_a_refused_run_leaves_the_vectors_of_the_other_alone(model, source, tmp_path):
    kept = tmp_path / "out" / "_vectors" / f"a-000000000-{'0' * 16}-{'0' * 12}.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_text("of the other run")
    with FileLock(tmp_path / "out" / "_lock"), pytest.raises(RuntimeError, match="another run is at work here"):
        assign_source(str(source), model, tmp_path / "out", column="vector")
    assert kept.exists()


def test_rows_without_a_vector_come_first_and_columns_of_a_wrong_kind_are_told(model, tmp_path):
    (tmp_path / "in").mkdir()
    good = around(20, seed=0)[0].tolist()
    pq.write_table(pa.table({"v": [[], [1.0, 2.0], None, *good]}), tmp_path / "in" / "a.parquet")
    pq.write_table(pa.table({"v": pa.array([None] * 5, pa.list_(pa.float32()))}), tmp_path / "in" / "b.parquet")
    pq.write_table(pa.table({"v": [["a"], ["b"]]}), tmp_path / "in" / "c.parquet")
    rows, rejected = gathered(assign_source(str(tmp_path / "in"), model, tmp_path / "out", column="v"))
    assert len(rows) == 20 and len(rejected) == 10
    assert rejected["reason"].value_counts().to_dict() == {
        "no vector": 6,
        "not a vector: a column of list<element: string>": 2,
        "a vector of 0 numbers, expected 16": 1,
        "a vector of 2 numbers, expected 16": 1,
    }


def test_the_output_within_the_source_is_refused(model, source, tmp_path):
    with pytest.raises(ValueError, match="stands within the source"):
        assign_source(str(source), model, source / "out", column="vector")


def test_ids_of_ready_vectors_are_those_of_the_rows(model, tmp_path):
    vectors = around(4, seed=0)[0].tolist()
    pq.write_table(pa.table({"uuid": [3.0, None, 7.0, 8.5], "v": vectors}), tmp_path / "a.parquet")
    (part,) = assign_source(str(tmp_path / "a.parquet"), model, tmp_path / "out", column="v")
    assert pd.read_parquet(part)["id"].tolist() == ["3", "1", "7", "8.5"]


def test_places_do_not_depend_on_the_length_of_vectors(model, tmp_path):
    vectors = around(50, seed=0)[0]
    found = []
    for times in (1, 50):
        pq.write_table(pa.table({"v": (times * vectors).tolist()}), tmp_path / "a.parquet")
        (part,) = assign_source(str(tmp_path / "a.parquet"), model, tmp_path / str(times), column="v", place=True)
        found.append(pd.read_parquet(part))
    np.testing.assert_allclose(found[0][["x", "y"]], found[1][["x", "y"]], atol=1e-3)
    assert found[0]["topic"].tolist() == found[1]["topic"].tolist()


def test_texts_beside_vectors_are_masked_before_they_are_shown(model, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / FILE).write_bytes((model / FILE).read_bytes())
    (tmp_path / "model" / READING).write_text('{"redact": {"kinds": ["email"], "region": "US"}}')
    texts = ["write to jo@example.org", None, "nothing", "x"]
    pq.write_table(pa.table({"v": around(4, seed=0)[0].tolist(), "t": texts}), tmp_path / "a.parquet")
    settings = {"column": "v", "text": {"column": "t"}}
    (part,) = assign_source(str(tmp_path / "a.parquet"), tmp_path / "model", tmp_path / "out", **settings)
    shown = pd.read_parquet(part.parent / "_samples" / part.name).sort_values("position")["text"].tolist()
    assert shown == ["write to [EMAIL]", "", "nothing", "x"]


def test_an_unknown_setting_is_an_error(model, source, tmp_path):
    with pytest.raises(TypeError, match="rejct"):
        assign_source(str(source), model, tmp_path / "out", column="vector", rejct=0.5)


def test_an_interrupt_ends_it_after_a_batch(model, source, tmp_path):
    """As when a notebook's cell is stopped: one worker, in this process; what is done stays."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored where the tests began\n"
        "from helpers.assign import shards\n"
        "first = shards.AssignShard.assign\n"
        "def slow(*given):\n"
        "    time.sleep(1)\n"
        "    return first(*given)\n"
        "shards.AssignShard.assign = slow\n"
        "source, model, out = sys.argv[1:]\n"
        "shards.assign_source(source, model, out, column='vector', workers=1)\n"
    )
    command = [sys.executable, str(script), str(source), str(model), str(tmp_path / "out")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if list((tmp_path / "out").glob("[!._]*.parquet")) or running.poll() is not None:
            break
        time.sleep(0.05)
    started = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, shown = running.communicate(timeout=60)
    assert "KeyboardInterrupt" in shown and time.monotonic() - started < 8
    assert 1 <= len(list((tmp_path / "out").glob("[!._]*.parquet"))) < FILES
    rows, rejected = gathered(assign_source(str(source), model, tmp_path / "out", column="vector", id="id"))
    assert len(rows) + len(rejected) == COUNT
