"""A list of messages -> turns: what is said, by whom, with the calls of tools as text.

Roles stand in turns.py; which turns are kept and how they are joined is told in strings.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from helpers.text.sources.values import kind_name
from helpers.text.turns import Turn, Unusable, as_list, first_of, listed, name_roles, parsed

# Under which keys a message names its speaker and its text, the usual ones first.
SPEAKER_KEYS = ("role", "from", "sender", "speaker", "author", "message_type", "user", "name")
TEXT_KEYS = ("content", "value", "text", "utterance", "message", "body")
MESSAGE_KEYS = {"openai": (("role",), ("content",)), "sharegpt": (("from",), ("value",))}


def message_turns(value: Any, *, format: str) -> list[Turn]:  # noqa: ANN401
    """Return the turns of a list of messages: objects, strings, lists of them, JSON of that, or columns of one length.

    format: openai and sharegpt expect their keys and keep their roles; turns takes any known pair of keys, joins what
    one speaker says inside an inner list, and takes unknown speakers for user and assistant as they appear.
    """
    groups = [one if isinstance(one, list) else [one] for one in as_list(value)]
    keys = MESSAGE_KEYS.get(format, (SPEAKER_KEYS, TEXT_KEYS))
    spoken = [[part for one in group for part in _message(one, *keys)] for group in groups]
    merged = [said for group in spoken for said in _by_speaker(group)]
    roles = name_roles([name for name, _ in merged], by_appearance=format == "turns")
    return [Turn(role, text) for role, (_, text) in zip(roles, merged, strict=True)]


def _message(one: Any, speaker_keys: Sequence[str], text_keys: Sequence[str]) -> list[tuple[str | None, str]]:  # noqa: ANN401
    """Return what a message says and, as said by the tool, the calls in it, so that both can be left out."""
    if isinstance(one, str):
        return [(None, one)]
    if not isinstance(one, dict):
        raise Unusable(f"a message is {kind_name(one)}, expected an object or a string")
    text_key = first_of(text_keys, one)
    if text_key is None and not one.keys() & {"tool_calls", "function_call"}:
        raise Unusable(f"a message has no {' or '.join(map(repr, text_keys))}; it has {listed(one)}")
    said, calls = (_speaker(one, speaker_keys), _content(one.get(text_key))), _tool_calls(one)
    return [said, ("tool", calls)] if calls else [said]


def _speaker(message: dict[str, Any], keys: Sequence[str]) -> str | None:
    name = message.get(first_of(keys, message))
    if isinstance(name, dict):  # a chat's export has the author's role one level down
        name = name.get("role") or name.get("name")
    if name is not None and type(name) not in (str, int):
        raise Unusable(f"a message's speaker is {kind_name(name)}")
    if name is None and len(keys) == 1:
        raise Unusable(f"a message has no {keys[0]!r}; it has {listed(message)}")
    return None if name is None else str(name)


def _content(value: Any) -> str:  # noqa: ANN401
    """Return a message's text: a string, nothing, or the texts among its parts (pictures and sounds have none)."""
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = value["parts"]
    if isinstance(value, list):
        return _joined(*[_part(one) for one in value])
    if isinstance(value, dict):
        return _part(value)
    if value is not None and not isinstance(value, str):
        raise Unusable(f"not text: a message's content is {kind_name(value)}")
    return value or ""


def _part(value: Any) -> str:  # noqa: ANN401
    text = value.get("text", value.get("refusal")) if isinstance(value, dict) else value
    if isinstance(text, dict):  # a thread's message has its text and the notes to it one level down
        text = text.get("value")
    if text is not None and not isinstance(text, str):
        raise Unusable(f"not text: a part of a message's content is {kind_name(text)}")
    return text or ""


def _tool_calls(message: dict[str, Any]) -> str:
    calls = parsed(message.get("tool_calls")) or ([message["function_call"]] if message.get("function_call") else [])
    if not isinstance(calls, list):
        raise Unusable(f"a message's tool_calls is {kind_name(calls)}, expected a list")
    return _joined(*[_tool_call(call) for call in calls])


def _tool_call(call: Any) -> str:  # noqa: ANN401
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise Unusable(f"a tool call is {kind_name(call)}, expected an object with a function")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    return f"{function.get('name') or 'call'}({arguments})"


def _by_speaker(group: list[tuple[str | None, str]]) -> Iterator[tuple[str | None, str]]:
    """Yield what each speaker says in one go, in lines."""
    for name, said in groupby(group, key=lambda one: one[0]):
        yield name, "\n".join(text for _, text in said)


def _joined(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
