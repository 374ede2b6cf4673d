"""A drawing and its rows -> one HTML file that asks for nothing, runs no script but its own, and is light enough.

What stands in the page is told in page_data.py; how it is shown, in the files of page_parts.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import write_atomically
from helpers.topics.drawing import NOISE, Drawing, make_drawing, name_topics, one_line
from helpers.topics.page_data import UNITS, list_layers, list_topics, pack, pack_arrays, pack_rows, point_arrays

PARTS = Path(__file__).with_name("page_parts")
# In the order of the page: what data are, how they are drawn and looked at, what is found, what is shown of it.
SCRIPTS = "unpack points view names found lasso hover colours topics table save start".split()
# Everything is forbidden but the page's one script, by its hash, and its style. There is no way to connect to anything.
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
    "form-action 'none'"
)
FEWEST_CHARS = 60  # of a text; before texts are cut to less, points are left out
MEASURED = 20_000  # points from which the size of a page is foretold


@dataclass(frozen=True)
class Contents:
    """All that a page could hold; html() gives it with some of the points and so many characters of each text."""

    drawing: Drawing
    rows: pd.DataFrame | None
    topics: list[dict[str, Any]]
    about: dict[str, Any]
    columns: Sequence[str]

    def html(self, *, chars: int, kept: np.ndarray | None = None, notes: Sequence[str] = ()) -> str:
        """Return the page; kept: (n,) which points are in it."""
        drawing, rows = self.drawing, self.rows
        if kept is not None:
            drawing = Drawing(drawing.points[kept], drawing.topics[kept], drawing.labels, drawing.view)
            rows = None if rows is None else rows[kept]
        confidence = rows["confidence"] if rows is not None and "confidence" in rows else None
        specs, planes = pack_arrays(point_arrays(drawing, self.topics, confidence))
        about = self.about | {"topics": self.topics, "arrays": specs, "notes": list(notes)}
        return _fill(
            title=self.about["title"],
            sub_title=self.about["subTitle"],
            about=pack(about),
            points=pack(planes),
            rows=pack_rows(rows, chars=chars, columns=self.columns),
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
    *,
    path: Path,
    title: str,
    sub_title: str = "",
    run: str = "map",
    layers: pd.DataFrame | None = None,
    hover_chars: int = 200,
    hover_columns: Sequence[str] = (),
    max_mb: float = 12.0,
) -> dict[str, Any]:
    """Write the map as one HTML file that makes no request; return its bytes, points, hover_chars and notes.

    points: (n, 2); row_topics: (n,) topic ids, -1 for none; topics: topic, label and, where known, size (rows),
    keywords, parent, score; layers: see layers.stack_layers, with label. rows: a line a point with ids (list of the ids
    of all rows at this point), text and, where known, turns, speakers, confidence and the hover_columns; None: nothing
    is said over a point. A page of more than max_mb million bytes gets shorter texts, then fewer points, and says so.
    Raises ValueError for what cannot be drawn and for a max_mb that not even a page without points keeps.
    """
    drawing = make_drawing(points, topics, row_topics)
    _check_rows(rows, len(drawing.points), hover_columns)
    contents = _contents(drawing, topics, rows, layers, hover_columns, title=title, sub_title=sub_title, run=run)
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
        notes = _notes(chars, kept_chars, drawn, count, budget)
        html = contents.html(chars=kept_chars, kept=kept, notes=notes)
        if len(html.encode()) <= budget:
            return html, {"points": drawn, "hover_chars": kept_chars, "notes": notes}
    least = contents.size(chars=min(chars, FEWEST_CHARS), kept=contents.sample(0))
    raise ValueError(
        f"plot.max_mb: {budget / 1e6:g} is too small for this map, a page with one point a topic has "
        f"{least / 1e6:.2f} million bytes; set plot.max_mb to that or more"
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


def _shorter(chars: int) -> list[int]:
    """Return chars and what it may be shortened to, step by step."""
    steps = [round(chars * share) for share in (1, 0.75, 0.5, 0.375, 0.25)]
    return [chars, *(step for step in steps[1:] if step >= FEWEST_CHARS)]


def _notes(chars: int, kept_chars: int, kept: int, count: int, budget: int) -> list[str]:
    why = f"so that this page stays below {budget / 1e6:g} MB"
    notes = [f"Texts are cut to {kept_chars} characters, {why}."] if kept_chars < chars else []
    if kept < count:
        notes.append(f"{kept:,} of {count:,} texts are drawn, as large a share of every topic, {why}.")
    return notes


def _contents(
    drawing: Drawing,
    topics: pd.DataFrame,
    rows: pd.DataFrame | None,
    layers: pd.DataFrame | None,
    columns: Sequence[str],
    **about: str,
) -> Contents:
    listed = list_topics(drawing, topics, name_topics(topics)[NOISE])
    told = {
        "title": one_line(about["title"]),
        "subTitle": one_line(about["sub_title"]),
        "run": about["run"],
        "units": UNITS,
        "seen": drawing.view,
        "layers": list_layers(drawing, listed, layers),
        "allRows": max(1, sum(topic["size"] for topic in listed)),
    }
    return Contents(drawing, rows, listed, told, columns)


def _fill(**blocks: str) -> str:
    import jinja2

    loader = jinja2.FileSystemLoader(PARTS)
    template = jinja2.Environment(loader=loader, autoescape=True).get_template("page.html")
    script = '"use strict";\n' + "\n".join((PARTS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    return template.render(policy=POLICY.format(script=f"sha256-{digest}"), style=style, script=script, **blocks)


def _check_rows(rows: pd.DataFrame | None, count: int, columns: Sequence[str]) -> None:
    if rows is None:
        return
    if len(rows) != count:
        raise ValueError(f"{count} points, but {len(rows)} rows to show over them; give one a point or none")
    if missing := [name for name in columns if name not in rows]:
        raise ValueError(f"plot.hover_columns: no column {missing[0]!r}; there are {', '.join(rows)}")
