"""Texts, copies and contaminated rows found among them -> the texts without these, and the rows rejected."""

from __future__ import annotations

import pandas as pd

from helpers.clean.contamination import CONTAMINATED


def leave_out(
    texts: pd.DataFrame, copies: pd.DataFrame, hits: pd.DataFrame, *, drop: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the texts that are neither copies nor contaminated, and a line a row left out: position, id, reason.

    Both in the order of texts, which have id and position; a conversation of several rows of the source (source_rows)
    is left out with as many lines. copies: see find_near_duplicates; hits: see find_contamination; of which row each is
    a copy, and by which item it is contaminated, they tell. Without drop all texts are returned as they are.
    """
    best = hits[hits["state"] == CONTAMINATED].drop_duplicates("id").set_index("id")["benchmark"]
    reasons = texts["id"].map("text of the benchmark " + best.astype("string")).astype(object)
    copied = copies["near_duplicate_of"].notna().to_numpy()
    reasons = reasons.mask(copied & reasons.isna().to_numpy(), "near-duplicate of another row")
    gone = (reasons.notna() & drop).to_numpy()
    rows = texts.loc[gone, ["position", "id"]].assign(reason=reasons[gone])
    if "source_rows" in texts:
        rows = rows.loc[rows.index.repeat(texts.loc[gone, "source_rows"])]
    return texts[~gone].reset_index(drop=True), rows.reset_index(drop=True)
