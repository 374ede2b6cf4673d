"""What was found of the new rows -> the notebook's pictures: shares and coverage by topic, confidence, places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.assign.drift import BINS, Found
from helpers.proportions import wilson_interval
from helpers.shown import percent, quiet_figure
from helpers.text.excerpt import one_line, shorten
from helpers.topics.assigner import Assigner, read_assigner, rising_chances
from helpers.topics.drawing import NOISE_COLOUR, make_drawing

MOST = 30  # topics in one picture
POINTS = 30_000  # of the map, and of new rows, in one picture
FOLDS = 5
INK, PALE, NEW, GONE = "#2b5c8a", "#9db7cf", "#b3261e", "#c06c2f"


def plot_shares(compared: pd.DataFrame) -> Any:  # noqa: ANN401 - a matplotlib Figure
    """Return two panels, a line a topic: its share of the new rows beside the expected one, and its coverage beside it.

    compared: see drift.compare_topics. The topics that are largest here or in the map, and the rows in none.
    """
    from matplotlib.figure import Figure

    inside = compared[compared["topic"] != -1]
    largest = inside[["expected", "found"]].max(axis=1).sort_values(ascending=False, kind="stable").index[:MOST]
    lines = pd.concat([inside.loc[np.sort(largest)], compared[compared["topic"] == -1]])
    figure = Figure(figsize=(11, 1.3 + 0.24 * len(lines)), layout="constrained")
    shares, coverage = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for axes, names, title in (
        (shares, ("expected", "found"), "Share of the rows"),
        (coverage, ("expected_coverage", "coverage"), "Of the rows nearest to it, those near enough"),
    ):
        for at, line in enumerate(lines.to_dict("records")):
            colour = NEW if line["change"] == "grew" else GONE if line["change"] == "shrank" else INK
            before, now = line[names[0]], line[names[1]]
            axes.plot([before, now], [at, at], color=colour, lw=1.5, alpha=0.6)
            axes.plot(before, at, "o", mfc="white", mec=PALE, ms=6)
            axes.plot(now, at, "o", color=colour, ms=5)
        axes.set_title(title, fontsize=9, loc="left")
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
    labels = [shorten(one_line(str(label)), 40) for label in lines["label"]]
    shares.set_yticks(range(len(lines)), [label.replace("$", r"\$") for label in labels], fontsize=8)
    for axes in (shares, coverage):
        axes.tick_params(axis="y", length=0)
    shares.invert_yaxis()
    shares.set_xlim(left=0)
    note = f" (the {MOST} largest of {len(inside)})" if len(inside) > MOST else ""
    head = f"New rows by topic{note}. Ring: expected, dot: found; red: grew, orange: shrank"
    figure.suptitle(head, x=0.01, ha="left", fontsize=11)
    return figure


def plot_confidence(found: Found, model_folder: Path) -> Any:  # noqa: ANN401
    """Return how sure the topics of new rows are, beside those of the map's rows that were kept out to judge by."""
    assigner = read_assigner(model_folder)
    kept = np.interp(assigner.kept_margins, assigner.margins, assigner.chances)
    edges = np.linspace(0, 1, BINS + 1)
    old, new = np.histogram(kept, edges)[0] / max(1, len(kept)), found.confidence / max(1, found.confidence.sum())
    figure, axes = quiet_figure(height=2.8)
    axes.bar(edges[:-1], new, width=1 / BINS, align="edge", color=INK, alpha=0.75, label="new rows in a topic")
    axes.stairs(old, edges, color=GONE, lw=1.5, label="rows of the map that were kept out")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    axes.set_xlabel("confidence: the chance that the fit would have put the row there", fontsize=9)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    axes.set_title("How sure are the topics of the new rows?", fontsize=11, loc="left")
    return figure


def plot_reliability(model_folder: Path) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return whether confidence holds: rows of the map that were kept out, by the confidence that the others give them.

    Each fifth of the kept-out rows is judged by the other four. Bars are 95% intervals (Wilson 1927).
    """
    assigner = read_assigner(model_folder)
    if len(assigner.kept_right) < 10 * FOLDS:
        return (
            f"only {len(assigner.kept_right)} rows of the map were kept out: too few to show whether confidence holds"
        )
    said, right = _judged_by_others(assigner)
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, int(np.clip(len(said) // 50, 2, 10)))
    means = [(said[part].mean(), right[part].mean(), len(part)) for part in parts]
    figure, axes = quiet_figure(height=3.4, width=5.5)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", lw=1, ls="--")
    for sure, share, count in means:
        low, high = wilson_interval(np.array([share * count]), np.array([count]))
        reach = [share - low, high - share]
        axes.errorbar(sure, share, yerr=reach, fmt="o", color=INK, ms=4)
    low = max(0.0, min(min(one[:2]) for one in means) - 0.1)
    axes.set(xlim=(low, 1.01), ylim=(low, 1.01))
    axes.set_xlabel("confidence", fontsize=9)
    axes.set_ylabel("share where the fit has them", fontsize=9)
    axes.set_title(f"Does confidence hold? {len(said):,} kept-out rows", fontsize=11, loc="left")
    return figure


def plot_places(rows: pd.DataFrame, samples: pd.DataFrame, topics: pd.DataFrame) -> Any:  # noqa: ANN401
    """Return the old map in pale, new rows in the colours of their topics, and those in none as crosses.

    rows: of the map, with topic, x, y. samples: of the new rows, see turned_away.read_samples.
    """
    placed = samples.dropna(subset=["x", "y"])
    if placed.empty:
        return "no new row could be placed: there is none, or the map was saved without its points"
    rows = rows.sample(min(len(rows), POINTS), random_state=0)
    away = placed["topic"] == -1
    away, inside = placed[away].head(POINTS), placed[~away].head(POINTS)
    points = np.concatenate([table[["x", "y"]].to_numpy(float) for table in (rows, inside, away)])
    drawing = make_drawing(
        points, topics, np.concatenate([table["topic"].to_numpy() for table in (rows, inside, away)])
    )
    colours = dict(zip(drawing.labels["topic"], drawing.labels["colour"], strict=True)) | {-1: NOISE_COLOUR}
    figure, axes = quiet_figure(height=7.5, width=9)
    old, new, none = np.split(drawing.points, [len(rows), len(rows) + len(inside)])
    axes.scatter(*old.T, s=4, c="#e3e6ea", lw=0)
    axes.scatter(*new.T, s=14, c=[colours[topic] for topic in inside["topic"]], lw=0, alpha=0.8)
    axes.scatter(*none.T, s=16, c=NEW, marker="x", lw=0.8)
    for line in drawing.labels.head(20).itertuples():
        axes.annotate(
            shorten(line.label, 30), (line.x, line.y), ha="center", fontsize=8, weight="bold", parse_math=False
        )
    left, right, bottom, top = drawing.view
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.axis("off")
    told = f"{len(inside):,} new rows in a topic, in its colour; red crosses: {len(away):,} in none"
    head = f"Pale: the map. On it some of either kind: {told}"
    axes.set_title(head, fontsize=10, loc="left")
    return figure


def rejected_table(found: Found) -> pd.DataFrame:
    """Return the reasons for which rows could not be used, and how many each."""
    total = max(1, found.rows + sum(found.rejected.values()))
    lines = [(reason, f"{count:,}", percent(count / total)) for reason, count in found.rejected.items()]
    return pd.DataFrame(lines, columns=["reason", "rows", "share"])


def _judged_by_others(assigner: Assigner) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence that other kept-out rows give to each, and whether it is where the fit has it."""
    margins, right = assigner.kept_margins, assigner.kept_right.astype(float)
    fold = np.random.default_rng(0).permutation(len(margins)) % FOLDS
    said = np.zeros(len(margins))
    for one in range(FOLDS):
        said[fold == one] = np.interp(margins[fold == one], *rising_chances(margins[fold != one], right[fold != one]))
    return said, right
