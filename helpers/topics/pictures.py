"""Topics and their centroids -> the notebook's pictures: sizes, keywords, which topics are near each other.

They are drawn by matplotlib, so that they are seen wherever the notebook is, and hold no script. The map is plot.py's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import bare_axes, percent

MOST = 30  # topics in one picture; more cannot be read
INK, PALE = "#2b5c8a", "#c9d6e2"


def plot_sizes(topics: pd.DataFrame, *, title: str = "") -> Any:  # noqa: ANN401 - a matplotlib Figure
    """Return bars of the topics' sizes in rows, the largest first, with the unassigned rows beside them."""
    shown = topics[topics["topic"] != -1].head(MOST)
    unassigned = topics[topics["topic"] == -1]
    bars = pd.concat([shown, unassigned])
    figure, axes = _figure(height=0.8 + 0.26 * len(bars))
    colours = [INK] * len(shown) + [PALE] * len(unassigned)
    axes.barh(range(len(bars)), bars["size"], color=colours)
    axes.set_yticks(range(len(bars)), [_short(label) for label in bars["label"]])
    axes.invert_yaxis()
    for at, (size, share) in enumerate(zip(bars["size"], bars["share"], strict=True)):
        axes.annotate(f" {size:,} ({percent(share)})", (size, at), va="center", fontsize=8, color="#555555")
    axes.margins(x=0.18)
    axes.set_xticks([])
    _head(axes, title or "Rows in each topic", len(topics) - len(unassigned))
    return figure


def plot_scores(topics: pd.DataFrame) -> Any:  # noqa: ANN401 - a Figure, or a sentence
    """Return bars of how many topics and rows the LLM gave each educational score, or how to have such scores."""
    if "score" not in topics or not topics["score"].notna().any():
        return 'no scores; "label.score": True in OVERRIDES has the LLM give every topic an educational score of 0 to 5'
    scored = topics.dropna(subset=["score"])
    counts = scored.groupby(scored["score"].astype(int))["size"].agg(["size", "sum"]).reindex(range(6), fill_value=0)
    figure, axes = _figure(height=2.6)
    axes.bar(counts.index, counts["sum"], color=INK)
    for score, (count, rows) in enumerate(counts.itertuples(index=False)):
        axes.annotate(f"{count} topics\n{rows:,} rows", (score, rows), ha="center", va="bottom", fontsize=8)
    axes.margins(y=0.25)
    axes.set_xticks(range(6))
    axes.set_yticks([])
    _head(axes, "Educational score of the topics, by the LLM", len(scored))
    return figure


def plot_words(topics: pd.DataFrame, *, most: int = 12, words: int = 6) -> Any:  # noqa: ANN401
    """Return a small chart a topic of its keywords and their c-TF-IDF scores."""
    from matplotlib.figure import Figure

    shown = topics[topics["topic"] != -1].head(most)
    lines = max(1, -(-len(shown) // 3))
    figure = Figure(figsize=(11, 2.1 * lines), layout="constrained")
    for at, topic in enumerate(shown.itertuples()):
        axes = figure.add_subplot(lines, 3, at + 1)
        axes.barh([_short(word, 24) for word in topic.keywords[:words]], topic.keyword_scores[:words], color=INK)
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=4)
        axes.set_title(f"{topic.topic}  {_short(topic.label, 30)}", fontsize=9, loc="left", parse_math=False)
        bare_axes(axes)
    note = f" of the {most} largest of {len(topics) - 1} topics" if len(topics) - 1 > most else ""
    figure.suptitle(f"Keywords{note} and their c-TF-IDF scores", x=0.01, ha="left", fontsize=11)
    return figure


def plot_hierarchy(topics: pd.DataFrame, model_folder: Path) -> Any:  # noqa: ANN401
    """Return a tree in which near topics join early (average linkage of the centroids' cosine distances)."""
    from scipy.cluster.hierarchy import dendrogram, linkage

    shown = topics[topics["topic"] != -1].head(MOST)
    figure, axes = _figure(height=0.8 + 0.24 * max(2, len(shown)))
    if len(shown) > 1:
        tree = linkage(read_centroids(model_folder)[: len(shown)], method="average", metric="cosine")
        names = [_short(label) for label in shown["label"]]
        dendrogram(tree, orientation="right", labels=names, ax=axes, link_color_func=lambda _: INK)
        axes.set_xlabel("cosine distance", fontsize=8)
        axes.tick_params(labelsize=8)
    _head(axes, "Which topics are near each other", len(topics) - 1)
    return figure


def plot_similarity(topics: pd.DataFrame, model_folder: Path) -> Any:  # noqa: ANN401
    """Return the cosine similarity of every two topics' centroids as a square of colours."""
    shown = topics[topics["topic"] != -1].head(MOST)
    side = 2.5 + 0.24 * len(shown)
    figure, axes = _figure(height=side, width=side + 2.5)
    if len(shown):
        centroids = read_centroids(model_folder)[: len(shown)]
        image = axes.imshow(centroids @ centroids.T, cmap="Blues", vmin=0, vmax=1)
        axes.set_yticks(
            range(len(shown)),
            [f"{_short(label)}  {n}" for n, label in zip(shown["topic"], shown["label"], strict=True)],
        )
        axes.set_xticks(range(len(shown)), shown["topic"])
        axes.tick_params(labelsize=8)
        figure.colorbar(image, ax=axes, shrink=0.6, label="cosine similarity")
    _head(axes, "How alike the topics are", len(topics) - 1)
    return figure


def read_centroids(model_folder: Path) -> np.ndarray:
    """Return the topics' centres (topics, d) float32 of unit length, in the order of their numbers."""
    from safetensors.numpy import load_file

    return load_file(model_folder / "centroids.safetensors")["centroids"]


def _figure(*, height: float, width: float = 9.0) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _head(axes: Any, title: str, topics: int) -> None:  # noqa: ANN401
    note = f" (the {MOST} largest of {topics})" if topics > MOST else ""
    axes.set_title(title + note, fontsize=11, loc="left", parse_math=False)
    bare_axes(axes)


def _short(text: str, most: int = 48) -> str:
    plain = " ".join(str(text).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
