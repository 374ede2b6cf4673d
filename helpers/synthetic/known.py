"""A run -> the rows, topics and scores that prompts begin from; nothing where there is no map."""

from __future__ import annotations

from typing import TypedDict

import pandas as pd

from helpers.files import read_value
from helpers.findings import SCORES, table
from helpers.runs import STAGES, Run

WHOLE = ("text", "turns", "speakers")


class Known(TypedDict):
    """What make_seeds takes of a run."""

    rows: pd.DataFrame | None
    topics: pd.DataFrame | None
    scores: pd.DataFrame | None


def read_known(run: Run) -> Known:
    """Return rows, topics and scores of a finished map, each None where there is none of it.

    rows: those of the map with all that other notebooks found of them (findings.table), but with whole texts, masked as
    the run asks, in place of those that were cut to the embedder's window.
    """
    if not all(run.path(name).exists() for name in ("report.json", "topics.parquet", "rows.parquet")):
        return {"rows": None, "topics": None, "scores": None}
    rows, path = table(run), run.path(STAGES["redact"][0])
    if path.exists():
        whole = read_value(path).set_index("id")
        there = [name for name in WHOLE if name in whole]
        rows = rows.drop(columns=there, errors="ignore").join(whole[there], on="id")
    scores = read_value(run.path(SCORES)) if run.path(SCORES).exists() else None
    return {"rows": rows, "topics": read_value(run.path("topics.parquet")), "scores": scores}


def known_texts(known: Known) -> pd.DataFrame | None:
    """Return id and text of the rows that prompts begin from, which no text is to be a copy of."""
    return None if known["rows"] is None else known["rows"][["id", "text"]]
