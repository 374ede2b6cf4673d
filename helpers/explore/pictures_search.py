"""Hits of a search -> a picture of the map with the hits on it, numbered as they are ranked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.explore.read_map import TopicMap
from helpers.shown import quiet_figure
from helpers.text.excerpt import one_line, shorten
from helpers.topics.drawing import NOISE_COLOUR, make_drawing

COLOURS = ("#b3261e", "#1f5fa8", "#2e7d32", "#8e24aa", "#b26a00", "#00838f", "#5d4037", "#455a64")  # of questions
NAMED = 6  # topics of the hits that are named, those with most of them
LETTERS = 60


def plot_hits(topic_map: TopicMap, hits: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return the map with hits numbered by rank, a colour a question, and the names of their topics.

    hits: see search.search_all. What lies outside the map's view is drawn at its edge; of more than eight questions
    the first eight are drawn. Without a hit a sentence says so.
    """
    if hits.empty:
        return "nothing to draw: no row was found"
    from matplotlib.patheffects import withStroke

    first = topic_map.rows.drop_duplicates("vector")
    drawing = make_drawing(first[["x", "y"]].to_numpy(), topic_map.topics, first["topic"].to_numpy())
    left, right, bottom, top = drawing.view
    figure, axes = quiet_figure(height=9 * (top - bottom) / (right - left))
    places = np.clip(drawing.points, [left, bottom], [right, top])
    axes.scatter(*places[drawing.in_view].T, s=4, color=NOISE_COLOUR, linewidths=0, rasterized=True)
    line = pd.Series(np.arange(len(first)), index=first["vector"])
    own = topic_map.rows.set_index("id")["vector"]
    halo = {"path_effects": [withStroke(linewidth=2.5, foreground="white")], "parse_math": False}
    frequent = hits.loc[hits["topic"] != -1, "topic"].value_counts().index[:NAMED]
    for topic in drawing.labels[drawing.labels["topic"].isin(frequent)].itertuples():
        name = shorten(one_line(topic.label), LETTERS)
        axes.annotate(name, (topic.x, topic.y), ha="center", fontsize=9, color="#333333", **halo)
    for colour, (question, found) in zip(COLOURS, hits.groupby("question", sort=False), strict=False):
        at = places[line.loc[own.loc[found["id"]]]]
        axes.scatter(*at.T, s=26, color=colour, zorder=3, label=shorten(one_line(question), LETTERS))
        for rank, place in zip(found["rank"], at, strict=True):
            axes.annotate(
                str(rank), place, xytext=(4, 3), textcoords="offset points", fontsize=9, color=colour, zorder=4, **halo
            )
    legend = axes.legend(loc="upper left", fontsize=9, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return figure
