"""Texts and their token counts -> texts that fit a model's context window, exact to the token in its tokenizer.

What is cut, and how much was lost, stands beside each text. Counting tokens is left to audit.py.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import regex
from tqdm import tqdm

NEAR = 1000  # characters among which a certain end of a grapheme cluster is looked for
SPARE = 128  # tokens looked at beyond the window; WordPiece reads at most 100 characters as one word
EXTRA = 4  # tokens tried beyond the window: after a cut, neighbours may merge into fewer
# Between two such characters a grapheme cluster always ends, so a search for one may start there (UAX 29, GB999).
_PLAIN = r"[\p{GCB=Other}\p{GCB=LV}\p{GCB=LVT}]"

Spans = list[tuple[int, int]]  # what is kept of a text: from, to
Fitted = tuple[Spans, int]  # parts of a text that fit when joined, and their size in tokens


class Cut(NamedTuple):
    """A text that was cut, its size, and where turns start in it with their speakers."""

    text: str
    n_tokens: int
    turns: list[int]
    speakers: list[str | None]


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
    cut, or null. turns and speakers are of the cut text: each turn that is kept in part stands where that part starts.
    Raises ValueError for an unknown strategy and for a window too small for a single character.
    """
    _check(texts, counts, strategy, max_tokens)
    before = counts["n_tokens"].to_numpy()
    too_long = (before > max_tokens) & (strategy != "none")
    cuts = _cut_all(texts[too_long], _STRATEGIES.get(strategy), Window(tokenizer, max_tokens, mark))
    sizes = before.copy()
    sizes[too_long] = [cut.n_tokens for cut in cuts]
    first = texts.groupby("text", sort=False)["id"].transform("first").astype(object)
    return texts.assign(
        text=_replaced(texts["text"], too_long, [cut.text for cut in cuts]),
        turns=_replaced(texts["turns"], too_long, [cut.turns for cut in cuts]),
        speakers=_replaced(texts["speakers"], too_long, [cut.speakers for cut in cuts]),
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


def _replaced(column: pd.Series, rows: np.ndarray, values: list) -> np.ndarray:
    """Return a column with other values in some rows."""
    new = column.to_numpy(dtype=object, copy=True)
    for row, value in zip(
        np.flatnonzero(rows), values, strict=True
    ):  # numpy would take lists of one length for a table
        new[row] = value
    return new


def _cut_all(texts: pd.DataFrame, strategy: Callable | None, window: Window) -> list[Cut]:
    rows = zip(texts["id"], texts["text"], texts["turns"], texts["speakers"], strict=True)
    shown = tqdm(rows, "truncate", len(texts), unit=" texts", mininterval=1, disable=len(texts) < 2000)
    return [_cut(*row, strategy, window) for row in shown]


def _cut(
    row_id: str, text: str, turns: Sequence[int], speakers: Sequence[str | None], strategy: Callable, window: Window
) -> Cut:
    """Return one text that fits. White space around it is the first to go."""
    stripped = text.strip()
    outer = len(text) - len(text.lstrip())
    offsets = [max(0, int(offset) - outer) for offset in turns]
    if stripped != text and (size := len(window.starts(stripped)) - 1) <= window.limit:
        fitted = [(0, len(stripped))], size
    else:
        fitted = strategy(stripped, window, offsets)
    if not fitted:
        raise ValueError(
            f"truncate.max_tokens: {window.limit} is too few for one character of row {row_id!r}; take more"
        )
    spans, size = fitted
    return Cut(window.join(stripped, spans), size, *_kept_turns(offsets, speakers, spans, gap=len(window.mark)))


def _kept_turns(
    turns: list[int], speakers: Sequence[str | None], spans: Spans, *, gap: int
) -> tuple[list[int], list[str | None]]:
    """Return where turns start in the spans joined with so many characters between, and who speaks there."""
    kept: dict[int, str | None] = {}
    done = position = 0
    for start, end in spans:
        before_end = bisect_left(turns, end)
        # The turn that the span starts within comes first, unless the span before it ends in the same turn.
        for turn in range(max(done, bisect_right(turns, start) - 1), before_end):
            kept[position + max(0, turns[turn] - start)] = speakers[turn]
        done, position = before_end, position + end - start + gap
    return list(kept), list(kept.values())


def _head(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    starts = window.starts(text)

    def cut(tokens: int, whole: bool) -> Spans:
        return _trimmed(text, 0, _around(text, starts[tokens], whole)[0])

    return _longest(text, cut, window, window.limit, len(starts) - 1)


def _tail(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    ends = window.ends(text)

    def cut(tokens: int, whole: bool) -> Spans:
        return _trimmed(text, _around(text, ends[tokens], whole)[1], len(text))

    return _longest(text, cut, window, window.limit, len(ends) - 1)


def _ends(text: str, window: Window, _: Sequence[int]) -> Fitted | None:
    starts, ends = window.starts(text), window.ends(text)

    def cut(tokens: int, whole: bool) -> Spans:
        end = _around(text, starts[(tokens + 1) // 2], whole)[0]
        start = max(end, _around(text, ends[tokens // 2], whole)[1])
        head, tail = _trimmed(text, 0, end), _trimmed(text, start, len(text))
        return head + tail if head and tail else []

    wanted = window.limit - window.size(window.mark)
    return _longest(text, cut, window, wanted, len(starts) - 1) or _head(text, window, [])


def _turns(text: str, window: Window, turns: Sequence[int]) -> Fitted | None:
    """Return the whole turns from the start that fit, or the head of the first."""
    starts = window.starts(text)
    reach = starts[min(window.limit, len(starts) - 1)]
    for end in [end for end in turns[:0:-1] if end <= reach]:
        whole_turns = text[:end].rstrip()
        if whole_turns and (size := window.size(whole_turns)) <= window.limit:
            return [(0, len(whole_turns))], size
    first = text[: turns[1]].rstrip() if len(turns) > 1 else ""
    return _head(first or text, window, [])


_STRATEGIES = {"head": _head, "tail": _tail, "ends": _ends, "turns": _turns}


def _trimmed(text: str, start: int, end: int) -> Spans:
    """Return the one span between start and end without white space around it, or none where nothing else is there."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    kept = len(piece.strip())
    return [(start, start + kept)] if kept else []


def _longest(text: str, cut: Callable[..., Spans], window: Window, wanted: int, most: int) -> Fitted | None:
    """Return the longest cut(tokens) found to fit; between characters where not one grapheme cluster fits."""
    for whole in (True, False):
        kept = partial(cut, whole=whole)
        for tokens in range(min(wanted, most), 0, -1):
            spans = kept(tokens)
            if not spans:
                break
            if (size := window.size(window.join(text, spans))) <= window.limit:
                return _grown((spans, size), text, kept, window, range(tokens + 1, min(tokens + EXTRA, most) + 1))
    return None


def _grown(best: Fitted, text: str, cut: Callable[[int], Spans], window: Window, more: range) -> Fitted:
    """Return best, or the longest cut with more tokens that fits as well."""
    for tokens in more:
        spans = cut(tokens)
        if best[1] == window.limit or (size := window.size(window.join(text, spans))) > window.limit:
            break
        best = spans, size
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

    def join(self, text: str, spans: Spans) -> str:
        """Return what is kept of a text, with the mark where something is left out between."""
        return self.mark.join(text[start:end] for start, end in spans)

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
