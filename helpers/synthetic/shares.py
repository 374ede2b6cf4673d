"""Shares of two kinds -> whole counts of every pair, counts dealt out evenly, and draws that only a seed decides."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence

import numpy as np

from helpers.proportions import share_out

ROUNDS = 500  # of scaling lines and columns in turn; a hundred are enough where all sums can be met


def share_cells(count: int, lines: Sequence[float], columns: Sequence[float], allowed: np.ndarray) -> np.ndarray:
    """Return (k, m) int64 that add up to count: lines and columns by their shares, zero where it is not allowed.

    Lines have what share_out gives them; columns too, or as near to it as what is allowed leaves room for. Cells are as
    near as whole numbers can be to those that lines and columns ask for when neither depends on the other (scaling in
    turn; Deming and Stephan 1940). allowed: (k, m) bool, at least one a line.
    """
    from scipy.optimize import linprog

    by_line, by_column = share_out(count, lines), share_out(count, columns)
    wanted = _scaled(allowed, by_line.astype(float), by_column.astype(float))[allowed].round(9)
    at_line, at_column = np.nonzero(allowed)
    cells, width, below = len(wanted), allowed.shape[1], np.floor(wanted)
    # A cell is what is wanted, rounded down, less some, one more, and more than one. Unknown are these three of each
    # cell, and how far each column is above and below its sum. They flow as in a network, along a line and a column
    # each, so that the simplex method ends at whole numbers without a search (Hoffman and Kruskal 1956).
    line_sums = (at_line == np.arange(len(by_line))[:, None]).astype(float)
    column_sums = (at_column == np.arange(width)[:, None]).astype(float)
    line_parts = [-line_sums, line_sums, line_sums, np.zeros((len(by_line), 2 * width))]
    column_parts = [-column_sums, column_sums, column_sums, -np.eye(width), np.eye(width)]
    each, off = np.ones(cells), np.full(2 * width, 2.0 * cells)
    solved = linprog(
        np.concatenate([each, 1 - 2 * (wanted - below), each, off]),
        A_eq=np.vstack([np.hstack(line_parts), np.hstack(column_parts)]),
        b_eq=np.concatenate([by_line - line_sums @ below, by_column - column_sums @ below]),
        bounds=[*((0, most) for most in below), *[(0, 1)] * cells, *[(0, None)] * (cells + 2 * width)],
        method="highs-ds",
    )
    less, one, more = np.rint(solved.x[: 3 * cells]).reshape(3, cells)
    found = np.zeros(allowed.shape, dtype=np.int64)
    found[allowed] = below - less + one + more
    return found


def deal(
    cells: Sequence[int], groups: Sequence[int], most: Sequence[int], starts: Sequence[float]
) -> list[dict[int, int]]:
    """Return for each group how many of each cell it gets: all cells are dealt out, evenly over the groups.

    cells: (k,) how many there are of each. groups: (g,) how many each is to get, as many in all. most: (g,) how many of
    one cell a group can take. starts: (k,) in [0, 1), which cell comes first. A cell is due as often as its number
    says, and each group takes what is due next that it has room for. What is left in the end goes to those groups that
    can take it, and their numbers give way. Raises ValueError for a cell with more than all can take.

    >>> deal([3, 3], [2, 2, 2], [9, 9, 9], [0.1, 0.2])
    [{0: 1, 1: 1}, {0: 1, 1: 1}, {0: 1, 1: 1}]
    """
    if max(cells, default=0) > sum(most):
        raise ValueError(f"{max(cells)} cannot be dealt out, at most {sum(most)} can be taken")
    dealt = [0] * len(cells)
    due = [(starts[cell] / number, cell) for cell, number in enumerate(cells) if number]
    heapq.heapify(due)
    found: list[dict[int, int]] = []
    for wanted, limit in zip(groups, most, strict=True):
        taken: dict[int, int] = {}
        full = []
        while wanted and due:
            when, cell = heapq.heappop(due)
            if taken.get(cell, 0) == limit:
                full.append((when, cell))
                continue
            taken[cell] = taken.get(cell, 0) + 1
            wanted -= 1
            dealt[cell] += 1
            if dealt[cell] < cells[cell]:
                heapq.heappush(due, ((starts[cell] + dealt[cell]) / cells[cell], cell))
        for one in full:
            heapq.heappush(due, one)
        found.append(taken)
    for _, cell in sorted(due):
        _put(cell, cells[cell] - dealt[cell], found, groups, most)
    return found


def draw(seed: int, *names: object) -> float:
    """Return a number in [0, 1) by which things are drawn: the same for the same seed and names, in every process.

    >>> draw(42, "a") == draw(42, "a"), draw(42, "a") == draw(43, "a")
    (True, False)
    """
    told = "\0".join([str(seed), *map(str, names)]).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(told, digest_size=6).digest(), "big") / 2**48


def _put(cell: int, number: int, found: list[dict[int, int]], groups: Sequence[int], most: Sequence[int]) -> None:
    """Give so many more of a cell to groups that can take them, those first that have too few.

    Where these have enough, one passes something else on to a group that has too few, if any can.
    """
    for _ in range(number):
        over = [sum(taken.values()) - wanted for taken, wanted in zip(found, groups, strict=True)]
        able = sorted((over[at], at) for at, taken in enumerate(found) if taken.get(cell, 0) < most[at])
        at = able[0][1]
        if over[at] >= 0:
            lacking = [low for low, number in enumerate(over) if number < 0]
            passed = ((at, other, low) for _, at in able for low in lacking for other in sorted(found[at]))
            can = ((at, other, low) for at, other, low in passed if found[low].get(other, 0) < most[low])
            at, other, low = next(can, (at, None, None))
            if low is not None:
                _add(found[at], other, -1)
                _add(found[low], other, 1)
        _add(found[at], cell, 1)


def _add(taken: dict[int, int], cell: int, number: int) -> None:
    taken[cell] = taken.get(cell, 0) + number
    if not taken[cell]:
        del taken[cell]


def _scaled(allowed: np.ndarray, lines: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return a table with these sums, or with those of the lines where both cannot be met; zero where not allowed."""
    table = allowed.astype(float)
    for _ in range(ROUNDS):
        table = table * _factors(columns, table.sum(axis=0))
        table = table * _factors(lines, table.sum(axis=1))[:, None]
    return table


def _factors(wanted: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.divide(wanted, there, out=np.zeros_like(wanted), where=there > 0)
