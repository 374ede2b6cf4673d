"""Labelled topics and the layers above them -> names of the broader topics, from the names of what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM
from helpers.llm.instructions import shorten
from helpers.topics.cases import Case
from helpers.topics.layers import LAYERS
from helpers.topics.naming import Question, name_cases, worked_examples
from helpers.topics.support import Ground

CHILDREN = 8  # topics, the largest, that a broader one is named after
NAME_TOKENS = 40  # of each, as the model is shown it
JOINT = " / "


def label_layers(
    layers: pd.DataFrame,
    topics: pd.DataFrame,
    ground: Ground,
    languages: Mapping[int, str | None],
    *,
    llm: LLM | None,
    said: Mapping[str, Any],
    log: Path,
    default: str = "",
) -> pd.DataFrame:
    """Return layers with label and label_source: the topics' own on the finest, on the others names of what they hold.

    A broader topic that holds one alone has its name; without an LLM, or where no answer passes, the names of its two
    largest stand in, as `children`. default: the label of topics that none of a given list fits, which names nothing.
    """
    labels = {("fine", topic): (label, source) for topic, label, source in
              zip(topics["topic"], topics["label"], topics["label_source"], strict=True)}  # fmt: skip
    below, owners = "fine", ground.topics
    for name in LAYERS:
        parents = layers[layers["layer"] == below].sort_values("size", ascending=False, kind="stable")
        parent_of = dict(zip(parents["topic"], parents["parent"], strict=True))
        held = {topic: lines["topic"].tolist() for topic, lines in parents[parents["parent"] >= 0].groupby("parent")}
        children = {topic: _names([labels[below, child] for child in held[topic]], default) for topic in held}
        spoken = {topic: _most_frequent([languages.get(child) for child in held[topic]]) for topic in held}
        owners = np.array([parent_of.get(topic, -1) for topic in owners.tolist()], dtype=np.int64)
        cases = [
            Case(topic, names[:2], _shown(names, llm), [], spoken[topic])
            for topic, names in children.items()
            if len(names) > 1
        ]
        if llm is not None and cases:
            wider = Ground(ground.vectors, owners, ground.for_report, ground.embed)
            question = Question(
                llm,
                "broader",
                worked_examples("broader"),
                {**said, "system_prompt": ""},
                log,
                CHILDREN,
                of=f"{name} topics",
            )
            known = [label for (layer, _), (label, _) in labels.items() if layer == below]
            name_cases(cases, question, wider, keywords=_two_largest, draws=1, taken=known)
        named = {case.topic: (case.names[0], "llm") for case in cases if case.names}
        for topic, names in children.items():
            labels[name, topic] = named.get(topic) or _without_answer(names, [labels[below, c] for c in held[topic]])
        below, languages = name, spoken
    both = [labels.get((line.layer, line.topic), ("no keywords", "keywords")) for line in layers.itertuples()]
    return layers.assign(label=[label for label, _ in both], label_source=[source for _, source in both])


def _most_frequent(languages: Sequence[str | None]) -> str | None:
    known = [code for code in languages if code]
    return max(sorted(set(known)), key=known.count) if known else None


def _two_largest(case: Case) -> str:
    return JOINT.join(case.keywords)


def _names(labels: Sequence[tuple[str, str]], default: str) -> list[str]:
    """Return the different names of what a topic holds, of joint ones the first; the default only where it is all."""
    first = [label.split(JOINT)[0] if source == "children" else label for label, source in labels]
    return [name for name in dict.fromkeys(first) if name != default] or first[:1]


def _without_answer(names: Sequence[str], held: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return label and source of a topic that has no name of its own: that of the one it holds, or of its largest."""
    if len(held) == 1:
        return held[0]
    if len(names) == 1:
        return names[0], dict(held).get(names[0], "children")
    return JOINT.join(names[:2]), "children"


def _shown(names: Sequence[str], llm: LLM | None) -> list[str]:
    some = names[:CHILDREN]
    return list(some) if llm is None else [shorten(name, tokens=NAME_TOKENS, llm=llm) for name in some]
