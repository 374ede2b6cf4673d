"""Labelled topics and the layers above them -> names of the broader topics, from the names of what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM
from helpers.topics.cases import Case
from helpers.topics.layers import LAYERS
from helpers.topics.naming import Question, name_cases, worked_examples
from helpers.topics.support import Ground

CHILDREN = 8  # topics, the largest, that a broader one is named after


def label_layers(
    layers: pd.DataFrame,
    topics: pd.DataFrame,
    ground: Ground,
    languages: Mapping[int, str | None],
    *,
    llm: LLM | None,
    said: Mapping[str, Any],
    log: Path,
) -> pd.DataFrame:
    """Return layers with label and label_source: the topics' own on the finest, on the others names of what they hold.

    A broader topic that holds one alone has its name; without an LLM, or where no answer passes, the names of its two
    largest stand in, as `children`.
    """
    labels = {("fine", topic): (label, source) for topic, label, source in
              zip(topics["topic"], topics["label"], topics["label_source"], strict=True)}  # fmt: skip
    below, owners = "fine", ground.topics
    for name in LAYERS:
        parents = layers[layers["layer"] == below].sort_values("size", ascending=False, kind="stable")
        parent_of = dict(zip(parents["topic"], parents["parent"], strict=True))
        held = {topic: lines["topic"].tolist() for topic, lines in parents[parents["parent"] >= 0].groupby("parent")}
        children = {topic: list(dict.fromkeys(labels[below, child][0] for child in held[topic])) for topic in held}
        spoken = {topic: _most_frequent([languages.get(child) for child in held[topic]]) for topic in held}
        owners = np.array([parent_of.get(topic, -1) for topic in owners.tolist()], dtype=np.int64)
        cases = [
            Case(topic, names[:2], names[:CHILDREN], [], spoken[topic])
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
            name_cases(cases, question, wider, keywords=_two_largest, draws=1)
        named = {case.topic: (case.names[0], "llm") for case in cases if case.names}
        for topic, names in children.items():
            both = " / ".join(child.split(" / ")[0] for child in names[:2])
            alone = labels[below, held[topic][0]] if len(names) == 1 else (both, "children")
            labels[name, topic] = named.get(topic, alone)
        below, languages = name, spoken
    both = [labels.get((line.layer, line.topic), ("no keywords", "keywords")) for line in layers.itertuples()]
    return layers.assign(label=[label for label, _ in both], label_source=[source for _, source in both])


def _most_frequent(languages: Sequence[str | None]) -> str | None:
    known = [code for code in languages if code]
    return max(sorted(set(known)), key=known.count) if known else None


def _two_largest(case: Case) -> str:
    return " / ".join(case.keywords)
