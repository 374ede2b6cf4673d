"""A run -> the rows, topics and scores that prompts begin from; nothing where there is no map."""

from __future__ import annotations

from typing import TypedDict

import pandas as pd

from helpers.files import read_value
from helpers.findings import SCORES, has_map, table
from helpers.runs import Run
from helpers.stages import STAGES

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
    if not has_map(run):
        return {"rows": None, "topics": None, "scores": None}
    rows, path = table(run), run.path(STAGES["redact"][0])
    if path.exists():
        whole = read_value(path).set_index("id")
        there = [name for name in WHOLE if name in whole]
        rows = rows.drop(columns=there, errors="ignore").join(whole[there], on="id")
    scores = read_value(run.path(SCORES)) if run.path(SCORES).exists() else None
    return {"rows": rows, "topics": read_value(run.path("topics.parquet")), "scores": scores}


def known_texts(known: Known, seeds: pd.DataFrame) -> pd.DataFrame:
    """Return id and text of what no text is to be a copy of: the rows of the map, and what the prompts show of them.

    A copy of the beginning that a prompt shows is no near-duplicate of the whole row.
    """
    shown = [name for name in ("extract", "question", "answer") if name in seeds]
    parts = [seeds[["seed_id", name]].set_axis(["id", "text"], axis=1) for name in shown]
    parts += [] if known["rows"] is None else [known["rows"][["id", "text"]]]
    texts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"id": [], "text": []}, dtype=object)
    return texts[texts["text"].fillna("").astype(str) != ""].reset_index(drop=True)
