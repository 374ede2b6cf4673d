"""Points and topics -> the map of a dataset, as one HTML page to explore and as one picture.

What a map shows is told in drawing.py, what makes the page safe to send in page.py.
"""

from __future__ import annotations

import html
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
from helpers.topics.drawing import Drawing, make_drawing, one_line, shorten, writable
from helpers.topics.page import offline_cache, seal

LABEL_WIDTH = 18  # letters a line
PICTURE_LABELS = 40  # more cannot be told apart in a picture of 12 inches
# matplotlib's own font is always there; the others are used for letters that it lacks, where installed.
PICTURE_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Emoji")

PAGE_STYLE = """
#title-container { max-width: 34rem; line-height: 1.3; overflow-wrap: anywhere; }
#title-container span { unicode-bidi: isolate; }
#main-title { font-weight: 700; }
#text-search { font: 11pt Roboto, sans-serif; width: 15rem; padding: 6px 10px; }
.deck-tooltip { max-width: 27rem; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.4; }
.deck-tooltip::first-line { font-weight: 700; }
"""


def write_map(
    points: np.ndarray,
    topics: pd.DataFrame,
    row_topics: np.ndarray,
    hover: Sequence[str],
    *,
    path: Path,
    title: str,
    sub_title: str = "",
    hover_chars: int = 300,
) -> dict[str, int]:
    """Write the map as one HTML file that makes no request, and return its `bytes` and `points`.

    points: (n, 2); topics: columns topic and label; row_topics: (n,) ids, -1 for none; hover: a text a row, or
    no texts at all. Raises FileNotFoundError when the page's scripts are not installed.
    """
    drawing = make_drawing(points, topics, row_topics)
    over_points = _hover(hover, drawing.names, hover_chars)
    keep_datashader()
    with offline_cache() as cache:
        from datamapplot import render_html

        page = render_html(
            _point_frame(drawing, over_points),
            _label_frame(drawing.labels),
            # DataMapPlot puts both into the page as they are.
            title=html.escape(one_line(title)) or None,
            sub_title=html.escape(one_line(sub_title)),
            # Labels equal to this one are left out; no label is blank.
            noise_label=" ",
            point_size_scale=_page_point_size(drawing),
            **_PAGE_SETTINGS,
            **cache,
        )
    sealed = seal(page, view=drawing.view).encode()
    write_atomically(Path(path), sealed)
    return {"bytes": len(sealed), "points": len(drawing.points)}


def write_map_png(
    points: np.ndarray,
    topics: pd.DataFrame,
    row_topics: np.ndarray,
    *,
    path: Path,
    title: str,
    sub_title: str = "",
    max_labels: int = PICTURE_LABELS,
) -> dict[str, int]:
    """Write the map as a picture; return its `points`, those `outside` its view, topics `named` and `unnamed`.

    Points far from all others do not set the view; the subtitle says how many are outside of it, and how many
    topics have a colour but no name because there is no room.
    """
    drawing = make_drawing(points, topics, row_topics)
    seen = drawing.in_view
    named = drawing.labels[drawing.labels["topic"].isin(np.asarray(row_topics)[seen])].head(max_labels)
    counts = {
        "points": int(seen.sum()),
        "outside": int((~seen).sum()),
        "named": len(named),
        "unnamed": len(drawing.labels) - len(named),
    }
    remarks = [one_line(sub_title), *_remarks(counts)]
    picture = _picture(drawing.points[seen], drawing.colours[seen], named, title, " · ".join(filter(None, remarks)))
    write_atomically(Path(path), picture)
    return counts


_PAGE_SETTINGS: dict[str, Any] = {
    "title_font_size": 18,
    "sub_title_font_size": 11,
    "font_family": "Roboto",
    "font_weight": 700,
    "min_fontsize": 13,
    "max_fontsize": 20,
    "text_min_pixel_size": 13,
    "text_max_pixel_size": 28,
    "text_collision_size_scale": 2.2,
    "text_outline_width": 6,
    "text_outline_color": "#fcfcfbee",
    "tooltip_font_weight": 400,
    "point_radius_min_pixels": 1.2,
    "point_radius_max_pixels": 14,
    "initial_zoom_fraction": 1.0,
    "background_color": "#fcfcfb",
    "enable_search": True,
    "show_loading_progress": False,
    "custom_css": PAGE_STYLE,
    "cdn_url": "unpkg.com",
}


def _point_frame(drawing: Drawing, hover: list[str]) -> pd.DataFrame:
    red, green, blue = _rgb(drawing.colours)
    x, y = drawing.points.T
    opacity = np.full(len(x), 190, dtype=np.uint8)
    return pd.DataFrame({"x": x, "y": y, "r": red, "g": green, "b": blue, "a": opacity, "hover_text": hover})


def _label_frame(labels: pd.DataFrame) -> pd.DataFrame:
    red, green, blue = _rgb(_dark(labels))
    return pd.DataFrame(
        {
            "label": _wrapped(labels),
            "x": labels["x"],
            "y": labels["y"],
            "size": labels["size"] ** 0.25,
            "r": red,
            "g": green,
            "b": blue,
            "a": 64,
            # Labels come largest first. Priorities that lie close together leave two labels on one another.
            "collision_priority": np.linspace(900, -900, len(labels)),
        }
    )


def _hover(hover: Sequence[str], names: np.ndarray, chars: int) -> list[str]:
    """Return what is shown over each point: its label, then its text; the page's search looks into both."""
    if len(hover) not in (0, len(names)):
        raise ValueError(f"{len(names)} points, but {len(hover)} texts to show over them; give one a point or none")
    texts = [writable(shorten(str(text), chars)).strip() for text in hover] or [""] * len(names)
    return [f"{name}\n{text}" if text else name for name, text in zip(names, texts, strict=True)]


def _picture(points: np.ndarray, colours: np.ndarray, labels: pd.DataFrame, title: str, sub_title: str) -> bytes:
    """Return the picture's PNG, drawn with fonts of this machine."""
    keep_datashader()
    import matplotlib.pyplot as plt
    from datamapplot import render_plot
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    # What places the labels prints a progress bar of its own; a letter that no font has is drawn as a box.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure, _ = render_plot(
            points,
            list(colours),
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
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
    plt.close(figure)
    return picture.getvalue()


def _remarks(counts: dict[str, int]) -> list[str]:
    remarks = []
    if counts["outside"]:
        remarks.append(f"{counts['outside']:,} points far from the others are outside this view")
    if counts["unnamed"]:
        remarks.append(f"{counts['named']} of {counts['named'] + counts['unnamed']} topics named")
    return remarks


def _page_point_size(drawing: Drawing) -> float:
    """Return the radius, in DataMapPlot's hundredths, that suits so many points in such a view."""
    width = drawing.view[1] - drawing.view[0]
    return width * float(np.clip(20 / np.sqrt(len(drawing.points)), 0.1, 0.6))


def _rgb(colours: Sequence[str]) -> np.ndarray:
    """Return colours like "#0a141e" as (3, n) whole numbers of 0 to 255."""
    numbers = [int(colour[1:], 16) for colour in colours]
    return np.array([[n >> 16, n >> 8 & 255, n & 255] for n in numbers], dtype=np.uint8).reshape(-1, 3).T


def _dark(labels: pd.DataFrame) -> list[str]:
    from datamapplot.palette_handling import deep_palette

    return deep_palette(list(labels["colour"]))


def _wrapped(labels: pd.DataFrame) -> list[str]:
    return [textwrap.fill(label, LABEL_WIDTH, break_long_words=False) for label in labels["label"]]


def _no_formula(text: str) -> str:
    # matplotlib takes what stands between two dollar signs for a formula.
    return text.replace("$", r"\$")
