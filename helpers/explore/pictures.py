"""Topics' shares by span, class and source -> the notebook's pictures, in which what may be noise is pale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.explore.compare_sources import ALIKE, BASE, furthest_first
from helpers.explore.shares import UNASSIGNED, count_grid, group_names, noise_band, share_text
from helpers.shown import bare_axes, counted, quiet_figure
from helpers.text.excerpt import one_line, shorten

MOST = 30  # topics in one picture
CLASSES = 12  # groups in one picture
SOURCES = 4  # sources in one picture
SMALL = 9  # topics in the picture of spans, three a line
TICKS = 6  # names of spans under a small picture, at most
REACH = 2  # doublings of the expected share at which a colour ends
INK, PALE, NEW, GONE, BAND, STRIPE = "#2b5c8a", "#9db7cf", "#b3261e", "#c06c2f", "#e9edf1", "#f6f7f9"
COLOURS = (INK, NEW, "#3d8b5f", "#7a5195")  # of sources


def plot_over_time(shares: pd.DataFrame, ranked: pd.DataFrame, *, most: int = SMALL) -> Any:  # noqa: ANN401
    """Return a small picture for each of the first topics: its share by span with its 95% interval, on a band of noise.

    shares: by span, see shares.topic_shares. ranked: a line a topic with label and noise, the first to be shown first,
    see shares.changes and over_time.rising. A share in red is outside of the band, see shares.noise_band; the line
    is broken where spans without rows lie between.
    """
    spans = count_grid(shares)[0].columns if len(shares) else []
    if len(spans) < 2:
        return f"{counted(len(spans), 'span')} with rows: nothing changes over time"
    from matplotlib.figure import Figure

    shown = ranked.head(most)
    lines = -(-len(shown) // 3)
    figure = Figure(figsize=(11, 0.7 + 2.1 * lines), layout="constrained")
    banded = noise_band(shares).sort_values("group")
    for at, topic in enumerate(shown.itertuples()):
        axes = figure.add_subplot(lines, 3, at + 1)
        _draw_spans(axes, banded[banded["topic"] == topic.topic], pale=bool(topic.noise))
        _name_ticks(axes, group_names(spans))
        axes.set_title(_short(f"{topic.topic}  {topic.label}", 42), fontsize=9, loc="left", parse_math=False)
    note = f" ({len(shown)} of {len(ranked)})" if len(ranked) > len(shown) else ""
    broken = "; a gap: spans without rows" if _gaps(spans).any() else ""
    keys = f"grey: what a constant share would show; red: outside of it; pale: may be noise{broken}"
    head = f"Share of the rows by topic{note}\n{keys}"
    figure.suptitle(head, x=0.01, ha="left", fontsize=11)
    return figure


def plot_classes(shares: pd.DataFrame, ranked: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return topics by groups: each cell its share of the group, in a colour of how many times the expected one it is.

    shares: see shares.topic_shares; ranked: see shares.changes, whose first 30 topics are lines. Of more groups the 12
    with the most rows are columns, in their order. White is what chance alone would show, see shares.noise_band.
    """
    groups = count_grid(shares)[1] if len(shares) else pd.Series(dtype=int)
    if len(groups) < 2:
        return f"{counted(len(groups), 'group')} with rows: there is nothing to compare"
    largest = groups[groups.isin(groups.nlargest(CLASSES)) & (groups.rank(method="first", ascending=False) <= CLASSES)]
    shown = ranked.head(MOST)
    banded = noise_band(shares)
    cells = banded.pivot(index="topic", columns="group", values=["share", "expected", "outside"])
    share, expected, outside = (
        cells[name].loc[shown["topic"], largest.index].to_numpy(dtype=float)
        for name in ("share", "expected", "outside")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.clip(np.log2(share / expected), -REACH, REACH)
    figure, axes = quiet_figure(height=2.2 + 0.26 * len(shown), width=max(9, 5.2 + 0.6 * len(largest)))
    image = axes.imshow(np.where(outside > 0, times, 0), cmap=_two_ways(), vmin=-REACH, vmax=REACH, aspect="auto")
    for (line, column), one in np.ndenumerate(share):
        strong = outside[line, column] > 0
        colour = "#9a9a9a" if not strong else "white" if abs(times[line, column]) > 0.6 * REACH else "#222222"
        axes.annotate(share_text(one), (column, line), ha="center", va="center", fontsize=7, color=colour)
    axes.set_yticks(range(len(shown)), [_label(one.topic, one.label, 40) for one in shown.itertuples()])
    names = [f"{_short(name, 24)} ({count:,})" for name, count in zip(group_names(largest.index), largest, strict=True)]
    axes.set_xticks(range(len(largest)), names, rotation=40, ha="right")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, ticks=range(-REACH, REACH + 1))
    bar.ax.set_yticklabels([f"{2.0**at:g}x" for at in range(-REACH, REACH + 1)], fontsize=8)
    bar.set_label("times what is expected", fontsize=8)
    bar.outline.set_visible(False)
    bare_axes(axes)
    notes = [f"the {MOST} that differ most of {len(ranked)} topics"] if len(ranked) > MOST else []
    notes += [f"the {CLASSES} largest of {len(groups)} groups"] if len(groups) > CLASSES else []
    note = f" ({', '.join(notes)})" if notes else ""
    head = f"Share of each group's rows by topic{note}\nwhite: may be noise"
    figure.suptitle(head, x=0.01, ha="left", fontsize=11)
    return figure


def plot_sources(compared: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return a line a topic, what differs most first: its share of each source as a dot with its 95% interval.

    compared: see compare_sources.compare_sources; its first 30 topics, and the base with the 3 largest other sources.
    Pale are shares that differ from the base's by no more than chance. plot_classes shows more sources at once.
    """
    if compared.empty:
        return "no row is in a topic: there is nothing to compare"
    sizes = compared.drop_duplicates("source").set_index("source")["of"]
    base = compared.loc[compared["state"] == BASE, "source"].iloc[0]
    others = sizes.drop(base).sort_values(ascending=False, kind="stable").index
    order = [base, *others[: SOURCES - 1]]
    seen = furthest_first(compared[compared["source"].isin(order)])
    topics = seen.drop_duplicates("topic").head(MOST)
    figure, axes = quiet_figure(height=1.6 + (0.14 + 0.07 * len(order)) * len(topics))
    places = {topic: at for at, topic in enumerate(topics["topic"])}
    for at in range(0, len(topics), 2):
        axes.axhspan(at - 0.5, at + 0.5, color=STRIPE, lw=0)
    seen = seen[seen["topic"].isin(places)]
    differs = ~seen["state"].isin([BASE, ALIKE])
    is_base = seen["state"] == BASE
    strong = seen.assign(strong=np.where(is_base, differs.groupby(seen["topic"]).transform("any"), differs))
    for number, source in enumerate(order):
        lines = strong[strong["source"] == source]
        up = lines["topic"].map(places) + (number - (len(order) - 1) / 2) * 0.7 / len(order)
        _draw_source(axes, lines, up, COLOURS[number])
    axes.set_yticks(range(len(topics)), [_label(one.topic, one.label, 44) for one in topics.itertuples()])
    axes.set_ylim(len(topics) - 0.4, -0.6)
    reach = float(seen["high"].max())
    axes.set_xlim(-0.012 * reach, 1.02 * reach)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_xlabel("share of the source's rows", fontsize=9)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    bare_axes(axes)
    _legend(axes, [f"{_short(name, 30)}{', base' if name == base else ''} ({sizes[name]:,} rows)" for name in order])
    total = compared["topic"].nunique()
    note = f" (the {MOST} that differ most of {total})" if total > MOST else ""
    left = f"; {len(others) - SOURCES + 1} smaller sources are left out" if len(others) >= SOURCES else ""
    head = f"Topics by source{note}\npale: differs from the base by no more than chance{left}"
    figure.suptitle(head, x=0.01, ha="left", fontsize=11)
    return figure


def _draw_spans(axes: Any, lines: pd.DataFrame, *, pale: bool) -> None:  # noqa: ANN401
    """Draw the shares of one topic, a place a span that holds rows, and what is noise behind them."""
    at, colour = np.arange(len(lines)), PALE if pale else INK
    edges = np.append(at - 0.5, len(at) - 0.5)
    axes.stairs(lines["band_high"], edges, baseline=lines["band_low"].to_numpy(), fill=True, color=BAND)
    axes.vlines(at, lines["low"], lines["high"], color=colour, lw=1, alpha=0.6)
    for part in np.split(at, np.flatnonzero(_gaps(pd.Index(lines["group"]))) + 1):
        axes.plot(part, lines["share"].to_numpy()[part], color=colour, lw=1.2)
    colours = np.where(lines["outside"], NEW, colour)
    axes.scatter(at, lines["share"], c=colours, s=16, lw=0, zorder=3, clip_on=False)
    axes.set_ylim(0, 1.05 * max(lines["high"].max(), lines["band_high"].max()))
    axes.set_xlim(-0.6, len(at) - 0.4)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")


def _gaps(groups: pd.Index) -> np.ndarray:
    """Return between every two spans in a row whether others lie between."""
    if not isinstance(groups.dtype, pd.PeriodDtype):
        return np.zeros(max(0, len(groups) - 1), dtype=bool)
    return np.diff([one.ordinal for one in groups]) > 1


def _name_ticks(axes: Any, names: Sequence[str]) -> None:  # noqa: ANN401
    """Name as many spans as there is room for, the first among them."""
    step = -(-len(names) // TICKS)
    axes.set_xticks(range(0, len(names), step), [_short(name, 12) for name in names[::step]], rotation=30, ha="right")
    bare_axes(axes)
    axes.tick_params(axis="x", labelsize=7)


def _draw_source(axes: Any, lines: pd.DataFrame, up: pd.Series, colour: str) -> None:  # noqa: ANN401
    strength = np.where(lines["strong"], 1.0, 0.35)
    axes.hlines(up, lines["low"], lines["high"], color=colour, lw=1.5, alpha=strength)
    axes.scatter(lines["share"], up, c=colour, s=20, lw=0, alpha=strength, zorder=3)


def _legend(axes: Any, names: Sequence[str]) -> None:  # noqa: ANN401
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour, marker="o", ms=4, lw=1.5) for colour in COLOURS[: len(names)]]
    style = {"fontsize": 8, "frameon": False, "loc": "center left", "bbox_to_anchor": (1, 0.5)}
    legend = axes.legend(handles, ["source"] * len(names), **style)
    # Named afterwards: a legend leaves out what begins with "_" and reads a "$" as a formula.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def _two_ways() -> Any:  # noqa: ANN401 - a matplotlib colour map
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("less and more", [GONE, "#ffffff", INK])


def _label(topic: int, label: object, chars: int) -> str:
    name = _short(str(label), chars)
    if not name:
        return f"Topic {topic}"
    return name if topic == UNASSIGNED else f"{name}  {topic}"


def _short(text: str, chars: int) -> str:
    return shorten(one_line(text), chars)
