"""Two finished maps -> a picture of where the rows of each topic of one are in the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.explore.compare_runs import count_pairs
from helpers.explore.read_map import TopicMap
from helpers.shown import counted, quiet_figure
from helpers.text.excerpt import one_line, shorten
from helpers.topics.drawing import NOISE, name_topics
from helpers.topics.tune import RETURNS

MOST = 30  # topics a side; all others are one line
REST = -2  # their number
LINE = 1.0  # height of a topic's place: no label lies over another
WIDTH = 0.02  # of a topic's bar, of the way between the two sides
INK, OTHER, PALE = "#2b5c8a", "#c06c2f", "#c3c7cc"


class Side(NamedTuple):
    """The topics of one map from top to bottom: number, label, rows, and top and bottom of its place (topics, 2)."""

    topics: list[int]
    labels: list[str]
    sizes: np.ndarray
    places: np.ndarray


def plot_runs(a: TopicMap, b: TopicMap, *, names: tuple[str, str] = ("A", "B")) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return two columns of topics and between them a band for the rows that each two share, as high as they are many.

    Blue: the two are the same topic (Jaccard index above half, see compare_runs.align_topics); orange: rows that went
    elsewhere; grey: rows that are unassigned, or in one of the small topics, on either side. Largest topics of A first,
    those of B opposite to where their rows were; beyond MOST a side, the smaller ones are one. names: of the two maps.
    """
    counts = count_pairs(a, b)
    inside = counts.drop(index=NOISE, errors="ignore"), counts.drop(columns=NOISE, errors="ignore")
    if empty := [name for name, part in zip(names, inside, strict=True) if not part.to_numpy().any()]:
        return f"none of the shared rows is in a topic of {' or '.join(empty)}: there is nothing to compare"
    same = _same(counts)
    counts = _in_order(_folded(_folded(counts).T).T)
    rows = int(counts.to_numpy().sum())
    tall = 2.0 * LINE * max(counts.shape) / rows  # of a row: as much room again as the labels take
    left, right = (_side(counts.sum(axis=axis), found, tall) for axis, found in ((1, a), (0, b)))
    deep = max(side.places[-1, 1] for side in (left, right))
    figure, axes = quiet_figure(height=1.2 + 0.19 * deep, width=10)
    _draw_bands(axes, counts, left, right, tall, same)
    _draw_topics(axes, left, tall, at=0, align="right")
    _draw_topics(axes, right, tall, at=1, align="left")
    axes.set(xlim=(-0.75, 1.75), ylim=(deep + 0.5, -0.5))
    axes.axis("off")
    told = one_line(f"{counted(rows, 'shared row')}: topics of {names[0]}, and where they are in {names[1]}")
    grey = "unassigned or small" if REST in {*left.topics, *right.topics} else "unassigned"
    head = f"{told}\nblue: the same topic; orange: went elsewhere; grey: {grey} on either side"
    axes.set_title(head, fontsize=11, loc="left", parse_math=False)
    return figure


def _same(counts: pd.DataFrame) -> set[tuple[int, int]]:
    union = counts.sum(axis=1).to_numpy()[:, None] + counts.sum(axis=0).to_numpy() - counts
    return {pair for pair in _pairs(counts / union > RETURNS) if NOISE not in pair}


def _pairs(marked: pd.DataFrame) -> list[tuple[int, int]]:
    lines, columns = np.nonzero(marked.to_numpy())
    return list(zip(marked.index[lines].tolist(), marked.columns[columns].tolist(), strict=True))


def _folded(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts whose smallest lines, all beyond MOST, are one."""
    sizes = counts.sum(axis=1).drop(NOISE, errors="ignore").sort_values(ascending=False, kind="stable")
    small = set(sizes.index[MOST:])
    return counts.groupby(np.array([REST if topic in small else topic for topic in counts.index])).sum()


def _in_order(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts with the largest topics of A first, and those of B by the middle of where their rows are in A.

    So few bands cross. On both sides the small ones that are one come last but for the unassigned.
    """
    sizes = counts.sum(axis=1)
    last = {REST: 1, NOISE: 2}
    counts = counts.loc[sorted(counts.index, key=lambda topic: (last.get(topic, 0), -sizes[topic], topic))]
    inside = counts.drop(index=NOISE, errors="ignore")
    met = inside.sum()
    middle = (inside.to_numpy() * np.arange(len(inside))[:, None]).sum(axis=0) / met.where(met > 0, 1)
    middle = middle.where(met > 0, len(inside))
    return counts[sorted(counts, key=lambda topic: (last.get(topic, 0), middle[topic], topic))]


def _side(sizes: pd.Series, topic_map: TopicMap, tall: float) -> Side:
    names = {topic: shorten(one_line(name), 44) for topic, name in name_topics(topic_map.topics).items()}
    names[REST] = "all smaller topics"
    heights = np.maximum(LINE, sizes.to_numpy() * tall + 0.3 * LINE)
    ends = heights.cumsum()
    places = np.stack([ends - heights, ends], axis=1)
    return Side(sizes.index.tolist(), [names[topic] for topic in sizes.index], sizes.to_numpy(), places)


def _draw_bands(
    axes: Any,  # noqa: ANN401
    counts: pd.DataFrame,
    left: Side,
    right: Side,
    tall: float,
    same: set[tuple[int, int]],
) -> None:
    across = np.linspace(0, 1, 40)
    bend = across**2 * (3 - 2 * across)
    across = WIDTH + (1 - 2 * WIDTH) * across
    begins, ends = (
        dict(zip(side.topics, side.places.mean(axis=1) - side.sizes * tall / 2, strict=True)) for side in (left, right)
    )
    for one, other in _pairs(counts > 0):
        high = counts.at[one, other] * tall
        top = begins[one] + (ends[other] - begins[one]) * bend
        colour = PALE if min(one, other) < 0 else INK if (one, other) in same else OTHER
        front = {PALE: 1, OTHER: 2, INK: 3}[colour]
        axes.fill_between(across, top, top + high, color=colour, alpha=0.45, lw=0, zorder=front)
        begins[one] += high
        ends[other] += high


def _draw_topics(axes: Any, side: Side, tall: float, *, at: int, align: str) -> None:  # noqa: ANN401
    """Draw one side's bars, and beside each its label and rows."""
    for topic, label, size, place in zip(*side, strict=True):
        colour = "#777777" if topic < 0 else "#222222"
        axes.barh(place.mean(), WIDTH, left=at * (1 - WIDTH), height=size * tall, color=colour, lw=0, zorder=4)
        told = f"{label}  {size:,}" if align == "right" else f"{size:,}  {label}"
        style = {"ha": align, "va": "center", "fontsize": 8, "color": colour}
        axes.text(at - 0.01 + 0.02 * at, place.mean(), told, parse_math=False, **style)
