"""A run's points, clusters and labelled topics -> map.html, map.png and map.csv in its folder, and what is shown.

The page is page.py's, the picture plot.py's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from helpers.files import write_atomically
from helpers.runs import Run
from helpers.shown import HEADLESS, counted, percent, public_name
from helpers.topics.page import write_map
from helpers.topics.page_data import cell_text
from helpers.topics.plot import write_map_picture

DIGITS = 2  # of numbers that rows are coloured by
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
    colours: pd.DataFrame | None = None,
) -> Maps:
    """Write map.html, map.png, map.csv and where asked for map.svg, and return picture and facts.

    models: names that stand in the page's head. map.csv has text, x, y and topic of every row, for other tools.
    colours: further columns of the rows of texts that points are coloured by; a source column that is shown under such
    a name is called source_NAME.
    """
    from IPython.display import Image

    row_topics = clusters["topic"].to_numpy()
    about = {"title": run.config.title, "sub_title": _sub_title(topics)}
    pictures = [run.path(name) for name in ["map.png", "map.svg"][: 1 + svg]]
    with run.measured("plot"):
        write_map_picture(points, topics, row_topics, paths=pictures, **about)
        named = [public_name(model) for model in models if model]
        about["sub_title"] = " · ".join([about["sub_title"], *named, pd.Timestamp.now().strftime("%Y-%m-%d")])
        rows, columns = rows_of_points(*_coloured(texts, colours, hover_columns, clusters))
        at = rows.pop("vector").to_numpy()
        page = {"path": run.path("map.html"), "run": run.name, "hover_chars": hover_chars, "max_mb": max_mb}
        facts = write_map(points[at], topics, row_topics[at], rows, columns, layers=layers, **page, **about)
        write_atomically(run.path("map.csv"), _csv(texts, points, row_topics))
    return Maps(Image(run.path("map.png").read_bytes(), width=1000), facts)


def draw_coloured(
    rows: pd.DataFrame, topics: pd.DataFrame, layers: pd.DataFrame, *, run: Run, columns: Sequence[str], path: Path
) -> str:
    """Write the page of a finished run once more, to path, with further columns of its rows to colour and filter by.

    rows: as assemble_rows returns them, with these columns. The address of the page is returned, or why there is none.
    """
    if "topic" not in rows:
        return "no map to draw: run notebooks/1_topics_template first"
    first = rows.drop_duplicates("vector").sort_values("vector")
    own = [f"source_{name}" if name in columns else name for name in run.config.plot.hover_columns]
    shown = [*columns, *(name for name in own if name in rows)]
    points, lines = rows_of_points(rows.round(dict.fromkeys(columns, DIGITS)), first, shown)
    at = points.pop("vector").to_numpy()
    about = {"title": run.config.title, "sub_title": f"{_sub_title(topics)} · {', '.join(columns)}"}
    size = {"hover_chars": run.config.plot.hover_chars, "max_mb": run.config.plot.max_mb}
    places, row_topics = first[["x", "y"]].to_numpy()[at], first["topic"].to_numpy()[at]
    write_map(places, topics, row_topics, points, lines, layers=layers, path=path, run=run.name, **size, **about)
    return path.as_uri()


def rows_of_points(
    texts: pd.DataFrame, clusters: pd.DataFrame, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a line a point: vector, ids of all its rows, text, turns, speakers, confidence; and its columns.

    Rows with equal texts are one point where their columns are equal too, so that a filter parts them.
    """
    keys = pd.DataFrame({str(at): texts[name].map(cell_text) for at, name in enumerate(columns)}, index=texts.index)
    by = ["vector", *keys]
    keyed = keys.assign(vector=texts["vector"], id=texts["id"])
    first = texts[~keyed.duplicated(by)].assign(**keys).sort_values(by, kind="stable")
    rows = first[[name for name in ["vector", "text", *SPOKEN] if name in texts]].reset_index(drop=True)
    ids = keyed.groupby(by, sort=True)["id"].agg(list).to_numpy()
    confidence = clusters["confidence"].to_numpy()[rows["vector"].to_numpy()]
    return rows.assign(ids=ids, confidence=confidence), first[list(columns)].reset_index(drop=True)


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


def _coloured(
    texts: pd.DataFrame, colours: pd.DataFrame | None, shown: Sequence[str], clusters: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return what rows_of_points takes: texts with colours beside them, clusters, and the columns of both."""
    if colours is None:
        return texts, clusters, list(shown)
    renamed = {name: f"source_{name}" for name in texts if name in colours}
    return (
        texts.rename(columns=renamed).join(colours),
        clusters,
        [*colours, *(renamed.get(name, name) for name in shown)],
    )


def _served(path: Path) -> str | None:
    """Return the address of a file on this machine's Jupyter server whose folder holds it, from its root on."""
    try:
        from jupyter_server.serverapp import list_running_servers
    except ImportError:
        return None
    path = path.resolve()
    serving = [one for one in list_running_servers() if path.is_relative_to(Path(one["root_dir"]).resolve())]
    # The one that this kernel is of, where several serve the folder.
    serving.sort(key=lambda one: str(one["pid"]) != os.environ.get("JPY_PARENT_PID"))
    if not serving:
        return None
    place = path.relative_to(Path(serving[0]["root_dir"]).resolve())
    return f"{serving[0]['base_url']}files/{quote(place.as_posix())}"


def _csv(texts: pd.DataFrame, points: np.ndarray, row_topics: np.ndarray) -> str:
    line = texts["vector"].to_numpy()
    columns = {"text": texts["text"].to_numpy(), "x": points[line, 0], "y": points[line, 1], "topic": row_topics[line]}
    return pd.DataFrame(columns).to_csv(index=False)


def _sub_title(topics: pd.DataFrame) -> str:
    rows, unassigned = int(topics["size"].sum()), int(topics.loc[topics["topic"] == -1, "size"].sum())
    found = int((topics["topic"] != -1).sum())
    inside = percent(1 - unassigned / max(1, rows))
    return f"{counted(rows, 'row')}, {counted(found, 'topic')}, {inside} of the rows in a topic"
