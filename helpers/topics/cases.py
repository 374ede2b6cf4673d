"""Topics, rows and vectors -> what the LLM is shown of each topic, and the rows that its names are held against.

What is shown is cut, cleaned of marks that a model obeys, and never more than half of a topic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM
from helpers.llm.instructions import shorten
from helpers.topics.checks import find_language
from helpers.topics.support import ROWS, Ground, lay_ground
from helpers.vectors.embedder import Embedder, unit_length

SHOWN = 0.5  # of a topic's texts, at most, are shown: the others tell whether its name is right
WORD_TOKENS = 12  # of a keyword
SPOKEN = 20  # texts of a topic by which its language is told
OTHER_WORDS = 3  # of each neighbouring topic
OWN_ROWS = 5  # of a topic, in each half, are embedded where the run's vectors are not the embedder's
AT_ONCE = 64  # texts embedded together


@dataclass
class Case:
    """A topic that is to be named: what the LLM may be shown of it, what was proposed, what was refused and why."""

    topic: int
    keywords: list[str]
    texts: list[str]
    others: list[str]
    language: str | None
    proposed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def documents(self, draw: int, count: int) -> list[str]:
        """Return the examples of a draw: each begins where the one before ended."""
        start = draw * count % max(1, len(self.texts))
        return (self.texts[start:] + self.texts[:start])[:count]


def make_cases(
    topics: pd.DataFrame,
    texts: pd.DataFrame,
    vectors: np.ndarray,
    clusters: pd.DataFrame,
    *,
    llm: LLM | None,
    documents: int,
    draws: int,
    contrast: int,
    document_tokens: int,
    language: str,
    seed: int,
) -> tuple[list[Case], set[int]]:
    """Return a case a topic, and the lines of vectors that any LLM is shown.

    The first texts of a case are the topic's representative rows, which differ from one another; when more draws are
    wanted than these suffice for, others follow at random. others: the first keywords of so many nearest topics.
    """
    unique = texts.drop_duplicates("vector").sort_values("vector")
    bodies, line_of = unique["text"].tolist(), dict(zip(texts["id"], texts["vector"], strict=True))
    own = clusters["topic"].to_numpy()
    near = _nearest_topics(vectors, own, count=contrast)
    words = dict(zip(topics["topic"], topics["keywords"], strict=True))
    random, cases, shown = np.random.default_rng(seed), [], set()
    for topic in topics[topics["topic"] != -1].itertuples():
        members = np.flatnonzero(own == topic.topic)
        most = min(documents * draws, max(1, int(SHOWN * len(members)))) if documents else 0
        first = [int(line_of[row]) for row in topic.representative_ids]
        rest = [line for line in random.permutation(members).tolist() if line not in set(first)]
        lines = (first + rest)[:most]
        shown |= set(lines) if llm is not None else set()
        raw = [bodies[line] for line in lines]
        cut = raw if llm is None else [shorten(text, tokens=document_tokens, llm=llm) for text in raw]
        keywords = [word if llm is None else shorten(word, tokens=WORD_TOKENS, llm=llm) for word in topic.keywords]
        others = [", ".join(list(words[other])[:OTHER_WORDS]) for other in near.get(topic.topic, [])]
        others = [other if llm is None else shorten(other, tokens=4 * WORD_TOKENS, llm=llm) for other in others]
        spoken = find_language([bodies[line] for line in members[:SPOKEN]]) if language == "auto" else language
        cases.append(Case(int(topic.topic), keywords, cut, others, spoken))
    return cases, shown


def make_ground(
    texts: pd.DataFrame,
    vectors: np.ndarray,
    clusters: pd.DataFrame,
    shown: set[int],
    *,
    embedder: Embedder,
    own_vectors: bool,
    seed: int,
) -> Ground:
    """Return the rows that names are held against; where the vectors are not the embedder's, a few rows are embedded.

    On a GPU the embedder stays in the machine's memory, so that the LLM can have all of the GPU's.
    """
    encode = _encoder(replace(embedder, device="cpu", precision="fp32") if embedder.device != "cpu" else embedder)
    if not own_vectors:
        taken = {"vectors_of": lambda lines: vectors[lines], "rows": ROWS}
    else:
        bodies = texts.drop_duplicates("vector").sort_values("vector")["text"].to_numpy()
        taken = {"vectors_of": lambda lines: encode(bodies[lines].tolist()), "rows": OWN_ROWS}
    return lay_ground(clusters["topic"].to_numpy(), shown=shown, embed=encode, seed=seed, **taken)


def _encoder(embedder: Embedder) -> Callable[[Sequence[str]], np.ndarray]:
    known: dict[str, np.ndarray] = {}  # names are held against rows several times

    def encode(texts: Sequence[str]) -> np.ndarray:
        new = sorted({text for text in texts if text not in known}, key=lambda text: (len(text), text))
        for start in range(0, len(new), AT_ONCE):
            batch = new[start : start + AT_ONCE]
            known.update(zip(batch, embedder.encode(batch), strict=True))
        return np.stack([known[text] for text in texts]) if len(texts) else np.zeros((0, 1), dtype=np.float32)

    return encode


def _nearest_topics(vectors: np.ndarray, own: np.ndarray, *, count: int) -> dict[int, list[int]]:
    """Return for each topic the others whose centres are nearest to its own."""
    numbers = np.arange(own.max(initial=-1) + 1)
    if len(numbers) < 2 or not count:
        return {}
    full = np.asarray(vectors, dtype=np.float32)
    centres = unit_length(np.stack([full[own == number].mean(axis=0) for number in numbers]))
    near = centres @ centres.T
    np.fill_diagonal(near, -np.inf)
    order = np.argsort(-near, axis=1, kind="stable")[:, : min(count, len(numbers) - 1)]
    return {int(number): order[number].tolist() for number in numbers}
