"""A drawing and its rows -> one HTML file that asks for nothing, runs no script but its own, and is light enough.

What stands in the page is told in page_data.py; how it is shown, in the files of page_parts.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import write_atomically
from helpers.shown import counted
from helpers.text.excerpt import one_line
from helpers.topics.drawing import NOISE, Drawing, make_drawing, name_topics
from helpers.topics.page_data import UNITS, list_layers, list_topics, pack, pack_arrays, pack_rows, point_arrays

PARTS = Path(__file__).with_name("page_parts")
# In the order of the page: what data are, how they are drawn and looked at, what is found, what is shown of it.
SCRIPTS = "unpack points view names found lasso hover colours topics table save start".split()
# Everything is forbidden but the page's one script, by its hash, and its style. There is no way to connect to anything.
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)
FEWEST_CHARS = 60  # of a text; before it is cut to less, points are left out
MEASURED = 20_000  # points from which the size of a page is foretold


@dataclass(frozen=True)
class Contents:
    """All that a page could hold; html() gives it with some of the points and so many characters of each text."""

    drawing: Drawing
    rows: pd.DataFrame | None
    columns: pd.DataFrame | None
    topics: list[dict[str, Any]]
    about: dict[str, Any]

    def html(self, *, chars: int, kept: np.ndarray | None = None, notes: Sequence[str] = ()) -> str:
        """Return the page; kept: (n,) which points are in it."""
        drawing, rows, columns = self.drawing, self.rows, self.columns
        if kept is not None:
            drawing = Drawing(drawing.points[kept], drawing.topics[kept], drawing.labels, drawing.view)
            rows, columns = (None if table is None else table[kept] for table in (rows, columns))
        confidence = rows["confidence"] if rows is not None and "confidence" in rows else None
        specs, planes = pack_arrays(point_arrays(drawing, self.topics, confidence))
        about = self.about | {"topics": self.topics, "arrays": specs, "notes": list(notes)}
        return _fill(
            title=self.about["title"],
            sub_title=self.about["subTitle"],
            about=pack(about),
            points=pack(planes),
            rows=pack_rows(rows, columns, chars=chars),
        )

    def size(self, **which: Any) -> int:  # noqa: ANN401 - as html takes them
        """Return the bytes of such a page."""
        return len(self.html(**which).encode())

    @cached_property
    def by_topic(self) -> list[np.ndarray]:
        """Return the points of each topic."""
        order = np.argsort(self.drawing.topics, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.drawing.topics[order])) + 1)

    def sample(self, count: int) -> np.ndarray:
        """Return which points (n,) to keep of about count: the same share of every topic, at least one."""
        kept = np.zeros(len(self.drawing.points), dtype=bool)
        for points in self.by_topic:
            wanted = max(1, int(len(points) * count / len(kept)))
            kept[points[np.linspace(0, len(points) - 1, min(wanted, len(points))).astype(int)]] = True
        return kept


def write_map(
    points: np.ndarray,
    topics: pd.DataFrame,
    row_topics: np.ndarray,
    rows: pd.DataFrame | None = None,
    columns: pd.DataFrame | None = None,
    *,
    path: Path,
    title: str,
    sub_title: str = "",
    run: str = "map",
    layers: pd.DataFrame | None = None,
    hover_chars: int = 200,
    max_mb: float = 12.0,
) -> dict[str, Any]:
    """Write the map as one HTML file that makes no request; return its bytes, points, hover_chars and notes.

    points: (n, 2); row_topics: (n,) topic ids, -1 for none; topics: topic, label and, where known, size (rows),
    keywords, parent, score; layers: see layers.stack_layers, with label. rows: a line a point with ids (list of the ids
    of all rows at this point), text and, where known, turns, speakers and confidence; None: nothing is said over a
    point. columns: a line a point, what else is shown of it, coloured by and filtered. A page of more than max_mb
    million bytes gets shorter texts, then fewer points, and says so. Raises ValueError for what cannot be drawn and
    for a max_mb that not even a page of one point a topic keeps.
    """
    drawing = make_drawing(points, topics, row_topics)
    for table in (rows, columns):
        if table is not None and len(table) != len(drawing.points):
            raise ValueError(f"{len(drawing.points)} points, but {len(table)} rows to show over them; give one a point")
    about = {"title": one_line(title), "subTitle": one_line(sub_title), "run": run}
    contents = _contents(drawing, topics, rows, columns, layers, about)
    html, facts = fit_page(contents, chars=hover_chars if rows is not None else 0, budget=round(max_mb * 1e6))
    page = html.encode()
    write_atomically(Path(path), page)
    return {"bytes": len(page), **facts}


def fit_page(contents: Contents, *, chars: int, budget: int) -> tuple[str, dict[str, Any]]:
    """Return the fullest page found within so many bytes, and its points, hover_chars and notes."""
    count = len(contents.drawing.points)
    for kept_chars, kept_count in _trials(contents, chars, budget):
        kept = None if kept_count >= count else contents.sample(kept_count)
        drawn = count if kept is None else int(kept.sum())
        notes = _notes(chars, kept_chars, drawn, count, budget) + _far(contents.drawing)
        html = contents.html(chars=kept_chars, kept=kept, notes=notes)
        if len(html.encode()) <= budget:
            return html, {"points": drawn, "hover_chars": kept_chars, "notes": notes}
    least = math.ceil(len(html.encode()) / 1e4 + 0.1) / 100  # a little more: the notes name the size that is set
    raise ValueError(
        f"plot.max_mb: {budget / 1e6:g} is too small for this map: a page with one point a topic takes {least:g}; set "
        "plot.max_mb to that or more"
    )


def _trials(contents: Contents, chars: int, budget: int) -> Iterator[tuple[int, int]]:
    """Yield characters and points to try, from all of both downwards, without those that are foretold not to fit."""
    count = len(contents.drawing.points)
    some = contents.sample(min(count, MEASURED))
    none = contents.sample(0)
    for fewer in _shorter(chars):
        fixed = contents.size(chars=fewer, kept=none)
        each = max(1.0, (contents.size(chars=fewer, kept=some) - fixed) / max(1, int(some.sum() - none.sum())))
        if fixed + each * (count - int(none.sum())) <= 1.05 * budget:
            yield fewer, count
    most = min(count - 1, int((budget - fixed) / each))
    while most > 0:
        yield fewer, most
        most = int(0.9 * most)
    yield fewer, 0


def _shorter(chars: int) -> list[int]:
    """Return chars and what it may be shortened to, step by step."""
    steps = [chars]
    while steps[-1] > FEWEST_CHARS:
        steps.append(max(FEWEST_CHARS, int(0.75 * steps[-1])))
    return steps


def _notes(chars: int, kept_chars: int, kept: int, count: int, budget: int) -> list[str]:
    why = f"so that this page stays below {budget / 1e6:g} MB"
    notes = [f"Texts are cut to {kept_chars} characters, {why}."] if kept_chars < chars else []
    if kept < count:
        notes.append(f"{kept:,} of {count:,} texts are drawn, as large a share of every topic, {why}.")
    return notes


def _far(drawing: Drawing) -> list[str]:
    far = int((~drawing.in_view).sum())
    return [f"{counted(far, 'point')} far from the others: press ⌂ a second time to see all."] if far else []


def _contents(
    drawing: Drawing,
    topics: pd.DataFrame,
    rows: pd.DataFrame | None,
    columns: pd.DataFrame | None,
    layers: pd.DataFrame | None,
    about: dict[str, Any],
) -> Contents:
    listed = list_topics(drawing, topics, name_topics(topics)[NOISE])
    about |= {
        "units": UNITS,
        "firstBounds": drawing.view,
        "layers": list_layers(drawing, listed, layers),
        "allRows": max(1, sum(topic["size"] for topic in listed)),
    }
    return Contents(drawing, rows, columns, listed, about)


def _fill(**blocks: str) -> str:
    import jinja2

    loader = jinja2.FileSystemLoader(PARTS)
    template = jinja2.Environment(loader=loader, autoescape=True).get_template("page.html")
    script = '"use strict";\n' + "\n".join((PARTS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    return template.render(policy=POLICY.format(script=f"sha256-{digest}"), style=style, script=script, **blocks)
