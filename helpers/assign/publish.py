"""New rows that were assigned -> a dataset for the Hugging Face hub: rows and topics as Parquet, a card.

Nothing is uploaded: helpers.publish.push does that, when it is asked to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.assign.shards import model_hash
from helpers.files import appending, read_value, write_folder
from helpers.publish import (
    TO_FILL_IN,
    TOPIC_COLUMNS,
    escaped,
    front,
    markdown_table,
    need_room,
    told_columns,
    topic_lines,
    topic_table,
)
from helpers.runs import Run
from helpers.shown import percent, public_name
from helpers.text.excerpt import one_line
from helpers.vectors.stream import PART

AT_ONCE = 100_000  # rows that are read and written at a time
ROW_COLUMNS = {
    "id": "the row's own id, or a hash of its content",
    "file": "the file of the source that the row is in",
    "position": "its place in that file, from 0",
    "topic": "number of its topic, -1 where none is near enough",
    "label": "its topic's name",
    "confidence": "the chance that the fit would have put it there, 0 to 1; 0 in no topic",
    "distance": "1 - similarity to the nearest topic, 0 to 2",
    "runner_up": "the next best topic; of a row in none the nearest",
    "reason": "why it is in no topic",
    "x": "place on the map",
    "y": "place on the map",
}
FOUND_COLUMNS = {
    "new_rows": "new rows in it",
    "new_share": "their share of all new rows, 0 to 1",
    "expected_share": "the share expected of rows like those of the map",
}


def save_assigned(run: Run | Path | str, folder: Path | str, *, texts: bool = True, license: str = "unknown") -> Path:
    """Write the assigned rows of a run and its topics as a dataset to a new folder and return it.

    `datasets.load_dataset(folder, "rows")` reads it; the rows are ids and topics, as their texts are not kept, and the
    topics are those of the map with what was found of each. texts: False leaves examples out of the topics. license: of
    the source. Memory does not grow with the rows. Raises FileNotFoundError where nothing was assigned, ValueError
    where the map was made anew since, FileExistsError for a folder with other files.
    """
    run, folder = run.folder if isinstance(run, Run) else Path(run).expanduser(), Path(folder).expanduser()
    report = run / "assign_report.json"
    if not report.exists():
        raise FileNotFoundError(f"{run} has no {report.name}: run all cells of 2_assign_template to the end first")
    told = read_value(report)
    if told["model"] != model_hash(run / "model"):
        raise ValueError(f"{run} was made anew since its new rows were assigned: assign them again")
    output = run / told["settings"]["output"]
    parts = sorted(path for path in output.glob("*.parquet") if PART.fullmatch(path.name))
    if [part.name for part in parts] != sorted(told["parts"]):
        raise ValueError(f"{output} is not what {report.name} tells of: run 2_assign_template to its end again")
    need_room(folder)
    tables = [pd.read_parquet(run / f"{name}.parquet") for name in ("rows", "topics", "layers")]
    topics = _with_found(topic_table(*tables, texts=texts), told["topics"])
    label = dict(zip(topics["topic"].to_pylist(), topics["label"].to_pylist(), strict=True))

    def fill(inside: Path) -> None:
        (inside / "rows").mkdir()
        (inside / "topics").mkdir()
        for at, part in enumerate(parts):
            with appending(inside / "rows" / f"train-{at:05d}-of-{len(parts):05d}.parquet") as append:
                append(_labelled(pq.read_schema(part).empty_table(), label))
                with pq.ParquetFile(part) as file:
                    for batch in file.iter_batches(batch_size=AT_ONCE):
                        append(_labelled(pa.Table.from_batches([batch]), label))
        pq.write_table(topics, inside / "topics" / "train-00000-of-00001.parquet", compression="zstd")
        columns = _labelled(pq.read_schema(parts[0]).empty_table(), label).column_names
        (inside / "README.md").write_text(_card(told, columns, topics, license=license), encoding="utf-8")

    return write_folder(folder, fill)


def _labelled(rows: pa.Table, label: Mapping[int, str]) -> pa.Table:
    names = pa.array([label[topic] for topic in rows["topic"].to_pylist()], pa.string())
    at = rows.column_names.index("topic") + 1
    return rows.add_column(at, "label", names).replace_schema_metadata(None)


def _with_found(topics: pa.Table, found: Sequence[Mapping[str, Any]]) -> pa.Table:
    by = {line["topic"]: line for line in found}
    lines = [by[topic] for topic in topics["topic"].to_pylist()]
    for name, key, kind in zip(
        FOUND_COLUMNS, ("rows", "found", "expected"), ("int64", "float64", "float64"), strict=True
    ):
        values = pa.array([line[key] for line in lines], pa.type_for_alias(kind))
        topics = topics.append_column(name, values)
    return topics


def _card(report: Mapping[str, Any], columns: Sequence[str], topics: pa.Table, *, license: str) -> str:
    title = f"{one_line(report['title'])}: topics of new rows"
    covered = "none could be used" if report["coverage"] is None else percent(report["coverage"])
    away = next(line["rows"] for line in report["topics"] if line["topic"] == -1)
    figures = [
        ("rows in", f"{report['rows']:,}"),
        ("rows in a topic", f"{report['assigned']:,} ({covered}; expected {percent(report['expected_coverage'])})"),
        ("rows in no topic", f"{away:,}"),
        ("rows rejected", f"{report['rejected']:,}"),
        ("source", public_name(report["source"])),
        ("share of a topic's own rows turned away", percent(report["settings"]["reject"])),
        ("made with", "Topic Map Kit"),
    ]
    told = {name: text for name, (_, text) in TOPIC_COLUMNS.items()} | FOUND_COLUMNS
    parts = [
        f"---\n{front(title, license)}---",
        f"# {escaped(title)}",
        "Rows that were given the topics of a map of other rows, by their likeness to them, and those topics. The "
        "topics were found and named by programs: read some of their rows before you build on one.",
        *([TO_FILL_IN] if license == "unknown" else []),
        "## In figures",
        markdown_table(["figure", "value"], figures),
        "## Columns of `rows`",
        markdown_table(["column", "what it holds"], [(name, ROW_COLUMNS[name]) for name in columns]),
        "## Columns of `topics`",
        markdown_table(["column", "what it holds"], told_columns(topics, told)),
        "## Topics of the map",
        markdown_table(["topic", "label", "rows", "share", "keywords"], topic_lines(topics)),
    ]
    return "\n\n".join(parts) + "\n"
