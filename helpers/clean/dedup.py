"""Texts -> which of them are near-duplicates of which, by the words in a row that they share; counts and what to see.

Who stays is told in copies.py, how pairs are found in minhash.py; the same by vectors in alike.py, and for sources of
many files in dedup_source.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers.clean.copies import AGAINST, ROWS, Alike, choose_copies, order_rows
from helpers.clean.minhash import hash_sets, number_equal, propose_pairs, sign_texts, verify_pairs
from helpers.text.excerpt import one_line, shorten

EXACT = 2_000  # texts up to which each is compared with every other: no more pairs than a band may propose
NEAR_DUPLICATE = "near-duplicate"  # the reason
SHOWN = 300  # characters of a text in a table


def find_near_duplicates(
    rows: pd.DataFrame,
    *,
    threshold: float = 0.8,
    words: int = 5,
    keep: str = "longest",
    by: str | None = None,
    against: pd.DataFrame | None = None,
    within: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return copies, a line a row in their order, and pairs, the most similar first; see copies.choose_copies.

    rows: id and text. Two are alike when they share at least `threshold` of the hashes of `words` words in a row that
    either has (Jaccard, counted exactly). Up to 2,000 different texts all such pairs are found, beyond at least 99 of
    100 of those at the threshold and nearly all that are more alike. What a word is, words.split_words tells; a text of
    fewer words is a copy of one with the same words only. keep: longest, first or best, by the column `by` of scores.
    against: other rows, id and text, which all stay: a row that is like one of them goes. within=False: no other does.
    Raises ValueError for what cannot be compared, see order_rows.
    """
    ordered = order_rows(rows, keep=keep, by=by, against=against)
    signed = sign_texts(ordered.rows["text"].tolist(), threshold=threshold, words=words)
    same = number_equal(hash_sets(signed))
    firsts = np.unique(same, return_index=True)[1]
    known = int((firsts < ordered.known).sum())
    keys = signed.keys[:, firsts] if len(firsts) > EXACT else np.zeros((1, len(firsts)))  # one group of all
    proposed = propose_pairs(keys, fixed=known, within=within)
    pairs, similarity = verify_pairs(proposed, signed.spans[firsts], signed.shingles, threshold=threshold)
    return choose_copies(ordered, Alike(same, pairs, similarity), within=within)


def drop_near_duplicates(rows: pd.DataFrame, copies: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that stay, and the others with reason, near_duplicate_of, near_duplicate_in and similarity.

    Both in the rows' order with all their columns and a new index; every row is in one of them. copies: of these rows.
    Raises ValueError for those of other rows, as what stays in a row's place might be missing, and for rows that have
    one of these columns.
    """
    told = ["near_duplicate_of", "near_duplicate_in", "similarity"]
    if taken := sorted({"reason", *told} & set(rows)):
        raise ValueError(f"rows: a column {taken[0]!r} is added to those that go: rename the one that is there")
    if rows["id"].tolist() != copies["id"].tolist():
        raise ValueError("copies: expected a line for each of these rows, in their order: find the copies among them")
    goes = copies["near_duplicate_of"].notna().to_numpy()
    dropped = rows[goes].reset_index(drop=True).assign(reason=NEAR_DUPLICATE)
    dropped[told] = copies.loc[goes, told].reset_index(drop=True)
    return rows[~goes].reset_index(drop=True), dropped


def count_copies(copies: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows there are, how many are copies of which kind, and how many stay: kind and rows."""
    goes = copies["near_duplicate_of"].notna()
    known, equal = copies["near_duplicate_in"] == AGAINST, copies["similarity"] == 1
    counts = {
        "rows": len(copies),
        "copies of known rows": (goes & known).sum(),
        "equal ones": (goes & ~known & equal).sum(),
        "near-duplicates": (goes & ~known & ~equal).sum(),
        "left": (~goes).sum(),
        "left that have copies": (copies["copies"] > 0).sum(),
    }
    return pd.DataFrame({"kind": list(counts), "rows": [int(count) for count in counts.values()]})


def show_most_copied(rows: pd.DataFrame, copies: pd.DataFrame, *, n: int = 5) -> pd.DataFrame:
    """Return the n rows that take the place of most others: id, copies, text, and the least similar copy's text."""
    texts = rows.set_index("id")["text"]
    most = copies[copies["copies"] > 0].sort_values(["copies", "id"], ascending=[False, True]).head(n)
    gone = copies[copies["near_duplicate_in"] == ROWS].sort_values(["similarity", "id"])
    least = gone.drop_duplicates("near_duplicate_of").set_index("near_duplicate_of").reindex(most["id"])
    told = most[["id", "copies"]].assign(text=_shown(texts.loc[most["id"]]))
    told = told.assign(least_similar=_shown(texts.loc[least["id"]]), similarity=least["similarity"].to_numpy())
    return told.reset_index(drop=True)


def show_pairs(
    rows: pd.DataFrame, pairs: pd.DataFrame, *, against: pd.DataFrame | None = None, n: int = 5, most: bool = False
) -> pd.DataFrame:
    """Return similarity, id, text, other, other_in and other_text of the n least similar pairs, or most similar ones.

    The least similar ones tell whether the threshold is a good one. against: as the pairs were found with it.
    """
    some = pairs.head(n) if most else pairs.tail(n)[::-1]
    if against is None and (some["other_in"] == AGAINST).any():
        raise ValueError("the pairs name known rows: give them as well (against=)")
    sets = {ROWS: rows, AGAINST: rows.head(0) if against is None else against}
    texts = {name: one.set_index("id")["text"] for name, one in sets.items()}
    other = [texts[where][id] for id, where in zip(some["other"], some["other_in"], strict=True)]
    told = {
        "similarity": some["similarity"],
        "id": some["id"],
        "text": _shown(texts[ROWS].loc[some["id"]]),
        "other": some["other"],
        "other_in": some["other_in"],
        "other_text": _shown(other),
    }
    return pd.DataFrame(told).reset_index(drop=True)


def _shown(texts: Iterable[str]) -> list[str]:
    return [shorten(one_line(text[: 2 * SHOWN]), SHOWN) for text in texts]
