"""edits.yaml -> what is to be done with a map's topics, a line an edit; and a wish -> its line.

An edit names topics by some of their rows, never by a number: it is found again after a refit. Edits are done in their
order, see apply_edits.py; a line that is deleted is undone. What was asked for once is not written twice, as numbers
mean other topics when a notebook is run again.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import yaml
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from helpers.files import fingerprint, read_value, write_atomically
from helpers.runs import Run
from helpers.section import Section
from helpers.topics.selection import selected_ids
from helpers.vectors.embedder import unit_length
from helpers.yaml_text import read_yaml

FILE = "edits.yaml"
UNASSIGNED = "unassigned"
NEAR = 0.1  # share of a pinned topic's texts that may be less similar to its exemplars than its `near` says


def _as_texts(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
    return [str(one) if type(one) is int else one for one in value] if isinstance(value, list) else value


def _target(value: Any) -> list[str] | str:  # noqa: ANN401
    """Return where rows go: ids of a topic's rows, or unassigned."""
    if str(value) in (UNASSIGNED, "-1"):
        return UNASSIGNED
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in _as_texts(value)):
        raise ValueError(f"expected ids of rows of a topic, or {UNASSIGNED}")
    return _as_texts(value)


Ids = Annotated[list[str], BeforeValidator(_as_texts), Field(min_length=1)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Edit(Section):
    """What all edits may say: how it was asked for, and the topics' numbers and names then, for who reads the file."""

    asked: str = ""
    about: str = ""

    @property
    def verb(self) -> str:
        """What is done."""
        return type(self).__name__.lower()

    @property
    def wish(self) -> Edit:
        """The edit without its notes."""
        return self.model_copy(update={"asked": "", "about": ""})


class Merge(Edit):
    """Several topics, each by exemplars, become one."""

    merge: Annotated[list[Ids], Field(min_length=2)]
    name: Name | None = None


class Rename(Edit):
    """A topic gets a name."""

    rename: Ids
    name: Name


class Split(Edit):
    """A topic becomes several: as many as `into` says, or those `rows` of it become one of their own."""

    split: Ids
    into: Annotated[int, Field(ge=2)] | None = None
    rows: Ids | None = None
    name: Name | None = None  # of the topic of `rows`

    @model_validator(mode="after")
    def _need_one_way(self) -> Split:
        if (self.into is None) == (self.rows is None):
            raise ValueError("split needs `into`, how many topics, or `rows`, ids that become a topic: one of them")
        if self.into and self.name:
            raise ValueError("name is that of the topic of `rows`; rename the parts of `into` when they are there")
        return self


class Drop(Edit):
    """A topic's rows become unassigned."""

    drop: Ids


class Pin(Edit):
    """A topic stays a topic of its own: where a refit has not got it, it is made of what is near its exemplars."""

    pin: Ids
    near: Annotated[float, Field(ge=-1, le=1)]  # least similarity of its texts to the middle of the exemplars
    name: Name | None = None


class Move(Edit):
    """Rows go to another topic, or become unassigned."""

    move: Ids
    to: Annotated[Any, AfterValidator(_target)]


# What is said of what a line of edits.yaml may not be, in place of pydantic's words.
_SAID = {
    "extra_forbidden": "not known",
    "list_type": "expected a list of ids of rows",
    "missing": "missing",
    "string_too_short": "expected a name",
    "too_short": "expected at least {min_length}",
}
EDITS = {kind.__name__.lower(): kind for kind in (Merge, Rename, Split, Drop, Pin, Move)}


def read_edits(path: Path) -> list[Edit]:
    """Return the edits of a file in their order; none where there is no file.

    Raises ValueError that names the file, the edit and what is wrong with it.
    """
    if not path.exists():
        return []
    try:
        told = read_yaml(path.read_text("utf-8-sig"), as_texts=True) or []  # 007 and yes are ids as they stand
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(told, list):
        raise ValueError(f"{path}: expected a list of edits, a line each that begins with -, got {str(told)[:80]}")
    return [_read_edit(one, f"{path}: edit {number}") for number, one in enumerate(told, 1)]


def edit_line(edit: Edit) -> str:
    """Return an edit as the line of YAML that read_edits reads; JSON is YAML, and stays on one line."""
    told = {name: value for name, value in edit.model_dump().items() if value not in (None, "")}
    notes = {name: told.pop(name) for name in ("asked", "about") if name in told}
    written = json.dumps({edit.verb: told.pop(edit.verb), **told, **notes}, ensure_ascii=False)
    return "- " + "".join(sign if sign.isprintable() else _escaped(sign) for sign in written)


def merge(run: Run, topics: Sequence[int], *, name: str | None = None, again: bool = False) -> str:
    """Write down that topics become one, and return what edits.yaml says of it now.

    again: also where the same was asked for before, of the topics that had these numbers then.
    """
    several = list(dict.fromkeys(topics)) if isinstance(topics, Iterable) and not isinstance(topics, str) else []
    if len(several) < 2:
        raise ValueError(f"expected the numbers of two or more topics, such as [3, 7], got {topics!r}")
    return _add(run, again, merge=[_exemplars(run, one) for one in several], name=name, **_said(run, several))


def rename(run: Run, topic: int, name: str, *, again: bool = False) -> str:
    """Write down a topic's name, as merge does."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"expected a name, got {name!r}")
    return _add(run, again, rename=_exemplars(run, topic), name=name, **_said(run, [topic]))


def rename_all(run: Run, names: Mapping[int, str]) -> list[str]:
    """Write down names of topics, such as compare_runs.carried_labels gives them, but for those that they have."""
    return [rename(run, topic, name) for topic, name in names.items() if name != _label(run, topic)]


def split(
    run: Run,
    topic: int,
    *,
    into: int | None = None,
    rows: Sequence[str] | str | Path | None = None,
    name: str | None = None,
    again: bool = False,
) -> str:
    """Write down that a topic becomes so many, or that some of its rows become one of that name, as merge does.

    rows: ids, or a file of ids that the map's page saved.
    """
    parts = {"into": into, "rows": _row_ids(run, rows), "name": name}
    return _add(run, again, split=_exemplars(run, topic), **parts, **_said(run, [topic], rows))


def drop(run: Run, topic: int, *, again: bool = False) -> str:
    """Write down that a topic's rows become unassigned, as merge does."""
    return _add(run, again, drop=_exemplars(run, topic), **_said(run, [topic]))


def pin(run: Run, topic: int, *, name: str | None = None, again: bool = False) -> str:
    """Write down that a topic is to outlast a refit, by default under the name that it has, as merge does."""
    exemplars = _exemplars(run, topic)
    rows = read_value(run.path("rows.parquet"))[["id", "vector", "topic"]]
    vectors = np.load(run.path("vectors.npy"), mmap_mode="r", allow_pickle=False)
    members = np.sort(rows.loc[rows["topic"] == topic, "vector"].unique())
    middle = unit_length(np.float32(vectors[rows.set_index("id").loc[exemplars, "vector"]]).mean(0, keepdims=True))[0]
    near = round(float(np.quantile(np.float32(vectors[members]) @ middle, NEAR)), 4)
    return _add(run, again, pin=exemplars, near=near, name=name or _label(run, topic), **_said(run, [topic]))


def move(run: Run, rows: Sequence[str] | str | Path, *, to: int, again: bool = False) -> str:
    """Write down that rows (ids, or a file of ids that the page saved) go to a topic, -1 to none, as merge does."""
    where, ids = UNASSIGNED if to == -1 else _exemplars(run, to), _row_ids(run, rows)
    if not ids:
        raise ValueError(f"expected ids of rows, or a file of them, got {rows!r}")
    return _add(run, again, move=ids, to=where, **_said(run, [to], rows))


def _escaped(sign: str) -> str:
    """Return a sign that may end a line, or is not seen, as YAML writes it within quotes."""
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def _read_edit(told: Any, where: str) -> Edit:  # noqa: ANN401 - whatever stands in the YAML
    verbs = [name for name in EDITS if isinstance(told, dict) and name in told]
    if len(verbs) != 1:
        raise ValueError(f"{where}: expected one of {', '.join(EDITS)} with ids of rows, got {str(told)[:120]}")
    try:
        return EDITS[verbs[0]].model_validate(told)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        known = [name for name in EDITS[verbs[0]].model_fields if name not in Edit.model_fields]
        said = _SAID.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        said = said.format(**problem.get("ctx", {})) if problem["type"] in _SAID else said
        near = difflib.get_close_matches(key, known, n=1) if problem["type"] == "extra_forbidden" else []
        came = "" if problem["type"] in ("extra_forbidden", "missing") else f", got {str(problem['input'])[:80]!r}"
        remedy = f"did you mean {near[0]}?" if near else f"{verbs[0]} takes {', '.join(known)}"
        raise ValueError(f"{where}: {key + ': ' if key and key != verbs[0] else ''}{said}{came}; {remedy}") from None


def _add(run: Run, again: bool, **told: Any) -> str:  # noqa: ANN401
    """Append an edit to the run's file as one line, unless the same was asked for, and return what was done."""
    path = run.path(FILE)
    edit = _read_edit({name: value for name, value in told.items() if value is not None}, "edits")
    own = edit["name"] or "" if "name" in edit.keys() else ""
    more = f" into {edit.into}" if isinstance(edit, Split) and edit.into else ""
    edit = edit.model_copy(update={"asked": f"{edit.verb} {edit.asked}{more} {own}".strip()})
    known = [one.asked for one in read_edits(path)]
    if edit.asked in known and not again:
        return f"{edit.asked}: edit {known.index(edit.asked) + 1} of {FILE} already; again=True writes it once more"
    before = path.read_text("utf-8") if path.exists() else ""
    write_atomically(path, before + ("\n" if before and not before.endswith("\n") else "") + edit_line(edit) + "\n")
    return f"{edit.asked}: edit {len(known) + 1} of {FILE} ({edit.about}); run all cells to see it"


def _row_ids(run: Run, rows: Sequence[str] | str | Path | None) -> list[str] | None:
    """Return ids of rows, those of a file read; ValueError names one that the run has not."""
    if rows is None:
        return None
    ids = selected_ids(rows) if isinstance(rows, (str, Path)) else [str(one) for one in rows]
    known = set(read_value(run.path("rows.parquet"))["id"])
    if strange := [one for one in ids if one not in known]:
        raise ValueError(f"{len(strange)} of {len(ids)} ids are of no row of {run.name}, {strange[0]!r} for example")
    return ids


def _said(run: Run, topics: Sequence[int], rows: Sequence[str] | str | Path | None = None) -> dict[str, str]:
    """Return how an edit was asked for (its topics and rows), and what the topics are called."""
    asked = " ".join(map(str, topics))
    if rows is not None:
        asked += f" {rows}" if isinstance(rows, (str, Path)) else f" {len(rows)} rows {fingerprint(list(rows))[:8]}"
    about = [UNASSIGNED if one == -1 else f"{one} {_label(run, one)}" for one in topics]
    return {"asked": asked, "about": "; ".join(about)}


def _label(run: Run, topic: int) -> str:
    return str(_topic(run, topic)["label"])


def _exemplars(run: Run, topic: int) -> list[str]:
    return [str(one) for one in _topic(run, topic)["representative_ids"]]


def _topic(run: Run, topic: int) -> pd.Series:
    if isinstance(topic, bool) or not isinstance(topic, (int, np.integer)):
        raise ValueError(f"expected the number of a topic, got {topic!r}")
    table = read_value(run.path("topics.parquet"))
    found = table[table["topic"] == topic]
    if found.empty or topic == -1:
        raise ValueError(f"no topic {topic}: topics of {run.name} are 0 to {table['topic'].max()}")
    return found.iloc[0]
