"""Texts and what was found among them -> the texts without it, and the rows rejected: benchmark text, then copies.

In this order, because a copy goes in favour of a row that stays: one that holds benchmark text may not.
"""

from __future__ import annotations

import pandas as pd

from helpers.clean.decontaminate import best_hits

COPY = "near-duplicate of another row"


def leave_out_contaminated(
    texts: pd.DataFrame, hits: pd.DataFrame, *, drop: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the texts without benchmark text, and a line a row left out: position, id, reason, in their order.

    texts: id and position; a conversation of several rows of the source (source_rows) is left out with as many lines.
    hits: see find_contamination; by which item each is contaminated, they tell. Without drop all texts are returned.
    """
    best = best_hits(hits)["benchmark"].astype("string")
    reasons = texts["id"].map("text of the benchmark " + best).astype(object)
    return _without(texts, reasons, drop)


def leave_out_copies(
    texts: pd.DataFrame, copies: pd.DataFrame, *, drop: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the texts that are no copies, and a line a row left out, as leave_out_contaminated does.

    copies: a line a text in their order, see find_near_duplicates; of which row each is a copy, they tell.
    """
    goes = copies["near_duplicate_of"].notna().to_numpy()
    return _without(texts, pd.Series(COPY, index=texts.index, dtype=object).where(goes, None), drop)


def _without(texts: pd.DataFrame, reasons: pd.Series, drop: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    gone = (reasons.notna() & drop).to_numpy()
    rows = texts.loc[gone, ["position", "id"]].assign(reason=reasons[gone])
    if "source_rows" in texts:
        rows = rows.loc[rows.index.repeat(texts.loc[gone, "source_rows"])]
    return texts[~gone].reset_index(drop=True), rows.reset_index(drop=True)
