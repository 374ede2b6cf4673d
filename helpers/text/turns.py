"""What a turn is, the roles that speakers have, and how a value of a record is read as a text or a list.

Conversations are read in messages.py, instructions with their answers in exchange.py.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from helpers.text.sources.values import kind_name, parse_json

ROLES = {
    "user": "user human customer client instruction input prompter".split(),
    "assistant": "assistant gpt bot chatbot model ai chatgpt bing bard agent output".split(),
    "system": ["system", "developer", "system_prompt"],
    "tool": "tool function function_call observation ipython function_response tool_response".split(),
}
_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}


class Turn(NamedTuple):
    """What one speaker says in one go; role is None for a text without speakers."""

    role: str | None
    text: str


class Unusable(ValueError):
    """A record has no text in the expected place; the message says why."""


def column_turns(record: dict[str, Any], columns: Sequence[str]) -> list[Turn]:
    """Return the texts of columns in the order given, those in lists and objects one by one."""
    return [Turn(None, text) for column in columns for text in _flat(record.get(column))]


def text_of(value: Any, column: str) -> str:  # noqa: ANN401
    """Return a string as it is and null as nothing; raises Unusable for every other kind."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unusable(f"not text: column {column!r} holds {kind_name(value)}")
    return value


def role_of(name: str) -> str:
    """Return user, assistant, system or tool for the names that they go by, every other name in lower case."""
    name = name.strip().lower()
    return _ROLE_OF.get(name, name)


def name_roles(names: Sequence[str | None], *, by_appearance: bool) -> list[str]:
    """Return the role for each speaker's name; nameless ones take turns as user and assistant.

    by_appearance: a name that is no known role becomes user or assistant, whichever is free first, then stays.
    """
    roles = {name: role_of(name) for name in names if name is not None}
    free = [role for role in ("user", "assistant") if role not in roles.values()]
    for name in roles if by_appearance else ():
        if roles[name] not in ROLES and free:
            roles[name] = free.pop(0)
    return [roles.get(name) or ("user", "assistant")[place % 2] for place, name in enumerate(names)]


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return a list that may stand as JSON in a string, as the one list of an object, or as a list for each key.

    The last is how the hub lays out lists of objects. Raises Unusable for everything else; null is no item.
    """
    value = parsed(value)
    if isinstance(value, dict) and value and all(isinstance(one, list) for one in value.values()):
        value = _of_lists(value)
    if value is not None and not isinstance(value, list):
        raise Unusable(f"expected a list, got {kind_name(value)}")
    return value or []


def _of_lists(value: dict[str, list[Any]]) -> list[Any]:
    columns = list(value.values())
    if len(columns) == 1 and any(isinstance(one, (dict, list)) for one in columns[0]):
        return columns[0]
    if len({len(column) for column in columns}) > 1:
        raise Unusable("expected a list, got an object of lists of different lengths")
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]


def parsed(value: Any) -> Any:  # noqa: ANN401
    """Return what a string holds that starts like JSON, and every other value as it is; raises Unusable.

    A list as Python prints it, which is what pandas puts into a CSV, is read as well.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return parse_json(value)
    except ValueError as error:
        try:
            return ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise Unusable(f"expected a list, got a string that is not JSON: {error}") from None


def _flat(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _flat(one)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


def first_of(names: Sequence[str], record: dict[str, Any]) -> str | None:
    """Return the first of the names under which the record has a value, else the first that it has at all."""
    there = [name for name in names if name in record]
    filled = (name for name in there if record[name] is not None and not _is_blank(record[name]))
    return next(filled, there[0] if there else None)


def _is_blank(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and not value.strip()


def listed(record: dict[str, Any]) -> str:
    """Return the names of a record's columns, for messages."""
    return ", ".join(list(record)[:12]) or "nothing"
