"""Topics with keywords and rows -> a name for each, from the local LLM where one passes, else the keywords.

What the LLM is shown is told in cases.py, how it is asked and its answers are sifted in naming.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM, ask, choose
from helpers.llm.instructions import fill_fitting, shorten
from helpers.shown import percent
from helpers.topics.cases import Case, make_cases, make_ground
from helpers.topics.checks import LONGEST, find_talk
from helpers.topics.label_layers import NAME_TOKENS, label_layers
from helpers.topics.naming import Question, language_name, name_cases, worked_examples
from helpers.topics.support import Ground
from helpers.vectors.embedder import Embedder

UNASSIGNED, NO_KEYWORDS = "Unassigned", "no keywords"
LOW = 0.5  # of what its keywords find a name should find, and half of that of all rows, or it is marked for a look
DETAIL_TOKENS = 120  # longest summary and reason together
DRAWN = 0.7  # temperature of a second try
SENTENCE = {"type": "string", "minLength": 10, "maxLength": 240}


def label_topics(
    topics: pd.DataFrame,
    layers: pd.DataFrame,
    texts: pd.DataFrame,
    vectors: np.ndarray,
    clusters: pd.DataFrame,
    *,
    llm: LLM | None,
    embedder: Embedder,
    own_vectors: bool = False,
    instruction: str = "label",
    documents: int = 4,
    document_tokens: int = 50,
    draws: int = 2,
    contrast: int = 2,
    labels: int = 1,
    max_new_tokens: int = 32,
    language: str = "auto",
    available_labels: Mapping[str, str] | None = None,
    default_label: str = "None",
    context: str = "",
    query_title: str = "Texts",
    system_prompt: str = "",
    examples: Sequence[Mapping[str, Any]] = (),
    score: bool = False,
    summary: bool = False,
    seed: int = 42,
    log: Path,
    **_: object,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return topics with their labels, and layers with theirs.

    topics: as describe_topics returns them; layers: see layers.py; texts: a line a row, with `vector`, its line in
    vectors and clusters. New columns of topics: label; label_source, which is given (own clusters keep their names),
    llm, list (of available_labels, a name and what it means), keywords where no answer passed, or fixed for the
    unassigned; labels, where more than one is asked for; label_finds and label_rank, see Ground.rate, and keywords_find
    and keywords_rank, all on rows that were neither shown to the LLM nor used to choose; label_note, why one should
    look at a label; summary, score (0 to 5) and score_reason when asked for. layers: label, label_source.
    """
    looks = {"documents": documents, "draws": draws, "contrast": contrast, "document_tokens": document_tokens}
    every, shown = make_cases(topics, texts, vectors, clusters, llm=llm, language=language, seed=seed, **looks)
    given = {topic: name for topic, name in zip(topics["topic"], topics["name"], strict=True) if _is_name(name)}
    cases = [case for case in every if case.topic not in given]
    ground = make_ground(texts, vectors, clusters, shown, embedder=embedder, own_vectors=own_vectors, seed=seed)
    said = {"context": context, "query_title": query_title, "system_prompt": system_prompt}
    source, broader = "llm", layers.assign(label=None, label_source=None)
    if llm is not None and available_labels:
        source = "list"
        default = {default_label: available_labels.get(default_label, "")} if default_label else {}
        _choose_all(cases, {**available_labels, **default}, llm=llm, documents=documents, labels=labels,
                    said={**said, "default_label": default_label}, log=log)  # fmt: skip
    elif llm is None:
        wanted = {"available_labels": available_labels, "labels": labels > 1, "summary": summary, "score": score}
        for name in [name for name, value in wanted.items() if value]:
            print(f"label.{name} needs a language model, and label.model is none: left out", flush=True)  # noqa: T201
    else:
        worked = list(examples) or worked_examples("label")
        question = Question(llm, instruction, worked, said, log, documents, labels, max_new_tokens)
        name_cases(cases, question, ground, keywords=_keywords_of, draws=draws, taken=[UNASSIGNED, *given.values()])
    table = _labelled(topics, {case.topic: case for case in cases}, source=source, many=labels > 1)
    if llm is not None and (score or summary):
        more = {"score": score, "summary": summary, "documents": documents, "query_title": query_title, "seed": seed}
        table = _with_details(table, every, llm=llm, log=log, **more)
    languages = {case.topic: case.language for case in every}
    default = default_label if source == "list" else ""
    broader = label_layers(layers, table, ground, languages, llm=llm, said=said, log=log, default=default)
    if llm is not None:
        llm.free()
    table = _measured(table, ground)
    embedder.free()
    return table, broader


def keyword_label(keywords: Sequence[str]) -> str:
    """Return the first three keywords as a name, or fewer where they are long; a word that another holds is left out.

    >>> keyword_label(["dog", "dog food", "cat", "bird"])
    'dog food, cat, bird'
    """
    said = [word for word in keywords if word.strip()]
    first = [word for word in said if len(set(word.split())) == len(word.split())][:6]
    kept = [word for word in first if not any(word != other and word in other.split() for other in first)]
    kept = kept or said[:1]
    for count in (3, 2):
        if len(", ".join(kept[:count])) <= LONGEST:
            return ", ".join(kept[:count]) or NO_KEYWORDS
    return kept[0] if len(kept[0]) <= LONGEST else f"{kept[0][: LONGEST - 1]}…"


def label_report(topics: pd.DataFrame, llm: LLM | None = None) -> dict[str, Any]:
    """Return how many labels came from where, and how well they and the keywords find their topics' unseen rows.

    by: the model, its revision and quantization, or its server. accuracy: the share of topics whose rows are nearer to
    their label than all other topics' are; finds: the mean of label_finds. Null where no row was left to tell by.
    """
    named = topics[topics["topic"] != -1]
    seen = named.dropna(subset=["label_finds"])
    figures = {
        "accuracy": (seen["label_rank"] == 1).mean(),
        "finds": seen["label_finds"].mean(),
        "keywords_accuracy": (seen["keywords_rank"] == 1).mean(),
        "keywords_find": seen["keywords_find"].mean(),
    }
    return {
        "by": llm and llm.facts,
        "sources": named["label_source"].value_counts().to_dict(),
        "measured_topics": len(seen),
        **{name: float(value) if len(seen) else None for name, value in figures.items()},
        "to_look_at": int((named["label_note"] != "").sum()),
    }


def _keywords_of(case: Case) -> str:
    return keyword_label(case.keywords)


def _choose_all(
    cases: Sequence[Case],
    available: Mapping[str, str],
    *,
    llm: LLM,
    documents: int,
    labels: int,
    said: Mapping[str, Any],
    log: Path,
) -> None:
    """Give each case the most probable of the available labels, or several, the most probable first."""
    names = list(available)
    chats = [
        fill_fitting("choose", llm=llm, documents=case.documents(0, documents), answer_tokens=32,
                     keywords=case.keywords, available=available, **said)
        for case in cases
    ]  # fmt: skip
    for case, line in zip(cases, choose(chats, names, llm=llm, log=log, doing="choose labels"), strict=True):
        if not np.isnan(line).any():
            order = np.argsort(-line, kind="stable")
            found = [names[place] for place in order if line[place] > 0]
            case.names = [*found[:1], *(name for name in found[1:] if name != said["default_label"])][:labels]


def _labelled(topics: pd.DataFrame, cases: Mapping[int, Case], *, source: str, many: bool) -> pd.DataFrame:
    """Return topics with label and label_source; those of the LLM and of keywords are all different."""
    labels, sources, lists = [], [], []
    for topic in topics.itertuples():
        case = cases.get(topic.topic)
        if topic.topic == -1:
            names, kind = [UNASSIGNED], "fixed"
        elif case is None:
            names, kind = [topic.name], "given"
        elif case.names:
            names, kind = case.names, source
        else:
            names, kind = [keyword_label(topic.keywords)], "keywords"
        labels.append(names[0])
        sources.append(kind)
        lists.append(names)
    table = topics.assign(label=labels, label_source=sources)
    table["label"] = _distinct(table)
    told = [[label, *names[1:]] for label, names in zip(table["label"], lists, strict=True)]
    return table.assign(labels=told) if many else table


def _distinct(topics: pd.DataFrame) -> list[str]:
    """Return the labels; of equal ones each gets the first of its keywords that the others lack, or its number.

    Given names, those of a list and that of the unassigned stay as they are.
    """
    fixed = topics["label_source"].isin(["given", "fixed", "list"])
    taken = set(topics.loc[fixed, "label"].str.casefold())
    counts = topics["label"].str.casefold().value_counts()
    labels = []
    for topic, kept in zip(topics.itertuples(), fixed, strict=True):
        label, folded = topic.label, topic.label.casefold()
        if not kept and (counts[folded] > 1 or folded in taken):
            others = {word for words in topics.loc[topics["topic"] != topic.topic, "keywords"] for word in words}
            own = next((word for word in topic.keywords if word not in {*others, folded}), f"topic {topic.topic}")
            label = f"{label} ({own})"
            label = label if label.casefold() not in taken else f"{label} ({topic.topic})"
        taken.add(label.casefold())
        labels.append(label)
    return labels


def _with_details(
    topics: pd.DataFrame,
    cases: Sequence[Case],
    *,
    llm: LLM,
    score: bool,
    summary: bool,
    documents: int,
    query_title: str,
    seed: int,
    log: Path,
) -> pd.DataFrame:
    """Return topics with a summary sentence, or an educational score with its reason, or both; null where none came.

    Sentences that refuse, talk to the reader or are in another language are asked for once more, drawn, by seed.
    """
    parts = {"summary": SENTENCE} if summary else {}
    parts |= {"reason": SENTENCE, "score": {"type": "integer", "enum": [0, 1, 2, 3, 4, 5]}} if score else {}
    schema = {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
    label = {
        topic: shorten(name, tokens=NAME_TOKENS, llm=llm)
        for topic, name in zip(topics["topic"], topics["label"], strict=True)
    }
    chats = [
        fill_fitting("details", llm=llm, documents=case.documents(0, documents), answer_tokens=2 * DETAIL_TOKENS,
                     keywords=case.keywords, label=label[case.topic], language=language_name(case.language),
                     score=score, summary=summary, query_title=query_title)
        for case in cases
    ]  # fmt: skip
    asking = {"llm": llm, "schema": schema, "max_new_tokens": 2 * DETAIL_TOKENS, "log": log}
    found = _in_words(cases, ask(chats, **asking, doing="describe topics"))
    again = [number for number, case in enumerate(cases) if case.topic not in found]
    drawn = ask([chats[i] for i in again], **asking, temperature=DRAWN, seed=seed, doing="describe topics again")
    found |= _in_words([cases[i] for i in again], drawn)
    for column, part in {"summary": "summary", "score_reason": "reason", "score": "score"}.items():
        if part in parts:
            values = [found.get(topic, {}).get(part) for topic in topics["topic"]]
            topics = topics.assign(**{column: pd.array(values, dtype="Int64") if part == "score" else values})
    return topics


def _in_words(cases: Sequence[Case], replies: Sequence[Mapping[str, Any] | None]) -> dict[int, Mapping[str, Any]]:
    """Return the replies by topic whose sentences are about the topic, as far as form and language tell."""
    return {
        case.topic: reply
        for case, reply in zip(cases, replies, strict=True)
        if reply
        and not any(find_talk(str(reply.get(part, "")), language=case.language) for part in ("summary", "reason"))
    }


def _is_name(given: object) -> bool:
    """Return whether the name of an own cluster says anything: numbers do not."""
    return isinstance(given, str) and any(sign.isalpha() for sign in given)


def _measured(topics: pd.DataFrame, ground: Ground) -> pd.DataFrame:
    """Return topics with label_finds, label_rank, keywords_find, keywords_rank and label_note."""
    numbers, columns = topics["topic"].tolist(), {}
    for name, labels in {"label": topics["label"], "keywords": topics["keywords"].map(keyword_label)}.items():
        rated = ground.rate(labels.tolist(), numbers, report=True)
        if name == "keywords":
            rated[(topics["keywords"].str.len() == 0).to_numpy()] = np.nan
        columns |= {f"{name}_{'finds' if name == 'label' else 'find'}": rated["finds"], f"{name}_rank": rated["rank"]}
    table = topics.assign(**{name: values.to_numpy() for name, values in columns.items()})
    return table.assign(label_note=[_note(line) for line in table.itertuples()])


def _note(topic: Any) -> str:  # noqa: ANN401 - a line of the table
    """Return why one should look at a label, "" where nothing speaks against it."""
    if topic.topic == -1 or np.isnan(topic.label_finds):
        return ""
    if topic.label_rank > 1:
        nearer = int(topic.label_rank) - 1
        return f"{nearer} other topic{'s are' if nearer > 1 else ' is'} nearer to this label"
    if topic.label_finds < LOW * max(LOW, topic.keywords_find):
        return f"finds {percent(topic.label_finds)} of the topic's rows, its keywords {percent(topic.keywords_find)}"
    return ""
