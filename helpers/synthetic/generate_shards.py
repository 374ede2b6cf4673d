"""A table of prompts -> texts, in parts that datatrove's executors work on: each asks its servers, or has a model.

Every part keeps its replies in a log of its own, so that what was written is not written again, whoever was killed.
How parts are worked on is told in vectors/stream.py.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from helpers.files import fingerprint
from helpers.keys import versions
from helpers.llm.ask import LLM
from helpers.llm.find import find_llm
from helpers.llm.replies import read_entries
from helpers.synthetic.boilerplate import RULES
from helpers.synthetic.generate import ABOUT, NO_ANSWER, generate_each
from helpers.synthetic.parts import move_logs, part_log, part_number, part_prompts, write_parts
from helpers.vectors.executors import SlurmRun, Workers
from helpers.vectors.shards import Shard
from helpers.vectors.stream import LOGS, ONE_WORKER, Output, Tables, locked, run_shards

SHOWN = 5  # texts of a part to look at
MADE = {"n_tokens": pa.int64(), "finish_reason": pa.string(), "model": pa.string()}


@dataclass(frozen=True)
class WriteShard:
    """Work on a part of the prompts. llm: settings of find_llm; of several servers, part k begins with number k."""

    folder: Path
    llm: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return a hash of all that a text depends on besides its prompt; where the model is, it does not."""
        told = {name: self.llm.get(name) for name in ("model", "revision", "quantization")}
        rules = Path(self.settings.get("boilerplate") or RULES).read_text("utf-8")
        return fingerprint([told, dict(self.settings), rules, versions()["topic-map-kit"]])

    def __call__(self, shard: Shard) -> Tables:
        """Yield rows, rejected prompts and some rows to look at; before them empty tables as the texts come."""
        prompts, schemas = pd.read_parquet(shard.path), _schemas(pq.read_schema(shard.path))
        nothing = {kind: schema.empty_table() for kind, schema in schemas.items()}
        yield nothing
        llm = _opened(json.dumps(llm_of_part(self.llm, part_number(shard)), sort_keys=True, default=str))
        steps = generate_each(prompts, llm=llm, log=part_log(self.folder, shard.path.stem), doing=None, **self.settings)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                rows, rejected = end.value
                break
            yield nothing  # whoever stops the run is heard
        tables = {"rows": rows, "rejected": rejected, "samples": rows.head(SHOWN)}
        yield {
            kind: pa.Table.from_pandas(table, schema=schemas[kind], preserve_index=False)
            for kind, table in tables.items()
        }


def generate_shards(
    prompts: pd.DataFrame,
    folder: Path,
    *,
    llm: Mapping[str, Any],
    shards: int | None = None,
    by: Workers = ONE_WORKER,
    **settings: Any,  # noqa: ANN401
) -> list[Path]:
    """Write a text for every prompt and return the parts of the rows, Parquet files in folder.

    Each has the columns that generate_texts gives; what was rejected is in _rejected, some rows of each in _samples. A
    prompt's part depends on its id alone; shards: how many parts, by default one for 500 prompts. llm: settings of
    find_llm, whose server may be a list; without one each task has the model in its own process, on a GPU of its own
    where there are several. by: see choose_workers. settings: of generate_texts. Prompts that had no answer are asked
    again. Raises what run_shards and generate_texts raise.
    """
    llm = dict(llm)
    with locked(folder):
        parts = part_prompts(prompts, folder, shards)
        write_parts(parts, folder)
        move_logs(folder, parts)
        work = WriteShard(folder, llm, settings)
        output = Output(folder, work.key)
        for shard in _unanswered(parts, output):
            output.part(shard).unlink()
        return run_shards(list(parts), work, output, workers=by, rows=len(prompts))


def preview_shards(
    prompts: pd.DataFrame,
    folder: Path,
    *,
    llm: Mapping[str, Any],
    shards: int | None = None,
    by: Workers = ONE_WORKER,
    **settings: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return what generate_shards would do, without doing or writing anything.

    tasks: a frame with a line a part that is not whole yet: part, prompts, written (replies in its log), server (the
    one it begins with, "" for a model of its own). parts, whole: how many there are, and how many stay as they are.
    at_once: tasks that run at the same time. per_server: the most prompts that a server may have open then. executor:
    local, slurm or ray; options: its settings, with the script that is given to sbatch under "script".
    """
    llm = dict(llm)
    parts = part_prompts(prompts, folder, shards)
    output = Output(folder, WriteShard(folder, llm, settings).key)
    again = _unanswered(parts, output)
    todo = [shard for shard in parts if not output.part(shard).exists() or shard in again]
    written = [sum(1 for _ in read_entries(part_log(folder, shard.path.stem))) for shard in todo]
    lines = [
        (shard.name, len(parts[shard]), count, _first_server(llm, shard))
        for shard, count in zip(todo, written, strict=True)
    ]
    at_once = min(by.count, len(todo))
    executor, options = _executor(by, folder, len(todo))
    server = llm.get("server") or []
    return {
        "tasks": pd.DataFrame(lines, columns=["part", "prompts", "written", "server"]),
        "parts": len(parts),
        "whole": len(parts) - len(todo),
        "at_once": at_once,
        "servers": [server] if isinstance(server, str) else list(server),
        "per_server": at_once * llm.get("concurrency", 4) if server else 0,
        "executor": executor,
        "options": options,
    }


def llm_of_part(llm: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the settings of find_llm for a part: of m servers, part k begins with k mod m, and has the others too.

    >>> llm_of_part({"server": ["a", "b", "c"]}, 4)["server"]
    ['b', 'c', 'a']
    """
    servers = llm.get("server")
    if not servers or isinstance(servers, str):
        return dict(llm)
    first = number % len(servers)
    return {**llm, "server": [*servers[first:], *servers[:first]]}


@lru_cache(maxsize=1)
def _opened(settings: str) -> LLM | None:
    """Return the language model; a process that works on several parts loads it once."""
    return find_llm(**json.loads(settings))


def _unanswered(parts: Iterable[Shard], output: Output) -> list[Shard]:
    """Return the parts that are whole but for prompts that had no answer."""
    found = []
    for shard in parts:
        if output.part(shard).exists():
            reasons = pq.read_table(output.part(shard, "rejected"), columns=["reason"])["reason"]
            if pc.any(pc.starts_with(reasons, NO_ANSWER)).as_py():
                found.append(shard)
    return found


def _schemas(prompts: pa.Schema) -> dict[str, pa.Schema]:
    """Return the columns of rows, rejected and samples, with those that the prompts have."""
    about = {name: prompts.field(name).type for name in ABOUT if name in prompts.names}
    rows = pa.schema(
        {"id": pa.string(), "text": pa.string(), "original": pa.string(), **about, **MADE, "cut": pa.string()}
    )
    rejected = pa.schema({"id": pa.string(), "reason": pa.string(), "text": pa.string(), **about, **MADE})
    return {"rows": rows, "rejected": rejected, "samples": rows}


def _first_server(llm: Mapping[str, Any], shard: Shard) -> str:
    server = llm_of_part(llm, part_number(shard)).get("server") or ""
    return server if isinstance(server, str) else server[0]


def _executor(by: Workers, folder: Path, tasks: int) -> tuple[str, dict[str, Any]]:
    """Return what the tasks would be given to, and with which settings."""
    if by.executor is None:
        return "local", {"threads": by.threads, "gpus": list(by.gpus)}
    settings = dict(getattr(by.executor, "keywords", {}))
    if getattr(by.executor, "func", None) is not SlurmRun:
        return "ray", settings
    if not tasks:
        return "slurm", settings
    with tempfile.TemporaryDirectory() as nowhere:  # datatrove makes the folder of Slurm's logs
        job = by.make_executor(pipeline=[], tasks=tasks, logging_dir=nowhere).job
        script = job.get_launch_file_contents(job.get_sbatch_args(tasks), "launch_pickled_pipeline executor.pik")
        return "slurm", settings | {"script": script.replace(nowhere, str(folder / LOGS))}
