"""Texts and their token counts -> texts that fit a model's context window, exact to the token in its tokenizer.

What is cut, and how much was lost, stands beside each text. Counting tokens is left to audit.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import regex
from tqdm import tqdm

NEAR = 1000  # characters among which a certain end of a grapheme cluster is looked for
SPARE = 128  # tokens looked at beyond the window; WordPiece reads at most 100 characters as one word
EXTRA = 4  # tokens tried beyond the window: after a cut, neighbours may merge into fewer
# Between two such characters a grapheme cluster always ends, so a search for one may start there (UAX 29, GB999).
_PLAIN = r"[\p{GCB=Other}\p{GCB=LV}\p{GCB=LVT}]"

Fitted = tuple[str, int]  # a text that fits, and its size in tokens


def truncate_texts(
    texts: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    tokenizer: Any,  # noqa: ANN401 - a transformers fast tokenizer
    max_tokens: int,
    strategy: str = "head",
    mark: str = " … ",
) -> pd.DataFrame:
    """Return texts cut to at most max_tokens tokens, with n_tokens, n_tokens_before, truncated and duplicate_of.

    counts: see audit.count_texts, same rows in the same order. Tokens are the tokenizer's without special ones, as
    counted on the cut text. strategy: `head` or `tail` keeps that end, `ends` both with mark between (the head alone
    where both have no room), `turns` whole turns from the start (a first turn that is too long is cut), `none` all.
    A cut never divides a grapheme cluster, unless one cluster alone is longer than the window. White space around a
    cut text goes; texts that fit stay as they are. duplicate_of: id of the first row with the same text before the
    cut, or null. The column `turns` is dropped.
    Raises ValueError for an unknown strategy and for a window too small for a single character.
    """
    _check(texts, counts, strategy, max_tokens)
    before = counts["n_tokens"].to_numpy()
    too_long = (before > max_tokens) & (strategy != "none")
    fitted = _cut_all(texts[too_long], _STRATEGIES.get(strategy), Window(tokenizer, max_tokens, mark))
    new_texts, sizes = texts["text"].to_numpy(dtype=object, copy=True), before.copy()
    new_texts[too_long], sizes[too_long] = [text for text, _ in fitted], [size for _, size in fitted]
    first = texts.groupby("text", sort=False)["id"].transform("first").astype(object)
    return texts.drop(columns="turns").assign(
        text=new_texts,
        n_tokens=sizes,
        n_tokens_before=before,
        truncated=too_long,
        duplicate_of=first.where(texts["text"].duplicated(), None),
    )


def truncation_report(texts: pd.DataFrame) -> dict[str, int | float]:
    """Return rows, rows_cut, share_cut, tokens_lost and share_of_tokens_lost of texts that truncate_texts made."""
    total = int(texts["n_tokens_before"].sum())
    lost = total - int(texts["n_tokens"].sum())
    return {
        "rows": len(texts),
        "rows_cut": int(texts["truncated"].sum()),
        "share_cut": float(texts["truncated"].mean()) if len(texts) else 0.0,
        "tokens_lost": lost,
        "share_of_tokens_lost": lost / total if total else 0.0,
    }


def _check(texts: pd.DataFrame, counts: pd.DataFrame, strategy: str, max_tokens: int) -> None:
    known = [*_STRATEGIES, "none"]
    if strategy not in known:
        raise ValueError(f"truncate.strategy: {strategy!r} is not known; known are {', '.join(known)}")
    if max_tokens < 1:
        raise ValueError(f"truncate.max_tokens: expected at least 1, got {max_tokens}")
    if texts["id"].tolist() != counts["id"].tolist():
        raise ValueError("counts are of other rows than texts: count these texts again with audit.count_texts")


def _cut_all(texts: pd.DataFrame, strategy: Callable | None, window: Window) -> list[Fitted]:
    rows = zip(texts["id"], texts["text"], texts["turns"], strict=True)
    shown = tqdm(rows, "truncate", len(texts), unit=" texts", mininterval=1, disable=len(texts) < 2000)
    return [_cut(*row, strategy, window) for row in shown]


def _cut(row_id: str, text: str, turns: Sequence[int], strategy: Callable, window: Window) -> Fitted:
    """Return one text that fits, and its size. White space around it is the first to go."""
    stripped = text.strip()
    if stripped != text and (size := len(window.starts(stripped)) - 1) <= window.limit:
        return stripped, size
    outer = len(text) - len(text.lstrip())
    fitted = strategy(stripped, window, [max(0, int(offset) - outer) for offset in turns])
    if fitted:
        return fitted
    raise ValueError(f"truncate.max_tokens: {window.limit} is too few for one character of row {row_id!r}; take more")


def _head(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    starts = window.starts(text)

    def cut(tokens: int, whole: bool) -> str:
        return text[: _around(text, starts[tokens], whole)[0]].rstrip()

    return _longest(cut, window, window.limit, len(starts) - 1)


def _tail(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    ends = window.ends(text)

    def cut(tokens: int, whole: bool) -> str:
        return text[_around(text, ends[tokens], whole)[1] :].lstrip()

    return _longest(cut, window, window.limit, len(ends) - 1)


def _ends(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    starts, ends = window.starts(text), window.ends(text)

    def cut(tokens: int, whole: bool) -> str:
        end = _around(text, starts[(tokens + 1) // 2], whole)[0]
        start = max(end, _around(text, ends[tokens // 2], whole)[1])
        head, tail = text[:end].rstrip(), text[start:].lstrip()
        return head + window.mark + tail if head and tail else ""

    wanted = window.limit - window.size(window.mark)
    return _longest(cut, window, wanted, len(starts) - 1) or _head(text, window, [])


def _turns(text: str, window: Window, turns: Sequence[int]) -> Fitted | None:
    """Return the whole turns from the start that fit, or the head of the first."""
    starts = window.starts(text)
    reach = starts[min(window.limit, len(starts) - 1)]
    for end in [end for end in turns[:0:-1] if end <= reach]:
        whole_turns = text[:end].rstrip()
        if whole_turns and (size := window.size(whole_turns)) <= window.limit:
            return whole_turns, size
    first = text[: turns[1]].rstrip() if len(turns) > 1 else ""
    return _head(first or text, window, [])


_STRATEGIES = {"head": _head, "tail": _tail, "ends": _ends, "turns": _turns}


def _longest(cut: Callable[[int, bool], str], window: Window, wanted: int, most: int) -> Fitted | None:
    """Return the longest cut(tokens) found to fit; between characters where not one grapheme cluster fits."""
    for whole in (True, False):
        for tokens in range(min(wanted, most), 0, -1):
            text = cut(tokens, whole)
            if text and (size := window.size(text)) <= window.limit:
                return _grown((text, size), cut, window, range(tokens + 1, min(tokens + EXTRA, most) + 1), whole)
            if not text:
                break
    return None


def _grown(best: Fitted, cut: Callable[[int, bool], str], window: Window, more: range, whole: bool) -> Fitted:
    """Return best, or the longest cut with more tokens that fits as well."""
    for tokens in more:
        text = cut(tokens, whole)
        if best[1] == window.limit or (size := window.size(text)) > window.limit:
            break
        best = text, size
    return best


@dataclass(frozen=True)
class Window:
    """What a model reads: so many tokens of this tokenizer, which may need a mark where a text is cut."""

    tokenizer: Any
    limit: int
    mark: str

    def size(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._encode(text)["input_ids"])

    def starts(self, text: str) -> list[int]:
        """Return where head 0, 1, 2, ... tokens long ends, for more tokens than fit or up to the end of the text."""
        piece, spans = self._outermost(text, last=False)
        return [start for start, _ in spans] + [len(text)] * (len(piece) == len(text))

    def ends(self, text: str) -> list[int]:
        """Return where a tail 0, 1, 2, ... tokens long starts, for more tokens than fit or up to the text's start."""
        piece, spans = self._outermost(text, last=True)
        before = len(text) - len(piece)
        return [before + end for _, end in reversed(spans)] + [0] * (not before)

    def _outermost(self, text: str, *, last: bool) -> tuple[str, list[tuple[int, int]]]:
        """Return the first or last part of text with more tokens than fit, or all of it, and its tokens' places."""
        chars = 8 * (self.limit + SPARE)
        while True:
            piece = text[-chars:] if last else text[:chars]
            spans = self._encode(piece).encodings[0].offsets
            if len(spans) >= self.limit + SPARE or len(piece) == len(text):
                return piece, spans
            chars *= 4

    def _encode(self, text: str) -> Any:  # noqa: ANN401 - transformers' BatchEncoding
        return self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)


def _around(text: str, place: int, whole: bool) -> tuple[int, int]:
    """Return the ends of grapheme clusters at or before place and at or after it; place itself if not whole."""
    if not whole:
        return place, place
    certain = regex.search(rf"(?r){_PLAIN}(?={_PLAIN})", text, pos=max(0, place - NEAR), endpos=place)
    if not certain and place > NEAR:
        bounds = _cluster_ends(text)
        above = int(np.searchsorted(bounds, place))
        return (place, place) if bounds[above] == place else (int(bounds[above - 1]), int(bounds[above]))
    end = certain.end() if certain else 0
    for cluster in regex.finditer(r"\X", text, pos=end):
        if end == place:
            break
        start, end = cluster.span()
        if end > place:
            return start, end
    return end, end


@lru_cache(maxsize=1)
def _cluster_ends(text: str) -> np.ndarray:
    """Return where all grapheme clusters of a text end, from 0; found once a text, as flags in a row take long."""
    return np.array([0, *(cluster.end() for cluster in regex.finditer(r"\X", text))])
