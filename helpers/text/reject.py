"""Rejections of several steps -> one table, so that rows in = rows kept + rows rejected with a reason."""

from __future__ import annotations

import pandas as pd


def join_rejected(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return all rejected rows in the source's order: position, id, file, line, reason (missing ones are null)."""
    columns = ["position", "id", "file", "line", "reason"]
    parts = tuple(part.reindex(columns=columns).astype(object) for part in parts)
    joined = pd.concat(parts, ignore_index=True).sort_values("position", kind="stable", ignore_index=True)
    return joined.astype({"position": "Int64", "id": "string", "file": "string", "line": "Int64", "reason": "string"})
