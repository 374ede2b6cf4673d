"""A run folder -> a dataset for the Hugging Face hub: rows and topics as Parquet, a card; when asked for, its upload.

Only push touches a network, and it says first where it goes. Nothing else of the kit calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from helpers.files import read_value, write_folder
from helpers.runs import Run
from helpers.shown import counted, percent, public_name
from helpers.text.excerpt import one_line
from helpers.topics.tables import by_size

TAG = "topic-map-kit"  # in the card of every folder that save_dataset wrote
SHARD = 500_000  # rows of one Parquet file

# What the columns hold, for the card; with the kind of those of the topics, of which some may not be there.
ROW_COLUMNS = {
    "id": "the row's own id, or a hash of its content",
    "text": "as it was embedded: cut to the embedder's window, masked where that was asked for",
    "topic": "number of its topic, -1 for none",
    "label": "its topic's name",
    "confidence": "how surely it belongs there, 0 to 1",
    "x": "place on the map",
    "y": "place on the map",
}
TOPIC_COLUMNS = {
    "topic": ("int64", "number, by size; -1 holds the rows that are in no topic"),
    "label": ("string", "name"),
    "label_source": ("string", "what gave the name: llm, list, keywords, given, or fixed"),
    "size": ("int64", "rows"),
    "share": ("float64", "of all rows, 0 to 1"),
    "keywords": ("list", "by c-TF-IDF, the most telling first"),
    "examples": ("list", "texts of rows that stand for it"),
    "x": ("float64", "place on the map: the median of its rows"),
    "y": ("float64", "place on the map: the median of its rows"),
    "parent": ("int64", "number of the broader topic that holds it, -1 for none"),
    "parent_label": ("string", "name of that broader topic"),
    "stability": ("float64", "how well it comes back with other seeds, 0 to 1; below 0.5 do not build on it"),
    "label_finds": ("float64", "share of the topic's rows that its name finds among all rows"),
    "keywords_find": ("float64", "share of the topic's rows that its keywords find"),
    "label_note": ("string", "why one should look at the name"),
    "summary": ("string", "a sentence by the language model"),
    "score": ("int64", "educational score by the language model, 0 to 5"),
    "score_reason": ("string", "the language model's reason for the score"),
}
TO_FILL_IN = (
    "**To fill in before this is shared:** the licence of the source (`license` at the top of this file), where the "
    "source comes from, and what it may be used for."
)
# Signs that mean something within a line of Markdown, $ for formulas; HTML's are written as entities.
_ESCAPED = str.maketrans(
    {sign: f"\\{sign}" for sign in r"\`*_[]#|~$!"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}
)


def save_dataset(
    run: Run | Path | str,
    folder: Path | str,
    *,
    texts: bool = True,
    columns: Sequence[str] = (),
    license: str = "unknown",
) -> Path:
    """Write a dataset of two configurations, `rows` and `topics`, to a new folder and return it; nothing is uploaded.

    `datasets.load_dataset(folder, "rows")` reads it. texts: False leaves the texts of rows out of both. columns:
    source columns of rows.parquet that go with the rows; none unless named. license: of the source, for the card. An
    older dataset that stands in the folder is replaced. Raises FileNotFoundError for a run that is not finished,
    FileExistsError for a folder with other files, ValueError for a column that rows.parquet does not have.
    """
    run, folder = run.folder if isinstance(run, Run) else Path(run).expanduser(), Path(folder).expanduser()
    files = [run / name for name in ("rows.parquet", "topics.parquet", "layers.parquet", "report.json")]
    if missing := [file.name for file in files if not file.exists()]:
        raise FileNotFoundError(f"{run} has no {missing[0]}: run all cells of its notebook to the end first")
    need_room(folder)
    rows = _row_table(files[0], texts, columns)
    topics = topic_table(*(pd.read_parquet(file) for file in files[:3]), texts=texts)
    card = make_card(read_value(files[3]), rows, topics, license=license)

    def fill(inside: Path) -> None:
        write_shards(rows, inside / "rows")
        write_shards(topics, inside / "topics")
        (inside / "README.md").write_text(card, encoding="utf-8")

    return write_folder(folder, fill)


def push(folder: Path | str, repo_id: str, *, private: bool = True, token: str | None = None) -> str:
    """Upload what save_dataset wrote to a dataset of the hub, made where there is none, and return its address.

    Prints first where it goes and who will see it. Nothing but README.md and the Parquet files is sent, and Parquet
    files of an older upload are removed there. Raises FileNotFoundError for a folder that save_dataset did not write,
    PermissionError when private is asked for and the dataset is there already and public.
    """
    folder = Path(folder).expanduser()
    files = sorted(folder.glob("rows/*.parquet")) + sorted(folder.glob("topics/*.parquet"))
    if not _is_ours(folder) or not files:
        raise FileNotFoundError(f"{folder} is not a dataset of this kit: make one with save_dataset")
    import huggingface_hub

    address = f"{huggingface_hub.constants.ENDPOINT}/datasets/{repo_id}"
    kind = "with the texts" if "text" in pq.read_schema(files[0]).names else "without texts"
    size = sum(file.stat().st_size for file in files) / 1e6
    seen = "private: only those you let in can see it" if private else "PUBLIC: everybody can see it"
    print(f"publish: {folder} ({size:.1f} MB, {kind}) goes to {address}, {seen}", flush=True)  # noqa: T201
    about = {"repo_id": repo_id, "token": token}
    huggingface_hub.create_repo(**about, repo_type="dataset", private=private, exist_ok=True)
    # A dataset that is there already stays as public as it was.
    if private and not huggingface_hub.dataset_info(**about).private:
        raise PermissionError(f"{address} is public: nothing was sent; make it private, or say private=False")
    huggingface_hub.upload_folder(
        **about,
        folder_path=folder,
        repo_type="dataset",
        allow_patterns=["README.md", "rows/*.parquet", "topics/*.parquet"],
        delete_patterns=["rows/*.parquet", "topics/*.parquet"],
        commit_message="Rows and topics",
    )
    return address


def make_card(report: Mapping[str, Any], rows: pa.Table, topics: pa.Table, *, license: str = "unknown") -> str:
    """Return the dataset's README.md: settings for `datasets`, figures, models, columns and a table of the topics.

    report: see tables.collect_report. Files of this machine are named without their folders.
    """
    title = f"{one_line(report['title'])}: topics"
    parts = [
        f"---\n{front(title, license)}---",
        f"# {escaped(title)}",
        f"{report['texts']:,} texts, of which {percent(report['coverage'])} are in one of {report['topics']:,} topics. "
        f"The topics were found and named by programs{' and edited by hand' if _edits(report) else ''}: read some of "
        "their rows before you build on one.",
        *([TO_FILL_IN] if license == "unknown" else []),
        "## In figures",
        markdown_table(["figure", "value"], _figures(report)),
        "## How it was made",
        markdown_table(["what", "with"], _making(report, texts="text" in rows.column_names)),
        "## Columns of `rows`",
        markdown_table(["column", "what it holds"], told_columns(rows, ROW_COLUMNS)),
        "## Columns of `topics`",
        markdown_table(
            ["column", "what it holds"], told_columns(topics, {name: text for name, (_, text) in TOPIC_COLUMNS.items()})
        ),
        "## Topics",
        markdown_table(["topic", "label", "rows", "share", "keywords"], topic_lines(topics)),
    ]
    return "\n\n".join(parts) + "\n"


def need_room(folder: Path) -> None:
    """Raise FileExistsError when something other than an older dataset of this kit stands where one is to be put."""
    others = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if (folder.exists() and not folder.is_dir()) or (others and not _is_ours(folder)):
        raise FileExistsError(f"{folder} is there already and no dataset of this kit: name a new folder")
    if others - {"README.md", "rows", "topics"}:
        raise FileExistsError(f"{folder} holds other files, which would be lost: name a new folder")


def _is_ours(folder: Path) -> bool:
    card = folder / "README.md"
    return card.is_file() and f"\n- {TAG}\n" in card.read_text(encoding="utf-8", errors="replace")


def _row_table(path: Path, texts: bool, columns: Sequence[str]) -> pa.Table:
    """Return the rows as they are published: the kit's columns, then those of the source that were asked for."""
    stored = {name: "summary_label" if name == "label" else name for name in ROW_COLUMNS}
    there = [name for name in pq.read_schema(path).names if name not in stored.values()]
    if unknown := [name for name in columns if name not in there]:
        raise ValueError(f"no column {unknown[0]!r} to publish with the rows; there are {', '.join(there) or 'none'}")
    taken = {name: stored[name] for name in ROW_COLUMNS if texts or name != "text"}
    taken |= {"source_label" if name == "label" else name: name for name in columns}
    table = pq.read_table(path, columns=list(taken.values()))
    return table.rename_columns({name: new for new, name in taken.items()}).replace_schema_metadata(None)


def topic_table(rows: pd.DataFrame, topics: pd.DataFrame, layers: pd.DataFrame, *, texts: bool) -> pa.Table:
    """Return the topics as they are published: TOPIC_COLUMNS, as far as they are there."""
    found = topics.join(rows.groupby("topic")[["x", "y"]].median(), on="topic")
    broader = layers[layers["layer"] == next(iter(layers["layer"].drop_duplicates()[1:]), None)]
    if "parent" in found and len(broader):
        found["parent_label"] = found["parent"].map(broader.set_index("topic")["label"])
    if texts:
        wanted = rows[rows["id"].isin({one for ids in topics["representative_ids"] for one in ids})]
        text = dict(zip(wanted["id"], wanted["text"], strict=True))
        found["examples"] = [[text[one] for one in ids] for ids in topics["representative_ids"]]
    kinds = {name: kind for name, (kind, _) in TOPIC_COLUMNS.items() if name in found}
    return pa.table({name: _array(found[name], kind) for name, kind in kinds.items()})


def _array(values: pd.Series, kind: str) -> pa.Array:
    if kind == "list":
        return pa.array([list(value) for value in values], pa.list_(pa.string()))
    return pa.array([None if pd.isna(value) else value for value in values], pa.type_for_alias(kind))


def write_shards(table: pa.Table, folder: Path) -> None:
    """Write a table to a new folder as files of at most SHARD rows, named as `datasets` expects them."""
    folder.mkdir()
    count = max(1, -(-len(table) // SHARD))
    for at in range(count):
        path = folder / f"train-{at:05d}-of-{count:05d}.parquet"
        pq.write_table(table.slice(at * SHARD, SHARD), path, compression="zstd")


def front(title: str, license: str, *, names: Sequence[str] = ("rows", "topics")) -> str:
    """Return the settings for `datasets` that a card begins with. names: of the tables, the first is the default."""
    configs = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{name}/train-*.parquet"}]} for name in names
    ]
    configs[0]["default"] = True
    front = {"pretty_name": title, "license": license, "tags": [TAG], "configs": configs}
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True)


def _figures(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    reasons = [f"{count:,} x {reason}" for reason, count in list(report["rejected_by_reason"].items())[:5]]
    rejected = f"{report['rejected']:,}" + (f" ({'; '.join(reasons)})" if reasons else "")
    names = {"rows": "rows in", "kept": "rows kept", "rejected": "rows rejected", "texts": "texts",
             "unique": "different texts", "truncated": "texts cut", "topics": "topics"}  # fmt: skip
    found = {shown: f"{report[name]:,}" for name, shown in names.items()}
    return list({**found, "rows rejected": rejected, "texts in a topic": percent(report["coverage"])}.items())


def _making(report: Mapping[str, Any], *, texts: bool) -> list[tuple[str, str]]:
    settings, llm = report["settings"], (report.get("labels") or {}).get("by") or {}
    sources = [settings["source"], *settings["source"].get("also", {}).values()]
    masked, done = settings.get("redact", {}).get("kinds", []), _edits(report)
    size = f", min_cluster_size {report['min_cluster_size']} ({report['min_cluster_size_reason']})"
    size = size if by_size(report) else ""
    return [
        ("source", "; ".join(f"{public_name(one['path'])}, split {one['split']}" for one in sources)),
        ("embedder", public_name(report.get("embedding", {}).get("model") or "none")),
        ("topics", settings["cluster"]["algorithm"] + size),
        ("names", public_name(llm.get("model") or "keywords only")),
        *([("by hand", counted(done, "edit"))] if done else []),
        ("texts", f"{', '.join(masked) or 'nothing'} masked" if texts else "left out"),
        ("made with", "Topic Map Kit"),
    ]


def _edits(report: Mapping[str, Any]) -> int:
    """Return how many edits by hand were applied."""
    return sum(edit["status"] == "applied" for edit in report.get("edits", []))


def told_columns(table: pa.Table, told: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return a table's columns, each with what it holds."""
    return [(name, told.get(name, "of the source")) for name in table.column_names]


def topic_lines(topics: pa.Table) -> list[tuple[str, ...]]:
    """Return a line a topic as a card shows it: topic, label, size, share, keywords."""
    lines = topics.select(["topic", "label", "size", "share", "keywords"]).to_pylist()
    return [
        (str(one["topic"]), one["label"], f"{one['size']:,}", percent(one["share"]), ", ".join(one["keywords"][:5]))
        for one in lines
    ]


def markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, whatever its cells hold."""
    cells = [head, ["---"] * len(head), *([escaped(cell) for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def escaped(text: str) -> str:
    """Return text on one line in which no sign means anything to Markdown or HTML."""
    return one_line(text).translate(_ESCAPED)
