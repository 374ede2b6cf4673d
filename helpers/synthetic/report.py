"""Plan, texts and what was taken out of them -> the figures of a run's synthetic texts, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from helpers.runs import Run
from helpers.shown import percent

MANY = 0.1  # share of the prompts lost at a step from which on something is to be done about it
REMEDIES = {
    "not written": "it was a dry run; set synthetic.dry_run to false",
    "too short": "take a larger model, or lower synthetic.min_tokens",
    "loop": "take a larger model, or raise synthetic.repetition_penalty",
    "no answer": "look at synthetic/rejected.parquet for the cause, and run again: only these are asked",
    "refused": "leave out the topics that the model will not write about (synthetic.exclude)",
    "near-duplicate": "plan fewer prompts a topic, or more topics, styles and audiences",
    "contaminated": "leave out the topics that look like the benchmark's (synthetic.exclude)",
    "rule": "look at the rows in synthetic/dropped.parquet: are the rules of synthetic.keep too strict?",
}


def collect_report(
    run: Run,
    followed: pd.DataFrame,
    steps: pd.DataFrame,
    left: pd.DataFrame,
    figures: dict[str, Any],
    *,
    left_out: pd.DataFrame,
    hits: pd.DataFrame,
) -> dict[str, Any]:
    """Return the figures: prompts = left + what was lost, by step, topic, style and audience; tokens, speed, advice.

    followed and steps: see funnel.py. figures: see generation_figures. left_out: of the plan. hits: see
    find_contamination.
    """
    how = run.config.synthetic
    report = {
        "name": run.name,
        "title": run.config.title,
        "settings": how.model_dump(),
        "source": run.config.source.path,
        "rows": len(followed),
        "rejected": figures["rejected"],
        "prompts": len(followed),
        "written": figures["rows"],
        "left": len(left),
        "steps": steps.to_dict("records"),
        "left_by": {name: left[name].astype(str).value_counts().to_dict() for name in ("style", "audience", "subject")},
        "left_out_of_the_plan": left_out.to_dict("records"),
        "tokens": int(left["n_tokens"].sum()),
        "model": next(iter(left["model"]), "none"),
        "benchmarks": how.benchmarks,
        "contamination": hits["state"].value_counts().to_dict(),
        "writing": figures,
        "output": str(run.path(f"{how.folder}/dataset")),
    }
    return report | {"advice": advice(report)}


def advice(report: dict[str, Any]) -> str:
    """Return in sentences what is left, what lost most, and what to do about it."""
    prompts = max(1, report["prompts"])
    told = [f"{report['left']:,} rows are left of {report['prompts']:,} prompts ({percent(report['left'] / prompts)})."]
    for line in sorted(report["steps"][1:], key=lambda line: -line["gone"]):
        if line["gone"] >= MANY * prompts and line["step"] in REMEDIES:
            told.append(f"{percent(line['gone'] / prompts)} were lost as {line['step']}: {REMEDIES[line['step']]}.")
    if cut := report["writing"]["finish_reasons"].get("length", 0):
        if cut >= MANY * max(1, report["written"]):
            told.append(f"{cut:,} texts were cut off: raise synthetic.max_new_tokens, or lower synthetic.words.")
    if not report["benchmarks"]:
        told.append("No benchmark was looked for: name those that you will measure with in synthetic.benchmarks.")
    return " ".join(told)


def report_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report's main figures as a table of two columns."""
    speed = report["writing"]["speed"]
    lines = [
        ("prompts", f"{report['prompts']:,}"),
        ("written", f"{report['written']:,} by {report['model']}"),
        ("left", f"{report['left']:,}"),
        ("tokens", f"{report['tokens']:,}"),
        ("speed", f"{speed['tokens_per_second']:,.0f} tokens a second"),
    ]
    return pd.DataFrame(lines, columns=["figure", "value"])


def show_texts(rows: pd.DataFrame, prompts: pd.DataFrame, *, n: int = 3, columns: Sequence[str] = ()) -> str:
    """Return n texts of different styles in full, to be read, each under what it was to be; the ids' order is kept."""
    different = rows.sort_values("id", kind="stable")
    different = pd.concat([different.drop_duplicates("style"), different]).drop_duplicates("id").head(n)
    asked = prompts.set_index("id")
    parts = []
    for row in different.itertuples():
        about = [row.style, f"for {row.audience}", str(asked.loc[row.id, "subject"] or ""), f"{row.n_tokens:,} tokens"]
        about += [f"{name} {getattr(row, name)}" for name in columns]
        parts.append(f"{'=' * 10} {', '.join(one for one in about if one)} {'=' * 10}\n\n{row.text}")
    return "\n\n".join(parts) or "no text is left"
