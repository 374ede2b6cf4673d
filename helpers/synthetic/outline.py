"""The table of contents of a book or a course in a file -> its units in their order, and seeds of them.

A line a unit, the deepest of the outline: course, path (the parts it is in, from the outermost), title, text (what
stands beneath it in the file).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from helpers.synthetic.extracts import begin, line
from helpers.synthetic.shares import draw
from helpers.synthetic.tables import need_seeds, seed_line
from helpers.text.excerpt import one_line
from helpers.yaml_text import read_yaml

COLUMNS = ["course", "path", "title", "text"]
TITLES = ("title", "name", "heading", "unit", "section", "chapter", "lesson", "module", "part")
INNER = ("units", "sections", "chapters", "lessons", "modules", "parts", "topics", "children", "items")
TEXTS = ("text", "content", "body", "description")
DEEPEST, MOST_UNITS = 12, 50_000
TITLE_CHARS = 200
BEFORE = (2, 5)  # units before one that are told, where there are more of them
NUMBER = re.compile(
    r"^(?:(?:chapter|part|unit|section|lesson|module|week|appendix)\s+(?:\d+|[ivxlc]+)\s*[.):–—-]\s*"
    r"|\d{1,3}(?:\.\d{1,3})+[.):]?\s+|\d{1,3}[.):]\s+)",
    re.IGNORECASE,
)
PAGE = re.compile(r"(?<!\d)\d{1,4}$")
COUNTED = re.compile(r"^\d{1,3}((?:\.\d{1,3})*)[.):]?\s+(?=\S)")
BULLET = re.compile(r"^[-*+•‣◦–]\s+")
LISTED = re.compile(r"\s*(?:[-*+•‣◦–]|\d{1,3}(?:\.\d{1,3})*[.)]?)\s+\S")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*$")
Node = tuple[int, str, str]  # depth from 0, title, text


def read_outline(path: str) -> pd.DataFrame:
    """Return the units of an outline in a file: Markdown headings, an indented or numbered list, YAML or JSON.

    The name of the course is the one outermost title above all others, else the file's name. Numbers before a title and
    page numbers behind it are left out. Raises FileNotFoundError, and ValueError where no unit is found.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"synthetic.outline: no file {path}")
    try:
        content = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8 ({error.reason})") from None
    if file.suffix.lower() in (".yaml", ".yml", ".json"):
        nodes = list(islice(_of_values(_loaded(content, file), 0, str(path)), MOST_UNITS + 1))
    elif file.suffix.lower() in (".md", ".txt", ".markdown"):
        nodes = list(_of_headings(content)) or list(_of_lines(content.splitlines()))
    else:
        raise ValueError(
            f"{path}: expected .md, .txt, .yaml or .json with an outline, got {file.suffix or 'no ending'}"
        )
    if len(nodes) > MOST_UNITS:
        raise ValueError(f"{path}: more than {MOST_UNITS:,} titles: divide it, a file a book")
    units = units_table([node for node in nodes if node[1]], file.stem.replace("_", " "))
    if units.empty:
        raise ValueError(f"{path}: no unit found; expected headings, a list with indents, or a title a line")
    return units


def outline_seeds(
    units: pd.DataFrame,
    *,
    bare: bool = False,
    chars: int = 1000,
    tokens: int | None = None,
    llm: Any = None,  # noqa: ANN401
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return units of outlines (see outline.read_outline) as seeds, each told which units of its course came before.

    Of more than five, two to five are drawn and told in their order. bare: without what stands beneath a unit, which
    else is its extract. A unit that stands twice at one place of a course is left out the second time.
    """
    seeds: list[dict[str, Any]] = []
    lines: list[tuple[str, str, int, str]] = []
    seen: set[tuple[str, ...]] = set()
    for course, part in units.groupby("course", sort=False):
        before: list[str] = []
        for unit in part.itertuples():
            title, path = line(unit.title, chars=200, llm=llm), [line(one, chars=200, llm=llm) for one in unit.path]
            place = (str(course), *path, title.casefold())
            if not title or place in seen:
                lines.append(("unit", unit.title, 1, "stands at the same place before" if title else "has no title"))
                continue
            seen.add(place)
            begun = begin(unit.text, chars=chars, tokens=tokens, llm=llm) if not bare else ""
            told = _some_before(before, seed, place) | {"course": line(course, chars=200, llm=llm), "path": path}
            seeds.append(seed_line("outline", " / ".join(place), subject=title, extract=begun, **told))
            before.append(title if title not in before else f"{path[-1]}: {title}" if path else title)
    return need_seeds(seeds, lines)


def units_table(nodes: Sequence[Node], name: str) -> pd.DataFrame:
    """Return the nodes that have nothing beneath them, in order; one node above all others names the course."""
    shallowest = min((depth for depth, _, _ in nodes), default=0)
    if len(nodes) > 1 and nodes[0][0] == shallowest and [depth for depth, _, _ in nodes].count(shallowest) == 1:
        name, nodes = nodes[0][1], nodes[1:]
    lines, above = [], []
    for at, (depth, title, text) in enumerate(nodes):
        above = [part for part in above if part[0] < depth]
        if at + 1 < len(nodes) and nodes[at + 1][0] > depth:
            above.append((depth, title))
        else:
            lines.append((name, [part for _, part in above], title, text))
    return pd.DataFrame(lines, columns=COLUMNS)


def outline_text(units: pd.DataFrame) -> str:
    """Return units of one course as Markdown, to be looked at, changed and read again."""
    lines, last = [f"# {units['course'].iloc[0]}"], []
    for unit in units.itertuples():
        path = list(unit.path)
        same = next((at for at, (one, other) in enumerate(zip(path, last, strict=False)) if one != other), len(last))
        new = path[min(same, len(path)) :]
        lines += [f"{'#' * (len(path) - len(new) + at + 2)} {part}" for at, part in enumerate(new)]
        lines += [f"{'#' * (len(path) + 2)} {unit.title}", *([unit.text] if unit.text else [])]
        last = path
    return "\n\n".join(lines) + "\n"


def outline_table(units: pd.DataFrame) -> pd.DataFrame:
    """Return what was read, to be checked: course, part, unit, characters of text beneath it."""
    return pd.DataFrame(
        {
            "course": units["course"],
            "part": units["path"].map(" / ".join),
            "unit": units["title"],
            "characters": units["text"].str.len(),
        }
    )


def _some_before(before: Sequence[str], seed: int, place: Sequence[str]) -> dict[str, Any]:
    """Return which of the units before are told, in their order, and whether these are all."""
    few, many = BEFORE
    if len(before) <= many:
        return {"before": list(before), "all_before": True}
    count = few + int((many - few + 1) * draw(seed, "count", *place))
    drawn = sorted(range(len(before)), key=lambda at: draw(seed, at, *place))[:count]
    return {"before": [before[at] for at in sorted(drawn)], "all_before": False}


def _of_headings(content: str) -> Iterator[Node]:
    """Yield Markdown headings outside of code, with the text beneath each; a list beneath one is of further titles."""
    found: list[tuple[int, str, list[str]]] = []
    fence = ""
    for one in content.splitlines():
        mark = re.match(r"\s*(`{3,}|~{3,})", one)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        heading = None if fence or mark else HEADING.match(one)
        if heading:
            found.append((len(heading[1]) - 1, _title(heading[2]), []))
        elif found:
            found[-1][2].append(one)
    for depth, title, lines in found:
        is_list = any(map(str.strip, lines)) and all(LISTED.match(one) for one in lines if one.strip())
        yield depth, title, "" if is_list else "\n".join(lines).strip()
        yield from ((depth + 1 + below, *node) for below, *node in _of_lines(lines if is_list else []))


def _of_lines(content: Sequence[str]) -> Iterator[Node]:
    """Yield the lines of a list, as deep as they are indented, or as their numbers say where none is."""
    lines = [one.expandtabs(4) if one[:1].isspace() else one for one in content if re.search(r"\w", one)]
    indents = [len(one) - len(one.lstrip()) for one in lines]
    deeper = {indent: depth for depth, indent in enumerate(sorted(set(indents)))}
    plainly = [BULLET.sub("", one.strip()) for one in lines]
    are_numbered = 2 * sum(map(bool, map(COUNTED.match, plainly))) > len(plainly)  # else "3 men in a boat" is a title
    for plain, indent in zip(plainly, indents, strict=True):
        number = COUNTED.match(plain) if are_numbered else None
        depth = number[1].count(".") if number and len(deeper) == 1 else deeper[indent]
        yield depth, _title(plain[number.end() :] if number else plain), ""


def _of_values(value: Any, depth: int, where: str) -> Iterator[Node]:  # noqa: ANN401 - whatever stands in the file
    """Yield the nodes of nested lists and objects: by name, or with title, units and text as keys."""
    if depth > DEEPEST:
        raise ValueError(f"{where}: nested more than {DEEPEST} levels deep")
    if isinstance(value, list):
        for one in value:  # a list in a list belongs to what stands before it
            yield from _of_values(one, depth + isinstance(one, list), where)
    elif isinstance(value, dict):
        plain = {str(key).casefold(): inner for key, inner in value.items()}
        title = next((plain[name] for name in TITLES if isinstance(plain.get(name), str)), None)
        inner = next((plain[name] for name in INNER if isinstance(plain.get(name), list | dict)), None)
        if title is not None:
            text = next((plain[name] for name in TEXTS if isinstance(plain.get(name), str)), "")
            yield depth, _title(title), text.strip()
            yield from _of_values(inner, depth + 1, where)
        elif inner is not None and len(plain) == 1:
            yield from _of_values(inner, depth, where)
        else:
            for name, below in value.items():
                is_text = isinstance(below, str)
                yield depth, _title(name), below.strip() if is_text else ""
                if not is_text:
                    yield from _of_values(below, depth + 1, where)
    elif value is not None:
        yield depth, _title(value), ""


def _loaded(content: str, file: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(content) if file.suffix.lower() == ".json" else read_yaml(content)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{file}: cannot be read: {' '.join(str(error).split())[:200]}") from None


def _title(value: object) -> str:
    """Return a title without its number, page, link and emphasis."""
    plain = re.sub(r"\*\*|__|`", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", str(value)))
    return one_line(NUMBER.sub("", _without_page(plain.strip())))[:TITLE_CHARS]


def _without_page(title: str) -> str:
    """Return a title without the number of a page that stands behind dots or a gap."""
    page = PAGE.search(title)
    before = title[: page.start()] if page else title
    name = before.rstrip(". …\t")
    gap = before[len(name) :]
    is_gap = "\t" in gap or "…" in gap or "   " in gap or gap.count(".") >= 3
    return name if page and is_gap else title
