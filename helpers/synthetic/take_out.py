"""Texts that were written, and copies, benchmark text and scores found of them -> those left, the others dropped.

Why each was dropped is told in `reason`, which funnel.py counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.clean.copies import AGAINST
from helpers.clean.decontaminate import best_hits
from helpers.clean.filter import filter_rows
from helpers.clean.rules import read_rules
from helpers.synthetic.generate import ABOUT, MADE
from helpers.synthetic_settings import Synthetic
from helpers.text.excerpt import one_line, shorten

SCORED = ("score", "int_score")
LINES, SHOWN = 8, 160  # rows to look at, and letters of each


def need_columns(how: Synthetic, *, scored: bool) -> None:
    """Raise ValueError for a rule or for scores to keep by that speak of a column which no text will have.

    scored: whether a scorer is there to score them.
    """
    there = ["id", "text", "original", *ABOUT, *MADE, "cut", *(SCORED if scored else ())]
    read_rules(how.keep, there)
    if how.best_by and how.best_by not in there:
        raise ValueError(f"synthetic.best_by: no column {how.best_by!r}; columns are {', '.join(there)}")


def take_out(
    rows: pd.DataFrame,
    hits: pd.DataFrame,
    copies: pd.DataFrame,
    *,
    keep: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that are left and those dropped with `reason`, in the order of rows; each is in one of them.

    hits: see find_contamination. copies: of the rows without benchmark text (drop_contaminated), since a copy goes in
    favour of one that stays, and of the rows that prompts were made of; see find_near_duplicates. keep: rules on
    the rows, see filter_rows. A reason is "contaminated: ...", "near-duplicate: ..." or "rule: ...", the first that is
    true. Raises ValueError for copies of other rows, and what filter_rows raises.
    """
    items = best_hits(hits)
    if rows.loc[~rows["id"].isin(items.index), "id"].tolist() != copies["id"].tolist():
        raise ValueError("copies: expected a line for each of these rows without benchmark text, in their order")
    of = {line["id"]: _copied(line) for line in copies.to_dict("records")}
    found = [_held(items.loc[id]) if id in items.index else of[id] for id in rows["id"]]
    found = pd.Series(found, index=rows.index, dtype=object)
    kept, broken = filter_rows(rows[found == ""], keep=keep)
    reasons = pd.concat(
        [found[found != ""].set_axis(rows.loc[found != "", "id"]), "rule: " + broken.set_index("id")["rule"]]
    )
    dropped = rows[rows["id"].isin(reasons.index)]
    dropped = dropped.assign(reason=dropped["id"].map(reasons).astype(object))
    return kept.reset_index(drop=True), dropped.reset_index(drop=True)


def add_scores(rows: pd.DataFrame, scores: pd.DataFrame | None) -> pd.DataFrame:
    """Return rows with score and int_score of their ids, or as they are where there are no scores."""
    return rows if scores is None else rows.merge(scores[["id", *SCORED]], on="id", how="left", validate="1:1")


def dropped_table(dropped: pd.DataFrame) -> pd.DataFrame | str:
    """Return the first rows that were dropped, with the reason, to read: reason, style, text (its beginning)."""
    if dropped.empty:
        return "no text was dropped"
    shown = [shorten(one_line(text), SHOWN) for text in dropped["text"].head(LINES)]
    return dropped.head(LINES)[["reason", "style"]].assign(text=shown).reset_index(drop=True)


def _copied(line: dict) -> str:
    if pd.isna(line["near_duplicate_of"]):
        return ""
    other = "of the row it was made from, or another one" if line["near_duplicate_in"] == AGAINST else "of the text"
    return f"near-duplicate: {line['similarity']:.2f} {other} {line['near_duplicate_of']}"


def _held(item: pd.Series) -> str:
    return f"contaminated: {item['benchmark']} {item['item']}, {item['share']:.2f} of it"
