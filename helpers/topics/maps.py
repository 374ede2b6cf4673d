"""A run's points, clusters and labelled topics -> map.html and map.png in its folder, and what the notebook shows.

How they are drawn is told in plot.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.runs import Run
from helpers.shown import percent
from helpers.topics.plot import write_map, write_map_png


@dataclass(frozen=True)
class Maps:
    """The picture for the notebook, and what was drawn: bytes and points of the page, or why there is none."""

    picture: Any
    facts: dict[str, Any]


def draw_maps(
    points: np.ndarray,
    topics: pd.DataFrame,
    clusters: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    run: Run,
    hover_chars: int = 200,
) -> Maps:
    """Write map.html and map.png, a point a unique text, and return the picture and facts.

    Where the page's scripts are not installed the picture is drawn all the same, and the facts say what to do.
    """
    from IPython.display import Image

    row_topics = clusters["topic"].to_numpy()
    hover = texts.drop_duplicates("vector").sort_values("vector")["text"].tolist()
    about = {"title": run.config.title, "sub_title": _sub_title(topics)}
    with run.measured("plot"):
        write_map_png(points, topics, row_topics, path=run.path("map.png"), **about)
        page = {"path": run.path("map.html"), "hover_chars": hover_chars, **about}
        try:
            facts = write_map(points, topics, row_topics, hover, **page)
        except FileNotFoundError as error:
            run.path("map.html").unlink(missing_ok=True)
            print(f"map.html was not written: {error}")  # noqa: T201
            facts = {"missing": str(error)}
    return Maps(Image(run.path("map.png").read_bytes(), width=1000), facts)


def _sub_title(topics: pd.DataFrame) -> str:
    rows, unassigned = int(topics["size"].sum()), int(topics.loc[topics["topic"] == -1, "size"].sum())
    return f"{rows:,} rows, {len(topics) - 1} topics, {percent(1 - unassigned / max(1, rows))} of the rows in a topic"
