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
    return counts.assign(language=pd.Series(find_languages(strings, language_rows), index=texts.index, dtype=object))


def audit_texts(
    texts: pd.DataFrame,
    counts: pd.DataFrame,
    rejected: pd.DataFrame,
    *,
    window: int,
    llm_window: int | None = None,
    repeated_ids: int = 0,
) -> dict[str, Any]:
    """Return what is in the data as plain values; rows = kept + rejected, shares are 0 to 1, lengths in tokens.

    Rows are the source's: a grouped conversation, one text, is made of several. counts: see count_texts. window,
    llm_window: tokens that the embedder and the label LLM read. tokens_lost is what goes when all longer texts are cut
    to window. Quantiles and ids of no text at all are null.
    """
    unique, kept = int(texts["text"].nunique()), kept_rows(texts)
    languages, looked_at = _tally(counts["language"]), int(counts["language"].count())
    over = counts["n_tokens"] > window
    report = {
        "rows": kept + len(rejected),
        "kept": kept,
        "rejected": len(rejected),
        "rejected_by_reason": _tally(rejected["reason"]),
        "repeated_ids": repeated_ids,
        "texts": len(texts),
        "unique": unique,
        "exact_duplicates": len(texts) - unique,
        "language_rows": looked_at,
        "languages": languages,
        "language_shares": {code: n / looked_at for code, n in languages.items()},
        "chars": _quantiles(counts["n_chars"]),
        "tokens": _quantiles(counts["n_tokens"]),
        "window": window,
        "rows_over_window": int(over.sum()),
        "share_over_window": float(over.mean()) if len(texts) else 0.0,
        "tokens_lost": int((counts["n_tokens"][over] - window).sum()),
        "shortest_id": str(counts["id"].iloc[counts["n_tokens"].argmin()]) if len(texts) else None,
        "longest_id": str(counts["id"].iloc[counts["n_tokens"].argmax()]) if len(texts) else None,
    }
    return report | (_llm_figures(counts["n_llm_tokens"], llm_window) if "n_llm_tokens" in counts else {})


def kept_rows(texts: pd.DataFrame) -> int:
    """Return how many rows of the source are in texts."""
    return int(texts["source_rows"].sum()) if "source_rows" in texts else len(texts)


def audit_table(report: dict[str, Any]) -> pd.DataFrame:
    """Return the report as a table to read: measure, value."""
    over = f"{report['rows_over_window']:,} ({report['share_over_window']:.1%})"
    lines = [
        ("rows", f"{report['rows']:,}"),
        ("kept", f"{report['kept']:,}"),
        ("rejected", f"{report['rejected']:,}"),
        *((f"  {reason}", f"{n:,}") for reason, n in report["rejected_by_reason"].items()),
        *((("rows with an id used before", f"{report['repeated_ids']:,}"),) if report["repeated_ids"] else ()),
        *((("conversations", f"{report['texts']:,}"),) if report["texts"] != report["kept"] else ()),
        ("different texts", f"{report['unique']:,}"),
        ("exact duplicates", f"{report['exact_duplicates']:,}"),
        ("languages", ", ".join(f"{code} {share:.1%}" for code, share in [*report["language_shares"].items()][:6])),
        ("characters", _spread(report["chars"])),
        ("tokens", _spread(report["tokens"])),
        (f"longer than {report['window']:,} tokens", over),
        ("tokens lost if these are cut", f"{report['tokens_lost']:,}"),
    ]
    if "llm_tokens" in report:
        lines.append(("tokens of the label LLM", _spread(report["llm_tokens"])))
    if report.get("llm_window"):
        lines.append((f"longer than {report['llm_window']:,} LLM tokens", f"{report['rows_over_llm_window']:,}"))
    lines += [("shortest row", report["shortest_id"]), ("longest row", report["longest_id"])]
    return pd.DataFrame(lines, columns=["measure", "value"])


def plot_lengths(
    counts: pd.DataFrame,
    *,
    window: int,
    llm_window: int | None = None,
    title: str = "",
) -> Any:  # noqa: ANN401 - matplotlib Figure, which is slow to import
    """Return a histogram of the lengths in tokens, both windows drawn in, with the number of rows beyond each."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    windows = [("embedder", window, counts["n_tokens"])]
    if llm_window:
        windows.append(("label LLM", llm_window, counts.get("n_llm_tokens", counts["n_tokens"])))
    limits = [limit for _, limit, _ in windows]
    tokens = counts["n_tokens"].clip(lower=1)
    low, high = min(tokens.min(), *limits, window) / 1.5, max(tokens.max(), *limits, window) * 1.5
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.hist(tokens, bins=np.geomspace(low, high, 51), color="#4c72b0")
    axes.set(xscale="log", xlim=(low, high), xlabel="tokens of a text (log scale)", ylabel="texts")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 2000 else (1,)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.spines[["top", "right"]].set_visible(False)
    for (name, limit, sizes), color, style in zip(windows, ("#c44e52", "#dd8452"), ("-", "--"), strict=False):
        label = f"{name} reads {limit:,} tokens: {_beyond(sizes, limit)}"
        axes.axvline(limit, color=color, linestyle=style, linewidth=1.8, label=label)
    # Above the axes there is room for both labels, however near to each other or to the edge the lines are.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, borderpad=0, borderaxespad=0.4)
    figure.suptitle(_shortened(title, 80), x=0.02, ha="left", parse_math=False)
    return figure


def shortest_and_longest(texts: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return two lines, the shortest and the longest text: id, n_tokens and the first 200 characters."""
    places = [counts["n_tokens"].argmin(), counts["n_tokens"].argmax()]
    found = texts[["id", "text"]].iloc[places].assign(n_tokens=counts["n_tokens"].iloc[places].to_numpy())
    found["text"] = [_shortened(text, 200) for text in found["text"]]
    return found[["id", "n_tokens", "text"]].set_axis(["shortest", "longest"], axis=0)


def show_row(before: pd.DataFrame, after: pd.DataFrame, row_id: str) -> pd.DataFrame:
    """Return one row as it came and as it is now, side by side, at most 1,000 characters each.

    before: id and record (JSON). after: id and text. Raises ValueError for an id that is not in both.
    """
    for name, frame in (("before", before), ("after", after)):
        if not frame["id"].eq(row_id).any():
            raise ValueError(f"no row {row_id!r} in the rows {name}; ids are such as {frame['id'].head(3).tolist()}")
    record = before.loc[before["id"] == row_id, "record"].iloc[0]
    record = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False, default=str)
    text = after.loc[after["id"] == row_id, "text"].iloc[0]
    return pd.DataFrame({"before": [_shortened(record, 1000)], "after": [_shortened(text, 1000)]}, index=[row_id])


def _count_tokens(strings: list[str], tokenizer: Any, step: str) -> list[int]:  # noqa: ANN401
    counts: list[int] = []
    for batch in _batches(strings, step):
        encoded = tokenizer(batch, add_special_tokens=False, truncation=False, verbose=False)
        counts += [len(ids) for ids in encoded["input_ids"]]
    return counts


def _batches(strings: list[str], step: str) -> Iterator[list[str]]:
    with tqdm(total=len(strings), desc=step, unit=" texts", mininterval=1, disable=len(strings) < 2000) as bar:
        for start in range(0, len(strings), BATCH):
            yield strings[start : start + BATCH]
            bar.update(min(BATCH, len(strings) - start))


def find_languages(strings: list[str], rows: int) -> list[str | None]:
    """Return a language for at most that many texts, evenly spread, None for the others."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True, min_confidence=SURE)
    languages: list[str | None] = [None] * len(strings)
    places = np.linspace(0, len(strings) - 1, min(rows, len(strings))).round().astype(int).tolist()
    for place in tqdm(places, "languages", unit=" texts", mininterval=1, disable=len(places) < 2000):
        code, _ = identifier.classify(strings[place][:LANGUAGE_CHARS])
        languages[place] = "und" if code == "zxx" else code  # zxx: no language, such as numbers
    return languages


def _tally(values: pd.Series) -> dict[str, int]:
    """Return {value: rows}, the most frequent first, equal ones in alphabetical order."""
    counted = values.dropna().astype(str).value_counts()
    return dict(sorted(counted.to_dict().items(), key=lambda pair: (-pair[1], pair[0])))


def _quantiles(sizes: pd.Series) -> dict[str, float | None]:
    if sizes.empty:
        return dict.fromkeys([*QUANTILES, "mean"])
    return {name: float(sizes.quantile(share)) for name, share in QUANTILES.items()} | {"mean": float(sizes.mean())}


def _llm_figures(sizes: pd.Series, window: int | None) -> dict[str, Any]:
    over = {} if window is None else {"llm_window": window, "rows_over_llm_window": int((sizes > window).sum())}
    return {"llm_tokens": _quantiles(sizes)} | over


def _spread(quantiles: dict[str, float | None]) -> str:
    """Return the quantiles in words, "" when there are none."""
    known = {name: value for name, value in quantiles.items() if value is not None}
    return ", ".join(f"{name} {value:,.0f}" for name, value in known.items())


def _beyond(sizes: pd.Series, limit: int) -> str:
    over = int((sizes > limit).sum())
    return "no row is longer" if not over else f"{over:,} of {len(sizes):,} rows are longer ({over / len(sizes):.1%})"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
