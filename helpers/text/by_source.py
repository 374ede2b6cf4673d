"""Rows of several sources -> texts, those of each source by its own format, in the rows' order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from helpers.text.sources.several import SOURCE_NAME

Converted = tuple[pd.DataFrame, pd.DataFrame]


def convert_by_source(rows: pd.DataFrame, convert: Callable[..., Converted], *, keep: Sequence[str]) -> Converted:
    """Return texts and rejected rows as convert(rows, keep=...) returns those of one source, with source_name beside.

    A kept column that some sources lack is null there. Raises ValueError that names the source, for one whose rows are
    turns of conversations too: which rows make one is not known beside others.
    """
    parts = {name: part.drop(columns=SOURCE_NAME) for name, part in rows.groupby(SOURCE_NAME, sort=False)}
    there = {name: {key for record in part["record"] for key in json.loads(record)} for name, part in parts.items()}
    nowhere = [column for column in keep if not any(column in columns for columns in there.values())]
    texts, rejected, formats = [], [], {}
    for name, part in parts.items():
        kept = [column for column in keep if column in there[name] or column in nowhere]  # convert tells of the latter
        try:
            found, without = convert(part.reset_index(drop=True), keep=kept)
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
    table.attrs = {"format": formats}
    return table, others


def _in_order(tables: Sequence[pd.DataFrame], place: pd.Series) -> pd.DataFrame:
    table = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    return table.iloc[table["id"].map(place).argsort(kind="stable")].reset_index(drop=True)
