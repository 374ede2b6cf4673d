"""Texts in parts: by this process, by several, killed and gone on with; and what would be launched elsewhere."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from helpers.assign_settings import Ray, Slurm
from helpers.llm.find import find_llm
from helpers.runs import open_run
from helpers.synthetic.generate import generate_texts
from helpers.synthetic.generate_shards import WriteShard, generate_shards, llm_of_part, preview_shards
from helpers.synthetic.parts import part_log, part_number, part_of, part_prompts, write_parts
from helpers.synthetic.write import launch_table, write_run
from helpers.vectors.executors import RayRun, SlurmRun, Workers, choose_workers
from tests.llm.fake_server import Server, word_of

ROOT = Path(__file__).resolve().parents[2]
WORDS = [f"word{number:02d}" for number in range(24)]
STORY = "It rained for days, and the river rose. " * 5


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server."""
    monkeypatch.setattr("helpers.llm.server.RETRIES", 0)
    servers = []

    def start(answer=lambda body: f"{word_of(body)}. {STORY}", **about):
        servers.append(Server(answer, **about))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def asked(words=WORDS, **columns):
    chats = [[{"role": "user", "content": word}] for word in words]
    return pd.DataFrame({"id": [f"id-{word}" for word in words], "prompt": chats, "style": "story", **columns})


def settings(*servers, **more):
    return {"server": [server.address for server in servers], "concurrency": 2, "timeout": 5} | more


def rows_of(parts, kind=""):
    tables = [pd.read_parquet(part.parent / kind / part.name) for part in parts]
    return pd.concat(tables).sort_values("id", ignore_index=True)


ASKED = {"min_tokens": 1}


def test_parts_hold_all_prompts_and_depend_on_their_ids_alone(tmp_path):
    topics = pd.array([None] * 23 + [4], "Int64")
    parts = part_prompts(asked(topic=topics), tmp_path, 5)
    again = part_prompts(asked(topic=topics).sample(frac=1, random_state=1), tmp_path, 5)
    assert list(parts) == list(again) and [shard.key for shard in parts] == [shard.key for shard in again]
    write_parts(parts, tmp_path)
    read = {part_number(shard): pd.read_parquet(shard.path) for shard in parts}
    assert sorted(name for part in read.values() for name in part["id"]) == sorted(asked()["id"])
    assert all(part_of(name, 5) == number for number, part in read.items() for name in part["id"])
    assert len({str(pq.read_schema(shard.path)) for shard in parts}) == 1  # one with no topic at all too
    assert len(part_prompts(asked(), tmp_path, None)) == 1 and part_prompts(asked([]), tmp_path, 3) == {}
    with pytest.raises(ValueError, match="shards: expected 1 or more, got 0"):
        part_prompts(asked(), tmp_path, 0)


def test_rows_are_those_of_a_single_run(serve, tmp_path):
    server = serve(lambda body: "" if word_of(body) == "word05" else f"Sure! {word_of(body)}. {STORY}")
    parts = generate_shards(asked(), tmp_path / "out", llm=settings(server), shards=4, **ASKED)
    llm = find_llm(**settings(server))
    rows, rejected = generate_texts(asked(), llm=llm, log=tmp_path / "log", **ASKED)
    pd.testing.assert_frame_equal(rows_of(parts)[list(rows)], rows, check_dtype=False)
    pd.testing.assert_frame_equal(rows_of(parts, "_rejected")[list(rejected)], rejected, check_dtype=False)
    assert len(parts) == 4 and 0 < len(rows_of(parts, "_samples")) < len(rows)


def test_a_second_run_and_another_number_of_parts_ask_nothing_anew(serve, tmp_path):
    server, folder = serve(), tmp_path / "out"
    first = rows_of(generate_shards(asked(), folder, llm=settings(server), shards=4, **ASKED))
    for count in (4, 7, 1):
        parts = generate_shards(asked(), folder, llm=settings(server), shards=count, **ASKED)
        pd.testing.assert_frame_equal(rows_of(parts), first)
    assert len(server.asked) == 24
    assert [log.name for log in (folder / "_written").iterdir()] == ["00000-of-00001.jsonl"]
    assert sorted(path.name for path in (folder / "_prompts").iterdir()) == ["00000-of-00001.parquet"]
    generate_shards(asked(), folder, llm=settings(server), shards=4, min_tokens=2)
    assert len(server.asked) == 24  # what is cut is decided anew, and nothing is written anew
    generate_shards(asked(), folder, llm=settings(server), shards=4, temperature=0.9, **ASKED)
    assert len(server.asked) == 48
    other = generate_shards(
        asked([*WORDS[1:], "new"]), folder, llm=settings(server), shards=4, temperature=0.9, **ASKED
    )
    assert len(server.asked) == 49 and rows_of(other)["id"].tolist() == sorted(
        f"id-{word}" for word in [*WORDS[1:], "new"]
    )


def test_workers_go_on_with_what_one_process_wrote_and_the_other_way_round(serve, tmp_path):
    server = serve()
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "one"}\n')
    asking = {"llm": {"server": server.address}, "min_tokens": 1}

    def written(prompts, **how):
        overrides = {"synthetic": asking | how}
        run = open_run(str(source), overrides, tmp_path / "runs")
        return write_run(run, prompts, llm=find_llm(**run.config.asking("synthetic")))

    some, _ = written(asked(WORDS[:9]))
    rows, _ = written(asked(), parts=3)
    assert len(server.asked) == 24 and rows["id"].tolist() == asked()["id"].tolist()
    pd.testing.assert_frame_equal(rows.head(9), some, check_dtype=False)
    again, _ = written(asked())
    assert len(server.asked) == 24
    pd.testing.assert_frame_equal(again, rows, check_dtype=False)


def test_what_a_cluster_would_be_given_is_told_where_there_is_none(serve, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "one"}\n')
    how = {"executor": "slurm", "slurm": {"partition": "night"}, "llm": {"server": serve().address}}
    run = open_run(str(source), {"synthetic": how}, tmp_path / "runs")
    tasks = launch_table(run, asked(), llm=None)
    assert tasks["prompts"].tolist() == [24] and "#SBATCH --partition=night" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="no command `sbatch` here"):
        write_run(run, asked(), llm=None)


def test_a_part_begins_with_its_own_server(serve, tmp_path):
    servers = [serve(), serve(), serve()]
    words = [*WORDS[:4], WORDS[5]]
    generate_shards(asked(words), tmp_path, llm=settings(*servers, concurrency=1), shards=99, **ASKED)
    numbers = {word: part_of(f"id-{word}", 99) for word in words}
    assert len(set(numbers.values())) == 5  # each alone in its part
    for word, number in numbers.items():
        assert [word in server.words() for server in servers] == [number % 3 == place for place in range(3)]
    assert llm_of_part({"model": "m"}, 3) == {"model": "m"} and llm_of_part({"server": "a"}, 3) == {"server": "a"}


def test_prompts_without_an_answer_are_asked_again(serve, tmp_path):
    ill = [True]

    def answer(body):
        return (400, "not now") if ill[0] and word_of(body) == "word05" else f"{word_of(body)}. {STORY}"

    server = serve(answer)
    asking = {"llm": settings(server, concurrency=1), "shards": 3, **ASKED}
    parts = generate_shards(asked(), tmp_path, **asking)
    assert rows_of(parts, "_rejected")["reason"].str.contains("no answer: refused: 400").tolist() == [True]
    before = len(server.asked)
    ill[0] = False
    parts = generate_shards(asked(), tmp_path, **asking)
    assert len(rows_of(parts)) == 24 and rows_of(parts, "_rejected").empty and len(server.asked) == before + 1


def test_two_processes_do_the_same(serve, tmp_path, monkeypatch):
    servers = [serve(), serve()]
    by = choose_workers(embeds=False, workers=2)
    parts = generate_shards(asked(), tmp_path, llm=settings(*servers), shards=2, by=by, **ASKED)
    assert rows_of(parts)["text"].tolist() == [f"{word}. {STORY}".strip() for word in WORDS]
    assert sum(len(server.asked) for server in servers) == 24 and all(server.asked for server in servers)


def test_dead_servers_stop_the_run_with_the_cause_and_it_goes_on(serve, tmp_path):
    server = serve(lambda body: f"{word_of(body)}. {STORY}" if len(server.asked) < 10 else (503, "no memory"))
    with pytest.raises(ConnectionError, match="no server is left that answers"):
        generate_shards(asked(), tmp_path, llm=settings(server, concurrency=1), shards=1, **ASKED)
    other = serve()
    parts = generate_shards(asked(), tmp_path, llm=settings(other), shards=3, **ASKED)
    assert len(rows_of(parts)) == 24 and len(other.asked) == 15


KILLED = """
import sys
from pathlib import Path
import pandas as pd
from helpers.synthetic.generate_shards import generate_shards
prompts = pd.read_parquet(sys.argv[2])
generate_shards(prompts, Path(sys.argv[1]), llm={"server": sys.argv[3:], "concurrency": 2}, shards=3, min_tokens=1)
"""


def test_a_run_killed_with_signal_9_writes_nothing_twice_and_loses_nothing(serve, tmp_path):
    server = serve(lambda body: (time.sleep(0.08), f"{word_of(body)}. {STORY}")[1])
    asked().to_parquet(tmp_path / "prompts.parquet")
    command = [sys.executable, "-c", KILLED, tmp_path / "out", tmp_path / "prompts.parquet", server.address]
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while len(server.asked) < 13:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    parts = generate_shards(asked(), tmp_path / "out", llm=settings(server), shards=3, **ASKED)
    assert rows_of(parts)["text"].tolist() == [f"{word}. {STORY}".strip() for word in WORDS]
    logs = "".join(log.read_text() for log in (tmp_path / "out" / "_written").glob("*.jsonl"))
    written = Counter(json.loads(line)["id"] for line in logs.splitlines() if line.endswith("}"))
    assert written == Counter(asked()["id"]) and len(server.asked) <= 24 + 2


def test_a_part_is_heard_while_its_texts_come_and_may_be_stopped(serve, tmp_path):
    server = serve()
    parts = part_prompts(asked(), tmp_path, 1)
    write_parts(parts, tmp_path)
    (shard,) = parts
    work = WriteShard(tmp_path, settings(server, concurrency=1), ASKED)
    steps = work(shard)
    for _ in range(5):
        assert all(len(table) == 0 for table in next(steps).values())
    steps.close()
    log = part_log(tmp_path, shard.path.stem)
    assert 4 <= len(log.read_text().splitlines()) < 24
    *beats, whole = work(shard)
    assert len(whole["rows"]) == 24 and all(table["rows"].schema == whole["rows"].schema for table in beats)
    assert len(server.asked) <= 25


def test_what_would_be_launched_is_told_and_nothing_is_done(serve, tmp_path):
    servers, folder = [serve(), serve()], tmp_path / "out"
    asking = {"llm": settings(*servers, concurrency=8), "shards": 3, **ASKED}
    found = preview_shards(asked(), folder, by=Workers(2), **asking)
    assert not folder.exists() and not any(server.asked for server in servers)
    assert found["tasks"]["prompts"].sum() == 24 and found["tasks"]["written"].tolist() == [0, 0, 0]
    assert found["tasks"]["server"].tolist() == [servers[number].address for number in (0, 1, 0)]
    assert (found["parts"], found["whole"], found["at_once"], found["per_server"]) == (3, 0, 2, 16)
    assert found["executor"] == "local" and found["servers"] == [server.address for server in servers]
    generate_shards(asked(), folder, **asking)
    assert preview_shards(asked(), folder, **asking)["whole"] == 3
    warmer = preview_shards(asked(), folder, **asking, temperature=0.9)
    assert warmer["whole"] == 0 and warmer["tasks"]["written"].sum() == 24
    assert preview_shards(asked(), folder, llm={"model": "m"})["per_server"] == 0


def test_the_script_for_slurm_and_the_settings_for_ray_are_shown(tmp_path):
    slurm = Slurm(partition="night", time="01:00:00", gpus_per_task=1, setup="export A=1", options={"account": "me"})
    by = Workers(5, executor=partial(SlurmRun, **slurm.model_dump()))
    found = preview_shards(asked(), tmp_path / "out", llm={"model": "m"}, shards=3, by=by)
    script = found["options"]["script"]
    for line in ("partition=night", "array=0-2%3", "gpus=1", "account=me", "time=01:00:00"):
        assert f"#SBATCH --{line}" in script
    assert "export A=1" in script and str(tmp_path / "out" / "_logs") in script and found["executor"] == "slurm"
    by = Workers(5, executor=partial(RayRun, **Ray(address="auto").model_dump()))
    found = preview_shards(asked(), tmp_path / "out", llm={"model": "m"}, shards=3, by=by)
    assert found["executor"] == "ray" and found["options"]["address"] == "auto" and found["at_once"] == 3
    assert not (tmp_path / "out").exists()


def test_a_model_of_this_process_is_loaded_once_for_all_parts(smollm, tmp_path, capsys):
    llm = {"model": "SmolLM2-135M-Instruct", "quantization": "none", "batch_size": 2}
    prompts = asked(["Say hello.", "Name a colour.", "Write about rain.", "Name a river."])
    parts = generate_shards(prompts, tmp_path, llm=llm, shards=3, max_new_tokens=4, min_tokens=0)
    rows, rejected = rows_of(parts), rows_of(parts, "_rejected")
    assert len(parts) > 1 and len(rows) + len(rejected) == 4 and (rows["n_tokens"] <= 4).all()
    assert capsys.readouterr().out.count("loading the language model") == 1
