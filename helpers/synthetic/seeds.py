"""Topics of a run, an outline, titles or conversations -> seeds, what each prompt begins from; the rest with reasons.

A line a seed: seed_id, kind, topic (null where there is none) and size (rows of the topic, else 1), subject (what it is
about, in words) and, by kind, what its templates are told (styles.SEED). Left out: what, name, rows, reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from helpers.clean.filter import filter_rows
from helpers.clean.words import split_words
from helpers.llm.ask import LLM
from helpers.synthetic.choose import UNASSIGNED, choose_topics
from helpers.synthetic.course import write_outline
from helpers.synthetic.extracts import begin, language_name, line
from helpers.synthetic.outline import outline_seeds, read_outline
from helpers.synthetic.shares import draw
from helpers.synthetic.tables import left_out_table, need_seeds, seed_line, topic_name
from helpers.synthetic_settings import Synthetic
from helpers.text.excerpt import excerpt
from helpers.text.load import load_rows

FEWEST = 8  # words of an extract; fewer hardly say what a text is about
ASKED = 4  # words of a question
KEYWORDS = 6  # that are told beside a topic's name
SHORT = f"have fewer than {FEWEST} words"
SAME = "begin like another text"


def make_seeds(
    how: Synthetic,
    *,
    rows: pd.DataFrame | None = None,
    topics: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    llm: LLM | None = None,
    log: Path,
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the seeds that the settings ask for, and what is left out of topics, texts, units or titles.

    rows, topics: of a run; kind topics needs both, instructions rows alone, unless topics are chosen. scores: see
    choose_topics. log: what the LLM was asked and said where it writes the outline. Raises what the kind's own function
    raises.
    """
    about = {"llm": llm, "seed": seed}
    if how.kind == "titles":
        return title_seeds(how.titles, column=how.column, llm=llm)
    if how.kind == "outline":
        units, lines = find_units(how, log=log, **about)
        seeds, further = outline_seeds(units, bare=how.extract == "none", **how.cutting, **about)
        return seeds, pd.concat([lines, further], ignore_index=True)
    if rows is None or (how.kind == "topics" and (topics is None or topics.empty)):
        raise ValueError(
            f"kind {how.kind} begins from the rows of a run: run `python -m helpers run topics NAME` first"
        )
    chosen, lines = topics if topics is not None and len(topics) else None, left_out_table([])
    if chosen is not None or how.kind == "topics":
        chosen, lines = choose_topics(topics, scores=scores, rows=rows, **how.choosing)
    about |= {"keep": how.seeds_keep, **how.cutting}
    if how.kind == "topics":
        seeds, further = topic_seeds(rows, chosen, extract=how.extract, most=how.per_topic or how.prompts, **about)
    else:
        seeds, further = instruction_seeds(
            rows, chosen, each=how.per_topic, most=None if how.per_topic else how.prompts, **about
        )
    return seeds, pd.concat([lines, further], ignore_index=True)


def find_units(
    how: Synthetic,
    *,
    llm: LLM | None,
    log: Path,
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the units of the files in `outline`, or those of the course that the LLM plans, and what it left out."""
    if how.outline:
        return pd.concat([read_outline(path) for path in how.outline], ignore_index=True), left_out_table([])
    language = "English" if how.language == "auto" else language_name(how.language)
    about = {"least": how.units[0], "most": how.units[1], "language": language}
    return write_outline(how.course, how.description, llm=llm, log=log, seed=seed, **about)


def topic_seeds(
    rows: pd.DataFrame,
    topics: pd.DataFrame,
    *,
    extract: str = "rows",
    chars: int = 1000,
    tokens: int | None = None,
    keep: Sequence[str] = (),
    most: int | None = None,
    llm: Any = None,  # noqa: ANN401
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the beginnings of texts of the topics as seeds, each beginning once, and what is left out.

    rows: id, text, topic. topics: as choose_topics returns them. extract: `rows` (any of the topic), `representatives`
    or `none` (the topic's name alone, a seed a topic). chars, tokens: how much of a text, see extracts.begin. keep:
    rules that a row is to fulfil. most: seeds a topic, those of the smallest hashes of seed and id; texts beyond are
    not looked at. Raises ValueError where nothing is left.
    """
    named = topics.to_dict("records")
    if extract == "none":
        bare = [one for one in named if one["topic"] == UNASSIGNED]
        lines = [("topic", topic_name(one), one["size"], "has neither a name nor an extract") for one in bare]
        seeds = [_topic_seed(one, f"topic {one['topic']}", "", llm) for one in named if one["topic"] != UNASSIGNED]
        return need_seeds(seeds, lines)
    members = rows[rows["topic"].isin(topics["topic"])]
    members, dropped = filter_rows(members, keep=keep)
    lines = [("texts", "", count, f"do not fulfil {rule}") for rule, count in _counts(dropped["rule"])]
    if extract == "representatives":
        members = members[members["id"].isin({row for one in named for row in one["representative_ids"]})]
    seeds: list[dict[str, Any]] = []
    seen: set[str] = set()
    for one in tqdm(named, desc="seeds", unit=" topics", delay=2):
        found, reasons = [], Counter()
        of_topic = members[members["topic"] == one["topic"]]
        texts = dict(zip(of_topic["id"].astype(str), of_topic["text"], strict=True))
        for row in sorted(texts, key=lambda row: draw(seed, row)):
            if len(found) == most:
                break
            begun = begin(texts[row], chars=chars, tokens=tokens, llm=llm)
            if problem := _problem(begun, seen):
                reasons[problem] += 1
            else:
                found.append(_topic_seed(one, row, begun, llm))
        lines += [("texts", f"of {topic_name(one)}", count, why) for why, count in sorted(reasons.items())]
        if not found:
            lines.append(("topic", topic_name(one), one["size"], "has no text that a prompt could begin from"))
        seeds += found
    return need_seeds(seeds, lines)


def instruction_seeds(
    rows: pd.DataFrame,
    topics: pd.DataFrame | None = None,
    *,
    chars: int = 1000,
    tokens: int | None = None,
    keep: Sequence[str] = (),
    most: int | None = None,
    each: int | None = None,
    llm: Any = None,  # noqa: ANN401
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the first question and answer of conversations as seeds, each once, and what is left out.

    rows: id, text, turns and speakers as convert_rows returns them, with whatever keep speaks of. topics: only rows of
    these; None: of any, and of none. Of question and answer up to chars, or tokens, are told. most: seeds in all; each:
    of a topic. Otherwise as topic_seeds.
    """
    if missing := [name for name in ("turns", "speakers") if name not in rows]:
        raise ValueError(
            f"seeds of kind instructions are conversations, and the rows have no column {missing[0]!r}: take another "
            "kind, or a dataset of conversations"
        )
    by_topic = {} if topics is None else {one["topic"]: one for one in topics.to_dict("records")}
    members, dropped = filter_rows(rows if topics is None else rows[rows["topic"].isin(by_topic)], keep=keep)
    lines = [("conversations", "", count, f"do not fulfil {rule}") for rule, count in _counts(dropped["rule"])]
    members = members.assign(_draw=[draw(seed, str(row)) for row in members["id"]]).sort_values("_draw")
    seeds: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    counts: Counter[int | None] = Counter()
    seen: set[str] = set()
    for row in tqdm(members.itertuples(), total=len(members), desc="seeds", unit=" conversations", delay=2):
        if len(seeds) == most:
            break
        if counts[getattr(row, "topic", None)] == each:
            continue
        asked, answered = first_pair(row.text, row.turns, row.speakers)
        told = {"question": asked, "answer": answered}
        told = {name: begin(said, chars=chars, tokens=tokens, llm=llm) for name, said in told.items()}
        if not all(told.values()):
            reasons["have no question that is answered"] += 1
        elif len(split_words(told["question"])) < ASKED:
            reasons[f"ask in fewer than {ASKED} words"] += 1
        elif problem := _problem("\n".join(told.values()), seen):
            reasons[problem] += 1
        else:
            topic = by_topic.get(getattr(row, "topic", None))
            place = {name: topic[name] for name in ("topic", "size")} if topic else {}
            place |= {"subject": line(topic["label"], llm=llm)} if topic else {}
            seeds.append(seed_line("instructions", str(row.id), **place, **told))
            counts[getattr(row, "topic", None)] += 1
    lines += [("conversations", "", count, why) for why, count in sorted(reasons.items())]
    return need_seeds(seeds, lines)


def title_seeds(
    path: str,
    *,
    column: str | None = None,
    llm: Any = None,  # noqa: ANN401
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return titles as seeds, each once: the lines of a text file, or a column of any file that rows are read from.

    column: of the file; else `title`, else `text`. Raises FileNotFoundError, and ValueError that names the columns.
    """
    rows, rejected = load_rows(path=path)
    records = [json.loads(record) for record in rows["record"]]
    column = column or next((name for name in ("title", "text") if any(name in one for one in records)), "title")
    if records and not any(column in one for one in records):
        raise ValueError(f"{path}: no column {column!r}; columns are {', '.join(records[0])}: set synthetic.column")
    seeds: list[dict[str, Any]] = []
    reasons = Counter(rejected["reason"])
    seen: set[str] = set()
    for name, record in zip(rows["id"], records, strict=True):
        title = record.get(column)
        title = line(title, chars=200, llm=llm) if isinstance(title, str) else ""
        key = " ".join(split_words(title))
        if not key:
            reasons["no title"] += 1
        elif key in seen:
            reasons["the same as another title"] += 1
        else:
            seen.add(key)
            seeds.append(seed_line("titles", name, subject=title))
    return need_seeds(seeds, [("titles", "", count, why) for why, count in sorted(reasons.items())])


def first_pair(text: str, turns: Sequence[int] | None, speakers: Sequence[str | None] | None) -> tuple[str, str]:
    """Return the first turn of the user that the assistant answers, and the answer; empty ones where there is none.

    >>> first_pair("Hi! How?\\nSo.", [0, 4, 9], ["system", "user", "assistant"])
    ('How?', 'So.')
    """
    spoken = excerpt(text, turns, speakers, chars=len(text) + 1) if turns is not None and speakers is not None else []
    for (who, asked), (other, answered) in zip(spoken, spoken[1:], strict=False):
        if who == "user" and other == "assistant":
            return asked, answered
    return "", ""


def _topic_seed(topic: dict[str, Any], name: str, extract: str, llm: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a seed of a topic. Keywords that its label says already, or all of it, are not told again."""
    label = line(topic["label"], llm=llm)
    words = [line(word, llm=llm) for word in topic["keywords"]]
    further = [word for word in words if word and word.casefold() not in label.casefold()][:KEYWORDS]
    told = {"topic": topic["topic"], "size": topic["size"], "subject": label, "keywords": further}
    return seed_line("topics", name, extract=extract, **told)


def _problem(begun: str, seen: set[str]) -> str | None:
    """Return why a beginning is no seed, or None and remember it: its words stand for it, however they are set."""
    words = split_words(begun)
    if len(words) < FEWEST:
        return SHORT
    key = " ".join(words)
    if key in seen:
        return SAME
    seen.add(key)
    return None


def _counts(reasons: pd.Series) -> list[tuple[str, int]]:
    return sorted(reasons.value_counts().to_dict().items())
