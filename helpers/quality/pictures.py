"""Scores and how good they are -> the notebook's pictures: spread, agreement, learning, thresholds, topics, the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import counted, percent, quiet_figure
from helpers.text.excerpt import one_line, shorten

MOST = 30  # topics in one picture
POINTS = 30_000  # of the map in one picture
NAMED = 15  # topics named on the map
BARS = 4  # a level, in the picture of the scores
FEW = 12  # levels up to which each has bars of its own, and every pair of them its rows written down
LEAST_REACH = 0.01  # between scores whose colours differ
JUDGES = 50  # held-out ratings below which a curve is mostly chance
GAIN = 0.02  # of a figure by twice the ratings, from which on more of them are worth the while
FENCE = 3.0  # interquartile ranges; Tukey calls what lies further "far out"
INK, PALE, NEW, GONE = "#2b5c8a", "#9db7cf", "#b3261e", "#c06c2f"
MEASURES = {"kappa": INK, "spearman": GONE, "macro_f1": PALE}

Numbers = Sequence[float] | np.ndarray | pd.Series


def plot_distribution(
    scores: Numbers, ratings: pd.DataFrame | None = None, *, levels: tuple[int, int], threshold: float
) -> Any:  # noqa: ANN401 - a matplotlib Figure, or a sentence
    """Return bars of all scores (n,), those from the threshold on in strong, and an outline of the ratings.

    ratings: score and, where they do not all stand for as many rows, weight. Scores outside of the levels are in the
    outermost bars. The outline has a step a level (a bar where there are more
    than FEW levels) and the area of the bars.
    """
    scores = _present(scores)
    if not len(scores):
        return "no row has a score: there is nothing to show of their spread"
    count = levels[1] - levels[0] + 1
    low, high = levels[0] - 0.5, levels[1] + 0.5
    edges = np.linspace(low, high, BARS * min(count, FEW) + 1)
    inside, good = np.clip(scores, low, high), scores >= threshold
    figure, axes = quiet_figure(height=3)
    below, above = (np.histogram(inside[part], edges)[0] / len(scores) for part in (~good, good))
    width = edges[1] - edges[0]
    axes.bar(edges[:-1], below, width=width, align="edge", color=PALE, label="rows below")
    axes.bar(edges[:-1], above, width=width, align="edge", bottom=below, color=INK, label="rows at it or above")
    axes.axvline(threshold, color=NEW, lw=1.2, label=f"threshold {threshold:g}")
    if ratings is not None and len(rated := ratings.dropna(subset=["score"])):
        steps = edges[::BARS] if count <= FEW else edges
        weights = rated["weight"] / rated["weight"].sum() if "weight" in rated else np.full(len(rated), 1 / len(rated))
        found = np.histogram(rated["score"].clip(low, high), steps, weights=weights)[0]
        shares = found * width / (steps[1] - steps[0])
        axes.stairs(shares, steps, color=GONE, lw=1.5, label=f"the {counted(len(rated), 'rating')}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_ylabel("share of the rows", fontsize=9)
    axes.set_xlabel("score", fontsize=9)
    axes.set_xticks(_ticks(levels))
    axes.set_xlim(low, high)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    told = f"{percent(good.mean())} of {counted(len(scores), 'row')} score {threshold:g} or more"
    axes.set_title(told, fontsize=11, loc="left")
    return figure


def plot_agreement(figures: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return how held-out ratings and scores agree: rows by known and told level, and the mean rating by score.

    figures: see figures.score_figures. A colour is the share of the rows of its known level.
    """
    if not figures or not figures["n"]:
        return "no rating was held out: how far scores and ratings agree is not measured"
    from matplotlib.figure import Figure

    rows = np.array(figures["confusion"])
    lowest = figures["thresholds"][0]["level"] - 1
    levels = (lowest, lowest + len(rows) - 1)
    figure = Figure(figsize=(9, 4), layout="constrained")
    matrix, calibration = figure.subplots(1, 2)
    shares = rows / np.maximum(1, rows.sum(axis=1, keepdims=True))
    reach = (levels[0] - 0.5, levels[1] + 0.5)
    matrix.imshow(shares, cmap="Blues", vmin=0, vmax=1, origin="lower", extent=(*reach, *reach))
    for (known, told), count in np.ndenumerate(rows if len(rows) <= FEW else np.zeros((0, 0))):
        colour = "white" if shares[known, told] > 0.55 else "#333333" if count else "#bbbbbb"
        place = (told + lowest, known + lowest)
        matrix.annotate(f"{count:,}", place, ha="center", va="center", fontsize=8, color=colour)
    matrix.set_title("Rows by level: known, and as scored", fontsize=9, loc="left")
    calibration.plot(levels, levels, color="#bbbbbb", lw=1, ls="--")
    points = figures["calibration"]
    calibration.plot([one["told"] for one in points], [one["known"] for one in points], "o", color=INK, ms=5)
    calibration.set(xlim=reach, ylim=reach, aspect="equal")
    calibration.set_title("Mean rating of rows scored about as much", fontsize=9, loc="left")
    for axes, across, up in ((matrix, "level of the score", "known level"), (calibration, "score", "mean rating")):
        axes.set(xticks=_ticks(levels), yticks=_ticks(levels))
        axes.set_xlabel(across, fontsize=9)
        axes.set_ylabel(up, fontsize=9)
        axes.tick_params(labelsize=8, length=0)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    calibration.grid(color="#eeeeee")
    told = [f"{name} {figures[name]:.2f}" for name in ("kappa", "spearman") if figures.get(name) is not None]
    head = ", ".join([counted(figures["n"], "held-out rating"), *told])
    figure.suptitle(f"Do scores and ratings agree? {head}", x=0.01, ha="left", fontsize=11)
    return figure


def plot_curve(figures: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return how good the scorer is by how many ratings it learnt from; the title says whether more would help.

    They would where, going on as from the third last point to the last, twice the ratings raise the mean of what is
    measured by GAIN or more; of fewer than JUDGES held-out ratings nothing is said.
    """
    curve = (figures or {}).get("curve") or []
    table = pd.DataFrame(curve).astype(float).dropna(axis=1)
    names = [name for name in MEASURES if name in table]
    if len(table) < 3 or not names:
        return "no learning curve: no scorer was made of ratings here, or they were too few to tell"
    enough = figures["n"] >= JUDGES
    gain = np.polyfit(np.log2(table["rows"].tail(3)), table[names].mean(axis=1).tail(3), 1)[0]
    figure, axes = quiet_figure(height=3.2, width=7)
    for name in names:
        axes.plot(table["rows"], table[name], "o-", color=MEASURES[name], ms=4, lw=1.5)
    _name_lines(axes, {name: table[name].iloc[-1] for name in names}, x=table["rows"].iloc[-1])
    axes.set_ylim(min(0.0, 1.1 * float(table[names].min(axis=None))), 1.02)
    axes.set_xlim(left=0)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_xlabel("ratings learnt from", fontsize=9)
    axes.set_ylabel(f"on {counted(figures['n'], 'held-out rating')}", fontsize=9)
    helps, little = f"More ratings would help: twice as many, about {gain:+.2f}", "More ratings would help little"
    unsure = "Would more ratings help? These are too few to tell"
    axes.set_title((helps if gain >= GAIN else little) if enough else unsure, fontsize=11, loc="left")
    return figure


def plot_thresholds(table: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return the share of rows kept by threshold, and the precision and recall expected; see compare_thresholds."""
    if not table["kept"].any():
        return "no row scores as much as the lowest threshold: there is nothing to choose between"
    figure, axes = quiet_figure(height=3.2, width=7)
    dots = 4 if len(table) <= 2 * FEW else 0
    axes.plot(table["threshold"], table["share"], "o-", color=INK, ms=dots, lw=1.5)
    ends = {"kept": table["share"].iloc[-1]}
    for name, colour in (("precision", NEW), ("recall", GONE)):
        measured = table.dropna(subset=[name])
        if len(measured):
            axes.plot(measured["threshold"], measured[name], "o--", color=colour, ms=dots, lw=1)
            ends[name] = measured[name].iloc[-1]
    _name_lines(axes, ends, x=table["threshold"].iloc[-1])
    axes.set_xlim(right=table["threshold"].iloc[-1])
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
    axes.grid(axis="y", color="#eeeeee")
    axes.set_xlabel('threshold of "score >= threshold"', fontsize=9)
    note = "" if len(ends) > 1 else "; no held-out ratings tell how good they are"
    axes.set_title(f"What each threshold would keep{note}", fontsize=11, loc="left")
    return figure


def plot_topics(scored: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return a line a topic, the best first: quartiles of its rows as a bar, mean as a dot, own rating as a ring.

    scored: see by_topic.score_topics; the largest topics, those with a note in red.
    """
    inside = scored[scored["topic"] != -1].dropna(subset=["mean"])
    if inside.empty:
        return "no topic has a row with a score"
    largest = inside.nlargest(MOST, "rows").index.union(scored.index[(scored["topic"] == -1) & scored["rows"].gt(0)])
    lines = scored.loc[largest].sort_values("mean", ascending=False, kind="stable")
    figure, axes = quiet_figure(height=1.3 + 0.24 * len(lines))
    for at, line in enumerate(lines.to_dict("records")):
        colour = NEW if line.get("note") else PALE if line["topic"] == -1 else INK
        axes.plot([line["low"], line["high"]], [at, at], color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
        axes.plot(line["mean"], at, "o", color=colour, ms=5)
        if pd.notna(line.get("topic_score")):
            axes.plot(line["topic_score"], at, "o", mfc="none", mec=colour, ms=8)
    axes.set_yticks(
        range(len(lines)), [_label(*one) for one in zip(lines["topic"], lines["label"], strict=True)], fontsize=8
    )
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.set_xlabel("score", fontsize=9)
    note = f" (the {MOST} largest of {len(inside)})" if len(inside) > MOST else ""
    own = "; ring: the topic's own rating; red: they disagree" if "topic_score" in scored else ""
    head = f"Scores by topic{note}\ndot: mean of its rows; bar: the middle half of them{own}"
    figure.suptitle(head, x=0.01, ha="left", fontsize=11)
    return figure


def plot_score_map(rows: pd.DataFrame, topics: pd.DataFrame, *, levels: tuple[int, int]) -> Any:  # noqa: ANN401
    """Return the map with every row in the colour of its score, and the largest topics' names where there is room.

    rows: x, y, score and, where there is one, topic. Far islands lie outside of the picture, whose title counts them.
    """
    if not {"x", "y", "score"} <= set(rows) or (placed := rows.dropna(subset=["x", "y", "score"])).empty:
        return "no row with a score has a place on a map: make the map first, notebooks/1_topics_template.ipynb"
    view = _view(placed[["x", "y"]].to_numpy(float))
    seen = placed[placed["x"].between(*view[0]) & placed["y"].between(*view[1])]
    drawn = seen.sample(min(len(seen), POINTS), random_state=0)  # mixed, so that no score lies above the others
    figure, axes = quiet_figure(height=7, width=9.5)
    size = float(np.clip(40_000 / len(drawn), 3, 30))
    low, high = np.quantile(seen["score"], [0.01, 0.99])  # what differs is to be seen, wherever on the scale
    low, high = (low, high) if high - low > LEAST_REACH else levels
    dots = axes.scatter(
        drawn["x"], drawn["y"], c=drawn["score"], s=size, lw=0, cmap="viridis", vmin=low, vmax=high
    )  # as on the page
    named = seen[seen["topic"] != -1] if "topic" in seen else seen.assign(topic=-1).head(0)
    labels = topics.drop_duplicates("topic").set_index("topic")["label"]
    box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.7}
    style = {"ha": "center", "va": "center", "fontsize": 8, "weight": "bold", "clip_on": True}
    taken: list[tuple[float, float, float]] = []
    for topic in named["topic"].value_counts().index[:NAMED]:
        label = shorten(one_line(str(labels.get(topic, ""))), 30) or f"Topic {topic}"
        x, y = named.loc[named["topic"] == topic, ["x", "y"]].median()
        if _is_free(x, y, len(label), taken, view):
            axes.annotate(label, (x, y), bbox=box, parse_math=False, **style)
    axes.set(xlim=view[0], ylim=view[1], aspect="equal")
    axes.axis("off")
    bar = figure.colorbar(dots, ax=axes, shrink=0.5, label="score", extend="both")
    bar.outline.set_visible(False)
    some = f"{len(drawn):,} of {len(seen):,} rows" if len(drawn) < len(seen) else counted(len(seen), "row")
    away = f"; {len(placed) - len(seen):,} more far outside" if len(seen) < len(placed) else ""
    axes.set_title(f"Scores on the map: {some}{away}", fontsize=11, loc="left")
    return figure


def _view(points: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return left and right, bottom and top, of the points that are no islands far from the rest."""
    low, high = np.quantile(points, [0.25, 0.75], axis=0)
    reach = np.where(high > low, FENCE * (high - low), np.inf)  # where half of all are in one line, it is no measure
    near = points[((points >= low - reach) & (points <= high + reach)).all(axis=1)]
    near = near if len(near) else points
    left, right = near.min(axis=0), near.max(axis=0)
    # Of a line of points, or of one, the picture still has both sides.
    rim = 0.03 * np.maximum(right - left, 0.1 * (right - left).max()) + 1e-6
    return tuple(zip((left - rim).tolist(), (right + rim).tolist(), strict=True))


def _is_free(
    x: float, y: float, chars: int, taken: list[tuple[float, float, float]], view: tuple[tuple[float, float], ...]
) -> bool:
    """Return whether a label there lies over none of those taken, and take its place if so."""
    (left, right), (bottom, top) = view
    side = max(right - left, top - bottom)  # of the picture, in which a letter takes about a hundredth
    half = 0.0045 * side * chars
    if any(abs(x - other) < half + width and abs(y - up) < 0.03 * side for other, up, width in taken):
        return False
    taken.append((x, y, half))
    return True


def _name_lines(axes: Any, ends: dict[str, float], *, x: float) -> None:  # noqa: ANN401
    """Write beside the last point of each line what it is, in the line's colour and no two over each other."""
    colours = {"kept": INK, "precision": NEW, "recall": GONE} | MEASURES
    at = -np.inf
    for name, end in sorted(ends.items(), key=lambda one: one[1]):
        at = max(at + 0.08, end)
        place = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate(name.replace("_", " "), (x, at), fontsize=9, color=colours[name], **place)


def _ticks(levels: tuple[int, int]) -> list[int]:
    return list(range(levels[0], levels[1] + 1, max(1, (levels[1] - levels[0]) // 10)))


def _present(scores: Numbers) -> np.ndarray:
    scores = np.asarray(scores)
    return scores[~np.isnan(scores)]


def _label(topic: int, label: object) -> str:
    return (shorten(one_line(str(label)), 40) or f"Topic {topic}").replace("$", r"\$")
