"""Counts of labels -> the notebook's pictures: shares by label, domains by uses, and datasets beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import percent
from helpers.text.excerpt import one_line, shorten

MOST = 40  # labels, or datasets, in one picture
LABEL_CHARS = 40
TITLE_CHARS = 70
INK, GAP = "#2b5c8a", "#c06c2f"
COLOURS = "Blues"


def plot_labels(counted: pd.DataFrame, kind: str, *, valid: int, total: int, title: str) -> Any:  # noqa: ANN401
    """Return bars, a line a label of a kind ("domain" or "use"): the share of the labelled rows that have it.

    counted: see uses_tables.count_labels. valid: rows that are labelled, of total in the sample. A sentence stands in
    its place where there is none.
    """
    from matplotlib.figure import Figure

    lines = counted[counted["kind"] == kind]
    if not valid:
        return f"none of {total:,} rows has a valid answer: there are no {kind}s to draw"
    shown = lines.head(MOST)
    figure = Figure(figsize=(9, 1.1 + 0.26 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(shown)), shown["share"], color=INK, height=0.7)
    for at, line in enumerate(shown.itertuples()):
        told = f"{percent(line.share)}  ({line.rows:,})" if line.rows else "none"
        axes.annotate(told, (line.share, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
                      color="#333333" if line.rows else GAP)  # fmt: skip
    axes.set_yticks(range(len(shown)), _shown(shown["label"]), fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, max(0.05, 1.15 * shown["share"].max()))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    note = f", the first {MOST} of {len(lines)}" if len(lines) > MOST else ""
    figure.suptitle(f"{_plain(title, TITLE_CHARS)}: {kind}s{note}", x=0.01, ha="left", fontsize=11)
    valid_rows = f"{valid:,} of {total:,} rows have a valid answer"
    axes.set_title(f"{valid_rows}. Share of these; a row may have several labels, or none", fontsize=9, loc="left")
    return figure


def plot_cross(crossed: pd.DataFrame, *, title: str) -> Any:  # noqa: ANN401
    """Return a heat map of how many rows have a use (line) and a domain (column) together."""
    table = crossed.T
    if not table.to_numpy().any():
        return "no row has both a domain and a use: there is nothing to draw"
    head = f"{_plain(title, TITLE_CHARS)}: rows by use and domain"
    return _heat(table, table.map(lambda count: f"{count:,}" if count else ""), head=head)


def plot_datasets(shares: pd.DataFrame, kind: str) -> Any:  # noqa: ANN401
    """Return a heat map, a line a label of a kind, a column a dataset: the share of its labelled rows.

    shares: kind, label, dataset, share; datasets stand in the order in which they come, the label that has most in
    any of them first.
    """
    some = shares[(shares["kind"] == kind) & shares["share"].notna()]
    if some.empty:
        return f"no dataset has a row with a valid answer: there are no {kind}s to draw"
    table = some.pivot(index="label", columns="dataset", values="share")[list(dict.fromkeys(some["dataset"]))]
    table = table.loc[table.max(axis=1).sort_values(ascending=False, kind="stable").index]
    head = f"{kind.capitalize()}s by dataset: share of its labelled rows"
    return _heat(table, table.map(lambda share: percent(share) if share > 0 else ""), head=head)


def _heat(table: pd.DataFrame, told: pd.DataFrame, *, head: str) -> Any:  # noqa: ANN401
    """Return a picture of numbers in colours, with what is told of each in its cell."""
    from matplotlib.figure import Figure

    more = [f"{MOST} of {size} {what}" for size, what in zip(table.shape, ("lines", "columns"), strict=True)
            if size > MOST]  # fmt: skip
    table, told = table.iloc[:MOST, :MOST], told.iloc[:MOST, :MOST]
    values = table.to_numpy(dtype=float)
    figure = Figure(figsize=(3.4 + 0.8 * max(5, table.shape[1]), 2.0 + 0.26 * len(table)), layout="constrained")
    axes = figure.subplots()
    top = max(float(np.nanmax(values)), 1e-9)
    axes.imshow(values, cmap=COLOURS, vmin=0, vmax=top, aspect="auto")
    for (at, over), value in np.ndenumerate(values):
        colour = "white" if value > 0.6 * top else "#333333"
        axes.text(over, at, told.iat[at, over], ha="center", va="center", fontsize=7, color=colour)
    axes.set_yticks(range(len(table)), _shown(table.index), fontsize=8)
    axes.set_xticks(range(table.shape[1]), _shown(table.columns, 28), fontsize=8, rotation=35, ha="left",
                    rotation_mode="anchor")  # fmt: skip
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(0.5, table.shape[1]), minor=True)
    axes.set_yticks(np.arange(0.5, len(table)), minor=True)
    axes.grid(which="minor", color="#dfe5ec", lw=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    figure.suptitle("; ".join([head, *more]), x=0.01, ha="left", fontsize=11)
    figure.get_layout_engine().set(rect=(0, 0, 0.96, 1))  # the last slanted label reaches beyond its column
    return figure


def _shown(labels: Any, chars: int = LABEL_CHARS) -> list[str]:  # noqa: ANN401 - any iterable of texts
    return [_plain(label, chars) for label in labels]


def _plain(text: object, chars: int) -> str:
    """Return a text as one line in which matplotlib finds no formula."""
    return shorten(one_line(str(text)), chars).replace("$", r"\$")
