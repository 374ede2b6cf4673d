"""Hits of benchmark items in rows -> tables by benchmark and by n, and both texts with what they share marked."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import regex

from helpers.clean.contamination import CONTAMINATED, EDITED, SHARED, VARIANT
from helpers.clean.item_index import COMMON, NO_TEXT, TOO_SHORT, why_not_searched
from helpers.clean.words import locate_words
from helpers.text.excerpt import writable

NGRAMS = (5, 6, 7, 8, 10, 13)
AROUND, BETWEEN, LONGEST = 80, 200, 2_000  # letters shown before and after marks, between them, and within one
STYLE = "text-align: left; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere"
UNSEEN = 5  # words in a row of an item that no row has: it is not an edit here and there
_CONTROLS = regex.compile(r"[^\P{Cc}\n\t]")


def contamination_by_benchmark(hits: pd.DataFrame, benchmarks: pd.DataFrame, skipped: pd.DataFrame) -> pd.DataFrame:
    """Return a line a benchmark, in their order, and one for all.

    items, and how many of them are not searched: those with no_text, too_short ones, and common ones (in a common
    text); rows that hold an item of it, and unique_items, how many different ones they hold; edited, variant, shared:
    further rows, by the state of their best hit. skipped: of unsearched_items.
    """
    names = [*dict.fromkeys(benchmarks["benchmark"])]
    lines = [_counted(name, *(t[t["benchmark"] == name] for t in (hits, benchmarks, skipped))) for name in names]
    return pd.DataFrame([*lines, _counted("all", hits, benchmarks, skipped)])


def contamination_by_ngram(hits: pd.DataFrame, *, ngrams: Sequence[int] = NGRAMS) -> pd.DataFrame:
    """Return a line for each n: rows that would be contaminated, were so many words in a row asked for, and items."""
    there = hits[hits["state"].isin([CONTAMINATED, EDITED])]
    lines = []
    for n in ngrams:
        found = there[(there["longest_run"] >= n) | (there["found"] == there["words"])]
        lines.append({"n": n, "rows": found["id"].nunique(), "unique_items": _items(found)})
    return pd.DataFrame(lines)


def unsearched_items(benchmarks: pd.DataFrame, *, least: int = 4, common: Sequence[str] = ()) -> pd.DataFrame:
    """Return the items that are not looked for: benchmark, item, text and reason; settings as of find_contamination."""
    texts = benchmarks["text"].fillna("").astype(str).tolist()
    reasons = np.array(why_not_searched(texts, least=least, common=common), dtype=object)
    gone = reasons != ""
    return benchmarks[["benchmark", "item", "text"]][gone].assign(reason=reasons[gone]).reset_index(drop=True)


def parts_in_common(hits: pd.DataFrame, benchmarks: pd.DataFrame, *, rows: int = 3) -> pd.DataFrame:
    """Return the items of which so many rows or more have a part and none the rest: benchmark, item, rows, never.

    never: what of the item stands in no row. Rows that share a greeting or a quotation with an item look like this, and
    so do rows whose questions were changed at the end, which no program can tell apart: read them, and give what is
    common to find_contamination as such. The items with the most rows come first.
    """
    texts = benchmarks.set_index(["benchmark", "item"])["text"]
    lines = []
    for key, found in hits[hits["state"] == CONTAMINATED].groupby(["benchmark", "item"], sort=False):
        text = str(texts[key])
        never = _never(text, found) if len(found) >= rows else []
        if never:
            lines.append((*key, len(found), writable(" … ".join(never))))
    table = pd.DataFrame(lines, columns=["benchmark", "item", "rows", "never"])
    return table.sort_values("rows", ascending=False, kind="stable").reset_index(drop=True)


def marked_texts(
    hits: pd.DataFrame, rows: pd.DataFrame, benchmarks: pd.DataFrame, *, state: str = CONTAMINATED, most: int = 20
) -> pd.DataFrame:
    """Return the first hits of a state with what row and item share in [[ ]]: benchmark, item, id, ..., row, text.

    Long texts are cut around and between the marks.
    """
    shown = _with_texts(hits[hits["state"] == state].head(most), rows, benchmarks)
    for side, column in (("row", "row"), ("item", "text")):
        parts = zip(shown[column], shown[f"{side}_begins"], shown[f"{side}_ends"], strict=True)
        shown[column] = ["".join(f"[[{part}]]" if marked else part for part, marked in _parts(*one)) for one in parts]
    return shown[["benchmark", "item", "id", "share", "longest_run", "row", "text"]].reset_index(drop=True)


def marked_html(
    hits: pd.DataFrame, rows: pd.DataFrame, benchmarks: pd.DataFrame, *, state: str = CONTAMINATED, most: int = 20
) -> str:
    """Return a table in HTML of what marked_texts shows, row and item side by side, all text of the data escaped."""
    shown = _with_texts(hits[hits["state"] == state].head(most), rows, benchmarks)
    head = "<tr><th>item</th><th>row</th><th>share</th><th>text of the row</th><th>text of the item</th></tr>"
    lines = [head]
    for one in shown.itertuples():
        names = [html.escape(_clean(str(name))) for name in (f"{one.benchmark} {one.item}", one.id)]
        texts = [_html(one.row, one.row_begins, one.row_ends), _html(one.text, one.item_begins, one.item_ends)]
        cells = [*names, f"{one.share:.0%}", *texts]
        lines.append("<tr>" + "".join(f'<td dir="auto" style="{STYLE}">{cell}</td>' for cell in cells) + "</tr>")
    return f"<table>{''.join(lines)}</table>"


def show_marked(hits: pd.DataFrame, rows: pd.DataFrame, benchmarks: pd.DataFrame, *, most: int = 20) -> Any:  # noqa: ANN401 - IPython's HTML, or a sentence
    """Return marked_html of the contaminated rows for a notebook to show, or that there is none."""
    if not (hits["state"] == CONTAMINATED).any():
        return "no row holds an item of a benchmark" if len(benchmarks) else "no benchmark was named"
    from IPython.display import HTML

    return HTML(marked_html(hits, rows, benchmarks, most=most))


def _counted(name: str, hits: pd.DataFrame, benchmarks: pd.DataFrame, skipped: pd.DataFrame) -> dict[str, object]:
    there = hits[hits["state"] == CONTAMINATED]
    others = hits[~hits["id"].isin(there["id"])].drop_duplicates("id")["state"].value_counts()
    return {
        "benchmark": name,
        "items": len(benchmarks),
        "no_text": int((skipped["reason"] == NO_TEXT).sum()),
        "too_short": int((skipped["reason"] == TOO_SHORT).sum()),
        "common": int((skipped["reason"] == COMMON).sum()),
        "rows": there["id"].nunique(),
        "unique_items": _items(there),
        **{state: int(others.get(state, 0)) for state in (EDITED, VARIANT, SHARED)},
    }


def _items(hits: pd.DataFrame) -> int:
    return len(hits[["benchmark", "item"]].drop_duplicates())


def _never(text: str, found: pd.DataFrame) -> list[str]:
    """Return the parts of an item's text of a run's length or more that none of the hits has."""
    words, spans = locate_words(text)
    seen = np.zeros(len(text) + 1, dtype=np.int64)
    for begins, ends in zip(found["item_begins"], found["item_ends"], strict=True):
        np.add.at(seen, np.asarray(begins), 1)
        np.add.at(seen, np.asarray(ends), -1)
    is_unseen = np.cumsum(seen)[spans[:, 0]] == 0 if len(words) else np.zeros(0, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_unseen, [False]]))).reshape(-1, 2)
    return [text[spans[start, 0] : spans[stop - 1, 1]] for start, stop in edges if stop - start >= UNSEEN]


def _with_texts(hits: pd.DataFrame, rows: pd.DataFrame, benchmarks: pd.DataFrame) -> pd.DataFrame:
    of_rows = rows[["id", "text"]].rename(columns={"text": "row"})
    return hits.merge(of_rows, on="id").merge(benchmarks[["benchmark", "item", "text"]], on=["benchmark", "item"])


def _parts(text: str, begins: Sequence[int], ends: Sequence[int]) -> list[tuple[str, bool]]:
    """Return the parts of a text in their order, each with whether it is marked, long ones cut."""
    parts, at = [], 0
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        between = text[at:begin]
        parts += [(_end(between, AROUND) if number == 0 else _middle(between, BETWEEN), False), (text[begin:end], True)]
        at = end
    parts.append((_start(text[at:], AROUND), False))
    return [(_clean(_middle(part, LONGEST) if marked else part), marked) for part, marked in parts if part]


def _start(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[:letters]} …"


def _end(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"… {text[-letters:]}"


def _middle(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters // 2]} … {text[-letters // 2 :]}"


def _html(text: str, begins: Sequence[int], ends: Sequence[int]) -> str:
    parts = ((html.escape(part), marked) for part, marked in _parts(text, begins, ends))
    return "".join(f"<mark>{part}</mark>" if marked else part for part, marked in parts)


def _clean(text: str) -> str:
    """Return a text that can be written, without control signs."""
    return _CONTROLS.sub(" ", writable(text))
