"""Rows of a run -> ratings of some of them: from a language model, or known already; and the topics' own ratings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.find import find_llm
from helpers.quality.encode import Encoded
from helpers.quality.figures import score_figures
from helpers.quality.known import known_levels, known_ratings
from helpers.quality.rate import rate_again, rate_texts, rate_topics
from helpers.quality.rubric import Rubric
from helpers.quality.sample import sample_texts
from helpers.quality.scorer import Scorer, fit_scorer, ready_scorer
from helpers.runs import Run
from helpers.settings import Config
from helpers.text.excerpt import one_line, shorten
from helpers.vectors.classifier import Classifier

LOG = "quality/ratings.jsonl"
EXCERPT = 200  # characters of a text in a table


@dataclass(frozen=True)
class Ratings:
    """Ratings by row, those that came to nothing with the reason, and on which scale; see rate.rate_texts.

    weight, a further column of the ratings: how many rows each stands for, as topics are not rated by their sizes. by:
    what the model is, None where no model was asked. agreement: how far it agrees with itself, see rate.rate_again.
    """

    table: pd.DataFrame
    rejected: pd.DataFrame
    levels: tuple[int, int]
    by: dict[str, str] | None = None
    agreement: dict[str, Any] | None = None
    topics: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"topic": [], "score": []}))


def choose_sample(rows: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Return the rows that are to be rated, each of a different text; all that are known where scores are known."""
    quality = config.quality
    if quality.ratings or quality.known or quality.classifier:
        return rows.head(0)
    return sample_texts(rows, sample=quality.sample, by_topic=quality.by_topic, seed=config.seed)


def sample_table(chosen: pd.DataFrame, rows: pd.DataFrame, topics: pd.DataFrame | None = None) -> pd.DataFrame | str:
    """Return how many different texts of each topic are to be rated, and what share of them that is."""
    if chosen.empty:
        return "no model is asked: scores are known, or a classifier gives them"
    if topics is None or "topic" not in rows:
        return f"{len(chosen):,} of {rows['vector'].nunique():,} different texts are to be rated"
    there = rows.drop_duplicates("vector")["topic"].value_counts()
    taken = chosen["topic"].value_counts().reindex(there.index, fill_value=0)
    label = topics.set_index("topic")["label"]
    table = pd.DataFrame({"topic": there.index, "label": there.index.map(label), "texts": there, "rated": taken})
    shares = [f"{100 * part / whole:.0f}%" for part, whole in zip(taken, there, strict=True)]
    return table.assign(share=shares).sort_values("texts", ascending=False, ignore_index=True)


def collect_ratings(
    run: Run, rows: pd.DataFrame, chosen: pd.DataFrame, rubric: Rubric, *, topics: pd.DataFrame | None = None
) -> Ratings:
    """Return the ratings that a run's settings ask for: known ones, or those of the model for the chosen rows.

    With topics, the model rates these as well. What was asked before is in the run's quality/ratings.jsonl and is not
    asked again. Raises what known_ratings and rate_texts raise.
    """
    quality = run.config.quality
    if quality.ratings or quality.known:
        table, rejected = known_ratings(rows, ratings=quality.ratings, known=quality.known)
        return Ratings(table.assign(weight=1.0), rejected, known_levels(table["score"]))
    if quality.classifier:
        nothing = pd.DataFrame({"id": [], "vector": [], "score": [], "mode": [], "weight": []})
        return Ratings(nothing, nothing[["id"]].assign(reason=""), rubric.levels)
    llm = find_llm(**run.config.asking("quality"))
    asking = {"llm": llm, "mode": quality.mode, "max_new_tokens": quality.max_new_tokens, "seed": run.config.seed}
    asking |= {"log": run.path(LOG)}
    table, rejected = rate_texts(chosen, rubric, **asking)
    table = table.assign(weight=_weights(table, chosen, rows))
    agreement = rate_again(chosen, table, rubric, again=quality.again, **asking) if quality.again else None
    own = {} if topics is None else {"topics": rate_topics(topics, rows, rubric, llm=llm, log=run.path(LOG))}
    llm.free()
    return Ratings(table, rejected, rubric.levels, llm.facts, agreement, **own)


def _weights(table: pd.DataFrame, chosen: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return how many rows of its topic each rating stands for; 1 where there are no topics."""
    if "topic" not in rows:
        return np.ones(len(table))
    topic = table["vector"].map(chosen.set_index("vector")["topic"])
    return (topic.map(rows["topic"].value_counts()) / topic.map(topic.value_counts())).to_numpy(dtype=float)


def ratings_table(ratings: Ratings, rows: pd.DataFrame, *, each: int = 2) -> pd.DataFrame:
    """Return some ratings of each level to read, the lowest first: level, score, text, and why, where that is told."""
    if ratings.table.empty:
        return ratings.table
    lowest, highest = ratings.levels
    table = ratings.table.merge(rows.drop_duplicates("vector")[["vector", "text"]], on="vector")
    table["level"] = np.clip(np.floor(table["score"] + 0.5), lowest, highest).astype(int)
    some = table.sort_values(["level", "id"], kind="stable").groupby("level").head(each)
    shown = pd.DataFrame({"level": some["level"], "score": some["score"].round(2)})
    if "spread" in some:
        shown["spread"] = some["spread"].round(2)
    shown["text"] = [shorten(one_line(text), EXCERPT) for text in some["text"]]
    if "reason" in some:
        shown["reason"] = some["reason"]
    return shown.reset_index(drop=True)


def make_scorer(ratings: Ratings, encoded: Encoded, *, seed: int = 42) -> tuple[Scorer, dict[str, Any]]:
    """Return the scorer made of ratings, or that of the classifier, and figures on ratings it has not seen, or none.

    Rows with equal texts are on one side. Raises ValueError for too few ratings, see fit_scorer.
    """
    line = ratings.table["vector"].to_numpy(dtype=int)
    scores = ratings.table["score"].to_numpy(dtype=float)
    if isinstance(encoded.embedder, Classifier):
        about = {"embedder": encoded.identity, "dimensions": encoded.vectors.shape[1]}
        scorer = ready_scorer(levels=ratings.levels, classes=encoded.embedder.levels(), **about)
        told = scorer.score(encoded.vectors[line])["score"]
        return scorer, score_figures(scores, told, levels=ratings.levels) if len(scores) > 1 else {}
    style = None if encoded.style is None else encoded.style[line]
    about = {"levels": ratings.levels, "groups": line, "embedder": encoded.identity, "seed": seed}
    about |= {"counts": ratings.table["weight"].to_numpy(dtype=float)}
    return fit_scorer(encoded.vectors[line], scores, style=style, **about)


def scorer_table(figures: dict[str, Any], ratings: Ratings) -> pd.DataFrame | str:
    """Return what was chosen and how good it is on ratings that it has not seen, to read."""
    if not figures:
        return "no rating to hold the scores against: give some, quality.ratings or quality.known"
    lines = [("held-out ratings" if "rows" in figures else "ratings", f"{figures['n']:,}")]
    if "rows" in figures:
        lines.append(("learnt from", f"{figures['rows']['learn'] + figures['rows']['choose']:,} ratings"))
        lines.append(("reads", {"both": "vectors and style"}.get(figures["inputs"], figures["inputs"])))
        lines.append(("head", f"{figures['kind']}, strength {figures['strength']:g}"))
    for name in ("spearman", "kappa", "macro_f1", "error"):
        value = figures[name]
        ceiling = (ratings.agreement or {}).get(name)
        beside = f" (the model with itself: {ceiling:.2f})" if ceiling is not None else ""
        if name == "spearman" and figures["spearman_interval"]:
            beside = " ({:.2f} to {:.2f})".format(*figures["spearman_interval"]) + beside
        lines.append((name, "nothing to measure" if value is None else f"{value:.2f}{beside}"))
    return pd.DataFrame(lines, columns=["figure", "value"])
