"""Rows and rules, such as "score >= 3" -> the rows kept, the rows dropped with the first rule each breaks, and counts.

What a rule may say is told in rules.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from helpers.clean.rules import first_broken, read_rules
from helpers.files import appending

KEPT, DROPPED = "kept", "dropped"
BATCH = 65_536  # rows of a part in memory


def filter_rows(rows: pd.DataFrame, *, keep: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that fulfil all rules, and the others with the column `rule`: the first that each breaks.

    Both in the rows' order with all their columns and a new index; every row is in one of them. keep: expressions over
    the columns, such as "score >= 3", "topic not in [4, 7]", "duplicate_of.isna()" or "`two words` == 'x'"; none: all
    are kept. A row with a null in a column that the rule names breaks it, unless the rule asks isna() or notna() of
    that column: "score >= 3 or score.isna()". Raises ValueError for a rule that names what is no column, that is not
    true or false of each row, or that speaks of more than the row; and for rows with a column "rule".
    """
    rules = read_rules(keep, rows.columns)
    first = first_broken(rows, rules)
    broken = np.array([rule.text for rule in rules], dtype=object)[first[first >= 0]]
    kept = rows[first < 0].reset_index(drop=True)
    return kept, rows[first >= 0].reset_index(drop=True).assign(rule=broken)


def filter_parts(parts: Sequence[Path], folder: Path, *, keep: Sequence[str]) -> tuple[list[Path], pd.DataFrame]:
    """Return the parts with the rows kept, folder/kept/NAME for every part, and counts as count_by_rule returns them.

    The rows dropped stand in folder/dropped/NAME. Rules and order are as in filter_rows; memory does not grow with the
    parts, and columns keep their types. Older parts in the two folders are removed first. Raises ValueError before
    anything is written for what filter_rows refuses, for two parts of one name, and for parts of the two folders.
    """
    parts = [Path(part) for part in parts]
    names = [part.name for part in parts]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"every part is to have a name of its own; several are called {', '.join(repeated)}")
    homes = [folder / KEPT, folder / DROPPED]
    if inside := [part for part in parts if part.parent.resolve() in [home.resolve() for home in homes]]:
        raise ValueError(f"{inside[0]} would be written over while it is read: choose another folder than {folder}")
    for part in parts:
        read_rules(keep, pq.read_schema(part).names)
    for home in homes:
        for old in home.glob("*.parquet"):
            old.unlink()
    told = [_filter_part(part, *(home / part.name for home in homes), keep=keep) for part in parts]
    rules = [rule.text for rule in read_rules(keep, pq.read_schema(parts[0]).names)] if parts else list(keep)
    counts = np.sum(told, axis=0, dtype=np.int64) if told else np.zeros(1 + len(rules), dtype=np.int64)
    return [homes[0] / name for name in names], _counted(rules, counts)


def count_by_rule(kept: pd.DataFrame, dropped: pd.DataFrame, keep: Sequence[str]) -> pd.DataFrame:
    """Return a line a rule, in their order: rule, dropped (rows that broke it first) and left (rows after it)."""
    rules = list(dict.fromkeys([keep] if isinstance(keep, str) else keep))
    broken = dropped["rule"].value_counts().reindex(rules, fill_value=0)
    return _counted(rules, np.array([len(kept), *broken]))


def count_by_topic(kept: pd.DataFrame, dropped: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    """Return a line a topic in the order of `topics`, -1 last: topic, label, rows, kept and share (of them kept).

    share is NaN for a topic without rows. Raises ValueError for rows in a topic that is not in `topics`.
    """
    stayed, went = (table.reindex(columns=["topic"])["topic"].value_counts() for table in (kept, dropped))
    if unknown := sorted({*stayed.index, *went.index} - {*topics["topic"]}):
        raise ValueError(f"rows are in topics {unknown}; the table of topics has only {sorted(topics['topic'])}")
    counts = topics[["topic", "label"]].sort_values("topic", key=lambda topic: topic == -1, kind="stable")
    stayed, went = (counts["topic"].map(count).fillna(0).astype(int) for count in (stayed, went))
    counts = counts.assign(rows=stayed + went, kept=stayed, share=stayed / (stayed + went).where(stayed + went > 0))
    return counts.reset_index(drop=True)


def _filter_part(part: Path, to_kept: Path, to_dropped: Path, *, keep: Sequence[str]) -> np.ndarray:
    """Write a part's rows kept and dropped, and return how many broke no rule and each rule."""
    with pq.ParquetFile(part) as file, appending(to_kept) as add_kept, appending(to_dropped) as add_dropped:
        schema = file.schema_arrow
        rules = read_rules(keep, schema.names)
        named = list(dict.fromkeys(column for rule in rules for column in rule.columns.values()))
        texts = pa.array([rule.text for rule in rules], pa.string())
        counts = np.zeros(1 + len(rules), dtype=np.int64)
        empty = schema.empty_table()
        add_kept(empty)
        add_dropped(empty.append_column("rule", pa.array([], pa.string())))
        for batch in file.iter_batches(batch_size=BATCH):
            table = pa.Table.from_batches([batch])
            # Whole numbers beside nulls would become floats, and long ones lose their last digits.
            rows = table.select(named).to_pandas(integer_object_nulls=True, ignore_metadata=True)
            first = first_broken(rows, rules) if named else np.full(len(table), -1)
            counts += np.bincount(first + 1, minlength=len(counts))
            add_kept(table.filter(pa.array(first < 0)))
            gone = table.filter(pa.array(first >= 0))
            add_dropped(gone.append_column("rule", texts.take(pa.array(first[first >= 0]))))
    return counts


def _counted(rules: Sequence[str], counts: np.ndarray) -> pd.DataFrame:
    """Return the table of counts (1 + rules,), the rows that broke none first."""
    broken = counts[1:]
    return pd.DataFrame({"rule": list(rules), "dropped": broken, "left": counts.sum() - np.cumsum(broken)})
