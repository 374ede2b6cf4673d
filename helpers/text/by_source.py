"""Rows of several sources -> texts, those of each source by its own format, in the rows' order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from helpers.text.formats import need_columns
from helpers.text.sources.several import SOURCE_NAME
from helpers.text.sources.values import tidy_column

Converted = tuple[pd.DataFrame, pd.DataFrame]


def convert_by_source(rows: pd.DataFrame, convert: Callable[..., Converted], *, keep: Sequence[str]) -> Converted:
    """Return texts and rejected rows as convert(rows, keep=...) returns those of one source, with source_name beside.

    A kept column that some sources lack is null there. Raises ValueError that names the source, for one whose rows are
    turns of conversations too: which rows make one is not known beside others.
    """
    parts = {name: part.drop(columns=SOURCE_NAME) for name, part in rows.groupby(SOURCE_NAME, sort=False)}
    if not parts:
        texts, rejected = convert(rows.drop(columns=SOURCE_NAME), keep=keep)
        return texts.assign(**{SOURCE_NAME: pd.Series(dtype=object)}), rejected
    texts, rejected, formats = [], [], {}
    for name, part in parts.items():
        try:
            found, without = convert(part.reset_index(drop=True), keep=())
        except ValueError as error:
            raise ValueError(f"source {name}: {error}") from None
        formats[name] = found.attrs["format"]
        if "source_rows" in found:
            raise ValueError(
                f"source {name}: a row is one turn of a conversation, which cannot be joined beside other sources: "
                "make conversations of them first, or map this source alone"
            )
        texts.append(found.assign(**{SOURCE_NAME: name}))
        rejected.append(without)
    place = pd.Series(np.arange(len(rows)), index=rows["id"])
    table, others = (_in_order(tables, place) for tables in (texts, rejected))
    if keep:
        # Of all sources at once: a column of numbers in one and of words in another is a column of words.
        records = [json.loads(record) for record in rows["record"]]
        need_columns(records, keep)
        lines = table["id"].map(place).to_numpy()
        for column in keep:
            table[column] = tidy_column([records[line].get(column) for line in lines])
        table = table[[*(name for name in table if name != SOURCE_NAME), SOURCE_NAME]]
    table.attrs = {"format": formats}
    return table, others


def _in_order(tables: Sequence[pd.DataFrame], place: pd.Series) -> pd.DataFrame:
    table = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    return table.iloc[table["id"].map(place).argsort(kind="stable")].reset_index(drop=True)
