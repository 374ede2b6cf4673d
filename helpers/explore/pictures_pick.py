"""A map and the rows picked of it -> a picture of both, beside a random sample of as many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.explore.coverage import coverage_table, random_rows
from helpers.explore.read_map import TopicMap
from helpers.shown import counted
from helpers.topics.drawing import NOISE_COLOUR, place_points

POINTS = 30_000  # of the map in one picture
INK, CHANCE = "#2b5c8a", "#c06c2f"


def plot_pick(
    topic_map: TopicMap,
    picked: pd.DataFrame,
    compared: pd.DataFrame | None = None,
    *,
    keep: Sequence[str] = (),
    seed: int = 42,
) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return the map with the picked rows over it, beside it with a random sample of as many, and the figures of both.

    compared: as against_random returns it; none: without figures. The random sample is the first that it looks at for
    the same keep and seed. Islands far from the rest lie outside of the picture.
    """
    if not {"x", "y"} <= set(topic_map.rows) or topic_map.rows[["x", "y"]].isna().all(axis=None):
        return "no row has a place on a map: make the map first, notebooks/1_topics_template.ipynb"
    if picked.empty:
        return "no row was picked: there is nothing to show"
    from matplotlib.figure import Figure

    rows, samples = random_rows(topic_map, len(picked), keep=keep, draws=1, seed=seed)
    every = topic_map.rows.dropna(subset=["x", "y"])
    points, view = place_points(every[["x", "y"]].to_numpy(float))
    place = dict(zip(every["id"], points, strict=True))
    pale = points[np.random.default_rng(seed).permutation(len(points))[:POINTS]]
    figure = Figure(figsize=(11, 5.9 * min(1, view[3] / view[1]) + 1), layout="constrained")
    shown = (("picked", picked["id"], INK), ("random", rows["id"].iloc[samples[0]], CHANCE))
    for axes, (name, ids, colour) in zip(figure.subplots(1, 2), shown, strict=True):
        over = np.array([place[one] for one in ids if one in place]).reshape(-1, 2)
        axes.scatter(*pale.T, s=_size(len(pale), least=1), color=NOISE_COLOUR, lw=0)
        axes.scatter(*over.T, s=_size(len(over), least=6), color=colour, ec="white", lw=0.4)
        axes.set(xlim=view[:2], ylim=view[2:], aspect="equal")
        axes.axis("off")
        axes.set_title(f"{name}: {counted(len(ids), 'row')}{_figures(compared, name)}", fontsize=9, loc="left")
    head = "Picked rows and a random sample; distances are 1 - cosine to the nearest of them"
    figure.suptitle(head if compared is not None else "Picked rows and a random sample", x=0.01, ha="left", fontsize=11)
    return figure


def _size(count: int, *, least: float) -> float:
    return float(np.clip(30_000 / max(1, count), least, 30))


def _figures(compared: pd.DataFrame | None, name: str) -> str:
    """Return the figures of one sample; those of random rows are the means of several samples."""
    if compared is None:
        return ""
    told = coverage_table(compared).set_index("sample").loc[name]
    mean = "mean of several samples: " if name == "random" else ""
    topics = f", {told['topics']} of the topics" if told["topics"] else ""
    return f"\n{mean}distance {told['mean']}, 95% within {told['p95']}{topics}"
