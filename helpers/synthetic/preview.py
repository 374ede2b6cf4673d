"""Prompts -> what will be written, seen before anything is: counts, some prompts in full, tokens and hours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import counted, quiet_figure
from helpers.synthetic.shares import draw
from helpers.synthetic.tables import LEFT_OUT

TOKENS_PER_WORD = 1.4  # of English text by the tokenizers of today's models; more in most other languages
SECONDS = 3600  # of an hour
COLOURS, PALE = "Blues", "#888888"


def counts_table(prompts: pd.DataFrame) -> pd.DataFrame:
    """Return a line a topic, or a subject where there is none, and at last the sums.

    Columns: topic, subject, prompts, how many of each style and each audience, and how many name the topic (named).
    """
    kinds = [pd.get_dummies(prompts[name], dtype="int64") for name in ("style", "audience")]
    numbers = pd.concat([prompts["id"].notna().rename("prompts"), *kinds, prompts["shown"].rename("named")], axis=1)
    numbers = numbers.astype("int64")
    by = [prompts["topic"], prompts["subject"]] if prompts["topic"].notna().any() else [prompts["subject"]]
    table = numbers.groupby(by, dropna=False).sum().reset_index()
    sums = numbers.sum().to_frame().T.assign(subject="all", topic=pd.array([pd.NA], dtype="Int64"))
    return pd.concat([table, sums[list(table)]], ignore_index=True)


def count_prompts(prompts: pd.DataFrame) -> pd.DataFrame:
    """Return a line for every topic, style and audience that there are prompts of: these, subject and prompts."""
    by = ["topic", "subject", "style", "audience"]
    return prompts.groupby(by, dropna=False).size().rename("prompts").reset_index()


def plot_counts(prompts: pd.DataFrame) -> Any:  # noqa: ANN401 - a matplotlib Figure
    """Return a picture of how many prompts each style (line) and audience (column) have, with the sums of both."""
    table = pd.crosstab(prompts["style"], prompts["audience"])
    values = table.to_numpy()
    figure, axes = quiet_figure(height=1.6 + 0.34 * len(table), width=4 + 0.8 * table.shape[1])
    axes.imshow(values, cmap=COLOURS, vmin=0, vmax=1.4 * values.max(), aspect="auto")
    for (at, over), value in np.ndenumerate(values):
        colour = "white" if value > 0.9 * values.max() else "#333333" if value else PALE
        axes.text(over, at, f"{value:,}" if value else "–", ha="center", va="center", fontsize=8, color=colour)
    names = [[f"{_said(name)} ({part:,})" for name, part in zip(axis, sums, strict=True)]
             for axis, sums in ((table.index, values.sum(axis=1)), (table.columns, values.sum(axis=0)))]  # fmt: skip
    axes.set_yticks(range(len(table)), names[0], fontsize=8)
    axes.set_xticks(range(table.shape[1]), [name.replace(" (", "\n(") for name in names[1]], fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.suptitle(f"{counted(len(prompts), 'prompt')} by style and audience", x=0.01, ha="left", fontsize=11)
    return figure


def some_prompts(prompts: pd.DataFrame, *, count: int = 3, seed: int = 42) -> str:
    """Return some prompts in full, to be read: of different styles and audiences as far as there are any."""
    order = sorted(prompts.to_dict("records"), key=lambda one: draw(seed, "read", one["id"]))
    chosen: list[dict[str, Any]] = []
    while order and len(chosen) < count:
        known = [{one[name] for one in chosen} for name in ("style", "audience")]
        new = [(one["style"] in known[0]) + (one["audience"] in known[1]) for one in order]
        chosen.append(order.pop(new.index(min(new))))
    return "\n\n".join(_in_full(one) for one in chosen)


def estimate(
    prompts: pd.DataFrame,
    *,
    words: int = 700,
    max_new_tokens: int = 2500,
    tokens_per_second: float | None = None,
    llm: Any = None,  # noqa: ANN401
) -> pd.DataFrame:
    """Return what writing all texts takes, to read: what, expected, at most.

    Expected are texts of `words` words, at most those of max_new_tokens. tokens_per_second: that are written, by all
    servers together, measured or guessed; without it no hours are told. llm: whose context prompts and texts must fit.
    """
    each = min(max_new_tokens, round(TOKENS_PER_WORD * words))
    count, read = len(prompts), int(prompts["n_tokens"].sum())
    lines = [
        ("prompts", f"{count:,}", f"{count:,}"),
        ("tokens of the prompts", f"{read:,}", f"{read:,}"),
        ("tokens of the texts", f"{count * each:,}", f"{count * max_new_tokens:,}"),
    ]
    if tokens_per_second:
        times = [_time(count * size / tokens_per_second) for size in (each, max_new_tokens)]
        lines.append((f"time at {tokens_per_second:,.0f} tokens a second", *times))
    notes = []
    if TOKENS_PER_WORD * words > max_new_tokens:
        notes.append(f"{words:,} words take about {TOKENS_PER_WORD * words:,.0f} tokens: most texts will be cut")
    if llm is not None and (long := int((prompts["n_tokens"] + max_new_tokens > llm.context).sum())):
        notes.append(f"{counted(long, 'prompt')} with a text of {max_new_tokens:,} tokens exceed the {llm.context:,} "
                     f"that {llm.name} reads")  # fmt: skip
    lines += [("take care", note, "") for note in notes]
    return pd.DataFrame(lines, columns=["what", "expected", "at most"])


def join_left_out(*tables: pd.DataFrame) -> pd.DataFrame:
    """Return everything that is left out of a plan in one table: what, name, rows, reason."""
    return pd.concat([table[list(LEFT_OUT)] for table in tables], ignore_index=True)


def _in_full(one: dict[str, Any]) -> str:
    head = f"{one['style']} for {one['audience']}, from {one['seed_id']} ({one['n_tokens']:,} tokens)"
    turns = [f"[{turn['role']}]\n{turn['content']}" for turn in one["prompt"]]
    return "\n\n".join([f"{'=' * 20} {head} {'=' * 20}", *turns])


def _said(name: str) -> str:
    """Return a name as it is read, in which matplotlib finds no formula."""
    return name.replace("_", " ").replace("$", r"\$")


def _time(seconds: float) -> str:
    """Return a time in the unit that it is told in.

    >>> _time(90), _time(5400), _time(400_000)
    ('2 minutes', '1.5 hours', '4.6 days')
    """
    if seconds < SECONDS:
        return counted(max(1, round(seconds / 60)), "minute")
    return f"{seconds / SECONDS:,.1f} hours" if seconds < 48 * SECONDS else f"{seconds / SECONDS / 24:,.1f} days"
