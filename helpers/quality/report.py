"""All that was found of a run's quality -> quality_report.json: every figure of the notebook; and what it means."""

from __future__ import annotations

from typing import Any

import pandas as pd

from helpers.models import ENGLISH
from helpers.quality.encode import Encoded
from helpers.quality.ratings import Ratings
from helpers.quality.rubric import Rubric
from helpers.quality.scorer import Scorer
from helpers.runs import Run
from helpers.shown import percent
from helpers.text.audit import find_languages

LANGUAGE_ROWS = 300  # evenly spread
GOOD, POOR = 0.6, 0.2  # Spearman's correlation, at least so much with 95%: scores follow ratings well, and roughly
MOSTLY = 0.7  # share of English texts from which on an encoder made for English is in its place
UNSURE = 0.5  # the same of a model with itself below which its ratings are hardly more than chance


def collect_report(
    run: Run,
    rows: pd.DataFrame,
    ratings: Ratings,
    rubric: Rubric,
    encoded: Encoded,
    scorer: Scorer,
    figures: dict[str, Any],
    scores: pd.DataFrame,
    *,
    kept: pd.DataFrame,
    rules: pd.DataFrame,
    topics: pd.DataFrame | None = None,
    further: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return plain figures: rows = kept + dropped, rated, rejected, scorer, agreement, rules, topics, further rows.

    rules, topics: see count_by_rule and score_topics. further: of another source's rows, see score.further_figures.
    """
    quality = run.config.quality
    languages = pd.Series(find_languages(rows["text"].tolist(), LANGUAGE_ROWS)).dropna()
    told = ratings.by is not None
    report = {
        "name": run.name,
        "title": run.config.title,
        "settings": quality.model_dump(),
        "output": str(run.path("quality")),
        "rows": len(rows),
        "rated": len(ratings.table),
        "rejected": len(ratings.rejected),
        "rejected_by_reason": ratings.rejected["reason"].value_counts().to_dict(),
        "by": ratings.by,
        "mode": ratings.table["mode"].iloc[0] if len(ratings.table) else None,
        "rubric": rubric.name if told else None,
        "rubric_hash": rubric.hash if told else None,
        "levels": list(scorer.levels),
        "threshold": threshold_of(run, scorer.levels),
        "encoder": encoded.identity,
        "inputs": scorer.inputs.kind,
        "scorer": figures,
        "agreement": ratings.agreement,
        "english": float((languages == "en").mean()) if len(languages) else None,
        "score": {name: float(scores["score"].agg(name)) for name in ("mean", "std", "min", "max")},
        "kept": len(kept),
        "dropped": len(rows) - len(kept),
        "rules": rules.to_dict("records"),
        "topics": [] if topics is None else topics.astype(object).where(topics.notna(), None).to_dict("records"),
        "further": further,
        "seconds": {name: stage["seconds"] for name, stage in run.manifest["stages"].items() if name in STAGES},
    }
    return report | {"advice": advice(report)}


STAGES = ("rate", "distil", "score", "score_new")  # of this chapter


def threshold_of(run: Run, levels: tuple[int, int]) -> float:
    """Return the score that is good enough: as set, or the middle of the levels."""
    wanted = run.config.quality.threshold
    return sum(levels) / 2 if wanted is None else float(wanted)


def advice(report: dict[str, Any]) -> str:
    """Return in sentences how far the scores can be believed, and what to do next."""
    figures, own = report["scorer"], report["agreement"] or {}
    told = [_on_scores(figures)]
    if own.get("spearman") is not None and own["spearman"] < UNSURE:
        told.append(
            f"The model that rated hardly agrees with itself (Spearman {own['spearman']:.2f}): take a larger one, "
            "quality.llm.model, or rate some rows by hand, quality.ratings."
        )
    encoder = str(report["encoder"]).split(" ")[0]
    if encoder in ENGLISH and report["english"] is not None and report["english"] < MOSTLY:
        told.append(
            f"{percent(1 - report['english'])} of the texts are not English, which {encoder} is made for: set "
            "quality.encoder to a model of many languages, such as BAAI/bge-m3."
        )
    if notes := [line for line in report["topics"] if line.get("note")]:
        told.append(f"{len(notes)} topics disagree with their own rows: see their notes.")
    if not report["settings"]["keep"]:
        told.append("Nothing is dropped: choose a threshold above, and set quality.keep.")
    else:
        told.append(f"{percent(report['kept'] / max(1, report['rows']))} of the rows are kept.")
    return " ".join(told)


def _on_scores(figures: dict[str, Any]) -> str:
    follows = figures.get("spearman")
    if not figures:
        return "There are no ratings to hold the scores against: read some rows of each level before you filter."
    if follows is None:
        return "The scorer, or the ratings held out, say the same of all rows: there is nothing to filter by."
    if not figures["spearman_interval"]:
        return f"{figures['n']:,} ratings held out are too few to tell whether the scores follow them: rate more rows."
    low, high = figures["spearman_interval"]
    told = f"Spearman {follows:.2f}, between {low:.2f} and {high:.2f}, on {figures['n']:,} ratings that it has not seen"
    if low >= GOOD:
        return f"The scores follow the ratings well ({told})."
    if low >= POOR:
        return f"The scores follow the ratings roughly ({told}): they part the best from the worst, not neighbours."
    more = "rate more rows to know" if high >= GOOD else "rate more rows, or take a larger model or another encoder"
    return f"It is not shown that the scores follow the ratings ({told}): do not filter by them, but {more}."


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    lines = [
        ("rows", f"{report['rows']:,}"),
        ("rated", f"{report['rated']:,} ({report['rejected']:,} rejected), {report['mode']}"),
        ("by", ", ".join((report["by"] or {"": "known scores or a classifier"}).values())),
        (
            "levels",
            f"{report['levels'][0]} to {report['levels'][1]}" + (f", {report['rubric']}" * bool(report["rubric"])),
        ),
        ("score", f"{report['score']['mean']:.2f} in the mean, standard deviation {report['score']['std']:.2f}"),
        ("kept", f"{report['kept']:,}"),
        ("dropped", f"{report['dropped']:,}"),
    ]
    return pd.DataFrame(lines, columns=["figure", "value"])
