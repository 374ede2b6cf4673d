"""Points and topics -> the map of a dataset as a picture for a slide: PNG, and SVG where that is asked for.

What a map shows is told in drawing.py; the page to explore is page.py's.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.compiled import keep_datashader
from helpers.files import write_atomically
from helpers.shown import counted, percent
from helpers.text.excerpt import one_line
from helpers.topics.drawing import NOISE, NOISE_COLOUR, Drawing, make_drawing

LABEL_WIDTH = 18  # letters a line
PICTURE_LABELS = 40  # more cannot be told apart in a picture of 12 inches
# matplotlib's own font is always there; the others are used for letters that it lacks, where installed.
PICTURE_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Emoji")


def write_map_picture(
    points: np.ndarray,
    topics: pd.DataFrame,
    row_topics: np.ndarray,
    *,
    paths: Sequence[Path],
    title: str,
    sub_title: str = "",
    max_labels: int = PICTURE_LABELS,
) -> dict[str, int]:
    """Write the map as pictures; return its `points`, those `outside` its view, topics `named` and `unnamed`.

    paths: .png or .svg files; in an SVG names stay text and points are an image. Points far from all others do not
    set the view; the subtitle says how many are outside of it, what share is in no topic, and how many topics have a
    colour but no name because there is no room.
    """
    drawing = make_drawing(points, topics, row_topics)
    seen = drawing.in_view
    named = drawing.labels[drawing.labels["topic"].isin(drawing.topics[seen])].head(max_labels)
    counts = {
        "points": int(seen.sum()),
        "outside": int((~seen).sum()),
        "named": len(named),
        "unnamed": len(drawing.labels) - len(named),
    }
    remarks = [one_line(sub_title), *_remarks(counts, float((drawing.topics == NOISE).mean()))]
    pictures = _pictures(drawing, named, title, " · ".join(filter(None, remarks)), [path.suffix for path in paths])
    for path, picture in zip(paths, pictures, strict=True):
        write_atomically(path, picture)
    return counts


def _pictures(drawing: Drawing, labels: pd.DataFrame, title: str, sub_title: str, kinds: Sequence[str]) -> list[bytes]:
    """Return the picture as each kind of file, drawn with fonts of this machine."""
    keep_datashader()
    import matplotlib.pyplot as plt
    from datamapplot import render_plot
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    points, colours = _beneath_each_other(drawing)
    # What places the labels prints a progress bar of its own; a letter that no font has is drawn as a box.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure, _ = render_plot(
            points,
            colours,
            [_no_formula(label) for label in _wrapped(labels)],
            labels[["x", "y"]].to_numpy(float),
            labels["size"].to_numpy(),
            title=_no_formula(one_line(title)) or None,
            sub_title=_no_formula(sub_title) or None,
            label_text_colors=_dark(labels),
            label_arrow_colors=list(labels["colour"]),
            point_size=float(np.clip(25_000 / len(points), 3, 60)),
            alpha=0.7 if len(points) < 30_000 else 0.4,
            add_glow=False,
            label_over_points=True,
            label_linespacing=1.05,
            label_font_size=11 if len(labels) <= 25 else 9,
            font_weight=700,
            font_family=[font for font in PICTURE_FONTS if font in installed],
            title_keywords={"fontsize": 24, "fontweight": 700},
            sub_title_keywords={"fontsize": 13, "fontweight": 400},
            figsize=(12, 12),
            dpi=120,
            use_system_fonts=True,
        )
        pictures = [_saved(figure, kind.removeprefix(".")) for kind in kinds]
    plt.close(figure)
    return pictures


def _saved(figure: Any, kind: str) -> bytes:  # noqa: ANN401 - a matplotlib Figure
    import matplotlib

    for drawn in [one for axes in figure.axes for one in axes.collections]:
        drawn.set_rasterized(True)  # a hundred thousand points as shapes would open in no program
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format=kind, bbox_inches="tight", metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


def _beneath_each_other(drawing: Drawing) -> tuple[np.ndarray, list[str]]:
    """Return the points in view and a colour each, the unassigned ones first and so beneath all others."""
    colour_of = dict(zip(drawing.labels["topic"], drawing.labels["colour"], strict=True)) | {NOISE: NOISE_COLOUR}
    seen = np.flatnonzero(drawing.in_view)
    order = seen[np.argsort(drawing.topics[seen] != NOISE, kind="stable")]
    return drawing.points[order], [colour_of[topic] for topic in drawing.topics[order].tolist()]


def _remarks(counts: dict[str, int], unassigned: float) -> list[str]:
    remarks = [f"grey: in no topic ({percent(unassigned)} of the points)"] if unassigned else []
    if counts["outside"]:
        remarks.append(f"outside this view: {counted(counts['outside'], 'point')} far from the others")
    if counts["unnamed"]:
        remarks.append(f"{counts['named']} of {counts['named'] + counts['unnamed']} topics named")
    return remarks


def _dark(labels: pd.DataFrame) -> list[str]:
    from datamapplot.palette_handling import deep_palette

    return deep_palette(list(labels["colour"]))


def _wrapped(labels: pd.DataFrame) -> list[str]:
    return [textwrap.fill(label, LABEL_WIDTH, break_long_words=False) for label in labels["label"]]


def _no_formula(text: str) -> str:
    # matplotlib takes what stands between two dollar signs for a formula.
    return text.replace("$", r"\$")
