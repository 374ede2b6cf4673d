"""Texts -> counts of characters, tokens and languages, one table and one picture of what is in the data.

Nothing is changed here: what is too long is cut in truncate.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

BATCH = 1000  # texts
LANGUAGE_CHARS = 1000
SURE = 0.2  # below this probability py3langid is right in a third of the cases: greetings, code, names
QUANTILES = {"min": 0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "max": 1}


def count_texts(
    texts: pd.DataFrame,
    *,
    tokenizer: Any,  # noqa: ANN401 - a transformers fast tokenizer
    llm_tokenizer: Any | None = None,  # noqa: ANN401
    language_rows: int = 20_000,
) -> pd.DataFrame:
    """Return a line a text, same order: id, n_chars, n_tokens, n_llm_tokens (with llm_tokenizer only), language.

    Tokens are counted without special ones. language: an ISO code, `und` where the text gives nothing to go by, null
    for all but language_rows rows, evenly spread.
    """
    strings = texts["text"].tolist()
    counts = pd.DataFrame({"id": texts["id"].to_numpy(), "n_chars": [len(text) for text in strings]}, index=texts.index)
    counts["n_tokens"] = _count_tokens(strings, tokenizer, "count tokens")
    if llm_tokenizer is not None:
        counts["n_llm_tokens"] = _count_tokens(strings, llm_tokenizer, "count LLM tokens")
    return counts.assign(language=pd.Series(_languages(strings, language_rows), index=texts.index, dtype=object))


def audit_texts(
    texts: pd.DataFrame,
    counts: pd.DataFrame,
    rejected: pd.DataFrame,
    *,
    window: int,
    llm_window: int | None = None,
) -> dict[str, Any]:
    """Return what is in the data as plain values; rows = kept + rejected, shares are 0 to 1, lengths in tokens.

    counts: see count_texts. window, llm_window: tokens that the embedder and the label LLM read. tokens_lost is what
    goes when all longer texts are cut to window. Quantiles and ids of no text at all are null.
    """
    unique, kept = int(texts["text"].nunique()), len(texts)
    over = counts["n_tokens"] > window
    report = {
        "rows": kept + len(rejected),
        "kept": kept,
        "rejected": len(rejected),
        "rejected_by_reason": _tally(rejected["reason"]),
        "unique": unique,
        "exact_duplicates": kept - unique,
        "languages": _tally(counts["language"]),
        "language_shares": {code: round(n / max(1, counts["language"].count()), 4) for code, n in _tally(counts["language"]).items()},
        "chars": _quantiles(counts["n_chars"]),
        "tokens": _quantiles(counts["n_tokens"]),
        "window": window,
        "rows_over_window": int(over.sum()),
        "share_over_window": float(over.mean()) if kept else 0.0,
        "tokens_lost": int((counts["n_tokens"][over] - window).sum()),
        "shortest_id": str(counts.loc[counts["n_tokens"].idxmin(), "id"]) if kept else None,
        "longest_id": str(counts.loc[counts["n_tokens"].idxmax(), "id"]) if kept else None,
    }
    return report | (_llm_figures(counts["n_llm_tokens"], llm_window) if "n_llm_tokens" in counts else {})


def audit_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report as a table to read: measure, value."""
    lines = [
        ("rows", f"{report['rows']:,}"),
        ("kept", f"{report['kept']:,}"),
        ("rejected", f"{report['rejected']:,}"),
        *((f"  {reason}", f"{n:,}") for reason, n in report["rejected_by_reason"].items()),
        ("different texts", f"{report['unique']:,}"),
        ("exact duplicates", f"{report['exact_duplicates']:,}"),
        ("languages", ", ".join(f"{code} {share:.1%}" for code, share in [*report["language_shares"].items()][:6])),
        ("characters", _span(report["chars"])),
        ("tokens", _span(report["tokens"])),
        (f"longer than {report['window']:,} tokens", f"{report['rows_over_window']:,} ({report['share_over_window']:.1%})"),
        ("tokens lost if these are cut", f"{report['tokens_lost']:,}"),
    ]
    if "llm_tokens" in report:
        lines.append(("tokens of the label LLM", _span(report["llm_tokens"])))
    if report.get("llm_window"):
        lines.append((f"longer than {report['llm_window']:,} LLM tokens", f"{report['rows_over_llm_window']:,}"))
    lines += [("shortest row", report["shortest_id"]), ("longest row", report["longest_id"])]
    return pd.DataFrame(lines, columns=["measure", "value"])


def plot_lengths(
    counts: pd.DataFrame, *, window: int, llm_window: int | None = None, title: str = ""
) -> Any:  # noqa: ANN401 - matplotlib Figure, which is slow to import
    """Return a histogram of the texts' lengths in tokens, with both windows drawn in and the rows beyond them counted."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    tokens = counts["n_tokens"].clip(lower=1)
    windows = [("embedder", window, "#c44e52", counts["n_tokens"])]
    if llm_window:
        windows.append(("label LLM", llm_window, "#dd8452", counts.get("n_llm_tokens", counts["n_tokens"])))
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    low, high = tokens.min() / 1.3, max(tokens.max(), *(limit for _, limit, _, _ in windows)) * 1.3
    axes.hist(tokens, bins=np.geomspace(low, high, 61), color="#4c72b0")
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    for axis, locator in ((axes.xaxis, None), (axes.yaxis, MaxNLocator(5, integer=True))):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        if locator:
            axis.set_major_locator(locator)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel="tokens of the text (log scale)", ylabel="texts")
    for height, (name, limit, color, sizes) in enumerate(windows):
        axes.axvline(limit, color=color, linewidth=1.5)
        _label_window(axes, height, f"{name} reads {limit:,} tokens: {_beyond(sizes, limit)}", limit, color)
    axes.set_title(title, loc="left", pad=22 + 16 * len(windows), fontsize=12)
    return figure
