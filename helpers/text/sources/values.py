"""Values of a source -> canonical JSON, names of kinds for messages, and columns that a table file can hold.

Where values come from is told in read.py and hub.py; what becomes of them in load.py and strings.py.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

_INT64 = 2**63
_KINDS = {str: "a string", dict: "an object", list: "a list", bool: "true or false", type(None): "null"}


def parse_json(text: str) -> Any:  # noqa: ANN401 - JSON holds any kind
    """Return the value that text holds; NaN and Infinity become null. Raises ValueError saying what is wrong."""
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """Return value as JSON with sorted keys and without NaN, so that equal records give equal text.

    Dates become ISO texts, arrays lists, bytes text (base64 where they are not UTF-8). Raises ValueError for what
    UTF-8 cannot hold (half of a surrogate pair) and for nesting too deep to write.
    """
    try:
        text = _dumps(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"not Unicode: a lone surrogate U+{ord(text[error.start]):04X}") from None
    return text


def kind_name(value: Any) -> str:  # noqa: ANN401
    """Return what a value is, in words: a string, a list, an object, a number, null."""
    return _KINDS.get(type(value), "a number")


def tidy_column(values: Sequence[Any]) -> pd.Series:
    """Return values as one column of one kind: numbers, booleans, arrays of numbers, or else strings.

    Missing ones stay missing. Lists and objects become JSON, and so does everything in a column of mixed kinds.
    """
    kinds = {_column_kind(value) for value in values} - {"missing"}
    if kinds <= {"int"}:
        return pd.Series(values, dtype="Int64" if None in values else "int64") if kinds else _objects(values)
    if kinds <= {"int", "float"}:
        return pd.Series(values, dtype="float64")
    if kinds == {"bool"}:
        return pd.Series(values, dtype="boolean" if None in values else "bool")
    if kinds == {"vector"}:
        return _objects(values)
    return _objects([None if value is None else _as_text(value) for value in values])


def as_vector(value: Any) -> Any:  # noqa: ANN401
    """Return a list of numbers as a float32 array (null inside is NaN); every other value as it is."""
    if not isinstance(value, list) or not value or not {type(one) for one in value} <= {int, float, type(None)}:
        return value
    try:
        return np.array(value, dtype=np.float64).astype(np.float32)
    except OverflowError:
        return value


def _objects(values: Sequence[Any]) -> pd.Series:
    column = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # one by one: numpy would take arrays of one length for a table
        column[place] = value
    return pd.Series(column)


def _column_kind(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "missing"
    if isinstance(value, np.ndarray):
        return "vector"
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        return "text"  # no table file holds it as a number
    return type(value).__name__


def _as_text(value: Any) -> str:  # noqa: ANN401
    text = value if isinstance(value, str) else _dumps(value)
    return json.loads(text) if text.startswith('"') and not isinstance(value, str) else text


def _dumps(value: Any) -> str:  # noqa: ANN401
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError):  # keys that are not strings, NaN, infinity: rare, so cleaned only when met
        return json.dumps(_cleaned(value), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _cleaned(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {str(key): _cleaned(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return _cleaned(_plain(value))


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value that JSON lacks as one that it has."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == int(value) else float(value)
    if isinstance(value, (bytes, bytearray)):
        return _bytes_text(bytes(value))
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    # not str(value): the text of an unknown object may hold its address, which differs from run to run
    return f"<{type(value).__module__}.{type(value).__name__}>"


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


DECODER = json.JSONDecoder(parse_constant=lambda _: None)
