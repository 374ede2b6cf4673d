"""Shares and a number -> whole counts that meet them as nearly as whole numbers can; counts -> how sure a share is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

Z = 1.959964  # standard errors on either side, for an interval of 95%


def share_out(count: int, shares: Sequence[float], most: Sequence[int] | None = None) -> np.ndarray:
    """Return (k,) int64 that add up to count, as near to the shares as whole numbers are; none above its `most`.

    Largest remainder (Hamilton): every share is rounded down, and what is left goes to the largest fractions, of equal
    ones to the first. What a share with a `most` cannot take goes to the others. Raises ValueError where all `most`
    together are fewer than count.

    >>> share_out(10, [0.5, 0.3, 0.2]).tolist(), share_out(7, [1, 1, 1]).tolist(), share_out(9, [1, 1], [2, 9]).tolist()
    ([5, 3, 2], [3, 2, 2], [2, 7])
    """
    caps = np.full(len(shares), count, dtype=np.int64) if most is None else np.asarray(most, dtype=np.int64)
    if caps.sum() < count:
        raise ValueError(f"{count} cannot be shared out, at most {caps.sum()} can be taken")
    exact = [Fraction(str(share)) for share in shares]  # 0.1 is a tenth, as it was written
    found, is_open = np.zeros(len(shares), dtype=np.int64), np.ones(len(shares), dtype=bool)
    while True:
        left, total = count - int(found.sum()), sum(share for share, open_ in zip(exact, is_open, strict=True) if open_)
        wanted = {at: exact[at] * left / total for at in np.flatnonzero(is_open)} if left else {}
        full = [at for at, quota in wanted.items() if quota > int(caps[at])]  # a long fraction leaves int64
        if not full:
            break
        found[full], is_open[full] = caps[full], False
    rounded = {at: int(quota) for at, quota in wanted.items()}
    spare = left - sum(rounded.values())
    for at in sorted(wanted, key=lambda at: (rounded[at] - wanted[at], at))[:spare]:
        rounded[at] += 1
    found[list(rounded)] += np.fromiter(rounded.values(), dtype=np.int64, count=len(rounded))
    return found


def wilson_interval(counts: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return low and high of the 95% interval of counts / of, both (n,), with the share inside (Wilson 1927).

    The interval that Brown, Cai and DasGupta (2001) recommend, for few rows or many. of: at least 1.
    """
    share = counts / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z * np.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
