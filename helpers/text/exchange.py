"""A record with an instruction and its answer, or a group of such samples -> turns.

Roles stand in turns.py; which turns are kept and how they are joined is told in strings.py.
"""

from __future__ import annotations

from typing import Any

from helpers.text.sources.values import kind_name
from helpers.text.turns import Turn, Unusable, as_list, first_of, listed, parsed, text_of

# An exchange in one record: columns of the system's, the user's and the assistant's part, the usual ones first.
EXCHANGE = {
    "system": (("system", "system_prompt"),),
    "user": (("instruction", "question", "prompt", "query"), ("input", "context")),
    "assistant": (("output", "response", "answer", "completion"),),
}


def exchange_turns(record: dict[str, Any], separator: str) -> list[Turn]:
    """Return the turns of an exchange in columns: system, instruction and input as one, output."""
    if not has_exchange(record):
        raise Unusable(f"no exchange such as instruction and output; columns are {listed(record)}")
    turns = []
    for role, parts in EXCHANGE.items():
        columns = [column for names in parts if (column := first_of(names, record))]
        texts = [text for column in columns if (text := text_of(record[column], column)).strip()]
        turns += [Turn(role, separator.join(texts))] if texts else []
    return turns


def has_exchange(record: dict[str, Any]) -> bool:
    """Return whether a record has a user's and an assistant's column."""
    return all(any(first_of(names, record) for names in EXCHANGE[role]) for role in ("user", "assistant"))


def sample_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return the samples of a group: the list itself, or the list in an object that names it samples."""
    value = parsed(value)
    return as_list(value["samples"] if isinstance(value, dict) and "samples" in value else value)


def sample_turns(value: Any, separator: str) -> list[Turn]:  # noqa: ANN401
    """Return the turns of a group of samples, each an exchange."""
    samples = sample_list(value)
    if wrong := [kind_name(one) for one in samples if not isinstance(one, dict)]:
        raise Unusable(f"a sample is {wrong[0]}, expected an object such as input and output")
    return [turn for sample in samples for turn in exchange_turns(sample, separator)]
