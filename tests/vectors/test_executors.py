"""The same work by several processes, by Slurm (a stand-in that keeps what it is sent, and does it) and by Ray."""

import importlib.util
import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from helpers.assign_settings import Ray, Shards, Slurm  # noqa: F401 - Ray for the program below
from helpers.vectors import executors
from helpers.vectors.executors import choose_workers
from helpers.vectors.shard_step import claim_gpu
from helpers.vectors.shards import list_shards
from helpers.vectors.stream import Output, run_shards

COMMANDS = {
    # Keeps what it was sent, says a number at once, and does the tasks in the background, as the real one.
    "sbatch": """#!{python}
import os, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
*options, script = sys.argv[1:]
number = len([name for name in os.listdir(here) if name.endswith(".sh")]) + 1
text = open(script).read()
open(f"{{here}}/job-{{number}}.sh", "w").write(" ".join(options) + chr(10) + text)
offset = next((part.split("RUN_OFFSET=")[1] for part in options if "RUN_OFFSET=" in part), "0")
array = next((line.split("=")[1] for line in text.splitlines() if line.startswith("#SBATCH --array")), "0-0")
last = int(array.split("%")[0].split("-")[1])
background = f'''
import os, subprocess
for task in range({{last}} + 1):
    more = {{{{"SLURM_ARRAY_TASK_ID": str(task), "SLURM_NODELIST": "here", "RUN_OFFSET": "{{offset}}"}}}}
    subprocess.run(["bash", "{{here}}/job-{{number}}.body"], env=dict(os.environ) | more,
                   stdout=open(f"{{here}}/job-{{number}}-{{{{task}}}}.out", "w"), stderr=subprocess.STDOUT)
os.remove("{{here}}/running-{{number}}")
'''
open(f"{{here}}/job-{{number}}.body", "w").write(text)
open(f"{{here}}/running-{{number}}", "w").close()
subprocess.Popen([sys.executable, "-c", background], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("Submitted batch job", number)
""",
    "squeue": """#!{python}
import os, sys
job = sys.argv[sys.argv.index("--jobs") + 1]
print(job if os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "running-" + job)) else "")
""",
    "srun": '#!/bin/bash\nwhile [[ "$1" == -* ]]; do [[ "$1" == -n ]] && shift; shift; done\nexec "$@"\n',
    "scontrol": "#!/bin/bash\necho here\n",
}


class Doubled:
    """A small work: twice the number of each line; a file that has none of it fails."""

    def __call__(self, shard):
        numbers = [int(line) for line in shard.path.read_text().split()]
        about = {"by": pa.array([os.environ.get("OMP_NUM_THREADS", "")] * len(numbers), pa.string())}
        rows = pa.table({"twice": pa.array([2 * n for n in numbers], pa.int64()), **about})
        yield {"rows": rows, "rejected": rows.slice(0, 0), "samples": rows.slice(0, 0)}


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.jsonl").write_text(f"{number}\n{number + 10}\n")
    return str(tmp_path / "in")


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The folder of the stand-in's commands, the first on the path."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in COMMANDS.items():
        (folder / name).write_text(text.format(python=sys.executable) if "{python}" in text else text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent))  # where the nodes find this test's work
    monkeypatch.setattr(executors, "POLL", 0.2)
    return folder


def work():
    """The small work, from a module that other processes can import as well."""
    spec = importlib.util.spec_from_file_location("test_executors", __file__)
    module = sys.modules.setdefault("test_executors", importlib.util.module_from_spec(spec))
    if not hasattr(module, "Doubled"):
        spec.loader.exec_module(module)
    return module.Doubled()


def doubled(parts):
    return sorted(n for part in parts for n in pd.read_parquet(part)["twice"])


WANTED = sorted(2 * n for number in range(5) for n in (number, number + 10))


def test_slurm_does_the_same_and_is_waited_for(source, cluster, tmp_path):
    settings = Slurm(
        partition="night", time="01:00:00", cpus_per_task=3, setup="export SAID=1", options={"account": "me"}
    )
    workers = choose_workers(embeds=False, executor="slurm", workers=2, slurm=settings.model_dump())
    parts = run_shards(list_shards(source), work(), Output(tmp_path / "out", "key" * 5), workers=workers)
    assert doubled(parts) == WANTED and set(pd.read_parquet(parts[0])["by"]) == {"3"}
    sent = (cluster / "job-1.sh").read_text()
    for line in ("partition=night", "time=01:00:00", "cpus-per-task=3", "array=0-4%2", "account=me", "mem-per-cpu=2G"):
        assert f"#SBATCH --{line}" in sent
    assert "export SAID=1" in sent and "mail" not in sent and str(Path(sys.executable).parent) in sent


def test_a_task_that_fails_at_slurm_says_why_and_only_it_is_done_again(source, cluster, tmp_path):
    broken = Path(source, "3.jsonl")
    broken.write_text("no number\n")
    workers = choose_workers(embeds=False, executor="slurm", slurm=Slurm(partition="night").model_dump())
    output = Output(tmp_path / "out", "key" * 5)
    with pytest.raises(RuntimeError, match=r"1 of 5 shards have no part yet \(3.jsonl\): ValueError: invalid literal"):
        run_shards(list_shards(source), work(), output, workers=workers)
    broken.write_text("3\n13\n")
    assert doubled(run_shards(list_shards(source), work(), output, workers=workers)) == WANTED
    jobs = [path.read_text() for path in sorted(cluster.glob("job-*.sh"))]
    assert [("array=0-4" in job, "array=0-0" in job) for job in jobs if "merge_stats" not in job] == [
        (True, False),
        (False, True),
    ]


def test_a_queue_that_does_not_answer_is_asked_again(source, cluster, tmp_path):
    """Every second answer of squeue fails, as on a busy cluster; the job is waited for all the same."""
    honest = (cluster / "squeue").read_text()
    (cluster / "squeue").write_text(
        honest.replace(
            "import os, sys\n",
            "import os, sys\nhere = os.path.dirname(os.path.abspath(__file__))\n"
            "busy = here + '/busy'\nif not os.path.exists(busy):\n    open(busy, 'w').close()\n"
            "    sys.exit('slurm_load_jobs error: Socket timed out')\nos.remove(busy)\n",
        )
    )
    workers = choose_workers(embeds=False, executor="slurm", slurm=Slurm(partition="night").model_dump())
    assert (
        doubled(run_shards(list_shards(source), work(), Output(tmp_path / "out", "k" * 15), workers=workers)) == WANTED
    )


def test_slurm_where_there_is_none_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeError, match="no command `sbatch` here"):
        choose_workers(embeds=False, executor="slurm", slurm=Slurm(partition="night").model_dump())
    with pytest.raises(ValueError, match="slurm.partition: missing"):
        Shards(executor="slurm")


def test_ray_does_the_same_and_listens_to_this_machine_only(source, tmp_path):
    """In a process of its own, as Ray leaves threads behind."""
    pytest.importorskip("ray", reason='needs the extra scale: pip install -e ".[scale]"')
    (tmp_path / "by_ray.py").write_text(
        "import json, sys, threading, time\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})\n"
        "import psutil\n"
        "import test_executors as test\n"
        "heard, ended = set(), threading.Event()\n"
        "def listen():\n"
        "    while not ended.wait(0.2):\n"
        "        for process in psutil.Process().children(recursive=True):\n"
        "            try:\n"
        "                found = process.net_connections('tcp')\n"
        "            except psutil.Error:\n"
        "                continue\n"
        "            heard.update(one.laddr.ip for one in found if one.status == 'LISTEN')\n"
        "if __name__ == '__main__':\n"
        "    threading.Thread(target=listen, daemon=True).start()\n"
        "    workers = test.choose_workers(embeds=False, executor='ray', workers=2, ray=test.Ray().model_dump())\n"
        "    output = test.Output(Path(sys.argv[2]), 'key' * 5)\n"
        "    parts = test.run_shards(test.list_shards(sys.argv[1]), test.Doubled(), output, workers=workers)\n"
        "    ended.set()\n"
        "    print(json.dumps({'parts': [str(part) for part in parts], 'heard': sorted(heard)}))\n"
    )
    command = [sys.executable, str(tmp_path / "by_ray.py"), source, str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    # Read here: pyarrow's threads that read a file, and Ray's, may end a process in the wrong order.
    assert doubled(said["parts"]) == WANTED
    assert said["heard"] and {ip.removeprefix("::ffff:") for ip in said["heard"]} <= {"127.0.0.1", "::1"}


def test_workers_part_the_cores(monkeypatch):
    monkeypatch.setattr(executors, "cpu_count", lambda: 32)
    monkeypatch.setattr(executors, "visible_gpus", lambda: [])
    texts, vectors = choose_workers(embeds=True), choose_workers(embeds=False)
    assert (texts.count, texts.threads, vectors.count, vectors.threads) == (4, 8, 16, 2)
    assert choose_workers(embeds=True, workers=3).threads == 10
    monkeypatch.setattr(executors, "cpu_count", lambda: 2)
    alone = choose_workers(embeds=True)
    assert (alone.count, alone.threads) == (1, None)
    monkeypatch.setattr(executors, "visible_gpus", lambda: ["0", "3"])
    assert choose_workers(embeds=True).gpus == ("0", "3") and choose_workers(embeds=False).gpus == ()


def _claim(locks, told, ended):
    told.put(claim_gpu(["0", "3"], Path(locks)))
    ended.wait(60)


def test_every_process_has_a_card_of_its_own(tmp_path):
    context = get_context("spawn")
    told, ended = context.Queue(), context.Event()
    processes = [context.Process(target=_claim, args=(str(tmp_path), told, ended)) for _ in range(3)]
    for process in processes:
        process.start()
    claimed = sorted(told.get(timeout=60) for _ in processes)
    ended.set()
    for process in processes:
        process.join()
    assert claimed in (["0", "0", "3"], ["0", "3", "3"])


def test_threads_of_two_workers_are_half_of_the_cores(source, tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "cpu_count", lambda: 6)
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent)  # processes of the pool look where this one does
    parts = run_shards(
        list_shards(source),
        work(),
        Output(tmp_path / "out", "key" * 5),
        workers=choose_workers(embeds=False, workers=2),
    )
    assert doubled(parts) == WANTED and {by for part in parts for by in pd.read_parquet(part)["by"]} == {"3"}
