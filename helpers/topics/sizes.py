"""What every size would give -> a picture, and in a notebook a slider that cuts the tree anew and redraws the map."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import HEADLESS, percent
from helpers.topics.cluster import number_by_size, rows_of
from helpers.topics.drawing import NOISE_COLOUR, place_points
from helpers.topics.tree import SMALLEST, Tree, condense, cut_tree, grow_tree
from helpers.topics.tune import METHODS, Choice, list_sizes

PANELS = {
    "topics": "Topics",
    "coverage": "Rows in a topic (line), in the largest (dots)",
    "validity": "Validity: denser inside than between",
    "stability": "Stability: topics that come back",
}
INK, SECOND, CHOSEN = "#2b5c8a", "#c06c2f", "#b3261e"


def plot_tuning(tuning: pd.DataFrame, choice: Choice) -> Any:  # noqa: ANN401 - a matplotlib Figure
    """Return four curves over min_cluster_size, a line a method and min_samples, with the chosen size marked."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    drawn = tuning[tuning["topics"] > 0]
    figure = Figure(figsize=(11, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        for (samples, method), lines in drawn.groupby(["min_samples", "method"], sort=False):
            look = _look(method, first=samples == tuning["min_samples"].iloc[0])
            axes.plot(lines["min_cluster_size"], lines[name], label=f"{method}, min_samples {samples}", **look)
            if name == "coverage":
                axes.plot(lines["min_cluster_size"], lines["largest"], **{**look, "ls": ":", "alpha": 0.8})
        axes.axvline(choice.min_cluster_size, color=CHOSEN, lw=1)
        axes.set_title(title, fontsize=9, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        if name != "topics" and len(drawn):
            axes.set_ylim(min(0, drawn[name].min()) if drawn[name].notna().any() else 0, 1.02)
    if len(drawn):
        panels[0].set_yscale("log")
        panels[0].legend(fontsize=8, frameon=False)
        for axis in (panels[0].yaxis, *(axes.xaxis for axes in panels)):
            axis.axes.set_xscale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    for axes in panels[2:]:
        axes.set_xlabel("min_cluster_size")
    head = f"min_cluster_size {choice.min_cluster_size}: {choice.reason}"
    figure.suptitle(head, x=0.01, ha="left", fontsize=9, wrap=True)
    return figure


def _look(method: str, *, first: bool) -> dict[str, Any]:
    """Return how a method's line is drawn; first: of the run's own min_samples."""
    style = "-" if method == METHODS[0] else "--"
    return {"color": INK if first else SECOND, "ls": style, "lw": 1.6 if first else 1.0}


def explore_sizes(reduced: np.ndarray, points: np.ndarray, edges: np.ndarray, own: pd.DataFrame, choice: Choice) -> Any:  # noqa: ANN401 - an ipywidgets box, or a picture
    """Return the map as it would be at any size: with a slider in a notebook, as one picture where nobody is there.

    reduced (n, k), points (n, 2), edges: what the tree was grown from, where points lie, and the tree. The slider does
    not change the run: the settings to write are shown beneath.
    """
    from IPython.display import Image

    weights = rows_of(own)
    if not len(edges):
        return "nothing to explore: " + choice.reason
    method = choice.settings["method"]
    cut = _cutter(reduced, edges, choice, weights)
    if os.environ.get(HEADLESS):
        return Image(draw_cut(points, cut(choice.min_cluster_size, method, 0)))
    return _with_slider(points, cut, choice, weights)


def draw_cut(points: np.ndarray, topics: np.ndarray) -> bytes:
    """Return a PNG of the points (n, 2) in the colours of their topics (n,), each topic's number at its middle."""
    import io

    import matplotlib
    from matplotlib.figure import Figure

    placed, (left, right, bottom, top) = place_points(points)
    figure = Figure(figsize=(8, 8 * top / right), dpi=80)
    axes = figure.add_axes((0, 0, 1, 1))
    palette = np.array([matplotlib.colors.to_hex(c) for c in matplotlib.colormaps["tab20"].colors])
    size = np.clip(20_000 / max(1, len(points)), 1, 12)
    noise = topics < 0
    axes.scatter(*placed[noise].T, s=size / 2, c=NOISE_COLOUR, lw=0)
    axes.scatter(*placed[~noise].T, s=size, c=palette[topics[~noise] % len(palette)], lw=0)
    for topic in range(min(60, topics.max(initial=-1) + 1)):
        x, y = np.median(placed[topics == topic], axis=0)
        axes.annotate(str(topic), (x, y), ha="center", va="center", fontsize=9, weight="bold", clip_on=True)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.axis("off")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _cutter(reduced: np.ndarray, edges: np.ndarray, choice: Choice, weights: np.ndarray) -> Callable:
    """Return a function of size, method and min_samples (0: the run's own) that gives each point's topic."""
    smallest = min(SMALLEST, choice.min_cluster_size)
    held: dict[int, Tree] = {0: condense(edges, smallest=smallest)}

    def cut(size: int, method: str, samples: int) -> np.ndarray:
        if samples not in held:
            held[samples] = condense(grow_tree(reduced, min_samples=samples), smallest=smallest)
        return number_by_size(cut_tree(held[samples], min_cluster_size=size, method=method)[0], weights=weights)

    return cut


def _with_slider(points: np.ndarray, cut: Callable, choice: Choice, weights: np.ndarray) -> Any:  # noqa: ANN401
    import ipywidgets

    sizes = sorted({*list_sizes(len(points)), choice.min_cluster_size})
    wide = {"layout": {"width": "34em"}, "style": {"description_width": "9em"}}
    size = ipywidgets.SelectionSlider(
        options=sizes, value=choice.min_cluster_size, description="min_cluster_size", continuous_update=False, **wide
    )
    method = ipywidgets.Dropdown(options=METHODS, value=choice.settings["method"], description="method", **wide)
    samples = ipywidgets.Dropdown(
        options=[("of this run", 0), *((str(one), one) for one in (5, 10, 15, 30, 60) if one < len(points))],
        description="min_samples",
        **wide,
    )
    said, picture = ipywidgets.HTML(), ipywidgets.Image(format="png")

    def redraw(_: object = None) -> None:
        topics = cut(size.value, method.value, samples.value)
        rows = np.bincount(topics + 1, weights=weights, minlength=2)
        settings = {"cluster.min_cluster_size": size.value, "cluster.method": method.value}
        settings["cluster.min_samples"] = samples.value or choice.settings["min_samples"]
        settings |= {"cluster.topics": None} if choice.settings.get("topics") else {}
        said.value = (
            f"<b>{topics.max(initial=-1) + 1} topics</b>, coverage {percent(rows[1:].sum() / rows.sum())}, the largest "
            f"has {percent(rows[1:].max() / rows.sum())}. "
            f"To take it, add to OVERRIDES: <code>{str(settings)[1:-1]}</code>"
        )
        picture.value = draw_cut(points, topics)

    for widget in (size, method, samples):
        widget.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([size, method, samples, said, picture])
