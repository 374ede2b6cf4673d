"""Seeds x styles x audiences -> prompts, no two the same, as many of each kind as their shares say, ready to send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.llm.instructions import Chat, guess_tokens
from helpers.llm.replies import reply_key
from helpers.proportions import share_out
from helpers.synthetic.choose import UNASSIGNED
from helpers.synthetic.extracts import language_name
from helpers.synthetic.shares import deal, draw, share_cells
from helpers.synthetic.styles import (
    AUDIENCES,
    SEED,
    STYLES,
    Template,
    combine,
    fill_style,
    hash_templates,
    read_audiences,
    read_styles,
)
from helpers.synthetic.tables import left_out_table

TURN_TOKENS = 8  # of a turn's marks, where the model is not known
# What parts the seeds of a kind: a template has to tell some of it.
PARTS = {"topics": ("extract", "topic"), "outline": ("title",), "titles": ("title",)}
PARTS |= {"instructions": ("question", "answer")}
FINE = 10_000  # prompts by which it is seen what share each combination has


def plan_prompts(
    seeds: pd.DataFrame,
    *,
    prompts: int = 100,
    per_topic: int | None = None,
    by: str = "even",
    show_topic: float = 0.5,
    styles: Mapping[str, float] | None = None,
    audiences: Mapping[str, float] | None = None,
    combinations: str = "default",
    language: str = "auto",
    words: int = 700,
    llm: Any = None,  # noqa: ANN401
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the prompts, ordered by id, and the combinations of style and audience that are left out.

    Prompts: id (a hash of the prompt), prompt (a chat, [{role, content}, ...]), kind, topic, subject, style, audience,
    seed_id, shown (whether the topic is named), template_hash, n_tokens. No two are the same. seeds: see seeds.py.

    prompts: how many in all; or per_topic, for each topic, unit or title, less where its seeds and the shares leave no
    room for so many different ones.
    styles, audiences: names or files with shares, of which the proportions count; none: those of the kit, equally. How
    many each gets is the nearest whole number (see share_out), of both as far as the combinations leave room. by:
    topics get `even` numbers, or numbers by their `size`. A topic's seeds are taken in the order of a hash, none again
    before all were, and then in another combination. show_topic: the probability that a prompt with an extract names
    its topic; one without does. Seeds in any order give the same prompts. llm: counts tokens; else they are guessed.

    Raises what reading the templates raises, and ValueError, which says how many, where fewer prompts are possible.
    """
    kind, records = _only_kind(seeds), _records(seeds)
    shares = styles or dict.fromkeys(STYLES[kind], 1), audiences or dict.fromkeys(AUDIENCES, 1)
    parted = [name for name in PARTS[kind] if all(_values(one, show_topic == 1)[name] for one in records)]
    forms = read_styles(list(shares[0]), filled=parted, uses_language=language != "auto")
    readers = read_audiences(list(shares[1]))
    asked = [*(forms if styles else ()), *(readers if audiences else ())]
    pairs, left_out = combine(list(forms), list(readers), table=combinations, asked=asked)
    ordered = sorted(records, key=lambda one: (draw(seed, one["seed_id"]), one["seed_id"]))
    groups = _groups(ordered, seed)
    allowed = np.array([[(style, audience) in pairs for audience in readers] for style in forms])
    wanted = {"prompts": prompts, "per_topic": per_topic, "by": by}
    counts = _count(groups, *(list(part.values()) for part in shares), allowed, seed=seed, **wanted)
    told = {"language": language_name(language, [_spoken(one) for one in ordered]), "words": words}
    planned = [
        (one, style, audience)
        for group, taken in zip(groups, counts, strict=True)
        for one, style, audience in _with_seeds(group, taken, list(forms), list(readers), seed)
    ]
    lines = []
    for one, style, audience in tqdm(planned, desc="plan", unit=" prompts", delay=2):
        shown = _is_shown(one, style, audience, show_topic, seed)
        lines.append(_line(one, forms[style], readers[audience], shown=shown, told=told, llm=llm))
    _need_different(lines)
    table = pd.DataFrame(lines).sort_values("id", ignore_index=True)
    return table.astype({"topic": "Int64"}), _as_left_out(left_out)


def chats_of(prompts: pd.DataFrame) -> list[Chat]:
    """Return the chats of prompts as they are sent, in their order; also of prompts that were read from a file."""
    return [[{"role": turn["role"], "content": turn["content"]} for turn in chat] for chat in prompts["prompt"]]


def _only_kind(seeds: pd.DataFrame) -> str:
    kinds = sorted(set(seeds["kind"]))
    if len(kinds) != 1:
        raise ValueError(f"expected seeds of one kind, got {', '.join(kinds) or 'no seed'}: plan each kind by itself")
    if twice := seeds.loc[seeds["seed_id"].duplicated(), "seed_id"].tolist():
        raise ValueError(f"every seed needs an id of its own, and {twice[0]!r} is there several times")
    return kinds[0]


def _records(seeds: pd.DataFrame) -> list[dict[str, Any]]:
    return [one | {"topic": None if pd.isna(one["topic"]) else int(one["topic"])} for one in seeds.to_dict("records")]


def _groups(ordered: Sequence[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """Return the seeds of each topic, in the order of a hash; a seed without a topic is a group by itself."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for one in ordered:
        key = one["seed_id"] if one["topic"] is None else one["topic"]
        groups.setdefault((one["topic"] is None, key), []).append(one)
    return [groups[key] for key in sorted(groups, key=lambda key: (draw(seed, "group", *key), key))]


def _count(
    groups: Sequence[Sequence[dict[str, Any]]],
    styles: Sequence[float],
    audiences: Sequence[float],
    allowed: np.ndarray,
    *,
    prompts: int,
    per_topic: int | None,
    by: str,
    seed: int,
) -> list[dict[tuple, int]]:
    """Return for each group how many prompts of each style and audience it gets, by their places."""
    sizes = [len(group) for group in groups]
    most = [size * int(allowed.sum()) for size in sizes]
    # Those that are left out of all pairs have no share.
    styles = [share * bool(line.any()) for share, line in zip(styles, allowed, strict=True)]
    audiences = [share * bool(column.any()) for share, column in zip(audiences, allowed.T, strict=True)]
    if per_topic is None:
        cells = _cells(prompts, styles, audiences, allowed, seeds=sum(sizes))
        if (possible := int(cells.sum())) < prompts:
            raise ValueError(
                f"{prompts:,} prompts are asked for, and {possible:,} different ones are possible with {sum(sizes):,} "
                f"seeds and {allowed.sum()} combinations of style and audience in their shares: set synthetic.prompts "
                f"to {possible} or less, or take more topics, texts, styles or audiences"
            )
        weights = [1 if by == "even" else group[0]["size"] for group in groups]
        return _dealt(cells, share_out(prompts, weights, most).tolist(), sizes, seed)
    numbers = [min(per_topic, one) for one in most]
    while True:  # what a topic has no room for in its shares is no other topic's
        cells = _cells(sum(numbers), styles, audiences, allowed, seeds=sum(sizes))
        dealt = _dealt(cells, share_out(int(cells.sum()), numbers, numbers).tolist(), sizes, seed)
        numbers = [min(per_topic, sum(taken.values())) for taken in dealt]
        if sum(numbers) == cells.sum():
            return dealt


def _cells(
    count: int, styles: Sequence[float], audiences: Sequence[float], allowed: np.ndarray, *, seeds: int
) -> np.ndarray:
    """Return how many prompts each style (line) and audience (column) get: count in all, or as many as are possible.

    None gets more than there are seeds.
    """
    cells = share_cells(count, styles, audiences, allowed)
    if cells.max() <= seeds:
        return cells
    largest = share_cells(FINE, styles, audiences, allowed).max() / FINE
    possible = min(count - 1, int(seeds / largest) + len(styles) * len(audiences))
    while (cells := share_cells(possible, styles, audiences, allowed)).max() > seeds:
        possible -= 1
    return cells


def _dealt(cells: np.ndarray, numbers: Sequence[int], sizes: Sequence[int], seed: int) -> list[dict[tuple, int]]:
    """Return the cells dealt out to the groups: see _count.

    Styles are dealt first, so that they are spread over every topic, then the audiences of each style: each style
    begins with another one, so that a topic does not get the same audience in all styles.
    """
    lines, columns = cells.shape
    by_style = deal(
        cells.sum(axis=1).tolist(),
        numbers,
        [size * columns for size in sizes],
        [draw(seed, "style", style) for style in range(lines)],
    )
    found: list[dict[tuple, int]] = [{} for _ in numbers]
    rank = np.argsort([draw(seed, "audience", audience) for audience in range(columns)])
    for style in range(lines):
        starts = (((rank + style) % columns + 0.5) / columns).tolist()
        wanted = [taken.get(style, 0) for taken in by_style]
        for counts, taken in zip(found, deal(cells[style].tolist(), wanted, sizes, starts), strict=True):
            counts |= {(style, audience): number for audience, number in taken.items()}
    return found


def _with_seeds(
    group: Sequence[dict[str, Any]],
    counts: Mapping[tuple, int],
    styles: Sequence[str],
    audiences: Sequence[str],
    seed: int,
) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield seed, style and audience of each prompt of a group: seeds in turn, so that no pair meets one twice.

    No combination has more prompts in a group than there are seeds in it.
    """
    named = {(styles[style], audiences[audience]): number for (style, audience), number in counts.items()}
    key = group[0]["seed_id"]
    pairs = sorted(named, key=lambda pair: (draw(seed, key, *pair), pair))
    place = 0
    for pair in pairs:
        for _ in range(named[pair]):
            yield group[place % len(group)], *pair
            place += 1


def _is_shown(one: Mapping[str, Any], style: str, audience: str, show_topic: float, seed: int) -> bool:
    """Return whether a prompt names its topic; there is none to name of rows of no topic, or of another kind."""
    if one["kind"] != "topics" or one["topic"] == UNASSIGNED:
        return False
    return not one["extract"] or draw(seed, "shown", one["seed_id"], style, audience) < show_topic


def _values(one: Mapping[str, Any], shown: bool) -> dict[str, Any]:
    """Return what a seed tells a template."""
    told = {name: one[name] for name in SEED[one["kind"]] if name not in ("topic", "title")}
    if one["kind"] == "topics":
        named = shown or not one["extract"]
        return told | {"topic": one["subject"] if named else "", "keywords": told["keywords"] if named else ()}
    return told | ({"title": one["subject"]} if "title" in SEED[one["kind"]] else {})


def _line(
    one: Mapping[str, Any],
    style: Template,
    audience: Template,
    *,
    shown: bool,
    told: Mapping[str, Any],
    llm: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return a prompt as a line of the table."""
    chat = fill_style(style, audience, _values(one, shown), kind=one["kind"], **told)
    guessed = sum(guess_tokens(turn["content"]) + TURN_TOKENS for turn in chat) if llm is None else 0
    return {
        "id": reply_key(prompt=chat),
        "prompt": chat,
        **{name: one[name] for name in ("kind", "topic", "subject")},
        "style": style.name,
        "audience": audience.name,
        "seed_id": one["seed_id"],
        "shown": shown,
        "template_hash": hash_templates(style, audience, one["kind"]),
        "n_tokens": guessed or llm.count_tokens(chat),
    }


def _spoken(one: Mapping[str, Any]) -> str:
    """Return what a seed says in the language of its source."""
    return "\n".join(str(one.get(name) or "") for name in ("extract", "question", "answer")).strip() or one["subject"]


def _need_different(lines: Sequence[Mapping[str, Any]]) -> None:
    seen: dict[str, Mapping[str, Any]] = {}
    for one in lines:
        other = seen.setdefault(one["id"], one)
        if other is not one:
            raise ValueError(
                f"the seeds {other['seed_id']} and {one['seed_id']} make the same prompt in {one['style']} for "
                f"{one['audience']}: let the style's template tell what parts them, as {{{{ seed }}}} does"
            )


def _as_left_out(pairs: pd.DataFrame) -> pd.DataFrame:
    names = [f"{pair.style} for {pair.audience}" for pair in pairs.itertuples()]
    return left_out_table([("combination", name, 0, why) for name, why in zip(names, pairs["reason"], strict=True)])
