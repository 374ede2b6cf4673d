"""A run's prompts -> its texts: in this process, or in parts on several workers, Slurm or Ray, as the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from helpers.files import read_value
from helpers.llm.write import Writer, writing_speed
from helpers.runs import Run
from helpers.shown import counted
from helpers.synthetic.funnel import NOT_WRITTEN
from helpers.synthetic.generate import ABOUT, MADE, generate_texts, generation_figures
from helpers.synthetic.generate_shards import generate_shards, preview_shards
from helpers.synthetic.parts import move_replies, part_logs, whole_log
from helpers.vectors.executors import choose_workers
from helpers.vectors.stream import FOLDERS

LOG, FOLDER = "synthetic/replies.jsonl", "synthetic/written"
REPORT = "synthetic_report.json"


def write_run(run: Run, prompts: pd.DataFrame, *, llm: Writer | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the texts and the rejected prompts, in the order of the prompts; see generate_texts.

    What was written before, in parts or not, is not written again. With synthetic.executor slurm or ray, or a number of
    workers, they are written in parts, each by a worker that opens the model or the servers itself (llm is not used
    then). With synthetic.dry_run nothing is written, and all prompts are rejected with that reason.
    """
    how = {**run.config.synthetic.writing, "seed": run.config.seed}
    if run.config.synthetic.dry_run:
        rejected = prompts.reindex(columns=["id", "reason", "text", *ABOUT, *MADE]).assign(n_tokens=0)
        texts = prompts.head(0).reindex(columns=["id", "text", "original", *ABOUT, *MADE, "cut"])
        return texts, rejected.assign(reason=f"{NOT_WRITTEN}: dry_run")
    if not is_parted(run):
        for log in part_logs(run.path(FOLDER)):
            move_replies(log, lambda _: run.path(LOG))
        return generate_texts(prompts, llm=llm, log=run.path(LOG), **how)
    move_replies(run.path(LOG), lambda _: whole_log(run.path(FOLDER)))
    parts = generate_shards(prompts, run.path(FOLDER), **_parted(run, llm))
    place = prompts["id"].reset_index(drop=True).reset_index().set_index("id")["index"]
    tables = []
    for kind in ("rows", "rejected"):
        read = [pd.read_parquet(part.parent / FOLDERS[kind] / part.name) for part in parts]
        table = pd.concat(read, ignore_index=True)
        tables.append(table.iloc[table["id"].map(place).argsort(kind="stable")].reset_index(drop=True))
    return tables[0], tables[1]


def launch_table(run: Run, prompts: pd.DataFrame, *, llm: Writer | None) -> pd.DataFrame | str:
    """Return what writing in parts would launch, a line a part, or in a sentence that this process writes all.

    Nothing is launched. What the executor would be given is printed.
    """
    if not is_parted(run):
        return f"this process writes all of {counted(len(prompts), 'prompt')}; synthetic.executor names a cluster"
    found = preview_shards(prompts, run.path(FOLDER), **_parted(run, llm, launches=False))
    done = f"{found['whole']:,} of {found['parts']:,} parts are whole"
    asked = f"; up to {found['per_server']:,} prompts at once for a server" if found["servers"] else ""
    print(f"{found['executor']}: {done}, {found['at_once']:,} tasks at once{asked}")  # noqa: T201
    for name, value in found["options"].items():
        print(f"{name}: {value}")  # noqa: T201
    return found["tasks"]


def is_parted(run: Run) -> bool:
    """Return whether texts are written in parts, by workers of their own."""
    how = run.config.synthetic
    return how.executor != "local" or how.workers != "auto" or how.parts is not None


def writing_figures(run: Run, rows: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """Return what generation_figures tells of the run's texts and the logs that they are kept in."""
    return generation_figures(rows, rejected, _logs(run))


def figures_table(figures: dict[str, Any]) -> pd.DataFrame:
    """Return how many texts were written and rejected, why, what was cut from them and how fast it went, to read."""
    speed = figures["speed"]
    lines = [
        ("prompts", f"{figures['prompts']:,}"),
        ("texts", f"{figures['rows']:,}"),
        ("rejected", f"{figures['rejected']:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in figures["reasons"].items()),
        *((f"ended by {reason}", f"{count:,}") for reason, count in figures["finish_reasons"].items()),
        *((f"cut: {name}", f"{count:,}") for name, count in figures["cut"].items()),
        ("tokens of the texts", f"{figures['tokens']:,}"),
        ("speed", f"{speed['tokens_per_second']:,.0f} tokens a second, {speed['seconds']:,.0f} s"),
    ]
    return pd.DataFrame(lines, columns=["what", "count"])


def known_speed(run: Run) -> float | None:
    """Return the tokens a second that were written before with these settings of the model, None where none were."""
    report = run.path(REPORT)
    if report.exists():
        before = read_value(report)
        if before["settings"]["llm"] != run.config.synthetic.model_dump()["llm"]:
            return None
    speeds = [writing_speed(log) for log in _logs(run)]
    tokens, seconds = (sum(one[name] for one in speeds) for name in ("tokens", "seconds"))
    return tokens / seconds if seconds else None


def _logs(run: Run) -> list[Path]:
    """Return the logs of all that was written, in this process and in parts."""
    return [log for log in [run.path(LOG), *part_logs(run.path(FOLDER))] if log.exists()]


def _parted(run: Run, llm: Writer | None, *, launches: bool = True) -> dict[str, Any]:
    """Return settings of generate_shards; the model is the one that was found, as a part is known by its name."""
    how, asked = run.config.synthetic, run.config.asking("synthetic").model_dump()
    asked["model"] = asked["model"] if llm is None else llm.name
    where = {name: how[name] for name in ("executor", "workers", "slurm", "ray")}
    by = choose_workers(embeds=not asked["server"], launches=launches, **where)
    return {**how.writing, "seed": run.config.seed, "llm": asked, "shards": how.parts, "by": by}
