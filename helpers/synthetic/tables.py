"""Seeds, and what is left out of them, as the tables that all kinds of seed share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from helpers.synthetic.styles import SEED

LEFT_OUT = {"what": object, "name": object, "rows": "int64", "reason": object}


def seed_line(
    kind: str, name: str, *, subject: str = "", topic: int | None = None, size: int = 1, **told: object
) -> dict[str, Any]:
    """Return a seed as a line of the table, with an empty value for what its kind may tell and this one does not."""
    values = {name: value for name, value in SEED[kind].items() if name not in ("topic", "title")} | told
    return {"seed_id": name, "kind": kind, "topic": topic, "size": size, "subject": subject, **values}


def need_seeds(
    seeds: Sequence[dict[str, Any]], lines: Sequence[tuple[str, str, int, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return seeds and what is left out as tables; ValueError says why there is no seed."""
    if not seeds:
        told = "; ".join(f"{count:,} {what} {name} {why}".replace("  ", " ") for what, name, count, why in lines[:3])
        raise ValueError(f"there is nothing that a prompt could begin from: {told or 'no row was given'}")
    return pd.DataFrame(seeds).astype({"topic": "Int64", "size": "int64"}), left_out_table(lines)


def left_out_table(lines: Sequence[tuple[str, str, int, str]]) -> pd.DataFrame:
    """Return what is left out: what (topic, texts, unit, ...), name, rows, reason."""
    return pd.DataFrame(lines, columns=list(LEFT_OUT)).astype(LEFT_OUT)


def topic_name(topic: dict[str, Any]) -> str:
    """Return id and label of a topic: no two have one name.

    >>> topic_name({"topic": 3, "label": "Cats"})
    'topic 3, Cats'
    """
    return f"topic {topic['topic']}, {topic['label']}"
