"""A drawing, its rows and layers -> the blocks of data that a page holds, compressed, and no more than fit.

What a page makes of them is told in page_parts; which rows and how much of their texts it gets, in page.py.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pandas as pd

from helpers.text.excerpt import excerpt, one_line, shorten, writable
from helpers.topics.drawing import NOISE, NOISE_COLOUR, Drawing, place_labels

UNITS = 65536  # of a place in half a view; at the nearest, 150 times the first view, one is about a pixel
MOST_VALUES = 1_000  # of a column that points can be coloured by
DATES = 0.95  # share of dates from which on a column of texts is one of dates
COLUMN_CHARS = 200  # of a value in a column that is shown over a point
TURN, SAID = "\x1e", "\x1f"  # before a turn's speaker, and between the speaker and what is said


def pack(value: bytes | dict[str, Any]) -> str:
    """Return bytes, or plain values as JSON, deflated and in base64."""
    if not isinstance(value, bytes):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(zlib.compress(value, 9)).decode()


def pack_arrays(arrays: dict[str, np.ndarray]) -> tuple[list[dict[str, Any]], bytes]:
    """Return names, types and lengths of the arrays, and their bytes in planes: all first bytes, all second ones ..."""
    specs = [{"name": name, "type": str(array.dtype), "length": len(array)} for name, array in arrays.items()]
    planes = [
        np.frombuffer(array.astype(array.dtype.newbyteorder("<")).tobytes(), np.uint8).reshape(-1, array.itemsize).T
        for array in arrays.values()
    ]
    return specs, b"".join(plane.tobytes() for plane in planes)


def point_arrays(drawing: Drawing, topics: list[dict[str, Any]], confidence: pd.Series | None) -> dict[str, np.ndarray]:
    """Return x and y in whole units, the place of each point's topic in topics, and its confidence in percent."""
    line = {topic["id"]: at for at, topic in enumerate(topics)}
    kind = np.uint16 if len(topics) < 2**16 else np.int32
    places = np.clip(np.rint(drawing.points.astype(np.float64) * UNITS), -(2**31), 2**31 - 1).astype(np.int32)
    arrays = {
        "x": places[:, 0],
        "y": places[:, 1],
        "topic": np.array([line[topic] for topic in drawing.topics.tolist()], dtype=kind),
    }
    if confidence is not None:
        arrays["confidence"] = np.rint(100 * confidence.fillna(0).clip(0, 1)).to_numpy().astype(np.uint8)
    return arrays


def list_topics(drawing: Drawing, topics: pd.DataFrame, noise_name: str) -> list[dict[str, Any]]:
    """Return what the page says of every topic that has points, the unassigned rows last.

    size: in rows where the table has it, else in points; x and y: where its name stands.
    """
    table = topics.drop_duplicates("topic").set_index("topic")
    noise = {"topic": NOISE, "label": noise_name, "x": 0.0, "y": 0.0, "colour": NOISE_COLOUR}
    noise["size"] = int((drawing.topics == NOISE).sum())
    lines = drawing.labels.to_dict("records") + [noise] * (noise["size"] > 0)
    return [_topic(line, table.loc[line["topic"]] if line["topic"] in table.index else {}) for line in lines]


def list_layers(drawing: Drawing, topics: list[dict[str, Any]], layers: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the broader layers with their topics; `members` are places in `topics`, `parent` is of the next layer."""
    if layers is None:
        return []
    above = {topic["id"]: topic["id"] for topic in topics if topic["id"] != NOISE}
    found, below = [], "fine"
    for name in [name for name in layers["layer"].unique() if name != "fine"]:
        parents = layers[layers["layer"] == below].set_index("topic")["parent"].to_dict()
        above = {topic: parents.get(held, NOISE) for topic, held in above.items()}
        lines = layers[layers["layer"] == name].set_index("topic")
        labels = {topic: shorten(one_line(str(label)), 60) for topic, label in lines["label"].items()}
        placed = place_labels(
            drawing.points, np.array([above.get(topic, NOISE) for topic in drawing.topics.tolist()]), labels
        )
        held = {topic: [at for at, one in enumerate(topics) if above.get(one["id"]) == topic] for topic in labels}
        found.append({"name": name, "topics": [_broader(one, lines, held) for one in placed.to_dict("records")]})
        below = name
    return found


def pack_rows(rows: pd.DataFrame | None, columns: pd.DataFrame | None = None, *, chars: int) -> str:
    """Return the block of texts (at most chars characters each, with who says what), ids and columns of the points.

    rows, columns: a line a point, see page.write_map; None: nothing is said over a point.
    """
    packed = [] if columns is None else [pack_column(str(name), columns[name]) for name in columns]
    if rows is None:
        return pack({"texts": None, "roles": [], "ids": None, "copies": None, "columns": packed})
    roles: dict[str, int] = {}
    lines = zip(*(rows.get(name, [None] * len(rows)) for name in ("text", "turns", "speakers")), strict=True)
    texts = [_said(*line, roles, chars) for line in lines] if chars else None
    copies = [len(ids) for ids in rows["ids"]]
    return pack(
        {
            "texts": texts,
            "roles": list(roles),
            "ids": [writable(str(one)) for ids in rows["ids"] for one in ids],
            "copies": copies if max(copies, default=1) > 1 else None,
            "columns": packed,
        }
    )


def pack_column(name: str, values: pd.Series) -> dict[str, Any]:
    """Return a source column as numbers, dates (milliseconds since 1970), categories or texts, whichever it holds."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return {"name": name, "kind": "number", "values": _numbers(values.astype("float64"))}
    dates = as_dates(values)
    if dates is not None:
        times = dates.astype("datetime64[ms, UTC]").astype("int64").where(dates.notna())
        return {"name": name, "kind": "date", "values": _numbers(times)}
    texts = values.map(cell_text)
    codes, found = pd.factorize(texts.mask(texts == ""))
    if len(found) <= MOST_VALUES and len(found) <= max(20, len(values) // 4):
        return {"name": name, "kind": "category", "values": found.tolist(), "codes": codes.tolist()}
    return {"name": name, "kind": "text", "values": texts.tolist()}


def as_dates(values: pd.Series) -> pd.Series | None:
    """Return values as UTC times where they are dates, or texts that nearly all are ISO 8601 dates; else None."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True)
    there = values.notna().sum()
    # A year alone, or any other number, is no date.
    likely = values.map(lambda one: isinstance(one, str) and one[:4].isdigit() and "-" in one[4:8])
    if not there or likely.sum() < DATES * there:
        return None
    dates = pd.to_datetime(values.where(likely.astype(bool)), utc=True, errors="coerce", format="ISO8601")
    return dates if dates.notna().sum() >= DATES * there else None


def cell_text(value: Any) -> str:  # noqa: ANN401 - whatever a source's column holds
    """Return what stands in a cell, on one line; lists and objects as JSON, nothing as ""."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    elif value is None or pd.isna(value):
        return ""
    return shorten(one_line(str(value)), COLUMN_CHARS)


def _topic(line: dict[str, Any], more: pd.Series | dict[str, Any]) -> dict[str, Any]:
    score, keywords = more.get("score"), more.get("keywords")
    size = more.get("size", line["size"])
    return {
        "id": int(line["topic"]),
        "label": line["label"],
        "size": int(size),
        "colour": line["colour"],
        "x": round(float(line["x"]), 5),
        "y": round(float(line["y"]), 5),
        "parent": int(more["parent"]) if pd.notna(more.get("parent")) else NOISE,
        "keywords": [shorten(one_line(str(word)), 40) for word in list(keywords)[:6]] if keywords is not None else [],
        "score": float(score) if score is not None and pd.notna(score) else None,
    }


def _broader(line: dict[str, Any], lines: pd.DataFrame, members: dict[int, list[int]]) -> dict[str, Any]:
    return _topic(line, lines.loc[line["topic"], ["size", "parent"]]) | {"members": members[line["topic"]]}


def _said(text: str, turns: Any, speakers: Any, roles: dict[str, int], chars: int) -> str:  # noqa: ANN401
    """Return a text cut to chars, each turn with the number of its speaker before it; roles takes new speakers in."""
    parts = excerpt(text, turns, speakers, chars=chars)
    if not any(name for name, _ in parts):
        return "\n".join(said for _, said in parts)
    numbers = (np.base_repr(roles.setdefault(name, len(roles)), 36) for name, _ in parts)
    return "".join(TURN + number + SAID + said for number, (_, said) in zip(numbers, parts, strict=True))


def _numbers(values: pd.Series) -> list[float | None]:
    """Return numbers for JSON: whole ones exactly and without a point, others to 7 digits, None for what is none."""
    finite = np.isfinite(values.to_numpy(dtype="float64", na_value=np.nan))
    plain = values.where(finite, 0).tolist()
    found = [int(value) if value == int(value) else float(f"{value:.7g}") for value in plain]
    return [value if known else None for value, known in zip(found, finite.tolist(), strict=True)]
