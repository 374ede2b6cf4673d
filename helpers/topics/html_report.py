"""A run's figures, rows and topics -> report.html: one light page without scripts, to read, print or hear read out.

How it looks stands in html_report.html; the page to explore is the map, see maps.py.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import write_atomically
from helpers.shown import percent, public_name
from helpers.text.excerpt import excerpt, one_line, shorten
from helpers.topics.pictures import read_centroids
from helpers.topics.tune import RETURNS

EXAMPLES = 8  # rows shown of a topic at most, and of the unassigned
ALL_EXAMPLES = 200_000  # characters of all rows together: with hundreds of topics fewer of each are shown
NEAREST = 5
LONGEST_LIST, LONGEST_TABLE, LONGEST_VALUE = 12, 60, 600  # entries, or characters, of one figure or setting
LARGEST_PICTURE = 200_000  # bytes; a larger one is scaled to PICTURE_WIDTH pixels and 128 colours
PICTURE_WIDTH = 1100
MAIN_LANGUAGE = 0.8  # of the texts: from here on a screen reader is told to read them in it
SOURCES = {
    "llm": "a language model",
    "list": "your list, chosen by a language model",
    "keywords": "its keywords",
    "given": "your own clusters",
}
# Marks that turn the direction could reach beyond a piece of data; the page sets each piece's direction by itself.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")

Listed = dict[int, list[dict[str, Any]]]  # what is told of each topic, by its number


def write_report(
    report: Mapping[str, Any],
    rows: pd.DataFrame,
    topics: pd.DataFrame,
    layers: pd.DataFrame,
    *,
    path: Path,
    model_folder: Path,
    advice: str,
    date: str = "",
    picture: Path | None = None,
    chars: int = 200,
) -> dict[str, int]:
    """Write the report as one HTML file that makes no request and holds no script; return its `bytes` and `texts`.

    report: see tables.collect_report; rows, topics and layers: as in the run folder's tables; model_folder: has the
    topics' centroids. advice: see tables.advice. picture: a PNG that is put into the page. chars: how much of a row's
    text is shown; 0 shows no row at all. Rows with lists `turns` (places where turns start) and `speakers` are shown
    turn by turn. Raises ValueError when topics name rows that are not there.
    """
    named = topics[topics["topic"] != -1].sort_values("topic")
    loose = topics[topics["topic"] == -1]
    most = min(EXAMPLES, max(1, ALL_EXAMPLES // (max(1, chars) * max(1, len(named))))) if chars else 0
    texts = _row_texts(rows, topics, most=most, chars=chars)
    nearest, parents = _nearest(named, model_folder), _parents(named, layers)
    found = [_topic(line, texts, nearest, parents) for line in named.to_dict("records")]
    page = _template().render(
        title=_inline(report["title"]),
        advice=_inline(advice),
        lang=_language(report),
        headline=_headline(report, loose, date),
        picture=_picture(picture) if picture else "",
        topics=found,
        returns=RETURNS,
        examples_note=_examples_note(named, most, chars),
        unassigned={
            "size": f"{int(loose['size'].sum()):,}",
            "share": percent(float(loose["share"].sum())),
            "texts": texts.get(-1, []),
        },
        figures=[
            (name, value)
            for name, value in _flat({name: value for name, value in report.items() if name != "settings"})
            if chars or not name.endswith("_id")  # of a row
        ],
        settings=list(_flat(report.get("settings", {}))),
    )
    data = page.encode("utf-8", "replace")
    write_atomically(Path(path), data)
    return {"bytes": len(data), "texts": sum(map(len, texts.values()))}


def _template() -> Any:  # noqa: ANN401 - a jinja2 Template
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent)
    settings = {"autoescape": True, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=folder, **settings).get_template("html_report.html")


def _headline(report: Mapping[str, Any], loose: pd.DataFrame, date: str) -> list[dict[str, Any]]:
    reasons = [f"{count:,} {_inline(reason)}" for reason, count in report["rejected_by_reason"].items()]
    more = [f"and {len(reasons) - 5} other reasons"] if len(reasons) > 5 else []
    near = report.get("nearest_coverage")
    close = [] if near is None else [f"{percent(near - report['coverage'])} near enough to one"]
    lines = [
        ("Rows in", f"{report['rows']:,}", []),
        ("Rows kept", f"{report['kept']:,}", []),
        ("Rows rejected", f"{report['rejected']:,}", [*reasons[:5], *more]),
        ("Different texts", f"{report['unique']:,}", [f"of {report['texts']:,}"]),
        ("Topics", f"{report['topics']:,}", []),
        ("Coverage", percent(report["coverage"]), ["of the texts are in a topic"]),
        ("In no topic", percent(float(loose["share"].sum())), close),
        ("Work", _duration(report["seconds"]), []),
        ("Embedder", public_name(report.get("embedding", {}).get("model") or "none"), None),
        ("Language model", public_name((report.get("labels", {}).get("by") or {}).get("model") or "none"), None),
        ("Date of the run", _inline(date), None),
    ]
    return [
        {"term": term, "value": value, "notes": notes or [], "named": notes is None}
        for term, value, notes in lines
        if value
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _topic(line: Mapping[str, Any], texts: Listed, nearest: Listed, parents: Listed) -> dict[str, Any]:
    stability, topic = _number(line.get("stability")), int(line["topic"])
    return {
        "id": topic,
        "label": _inline(line["label"]),
        "size": f"{int(line['size']):,}",
        "share": percent(float(line["share"])),
        "stability": "" if stability is None else f"{stability:.2f}",
        "fleeting": stability is not None and stability < RETURNS,
        "names": _words(line.get("labels"))[1:],
        "source": SOURCES.get(line["label_source"], _inline(line["label_source"])),
        "check": _check(line),
        "note": _inline(line.get("label_note")),
        "summary": _inline(line.get("summary")),
        "score": "" if _number(line.get("score")) is None else str(int(line["score"])),
        "score_reason": _inline(line.get("score_reason")),
        **{name: _words(line.get(name)) for name in ("keywords", "keybert", "mmr")},
        "texts": texts.get(topic, []),
        "nearest": nearest.get(topic, []),
        "parents": parents.get(topic, []),
    }


def _check(line: Mapping[str, Any]) -> str:
    label, keywords = _number(line.get("label_finds")), _number(line.get("keywords_find"))
    if label is None:
        return "not measured."
    beside = "" if keywords is None else f", its keywords {percent(keywords)}"
    return f"of rows that no model was shown, the label finds {percent(label)}{beside}."


def _row_texts(rows: pd.DataFrame, topics: pd.DataFrame, *, most: int, chars: int) -> Listed:
    """Return for each topic its first representative rows: id and turns, each with who and text."""
    chosen = {
        int(topic): list(ids)[:most] for topic, ids in zip(topics["topic"], topics["representative_ids"], strict=True)
    }
    wanted = {row_id for ids in chosen.values() for row_id in ids}
    found = {row["id"]: row for row in rows[rows["id"].isin(wanted)].to_dict("records")}
    if lacking := sorted(map(str, wanted - set(found))):
        raise ValueError(f"topics are represented by rows that are not there: {', '.join(lacking[:5])}")
    return {
        topic: [{"id": _inline(row_id), "turns": _turns(found[row_id], chars)} for row_id in ids]
        for topic, ids in chosen.items()
    }


def _turns(row: Mapping[str, Any], chars: int) -> list[dict[str, str]]:
    """Return a text cut to chars in turns; one without a speaker where rows do not say who speaks."""
    said = excerpt(str(row["text"]), row.get("turns"), row.get("speakers"), chars=chars)
    return [{"who": _inline(who), "text": text} for who, text in said]


def _examples_note(named: pd.DataFrame, most: int, chars: int) -> str:
    if not chars:
        return "No row is shown here, as plot.hover_chars is 0."
    longest = int(named["representative_ids"].map(len).max()) if len(named) else 0
    few = f" Of each topic {most} of up to {longest} rows that stand for it." if longest > most else ""
    return f"Of each row the first {chars:,} characters are shown.{few}"


def _nearest(named: pd.DataFrame, model_folder: Path) -> Listed:
    """Return for each topic the topics whose centroids are most like its own."""
    if len(named) < 2:
        return {}
    centroids = read_centroids(model_folder)
    alike = centroids @ centroids.T
    np.fill_diagonal(alike, -np.inf)
    label = {int(topic): _inline(name) for topic, name in zip(named["topic"], named["label"], strict=True)}
    order = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEAREST, len(centroids) - 1)]
    return {
        topic: [{"id": near, "label": label[near], "cosine": f"{alike[topic, near]:.2f}"} for near in line]
        for topic, line in enumerate(order.tolist())
    }


def _parents(named: pd.DataFrame, layers: pd.DataFrame) -> Listed:
    """Return for each topic the broader ones that hold it; a layer on which it stands for itself is left out."""
    lines = {(line["layer"], int(line["topic"])): line for line in layers.to_dict("records")}
    names, found = list(dict.fromkeys(layers["layer"])), {}
    for topic in named["topic"].tolist():
        below, found[topic] = lines.get((names[0], topic)) if names else None, []
        for name in names[1:]:
            above = below and lines.get((name, int(below["parent"])))
            if above and above["label"] != below["label"]:
                size = f"{int(above['size']):,}"
                found[topic].append({"layer": name, "label": _inline(above["label"]), "size": size})
            below = above
    return found


def _picture(path: Path) -> str:
    """Return a PNG as a data address, made smaller where it is large."""
    data = Path(path).read_bytes()
    if len(data) > LARGEST_PICTURE:
        from PIL import Image

        image, out = Image.open(io.BytesIO(data)).convert("RGB"), io.BytesIO()
        image.thumbnail((PICTURE_WIDTH, 2 * PICTURE_WIDTH))
        image.quantize(128).save(out, format="png", optimize=True)
        data = out.getvalue()
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _language(report: Mapping[str, Any]) -> str:
    """Return the code of the texts' language, "" (unknown, as HTML has it) where there are several."""
    shares = report.get("audit", {}).get("language_shares", {})
    code = max(shares, key=shares.get, default="")
    return code if shares.get(code, 0) >= MAIN_LANGUAGE and re.fullmatch("(?!und)[a-z]{2,3}", code) else ""


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted name, value as text) of nested figures."""
    for place, (name, value) in enumerate(values.items()):
        full = f"{before}{shorten(_inline(str(name)), 120)}"
        if before and place == LONGEST_TABLE:
            yield f"{before}…", f"{len(values):,} in all"
            return
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{full}.")
        else:
            yield full, _shown(value)


def _shown(value: Any) -> str:  # noqa: ANN401 - what JSON has
    if value is None or (isinstance(value, (str, list, tuple, dict)) and not value):
        return "none"
    if isinstance(value, (list, tuple)):
        if isinstance(value[0], (list, tuple, Mapping)):
            return f"{len(value):,} entries"
        more = f", … ({len(value):,} in all)" if len(value) > LONGEST_LIST else ""
        return shorten(", ".join(_shown(one) for one in value[:LONGEST_LIST]), LONGEST_VALUE) + more
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return shorten(_inline(public_name(str(value))) or repr(value), LONGEST_VALUE)  # no place on this machine


def _words(values: Any) -> list[str]:  # noqa: ANN401 - a list, an array or nothing
    return [_inline(word) for word in values if _inline(word)] if _is_list(values) else []


def _is_list(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, Iterable) and not isinstance(value, (str, Mapping))


def _number(value: Any) -> float | None:  # noqa: ANN401
    return None if value is None or pd.isna(value) else float(value)


def _inline(value: Any) -> str:  # noqa: ANN401
    """Return a text as one line, nothing for what is no text."""
    return _TURNING.sub("", one_line(value)) if isinstance(value, str) else ""
