"""Scores that are known before any LLM is asked, in a column of the rows or in a file -> ratings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.quality.rubric import MOST_LEVELS
from helpers.text.load import load_rows
from helpers.text.sources.read import kind_of
from helpers.text.sources.records import as_id

COLUMNS = ("id", "score")


def known_ratings(
    rows: pd.DataFrame, *, ratings: str | None = None, known: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ratings (id, vector, score, mode "known") and rejected (id, reason); every known score is in one of them.

    known: a column of rows. ratings: a file with columns id and score, any that a table is read from. A score is a
    number; several that a file has of one id are averaged. vector: the number of the row's text. Raises ValueError for
    a column or file without what is asked for, or where no score belongs to a row.
    """
    if known:
        if known not in rows:
            raise ValueError(
                f"quality.known: no column {known!r} among the rows; columns are {', '.join(map(str, rows))}. A column "
                "of the source comes along when the map is made with text.keep"
            )
        told = pd.DataFrame({"id": rows["id"].astype(str), "score": rows[known]})
    else:
        told = _read(Path(str(ratings)).expanduser())
    score = pd.to_numeric(told["score"].map(lambda one: None if isinstance(one, bool) else one), errors="coerce")
    score = score.astype(float).where(np.isfinite(score.astype(float)))
    names = rows["id"].astype(str)
    is_here = told["id"].isin(set(names))
    good = score.notna() & is_here
    reasons = np.where(~is_here, "no row has this id", [f"no number: {str(one)[:60]!r}" for one in told["score"]])
    if not good.any():
        where = f"column {known}" if known else str(ratings)
        raise ValueError(
            f"{where}: no score belongs to a row: {reasons[0] if len(reasons) else 'it is empty'}; ids there are like "
            f"{', '.join(told['id'].head(3).map(str))}, those of the rows like {', '.join(names.head(3))}"
        )
    found = told[["id"]].assign(score=score)[good]
    if known:
        found.insert(1, "vector", rows["vector"].to_numpy()[good])
    else:
        numbers = rows[["id", "vector"]].astype({"id": str}).drop_duplicates()
        found = numbers.merge(found.groupby("id", as_index=False).mean(), on="id")
    rejected = pd.DataFrame({"id": told["id"], "reason": reasons})[~good.to_numpy()]
    return found.assign(mode="known").reset_index(drop=True), rejected.reset_index(drop=True)


def known_levels(scores: pd.Series) -> tuple[int, int]:
    """Return the lowest and the highest level that scores lie between, two at least.

    Raises ValueError for more than a scale may have.
    """
    lowest, highest = int(np.floor(scores.min())), int(np.ceil(scores.max()))
    if highest - lowest >= MOST_LEVELS:
        raise ValueError(
            f"known scores lie between {lowest} and {highest}: expected at most {MOST_LEVELS} levels; divide them, so "
            "that they lie between 0 and 10 for example"
        )
    return lowest, max(highest, lowest + 1)


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(f"quality.ratings: no file {path}; expected a table with columns id and score")
    if kind_of(path) == "parquet":
        table = pd.read_parquet(path)
    else:
        rows, rejected = load_rows(path=str(path))
        if len(rejected):
            raise ValueError(f"quality.ratings: {path.name} has rows that cannot be read: {rejected['reason'].iloc[0]}")
        table = pd.DataFrame([json.loads(record) for record in rows["record"]])
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(
            f"quality.ratings: {path.name} has no column {missing[0]!r}; columns are {', '.join(map(str, table))}"
        )
    ids = [as_id(one) for one in table["id"].astype(object)]
    return pd.DataFrame({"id": ids, "score": table["score"].to_numpy()})
