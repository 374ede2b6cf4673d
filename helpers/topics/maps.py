"""A run's points, clusters and labelled topics -> map.html, map.png and map.csv in its folder, and what is shown.

The page is page.py's, the picture plot.py's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import write_atomically
from helpers.runs import Run
from helpers.shown import HEADLESS, percent
from helpers.topics.page import write_map
from helpers.topics.plot import write_map_picture

FRAME = 700  # pixels; the height of the page in a notebook
SPOKEN = ["turns", "speakers"]


@dataclass(frozen=True)
class Maps:
    """The picture for the notebook, and what was drawn: bytes, points, texts' characters and notes of the page."""

    picture: Any
    facts: dict[str, Any]


def draw_maps(
    points: np.ndarray,
    topics: pd.DataFrame,
    layers: pd.DataFrame,
    clusters: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    run: Run,
    models: Sequence[str | None] = (),
    hover_chars: int = 200,
    hover_columns: Sequence[str] = (),
    max_mb: float = 12.0,
    svg: bool = False,
) -> Maps:
    """Write map.html, map.png, map.csv and where asked for map.svg, a point a unique text; return picture and facts.

    models: names that stand in the page's head. map.csv has text, x, y and topic of every row, for other tools.
    """
    from IPython.display import Image

    row_topics = clusters["topic"].to_numpy()
    about = {"title": run.config.title, "sub_title": _sub_title(topics)}
    pictures = [run.path(name) for name in ["map.png", "map.svg"][: 1 + svg]]
    with run.measured("plot"):
        write_map_picture(points, topics, row_topics, paths=pictures, **about)
        about["sub_title"] = " · ".join(
            [about["sub_title"], *filter(None, models), pd.Timestamp.now().strftime("%Y-%m-%d")]
        )
        shown = {"hover_chars": hover_chars, "hover_columns": hover_columns, "max_mb": max_mb}
        rows = rows_of_points(texts, clusters, hover_columns)
        page = {"path": run.path("map.html"), "run": run.name, "layers": layers, **shown}
        facts = write_map(points, topics, row_topics, rows, **page, **about)
        write_atomically(run.path("map.csv"), _csv(texts, points, row_topics))
    return Maps(Image(run.path("map.png").read_bytes(), width=1000), facts)


def rows_of_points(texts: pd.DataFrame, clusters: pd.DataFrame, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return a line a point: ids of all its rows, and text, turns, speakers, confidence and columns of the first."""
    grouped = texts.groupby("vector", sort=True)
    first = texts.drop_duplicates("vector").sort_values("vector", kind="stable")
    there = [name for name in ["text", *SPOKEN, *columns] if name in texts]
    ids = grouped["id"].agg(list).to_numpy()
    return first[there].assign(ids=ids, confidence=clusters["confidence"].to_numpy()).reset_index(drop=True)


def show_page(run: Run) -> Any:  # noqa: ANN401 - an IFrame, or a sentence
    """Return the run's map.html in a frame that JupyterLab serves as a file, or where it stands if nothing serves it.

    A frame of the file keeps a large page out of the notebook, which would freeze with it.
    """
    path = run.path("map.html")
    address = None if os.environ.get(HEADLESS) else _served(path)
    if address is None:
        return f"open {path.as_uri()} in a browser"
    from IPython.display import IFrame

    return IFrame(address, width="100%", height=FRAME)


def _served(path: Path) -> str | None:
    """Return the address of a file on this machine's Jupyter server whose folder holds it, from its root on."""
    try:
        from jupyter_server.serverapp import list_running_servers
    except ImportError:
        return None
    for server in list_running_servers():
        root = Path(server["root_dir"]).resolve()
        if path.resolve().is_relative_to(root):
            return f"{server['base_url']}files/{path.resolve().relative_to(root).as_posix()}"
    return None


def _csv(texts: pd.DataFrame, points: np.ndarray, row_topics: np.ndarray) -> str:
    line = texts["vector"].to_numpy()
    columns = {"text": texts["text"].to_numpy(), "x": points[line, 0], "y": points[line, 1], "topic": row_topics[line]}
    return pd.DataFrame(columns).to_csv(index=False)


def _sub_title(topics: pd.DataFrame) -> str:
    rows, unassigned = int(topics["size"].sum()), int(topics.loc[topics["topic"] == -1, "size"].sum())
    return f"{rows:,} rows, {len(topics) - 1} topics, {percent(1 - unassigned / max(1, rows))} of the rows in a topic"
