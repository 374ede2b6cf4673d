"""Prompts and what became of each -> a line a prompt, counts of the steps down to the rows left, and their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from helpers.shown import counted, percent, quiet_figure
from helpers.text.excerpt import one_line, shorten

LEFT = "left"
NOT_WRITTEN = "not written"
# Why a prompt has no row in the end, in the order in which it is decided; what stands before a reason's colon.
STEPS = (
    NOT_WRITTEN,
    "no answer",
    "empty",
    "loop",
    "refused",
    "only boilerplate",
    "too short",
    "contaminated",
    "near-duplicate",
    "rule",
)
ALWAYS = ("too short", "contaminated", "near-duplicate")  # told of where nothing was lost as well
PLANNED = "prompts"
MOST = 12  # lines of a picture by topic
INK, PALE = "#2b5c8a", "#c9d6e2"


def follow_prompts(prompts: pd.DataFrame, rejected: pd.DataFrame, dropped: pd.DataFrame) -> pd.DataFrame:
    """Return prompts with `gone`: the step at which each was lost (of STEPS, or another reason's beginning), or "left".

    prompts: id. rejected (no usable text came) and dropped (a text that was taken out afterwards): id, reason, each id
    of the prompts and in one of them at most. Raises ValueError where that is not so, since a row would count twice.
    """
    lost = pd.concat([rejected[["id", "reason"]], dropped[["id", "reason"]]])
    if twice := lost.loc[lost["id"].duplicated(), "id"].tolist():
        raise ValueError(f"{len(twice)} prompts were lost twice, such as {twice[0]}: a text is rejected or dropped")
    if strange := sorted(set(lost["id"]) - set(prompts["id"])):
        raise ValueError(f"{len(strange)} rows are of no prompt, such as {strange[0]}: are these of another plan?")
    step = lost["reason"].astype(object).str.split(":").str[0].str.strip()
    gone = prompts["id"].map(pd.Series(step.to_numpy(), index=lost["id"])).fillna(LEFT)
    return prompts.assign(gone=gone.to_numpy())


def count_steps(followed: pd.DataFrame) -> pd.DataFrame:
    """Return a line a step: step, gone (prompts lost there) and left (after it); the first is "prompts", with all.

    Of steps that nothing was lost at only those in ALWAYS are told. `gone` of all together with the last `left` is all
    prompts.
    """
    counts = followed["gone"].value_counts()
    known = [*STEPS, *sorted(set(counts.index) - {*STEPS, LEFT})]
    steps = [step for step in known if counts.get(step, 0) or step in ALWAYS]
    lines = pd.DataFrame({"step": [PLANNED, *steps], "gone": [0, *(int(counts.get(step, 0)) for step in steps)]})
    return lines.assign(left=len(followed) - lines["gone"].cumsum())


def count_by(followed: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a line a value of a column, or of several: prompts, lost at each step, left, share left.

    The index has the values (of topic and subject "3 Cooking", so that two topics of one name are told apart). Those
    with most prompts come first, those with as many in their own order.
    """
    values = followed[list(columns)].astype(object)
    names = [" ".join(str(value) for value in line if pd.notna(value)) for line in values.itertuples(index=False)]
    crossed = pd.crosstab(pd.Series(names, index=followed.index, dtype=object), followed["gone"])
    steps = [step for step in count_steps(followed)["step"] if step in crossed]
    lines = crossed.reindex(columns=[*steps, LEFT], fill_value=0)
    lines.insert(0, PLANNED, lines.sum(axis=1))
    lines = lines.sort_index().sort_values(PLANNED, ascending=False, kind="stable")
    told = [percent(share) for share in lines[LEFT] / lines[PLANNED]]
    return lines.assign(share=told).rename_axis(index=None, columns=None)


def plot_funnel(counts: pd.DataFrame, *, title: str) -> Any:  # noqa: ANN401 - a matplotlib Figure, or a sentence
    """Return bars of what is left after each step of count_steps; what was lost at a step is pale."""
    total = int(counts["left"].iloc[0])
    if not total:
        return "no prompt was planned: there is nothing to follow"
    figure, axes = quiet_figure(height=0.9 + 0.42 * len(counts))
    names = ["prompts", *(f"- {step}" for step in counts["step"].iloc[1:])]
    places = range(len(counts))
    axes.barh(places, counts["left"], color=INK)
    axes.barh(places, counts["gone"], left=counts["left"], color=PALE)
    for place, line in zip(places, counts.itertuples(), strict=True):
        lost = f"  ({line.gone:,} lost)" if line.gone else ""
        axes.text(line.left + line.gone, place, f" {line.left:,}{lost}", va="center", fontsize=8)
    axes.set_yticks(places, names)
    axes.set_ylim(len(counts) - 0.5, -0.5)
    axes.set_xlim(0, 1.18 * total)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("rows left", fontsize=9)
    left = int(counts["left"].iloc[-1])
    told = f"{shorten(one_line(title), 50)}: {left:,} rows of {counted(total, 'prompt')}, {percent(left / total)}"
    axes.set_title(told, fontsize=11, loc="left", parse_math=False)
    return figure


def plot_left_by(lines: pd.DataFrame, *, names: Sequence[str], title: str) -> Any:  # noqa: ANN401 - as plot_funnel
    """Return bars of what was planned (pale) and what is left, a line a value as count_by returns them.

    names: what each is called. Only the first MOST are shown.
    """
    if lines.empty:
        return "no prompt was planned: there is nothing to show"
    shown = lines.head(MOST)
    figure, axes = quiet_figure(height=0.9 + 0.32 * len(shown))
    places = range(len(shown))
    axes.barh(places, shown[PLANNED], color=PALE, label="planned")
    axes.barh(places, shown[LEFT], color=INK, label="left")
    told = [shorten(one_line(str(name)), 40) for name in names[: len(shown)]]
    axes.set_yticks(places, told, parse_math=False)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("rows", fontsize=9)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    rest = f" (the {MOST} with most prompts, of {len(lines)})" if len(lines) > MOST else ""
    axes.set_title(f"{shorten(one_line(title), 60)}{rest}", fontsize=11, loc="left", parse_math=False)
    return figure
