"""Rows and which of them are alike -> which stay, and which row each of the others is a copy of.

How alike rows are is told in minhash.py and alike.py. A row goes only in favour of one that stays and is itself as much
like it as was asked, so nothing goes by way of a third.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.clean.rules import read_numbers

KEEPS = ("longest", "first", "best")
ROWS, AGAINST = "rows", "against"


@dataclass(frozen=True)
class Ordered:
    """Rows in the order in which they are preferred, after the known ones, which stay whatever is like them.

    rows: id, text and place (line of the frame it came in); the first `known` of them are known ones.
    """

    rows: pd.DataFrame
    known: int


@dataclass(frozen=True)
class Alike:
    """Which of ordered rows are alike. same: a number for each row, equal for rows that are as one, in order of
    appearance; pairs: (m, 2) of such numbers, the smaller first; similarity: (m,), how much alike those are.
    """

    same: np.ndarray
    pairs: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True)
class Chosen:
    """Of ordered rows which go (n,) bool; for each of these, of which row it is a copy (k,) and how similar (k,); pairs
    (m, 2) of rows that are alike, the less preferred one first, most similar first, and how similar these are (m,).
    """

    goes: np.ndarray
    of: np.ndarray
    similarity: np.ndarray
    pairs: np.ndarray
    likeness: np.ndarray


def order_rows(
    rows: pd.DataFrame, *, keep: str = "longest", by: str | None = None, against: pd.DataFrame | None = None
) -> Ordered:
    """Return rows (id, text) and those of `against` in the order in which they are preferred.

    keep: longest (by characters), first (in their order), or best (by the column `by`, the highest first, then as
    longest); equal ones by id, so that only for `first` the order of the rows matters. Raises ValueError for ids that
    repeat, texts that are none, a column that is not there, and another `keep`.
    """
    if keep not in KEEPS:
        raise ValueError(f"keep: expected one of {', '.join(KEEPS)}, got {keep!r}")
    if (keep == "best") != (by is not None):
        raise ValueError(f"keep: best goes with the column of scores to keep by; got keep={keep!r} and by={by!r}")
    known = rows.head(0) if against is None else against
    _check(rows, ROWS, by)
    _check(known, AGAINST)
    if rows["id"].duplicated().any():
        name = rows.loc[rows["id"].duplicated(), "id"].iloc[0]
        raise ValueError(f"every row is to have an id of its own, and {name!r} repeats: number the copies first")
    parts = [_preferred(known, keep, None), _preferred(rows, keep, by)]
    return Ordered(pd.concat(parts, ignore_index=True), len(known))


def order_lines(scores: np.ndarray, lengths: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return lines (n,) by score, the highest first and NaN last, then by length, then by the rank of the id."""
    return np.lexsort((ids, -lengths, -scores))


def choose_copies(ordered: Ordered, alike: Alike, *, within: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return copies, a line a row as the rows came, and pairs, most similar first.

    copies: id; near_duplicate_of, the id of the row that stays in its place, null for a row that stays itself;
    near_duplicate_in, the set that this one is in, "rows" or "against"; similarity of the two; copies, of how many rows
    it takes the place. A row goes when one that is preferred to it, and stays, is alike; it is a copy of the most
    similar row that stays, a known one before all others. pairs: id, other (preferred to it), other_in and similarity
    of every two that are alike; of rows that are as one, each with the first of them.
    within=False: rows are copies of known ones only.
    """
    chosen = choose_lines(alike, ordered.known, within=within)
    ids, known = ordered.rows["id"].to_numpy(dtype=object), ordered.known
    told = pd.DataFrame({"id": ids, "near_duplicate_of": None, "near_duplicate_in": None, "similarity": np.nan})
    told.loc[chosen.goes, "near_duplicate_of"] = ids[chosen.of]
    told.loc[chosen.goes, "near_duplicate_in"] = np.where(chosen.of < known, AGAINST, ROWS)
    told.loc[chosen.goes, "similarity"] = chosen.similarity
    told["copies"] = np.bincount(chosen.of, minlength=len(told))
    back = np.argsort(ordered.rows["place"].to_numpy()[known:], kind="stable")
    line, other = chosen.pairs.T
    where = np.where(other < known, AGAINST, ROWS)
    pairs = {"id": ids[line], "other": ids[other], "other_in": where, "similarity": chosen.likeness}
    return told[known:].iloc[back].reset_index(drop=True), pd.DataFrame(pairs)


def choose_lines(alike: Alike, known: int, *, within: bool = True) -> Chosen:
    """Return which rows go and which are alike, as choose_copies tells it, by their lines; the first `known` stay."""
    lines = np.arange(len(alike.same))
    firsts = np.unique(alike.same, return_index=True)[1]
    first = firsts[alike.same]  # of each row, the one that stands for all that are as one with it
    as_one = (lines >= known) & (first != lines) & (within | (first < known))
    told = choose_staying(alike.pairs, alike.similarity, int((firsts < known).sum()), len(firsts))
    stays, of, closest = (one[alike.same] for one in told)
    goes = as_one | ~stays
    chosen, similarity = np.where(stays, first, firsts[of])[goes], np.where(stays, 1, closest)[goes]
    parts = [
        (firsts[alike.pairs[:, 1]], firsts[alike.pairs[:, 0]], alike.similarity),
        (lines[as_one], first[as_one], np.ones(as_one.sum())),
        (lines[goes], chosen, similarity),
    ]
    return Chosen(goes, chosen, similarity, *_pairs_once(parts, len(lines)))


def choose_staying(
    pairs: np.ndarray, similarity: np.ndarray, known: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of `size` things whether each stays, of which it is a copy, or -1, and how similar it is to that one.

    pairs: (m, 2) numbers of alike ones, in the order in which they are preferred, the smaller first; the first `known`
    have no pairs among them.
    """
    left, right = pairs[:, 0], pairs[:, 1]
    staying = bytearray(b"\1" * size)
    for preferred, other in pairs[np.argsort(right, kind="stable")].tolist():
        if staying[preferred]:
            staying[other] = 0
    stays = np.frombuffer(staying, dtype=bool)
    told = np.flatnonzero(stays[left] | stays[right])  # never both, or the less preferred one would have gone
    left, right, similarity = left[told], right[told], similarity[told]
    gone, of = np.where(stays[left], right, left), np.where(stays[left], left, right)
    order = np.lexsort((of, -similarity, of >= known, gone))
    numbers, at = np.unique(gone[order], return_index=True)
    best, closest = np.full(size, -1), np.full(size, np.nan)
    best[numbers], closest[numbers] = of[order][at], similarity[order][at]
    return stays, best, closest


def _preferred(rows: pd.DataFrame, keep: str, by: str | None) -> pd.DataFrame:
    columns = {"id": rows["id"].to_numpy(dtype=object), "text": rows["text"].to_numpy(dtype=object)}
    found = pd.DataFrame(columns | {"place": np.arange(len(rows))})
    if keep == "first":
        return found if "position" not in rows else found.iloc[np.argsort(rows["position"].to_numpy(), kind="stable")]
    score = np.zeros(len(rows)) if by is None else read_numbers(rows[by]).to_numpy(dtype=float, na_value=np.nan)
    length = found["text"].str.len().to_numpy(dtype=np.int64)
    return found.iloc[order_lines(score, length, pd.factorize(found["id"].map(str), sort=True)[0])]


def _check(rows: pd.DataFrame, name: str, by: str | None = None) -> None:
    for column in ("id", "text", *([by] if by else [])):
        if column not in rows:
            raise ValueError(f"{name}: no column {column!r}; columns are {', '.join(map(str, rows.columns))}")
    if by:
        try:
            read_numbers(rows[by])
        except ValueError as error:
            raise ValueError(f"best_by: column {by!r}: {error}") from None
    bad = rows["text"].map(lambda text: not isinstance(text, str))
    if bad.any():
        line = int(bad.to_numpy().argmax())
        raise ValueError(f"{name}: expected texts, and row {rows['id'].iloc[line]!r} has {rows['text'].iloc[line]!r}")


def _pairs_once(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of lines, each once, the greater first, and their similarities, the highest first."""
    one, two, similarity = (np.concatenate(some) for some in zip(*parts, strict=True))
    lines, others = np.maximum(one, two), np.minimum(one, two)
    once = np.unique(lines * size + others, return_index=True)[1]
    order = once[np.lexsort((others[once], lines[once], -similarity[once]))]
    return np.stack([lines, others], axis=1)[order], similarity[order]
