"""Prompts -> texts that a language model writes, without what it says around them; the rest rejected with the reason.

Every reply is kept in a log as it comes, by the prompt's id: what was written is not written again. What is cut from
a text is told in boilerplate.py.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.llm.ask import read_reply
from helpers.llm.draw import LOOP, Written
from helpers.llm.instructions import FRAME, Chat, without_marks
from helpers.llm.write import Writer, outcome, write_each, writing_speed
from helpers.synthetic.boilerplate import cut_boilerplate, is_refusal, read_rules

ABOUT = ("kind", "topic", "subject", "style", "audience", "seed_id")  # columns of a prompt that its row has too
MADE = ("n_tokens", "finish_reason", "model")  # and those that writing adds
NO_ANSWER = "no answer"  # why a prompt is rejected that is asked again the next time
ROLES = ("system", "user", "assistant")
NO_LLM = "texts need a language model, and the model is none: name one, or the addresses of servers that have one"


def generate_texts(
    prompts: pd.DataFrame,
    *,
    llm: Writer | None,
    log: Path,
    min_tokens: int = 150,
    unfinished: str = "cut",
    boilerplate: Path | None = None,
    doing: str | None = "write",
    **sampling: Any,  # noqa: ANN401
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows and rejected prompts; every prompt is in one of them, in order.

    prompts: id, prompt (a chat of role and content, JSON of one, or a string, which is what the user says), and of
    kind, topic, subject, style, audience and seed_id those that there are, which the row has too. Rows: id, text,
    original (as the model wrote it, where something was cut), these columns, n_tokens, finish_reason (stop, or length:
    cut off at max_new_tokens or at the context's end), model and cut (names of what was cut). rejected: id, reason,
    text (as the model wrote it, where it did), these columns, n_tokens, finish_reason and model.

    Reasons, the first that is true: "no answer: ..." (the prompt failed, and is asked again the next time), "empty",
    "loop" (one thing again and again), "refused", "only boilerplate" and "too short: ..." (than min_tokens). n_tokens:
    of the text; where something was cut, the model's count in proportion to the letters that are left. unfinished:
    "cut" ends a text that was cut off with its last whole sentence, "keep" does not. boilerplate: rules of one's own,
    see cut_boilerplate. log, doing, sampling, and what is raised: see write_texts; ValueError without an LLM, for ids
    that several prompts have, and for prompts without id and prompt.
    """
    settings = {"min_tokens": min_tokens, "unfinished": unfinished, "boilerplate": boilerplate}
    return outcome(generate_each(prompts, llm=llm, log=log, doing=doing, **settings, **sampling))


def generate_each(
    prompts: pd.DataFrame,
    *,
    llm: Writer | None,
    log: Path,
    min_tokens: int = 150,
    unfinished: str = "cut",
    boilerplate: Path | None = None,
    doing: str | None = "write",
    **sampling: Any,  # noqa: ANN401
) -> Generator[int, None, tuple[pd.DataFrame, pd.DataFrame]]:
    """Do what generate_texts does, and yield how many prompts have an outcome, see write_each; return both tables."""
    if llm is None:
        raise ValueError(NO_LLM)
    need_prompts(prompts)
    prompts = prompts.reset_index(drop=True)
    if unfinished not in ("cut", "keep"):
        raise ValueError(f"unfinished: expected cut or keep, got {unfinished!r}")
    read_rules(boilerplate)  # an error of theirs comes before anything is written
    chats = [_read_chat(prompt, llm) for prompt in prompts["prompt"]]
    good = [place for place, chat in enumerate(chats) if isinstance(chat, list)]
    ids = prompts["id"].astype(str).tolist()
    asked = {"ids": [ids[place] for place in good], "llm": llm, "log": log, "doing": doing}
    written = yield from write_each([chats[place] for place in good], **asked, **sampling)
    found = dict(zip(good, written, strict=True))
    settings = {"min_tokens": min_tokens, "unfinished": unfinished, "rules": boilerplate}
    told = [
        _judged(found[place], chat, **settings)
        if place in found
        else _judged(Written(None, cause=chat), [], **settings)
        for place, chat in enumerate(chats)
    ]
    return _as_tables(prompts, told, llm.name)


def generation_figures(rows: pd.DataFrame, rejected: pd.DataFrame, logs: Sequence[Path]) -> dict[str, Any]:
    """Return prompts, rows, rejected, tokens (of the rows); reasons, finish_reasons, cut, each with counts; speed.

    speed: texts, tokens, seconds and tokens_per_second of all that the logs hold, see writing_speed; the seconds of
    several logs are those of tasks that may have run at the same time.
    """
    names = Counter(name for cut in rows["cut"] for name in cut.split(", ") if name)
    speeds = [writing_speed(log) for log in logs]
    speed = {name: sum(one[name] for one in speeds) for name in ("texts", "tokens", "seconds")}
    return {
        "prompts": len(rows) + len(rejected),
        "rows": len(rows),
        "rejected": len(rejected),
        "tokens": int(rows["n_tokens"].sum()),
        "reasons": _counts(rejected["reason"].astype(object).str.split(":").str[0]),
        "finish_reasons": _counts(rows["finish_reason"]),
        "cut": dict(names.most_common()),
        "speed": speed | {"tokens_per_second": speed["tokens"] / (speed["seconds"] or 1)},
    }


def _judged(written: Written, chat: Chat, *, min_tokens: int, unfinished: str, rules: Path | None) -> dict[str, Any]:
    """Return what a row tells of a text, and as reason why it is none, or ""."""
    raw = (written.text or "").strip()
    said = read_reply(raw)
    about = {"finish_reason": written.finish_reason or "stop", "unfinished": unfinished, "rules": rules}
    text, names = cut_boilerplate(said, prompt=_asked(chat), **about)
    names = ["thinking", *names] if said != raw else names
    tokens = round(written.tokens * len(text) / len(raw)) if raw else 0
    reason = ""
    if written.text is None:
        reason = f"{NO_ANSWER}: {written.cause}"
    elif not said:
        reason = "empty: nothing but the model's thinking" if raw else "empty"
    elif written.finish_reason == LOOP:
        reason = "loop"
    elif is_refusal(said, rules=rules) or is_refusal(text, rules=rules):
        reason = "refused"
    elif not text:
        reason = "only boilerplate"
    elif tokens < min_tokens:
        reason = f"too short: {tokens} tokens, fewer than {min_tokens}"
    if reason:
        text, tokens = (None if written.text is None else raw), written.tokens
    made = {"text": text, "original": raw if names and not reason else None, "n_tokens": tokens}
    return made | {"finish_reason": written.finish_reason, "cut": ", ".join(names), "reason": reason}


def _as_tables(prompts: pd.DataFrame, told: Sequence[dict[str, Any]], model: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    about = [name for name in ABOUT if name in prompts]
    columns = ["text", "original", "n_tokens", "finish_reason", "cut", "reason"]
    made = pd.DataFrame(list(told), columns=columns, index=prompts.index).astype({"n_tokens": "int64"})
    table = pd.concat([prompts[["id", *about]], made], axis=1).assign(model=model)
    good = made["reason"] == ""
    rows = table.loc[good, ["id", "text", "original", *about, *MADE, "cut"]]
    rejected = table.loc[~good, ["id", "reason", "text", *about, *MADE]]
    return rows.reset_index(drop=True), rejected.reset_index(drop=True)


def need_prompts(prompts: pd.DataFrame) -> None:
    """Raise ValueError for prompts without id and prompt, and for ids that several of them have."""
    if missing := [name for name in ("id", "prompt") if name not in prompts]:
        raise ValueError(f"no column {missing[0]!r}; columns are {', '.join(map(str, prompts.columns))}")
    ids = prompts["id"].astype(str)
    if repeated := ids[ids.duplicated()].tolist():
        raise ValueError(f"{len(repeated)} prompts have an id that another one has, such as {repeated[0]!r}")


def _read_chat(prompt: Any, llm: Writer) -> Chat | str:  # noqa: ANN401 - whatever stands in the table
    """Return a prompt as a chat without marks of the model's own, or why it is none."""
    if isinstance(prompt, str):
        try:
            turns = json.loads(prompt) if prompt.lstrip().startswith("[") else None
        except (ValueError, RecursionError):
            turns = None
        if not (isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns)):
            turns = [{"role": "user", "content": prompt}]
    else:
        turns = list(prompt) if isinstance(prompt, (list, tuple, np.ndarray)) else []
    if not turns or not all(_is_turn(turn) for turn in turns):
        return f"the prompt is no chat of {', '.join(ROLES)} and content: {str(prompt)[:100]}"
    if not turns[-1]["content"].strip():
        return "the prompt is empty"
    return [{"role": turn["role"], "content": _plain(turn["content"], llm)} for turn in turns]


def _is_turn(turn: Any) -> bool:  # noqa: ANN401
    return isinstance(turn, dict) and turn.get("role") in ROLES and isinstance(turn.get("content"), str)


def _plain(text: str, llm: Writer) -> str:
    """Return a text that no model reads as the end of its turn, nor a client as bad Unicode; frames of texts stay."""
    text = text.encode("utf-8", "replace").decode()
    parts = re.split(f"({FRAME})", text)
    return "".join(part if number % 2 else without_marks(part, llm) for number, part in enumerate(parts))


def _asked(chat: Chat) -> str:
    return next((turn["content"] for turn in reversed(chat) if turn["role"] == "user"), "")


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().items()}
