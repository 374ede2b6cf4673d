"""Topics with keywords and representative rows -> a name for each, from the local LLM or, failing that, the keywords.

Asking is left to llm.py and the wording to instructions/label.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from helpers.llm import LLM, ask, fill_instruction, shorten

LONGEST = 60  # characters: more does not fit on a map
CHATTER = re.compile(
    r"^(i (am|can|will|would|do|don|think|have|need|see)\b|i'm|sorry|as an|sure\b(?!-)|certainly|of course"
    r"|here (is|are)|the (texts?|group|topic|name|following)|based on)",
    re.IGNORECASE,
)


# Small models repeat the worked examples of the instruction when they know nothing better.
EXAMPLES = ("Baking bread and pizza", "Flight bookings and problems")


def label_topics(
    topics: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    llm: LLM | None,
    documents: int = 4,
    document_tokens: int = 50,
    batch_size: int = 8,
    max_new_tokens: int = 24,
    log: Path,
    **_: object,
) -> pd.DataFrame:
    """Return topics with `label` and `label_source`: given, llm, keywords, or fixed for the unassigned.

    topics: as describe_topics returns them; texts: the rows that representative_ids name. Own clusters keep their
    names. Where the model's answer is no name, the first keywords stand in, and label_source says so.
    """
    asked = topics[(topics["topic"] != -1) & topics["name"].isna()]
    answers: dict[int, str] = {}
    if llm is not None and len(asked):
        bodies = texts.set_index("id")["text"]
        chats = [
            fill_instruction(
                "label",
                keywords=[shorten(word, tokens=12, llm=llm) for word in topic.keywords],
                documents=[
                    shorten(bodies[row], tokens=document_tokens, llm=llm)
                    for row in topic.representative_ids[:documents]
                ],
            )
            for topic in asked.itertuples()
        ]
        replies = ask(chats, llm=llm, max_new_tokens=max_new_tokens, batch_size=batch_size, log=log)
        answers = dict(zip(asked["topic"], replies, strict=True))
        llm.free()
    named = [_label(topic, answers.get(topic.topic)) for topic in topics.itertuples()]
    labelled = topics.assign(label=[label for label, _ in named], label_source=[source for _, source in named])
    return labelled.assign(label=_distinct(labelled))


def clean_label(reply: str) -> str | None:
    """Return the name in a model's reply, or None where there is none.

    Quotation marks, list marks, "Topic:" and a full stop at the end are taken off; commas and dots inside stay.

    >>> clean_label('Topic: "Heating, Ventilation and Air Conditioning".')
    'Heating, Ventilation and Air Conditioning'
    >>> clean_label("I'm sorry, I cannot help with that.") is None
    True
    """
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    label = re.sub(r"^(topic|label|name|answer)\s*:\s*", "", lines[0] if lines else "", flags=re.IGNORECASE)
    label = label.lstrip("#").strip(" \t\"'`*_-–—“”‘’«»").rstrip(".:;,!").strip("\"'`*“”")
    label = " ".join(label.split())
    usable = bool(label) and len(label) <= LONGEST and any(sign.isalpha() for sign in label)
    words = label.lower().split()
    rambles = len(words) > 8 or label.count(",") > 3 or (len(words) > 3 and len(set(words)) <= len(words) / 2)
    talks = CHATTER.match(label) or label.endswith("?") or any(example in label for example in EXAMPLES)
    return label if usable and not rambles and not talks else None


def keyword_label(keywords: Sequence[str]) -> str:
    """Return the first three keywords as a name; a word that another one holds is passed over.

    >>> keyword_label(["dog", "dog food", "cat", "bird"])
    'dog food, cat, bird'
    """
    first = [word for word in keywords if len(set(word.split())) == len(word.split())][:6]
    kept = [word for word in first if not any(word != other and word in other.split() for other in first)]
    return ", ".join(kept[:3]) or "no keywords"


def _label(topic: object, reply: str | None) -> tuple[str, str]:
    if topic.topic == -1:
        return "Unassigned", "fixed"
    if isinstance(topic.name, str):
        return topic.name, "given"
    label = clean_label(reply) if reply is not None else None
    return (label, "llm") if label else (keyword_label(topic.keywords), "keywords")


def _distinct(topics: pd.DataFrame) -> list[str]:
    """Return the labels; of equal ones each gets the first of its keywords that the others lack, or its number.

    Given names and that of the unassigned stay as they are.
    """
    counts = topics["label"].str.lower().value_counts()
    labels = []
    for topic in topics.itertuples():
        same = topics[(topics["label"].str.lower() == topic.label.lower()) & (topics["topic"] != topic.topic)]
        others = {word for words in same["keywords"] for word in words}
        taken = {*others, topic.label.lower()}
        own = next((word for word in topic.keywords if word not in taken), f"topic {topic.topic}")
        ours = topic.label_source not in ("given", "fixed")
        labels.append(f"{topic.label} ({own})" if ours and counts[topic.label.lower()] > 1 else topic.label)
    return labels
