"""Texts and a rubric -> a level for each from the local LLM, with its probabilities or its reason; the rest rejected.

direct: the text is read once and the levels are weighed, nothing is written. reason: a sentence, then the level, bound
to a schema. Every reply is logged, so that what was asked is not asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM, ask, choose
from helpers.llm.instructions import SPARE, Chat, fill_fitting, fill_instruction, first_tokens, shorten
from helpers.quality.figures import score_figures
from helpers.quality.rubric import Rubric

DRAWN = 0.7  # temperature of a second try, and of a second rating with a reason
TOPIC_TOKENS, TOPIC_TEXTS, TOPIC_WORDS = 80, 5, 8  # of a topic's rows that are shown, and of its keywords
REASON = {"type": "string", "minLength": 10, "maxLength": 400}
NO_LLM = (
    "rating needs a language model, and label.model is none: set quality.llm.model, give ratings of your own "
    "(quality.ratings: a file with id and score; quality.known: a column of text.keep), or a quality.classifier"
)


def rate_texts(
    texts: pd.DataFrame,
    rubric: Rubric,
    *,
    llm: LLM | None,
    mode: str = "direct",
    max_new_tokens: int = 128,
    backwards: bool = False,
    temperature: float = 0.0,
    seed: int = 42,
    log: Path,
    doing: str = "rate",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ratings and rejected rows; every text is in one of them, in order.

    texts: id, text, as the scorer will see it, and vector, its number. Ratings: id, vector, score; spread (the levels'
    standard deviation) and probabilities (of each level) in mode direct, whose score is the mean of the levels, or
    reason in mode reason; cut (whether the model could not read all of the text), mode, model, rubric, rubric_hash.
    rejected: id, reason. backwards: the rubric is told from the highest level down. Raises ValueError without an LLM.
    """
    if llm is None:
        raise ValueError(NO_LLM)
    shown, cut = _shown(texts["text"], rubric, llm, max_new_tokens)
    chats = [_chat(rubric, [text], reason=mode == "reason", backwards=backwards) for text in shown]
    about = {"llm": llm, "log": log, "doing": doing}
    if mode == "direct":
        found = _weighed(chats, rubric, **about)
        problem = "no answer came in time"
    else:
        drawn = {"temperature": temperature, "seed": seed}
        found = _reasoned(chats, rubric, max_new_tokens=max_new_tokens, **drawn, **about)
        problem = f"no level came within {max_new_tokens} tokens, drawn twice"
    good = found["score"].notna().to_numpy()
    by = {"mode": mode, "model": llm.name, "rubric": rubric.name, "rubric_hash": rubric.hash}
    named = texts[["id", "vector"]].reset_index(drop=True)
    ratings = pd.concat([named, found], axis=1).assign(cut=cut, **by)[good]
    rejected = named[["id"]][~good].assign(reason=problem)
    return ratings.reset_index(drop=True), rejected.reset_index(drop=True)


def rate_again(
    texts: pd.DataFrame,
    ratings: pd.DataFrame,
    rubric: Rubric,
    *,
    again: int,
    mode: str = "direct",
    **settings: Any,  # noqa: ANN401
) -> dict[str, Any] | None:
    """Return how far the model agrees with itself: n, spearman, kappa, error of two ratings of the first `again` texts.

    The second time the rubric is told from the highest level down, and a reason is drawn anew. No scorer can be
    expected to agree better with a rater than the rater does. None where fewer than two were rated twice. settings: of
    rate_texts.
    """
    temperature = DRAWN if mode == "reason" else 0.0
    asked = {"mode": mode, "backwards": True, "temperature": temperature, "doing": "rate again", **settings}
    second, _ = rate_texts(texts.head(again), rubric, **asked)
    both = ratings.merge(second, on="vector", suffixes=("", "_again"))
    if len(both) < 2:
        return None
    figures = score_figures(both["score"], both["score_again"], levels=rubric.levels)
    return {name: figures[name] for name in ("n", "spearman", "kappa", "error")}


def rate_topics(topics: pd.DataFrame, rows: pd.DataFrame, rubric: Rubric, *, llm: LLM, log: Path) -> pd.DataFrame:
    """Return the topics' own ratings, topic and score, each from its keywords and the beginnings of some of its texts.

    topics: of the run, with topic, keywords and representative_ids; the unassigned are left out. score: the mean of the
    levels as the model weighs them.
    """
    texts = rows.set_index("id")["text"]
    named = topics[topics["topic"] != -1]
    chats = []
    for topic in named.itertuples():
        chosen = texts.reindex(list(topic.representative_ids)[:TOPIC_TEXTS]).dropna()
        begun = [first_tokens(text, tokens=TOPIC_TOKENS, llm=llm) for text in chosen]
        words = [shorten(word, tokens=8, llm=llm) for word in list(topic.keywords)[:TOPIC_WORDS]]
        values = {"keywords": words, "rubric": rubric.text(), "reason": False}
        chats.append(fill_fitting(rubric.instruction, llm=llm, documents=begun, answer_tokens=4, **values))
    found = _weighed(chats, rubric, llm=llm, log=log, doing="rate topics")
    return pd.DataFrame({"topic": named["topic"].to_numpy(), "score": found["score"].to_numpy()})


def _chat(rubric: Rubric, documents: Sequence[str], *, reason: bool, backwards: bool = False) -> Chat:
    told = {"rubric": rubric.text(backwards=backwards), "reason": reason, "keywords": []}
    return fill_instruction(rubric.instruction, documents=list(documents), **told)


def _shown(texts: pd.Series, rubric: Rubric, llm: LLM, answer_tokens: int) -> tuple[list[str], list[bool]]:
    """Return texts without marks, cut where the model cannot read all, and whether each was cut."""
    asked = llm.count_tokens(_chat(rubric, [""], reason=True))
    room = llm.context - asked - answer_tokens - SPARE
    if room < 1:
        raise ValueError(
            f"the rubric {rubric.name} takes {asked} tokens, and {llm.name} reads {llm.context}: make it shorter, or "
            "take another model"
        )
    shown = [first_tokens(text, tokens=room, llm=llm) for text in texts]
    return shown, [len(one) < len(text) and one.endswith(" …") for one, text in zip(shown, texts, strict=True)]


def _weighed(chats: Sequence[Chat], rubric: Rubric, **about: Any) -> pd.DataFrame:  # noqa: ANN401
    """Return score, spread and probabilities by line, null where no answer came."""
    levels = np.arange(rubric.levels[0], rubric.levels[1] + 1)
    chances = choose(chats, [str(level) for level in levels], **about)
    mean = chances @ levels
    spread = np.sqrt(np.maximum(0, chances @ levels**2 - mean**2))
    return pd.DataFrame({"score": mean, "spread": spread, "probabilities": list(chances)})


def _reasoned(
    chats: Sequence[Chat],
    rubric: Rubric,
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    **about: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Return score and reason by line, null where none came; what came to nothing is drawn a second time."""
    levels = list(range(rubric.levels[0], rubric.levels[1] + 1))
    schema = {
        "type": "object",
        "properties": {"reason": REASON, "score": {"type": "integer", "enum": levels}},
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
    asking = {"schema": schema, "max_new_tokens": max_new_tokens, "seed": seed, **about}
    replies = ask(chats, temperature=temperature, **asking)
    empty = [place for place, reply in enumerate(replies) if reply is None]
    if empty:
        asking |= {"temperature": DRAWN, "seed": seed + 1}
        for place, reply in zip(empty, ask([chats[place] for place in empty], **asking), strict=True):
            replies[place] = reply
    told = [reply or {"score": None, "reason": None} for reply in replies]
    scores = pd.array([one["score"] for one in told], dtype="Float64").to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame({"score": scores, "reason": [one["reason"] for one in told]})
