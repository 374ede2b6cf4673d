"""Prompts as tokens -> which of them are run together, and what they begin with alike: that is read once."""

from __future__ import annotations

import numpy as np

WORTHWHILE = 16  # tokens that all prompts begin with, from which on they are read once for all


def shared_start(tokens: list[list[int]]) -> int:
    """Return how many tokens all begin with, at least one of each left over; 0 where that is not worth the while."""
    if len(tokens) < 2:
        return 0
    # What the two furthest apart in order share, all share.
    most = min(_same(min(tokens), max(tokens)), min(map(len, tokens)) - 1)
    return most if most >= WORTHWHILE else 0


def alike(tokens: list[list[int]], shared: int) -> list[tuple[int, int]]:
    """Return (prompts, tokens) for each run of neighbours: how many they are, and how many tokens they begin with.

    Neighbours belong together where most of what each says after the first `shared` tokens is the same. A prompt by
    itself begins with all of its tokens but the last.

    >>> alike([[1, 2, 3, 4], [1, 2, 3, 5], [1, 7, 8]], shared=1)
    [(2, 3), (1, 2)]
    """
    runs: list[tuple[int, int]] = []
    for place, one in enumerate(tokens):
        if runs:
            count, most = runs[-1]
            most = min(most, _same(tokens[place - 1], one), len(one) - 1)
            if 2 * (most - shared) >= max(len(other) - shared for other in tokens[place - count : place + 1]):
                runs[-1] = (count + 1, most)
                continue
        runs.append((1, len(one) - 1))
    return runs


def longest_first(tokens: list[list[int]]) -> list[int]:
    """Return the places of the prompts, the longest first, each followed by those that belong together with it.

    >>> longest_first([[1, 2, 3], [1, 7, 8, 9, 9], [1, 2, 3, 4]])
    [1, 2, 0]
    """

    def longest(place: int) -> tuple[int, int]:
        return -len(tokens[place]), place

    order = sorted(range(len(tokens)), key=lambda place: tokens[place])
    ends = np.cumsum([count for count, _ in alike([tokens[place] for place in order], shared_start(tokens))])
    runs = [
        sorted(order[end - count : end], key=longest) for end, count in zip(ends, np.diff(ends, prepend=0), strict=True)
    ]
    runs.sort(key=lambda run: longest(run[0]))
    return [place for run in runs for place in run]


def _same(one: list[int], other: list[int]) -> int:
    """Return how many tokens both begin with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
