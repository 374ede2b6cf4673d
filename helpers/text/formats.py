"""The first records of a dataset -> its format and the columns that hold the text.

What is done with them is told in strings.py. What the user sets is never changed, only completed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from helpers.text.exchange import has_exchange, sample_list
from helpers.text.messages import MESSAGE_KEYS, SPEAKER_KEYS, TEXT_KEYS
from helpers.text.sources.records import ID_COLUMNS
from helpers.text.sources.values import kind_name
from helpers.text.turns import Unusable, as_list

CONVERSATION_COLUMNS = (
    "messages conversations conversation dialogue dialog dialogs turns chat chats history utterances log thread"
).split()
TEXT_COLUMNS = (
    "text content body markdown document article dialogue dialog conversation transcript chat abstract description "
    "passage review comment post message sentence utterance query question prompt instruction story summary title"
).split()
GROUP_COLUMNS = "conversation_id dialogue_id dialog_id conv_id conversation_hash session_id thread_id chat_id".split()
ORDER_COLUMNS = (
    "turn turn_id turn_number turn_index turn_idx message_id message_index message_number utterance_id utterance_idx "
    "index idx order sequence timestamp created_at time"
).split()
_SURE_SPEAKERS = SPEAKER_KEYS[:4]  # outside a column named for conversations, the others mean many things


def detect_format(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the settings that fit the records, such as {"format": "openai", "column": "messages"}.

    Looked for in this order: a conversation, an exchange (instruction and output), groups of samples, a turn a row,
    one text. Raises ValueError that names the columns when nothing fits.
    """
    for find in (_conversation, _exchange, _nested, _grouped, _text):
        if found := find(records):
            return found
    raise ValueError(f"no column of text found; columns are {_columns(records)}: set text.format and text.column")


def complete_format(
    records: list[dict[str, Any]],
    *,
    format: str = "auto",
    column: str | None = None,
    columns: Sequence[str] = (),
    group: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """Return the settings given, with what they leave open taken from the records.

    Raises ValueError for a column that no record has, or when what is open cannot be found.
    """
    given = {"column": column, "columns": list(columns), "group": group, "order": order}
    given = {name: value for name, value in given.items() if value}
    need_columns(records, [one for one in (column, group, order, *columns) if one])
    if format == "auto":
        format = "columns" if columns else "grouped" if group else "auto"
    if format == "columns":
        return {"format": format, **given, "columns": list(columns) or _one_column(column, records)}
    if format == "alpaca":
        return {"format": format}
    seen = [{column: record.get(column)} for record in records] if column and format != "grouped" else records
    if format == "auto":
        return {**detect_format(seen), **given}
    return {"format": format, **(_found(format, seen, given) or {}), **given}


def need_columns(records: list[dict[str, Any]], columns: Sequence[str]) -> None:
    """Raise ValueError, naming the columns there are, for a column that none of the records has."""
    for column in columns:
        if not any(column in record for record in records):
            seen = f"in the first {len(records)} rows" if len(records) > 1 else "in the first row"
            raise ValueError(f"no column {column!r} {seen}; columns are {_columns(records)}")


def _found(format: str, records: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any] | None:
    """Return where a format that the user chose stands in the records."""
    if format == "grouped":
        found = _grouped(records, **given)
    elif "column" in given:
        return None
    else:
        found = {"nested": _nested, "text": _text}.get(format, lambda seen: _conversation(seen, format))(records)
    if found is None:
        wanted = "text.group and text.column" if format == "grouped" else "text.column"
        raise ValueError(f"nothing looks like format {format}; columns are {_columns(records)}: set {wanted}")
    return found


def _conversation(records: list[dict[str, Any]], format: str | None = None) -> dict[str, Any] | None:
    names = _names(records)
    for column in sorted(names, key=lambda name: (name not in CONVERSATION_COLUMNS, names.index(name))):
        formats = Counter(_message_format(value, column) for value in _values(records, column))
        best = next((name for name, _ in formats.most_common(1)), None)
        if best and format in (None, best, "turns"):
            return {"format": format or best, "column": column}
    return None


def _message_format(value: Any, column: str) -> str | None:  # noqa: ANN401
    """Return the format that a value is a conversation in, if it is one."""
    try:
        items = [one for group in as_list(value) for one in (group if isinstance(group, list) else [group])]
    except Unusable:
        return None
    objects = [one for one in items if isinstance(one, dict)]
    named = column.lower() in CONVERSATION_COLUMNS
    if not items or len(objects) < len(items):
        return "turns" if items and named and all(isinstance(one, str) for one in items) else None
    for format, (speakers, texts) in MESSAGE_KEYS.items():
        said = {*texts, "tool_calls", "function_call"}
        if all(one.keys() & said and any(one.get(name) is not None for name in speakers) for one in objects):
            return format
    speaks = all(one.keys() & {*_SURE_SPEAKERS} for one in objects)
    return "turns" if (named or speaks) and all(one.keys() & {*TEXT_KEYS} for one in objects) else None


def _exchange(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    texts = [{name: value for name, value in record.items() if isinstance(value, str)} for record in records]
    return {"format": "alpaca"} if _most(has_exchange(record) for record in texts) else None


def _nested(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    for column in _names(records):
        if _most(_is_samples(value) for value in _values(records, column)):
            return {"format": "nested", "column": column}
    return None


def _is_samples(value: Any) -> bool:  # noqa: ANN401
    try:
        samples = sample_list(value)
    except Unusable:
        return False
    return bool(samples) and all(isinstance(one, dict) and has_exchange(one) for one in samples)


def _grouped(
    records: list[dict[str, Any]],
    *,
    group: str | None = None,
    column: str | None = None,
    **given: Any,  # noqa: ANN401
) -> dict[str, Any] | None:
    """Return a conversation id's column and a text's, where ids repeat or a speaker or a turn's number stands by."""
    names = _names(records)
    chosen = group or next((name for name in GROUP_COLUMNS if name in names), None)
    text = column or next((name for name in TEXT_KEYS if _are_texts(records, name)), None)
    if not chosen or not text:
        return None
    order = given.get("order") or next((name for name in ORDER_COLUMNS if name in names and name != chosen), None)
    ids = [str(value) for value in _values(records, chosen)]
    if not (group or order or speaker_column(records, text) or len(set(ids)) < len(ids)):
        return None
    return {"format": "grouped", "group": chosen, "column": text} | ({"order": order} if order else {})


def speaker_column(records: list[dict[str, Any]], text: str) -> str | None:
    """Return the column that says who speaks, where a row is a turn."""
    scalars = {name: _most(type(value) in (str, int) for value in _values(records, name)) for name in SPEAKER_KEYS}
    return next((name for name in SPEAKER_KEYS if name != text and scalars[name]), None)


def _text(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    usual = next((name for name in TEXT_COLUMNS if _are_texts(records, name)), None)
    others = [name for name in _names(records) if name not in ID_COLUMNS and _are_words(records, name)]
    longest = max(others, key=lambda name: sum(map(len, _strings(records, name))), default=None)
    return {"format": "text", "column": usual or longest} if usual or longest else None


def _one_column(column: str | None, records: list[dict[str, Any]]) -> list[str]:
    if column is None:
        raise ValueError(f"format columns needs text.columns, a list; columns are {_columns(records)}")
    return [column]


def _are_texts(records: list[dict[str, Any]], name: str) -> bool:
    return _most(isinstance(value, str) for value in _values(records, name))


def _are_words(records: list[dict[str, Any]], name: str) -> bool:
    """Return whether most values are texts with a letter in them: numbers and dates are texts too in a CSV."""
    return _most(isinstance(value, str) and any(map(str.isalpha, value)) for value in _values(records, name))


def _strings(records: list[dict[str, Any]], name: str) -> list[str]:
    return [value for value in _values(records, name) if isinstance(value, str)]


def _most(answers: Iterable[bool]) -> bool:
    counted = list(answers)
    return sum(counted) > len(counted) / 2


def _values(records: list[dict[str, Any]], name: str) -> list[Any]:
    return [record[name] for record in records if record.get(name) is not None]


def _names(records: list[dict[str, Any]]) -> list[str]:
    return sorted({name for record in records for name in record})


def _columns(records: list[dict[str, Any]]) -> str:
    kinds = {name: kind_name(next(iter(_values(records, name)), None)) for name in _names(records)}
    return ", ".join(f"{name} ({kind})" for name, kind in kinds.items()) or "none"
