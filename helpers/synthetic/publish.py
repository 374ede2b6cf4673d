"""The rows that are left of a run's synthetic texts -> a dataset with a card, in a folder; nothing is uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from helpers.files import read_value, write_folder
from helpers.publish import TO_FILL_IN, escaped, front, markdown_table, need_room, told_columns, write_shards
from helpers.runs import Run
from helpers.shown import percent, public_name
from helpers.synthetic.write import REPORT
from helpers.text.excerpt import one_line

COLUMNS = {
    "id": "of the prompt: a hash of all that it says",
    "prompt": "what the model was asked, a list of turns",
    "text": "what it wrote, without stock phrases before and after it",
    "kind": "what the prompt was made from: topics, outline, titles or instructions",
    "topic": "number of the topic that the prompt was made from, null for none",
    "subject": "name of that topic, of the unit, or the title",
    "style": "kind of text that was asked for",
    "audience": "whom it was to be written for",
    "seed_id": "id of the row whose beginning the prompt shows, or of the unit or title",
    "n_tokens": "of the text, as the model counts them; estimated where something was cut",
    "finish_reason": "stop: the model ended it; length: it was cut off",
    "model": "that wrote it",
    "score": "by the scorer of this dataset's rows",
    "int_score": "the nearest level of the scorer's rubric",
}


def save_rows_left(run: Run) -> Path | str:
    """Return the folder that save_synthetic wrote, or a sentence where no row is left to make a dataset of."""
    kept = run.path(f"{run.config.synthetic.folder}/kept.parquet")
    return save_synthetic(run) if len(pd.read_parquet(kept, columns=["id"])) else "none is made, as no row is left"


def save_synthetic(run: Run | Path | str, folder: Path | str | None = None, *, license: str = "unknown") -> Path:
    """Write the rows that are left as a dataset with one table, `rows`, to a folder, and return it.

    `datasets.load_dataset(folder)` reads it, and publish.push uploads it when you call that. folder: by default
    synthetic/dataset in the run folder. license: of the texts, for the card; that of the model and of the source may
    bind it. An older dataset that stands there is replaced. Raises FileNotFoundError where no text was written,
    FileExistsError for a folder with other files.
    """
    run = run.folder if isinstance(run, Run) else Path(run).expanduser()
    folder = run / "synthetic" / "dataset" if folder is None else Path(folder).expanduser()
    files = [run / "synthetic" / name for name in ("kept.parquet", "prompts.parquet")]
    if missing := [path for path in (*files, run / REPORT) if not path.exists()]:
        raise FileNotFoundError(f"{missing[0]} is not there: run all cells of 5_synthetic_template to the end first")
    need_room(folder)
    kept, prompts = (pd.read_parquet(path) for path in files)
    rows = kept.merge(prompts[["id", "prompt"]], on="id", how="left", validate="1:1")
    rows = rows[[name for name in COLUMNS if name in rows]]
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    card = _card(read_value(run / REPORT), table, license=license)

    def fill(inside: Path) -> None:
        write_shards(table, inside / "rows")
        (inside / "README.md").write_text(card, encoding="utf-8")

    return write_folder(folder, fill)


def _origin(report: Mapping[str, Any]) -> str:
    how = report["settings"]
    files = {"titles": [how["titles"]], "outline": [*how["outline"], how["course"]]}.get(
        how["kind"], [report["source"]]
    )
    return f"{how['kind']} of {', '.join(public_name(one) for one in files if one)}"


def _card(report: Mapping[str, Any], rows: pa.Table, *, license: str) -> str:
    title = f"{one_line(report['title'])}: synthetic texts"
    steps = [(line["step"], f"{line['gone']:,}", f"{line['left']:,}") for line in report["steps"]]
    figures = [
        ("prompts", f"{report['prompts']:,}"),
        ("rows", f"{report['left']:,} ({percent(report['left'] / max(1, report['prompts']))})"),
        ("tokens", f"{report['tokens']:,}"),
        ("written by", public_name(report["model"])),
        ("made from", _origin(report)),
        ("benchmarks looked for", ", ".join(map(public_name, report["benchmarks"])) or "none"),
        ("made with", "Topic Map Kit"),
    ]
    parts = [
        f"---\n{front(title, license, names=['rows'])}---",
        f"# {escaped(title)}",
        "Texts that a language model wrote. What they say may be wrong, and nobody has checked it.",
        *([TO_FILL_IN] if license == "unknown" else []),
        "## In figures",
        markdown_table(["figure", "value"], figures),
        "## What became of the prompts",
        markdown_table(["step", "lost there", "left"], steps),
        "## Columns",
        markdown_table(["column", "what it holds"], told_columns(rows, COLUMNS)),
    ]
    return "\n\n".join(parts) + "\n"
