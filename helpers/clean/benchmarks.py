"""Names of benchmarks, of the hub or in files -> their items: benchmark, item and the text that is looked for in rows.

Which benchmarks can be named, and what may be said of one, stands in benchmarks.yaml.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas as pd
import yaml
from pydantic import ValidationError

from helpers.clean.words import split_words
from helpers.files import read_value, write_value
from helpers.keys import stage_key
from helpers.section import Names, Section
from helpers.text.sources.locate import files_state, is_hub, source_files
from helpers.text.sources.read import kind_of
from helpers.text.sources.records import FIRST, ID_COLUMNS, Rejected, as_id, read_records
from helpers.yaml_text import read_yaml

KNOWN = Path(__file__).with_suffix(".yaml")
STUB = 10  # words; of a shorter question the options are a part as well
COLUMNS = "question question_stem problem text prompt instruction goal sentence ctx query input content".split()
OPTIONS = ("choices", "options", "endings")


class Benchmark(Section):
    """Where a benchmark's items are, and what their text is; see benchmarks.yaml."""

    path: str
    config: str | None = None
    split: Names = ["test"]
    revision: str | None = None
    columns: Names = []  # none: found
    options: Names = []
    id: str | None = None


def known_benchmarks() -> list[str]:
    """Return the names of the benchmarks that can be named, in alphabetical order."""
    return sorted(_read_yaml(KNOWN))


def need_benchmarks(names: Sequence[str | Mapping[str, Any]]) -> None:
    """Raise ValueError for a name that read_benchmarks does not know, before anything is read."""
    for name in names:
        list(_named(name))


def read_benchmarks(names: Sequence[str | Mapping[str, Any]], *, store: Path | None = None) -> pd.DataFrame:
    """Return the items of benchmarks, in the order of the names and of their files: benchmark, item and text.

    A name is one of known_benchmarks, in capitals or not, or the beginning that several share (arc), a file or folder,
    a YAML file that says of benchmarks what benchmarks.yaml does, or owner/name on the hub, whose split "test" is
    taken; a mapping is what such a YAML says of one, and its name. Columns that are not named are found. The pair of
    benchmark and item is unique. store: a folder where items are kept, each benchmark in a file, and taken from the
    next time unless its settings or its files have changed: nothing is fetched twice. Raises ValueError for what is not
    known, and where an item cannot be read: what is not read is not found.
    """
    found: list[pd.DataFrame] = []
    taken: set[str] = set()
    for name, benchmark in (pair for one in names for pair in _named(one)):
        if name in taken:
            raise ValueError(f"two benchmarks are called {name!r}: name each once, files by names of their own")
        taken.add(name)
        found.append(_read_items(name, benchmark, store))
    return pd.concat(found, ignore_index=True) if found else _items("", [], [])


def _named(name: str | Mapping[str, Any]) -> Iterator[tuple[str, Benchmark]]:
    """Yield the benchmarks that a name stands for."""
    if isinstance(name, Mapping):
        told = dict(name)
        called = told.pop("name", None) or _stem(Path(str(told.get("path"))))
        yield from _checked({str(called): told}, "benchmarks").items()
        return
    known, path = _read_yaml(KNOWN), Path(name).expanduser()
    if called := _called(name, known):
        yield from ((one, known[one]) for one in called)
    elif path.suffix in (".yaml", ".yml"):
        yield from _read_yaml(path).items()
    elif path.exists() or kind_of(path) or name.startswith("package:") or any(sign in name for sign in "*?["):
        yield _stem(path), Benchmark(path=name)
    elif is_hub(name):
        yield name, Benchmark(path=name)
    else:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(
            f"no benchmark {name!r}{hint}: known are {', '.join(known)}; else name a file, a YAML such as "
            "benchmarks.yaml, or owner/name on the hub"
        )


def _called(name: str, known: Sequence[str]) -> list[str]:
    """Return the known benchmark of a name, or those that it begins, as arc does arc_challenge and arc_easy."""
    plain = re.sub(r"\W|_", "", name.lower())
    whole = [one for one in known if one.replace("_", "") == plain]
    return whole or [one for one in known if one.partition("_")[0] == plain]


def _read_yaml(path: Path) -> dict[str, Benchmark]:
    """Return the benchmarks of a YAML file, by name; files that stand beside it may be named from there."""
    try:
        told = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"benchmarks: no file {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(told, dict) or not all(isinstance(one, dict) for one in told.values()):
        raise ValueError(f"{path.name}: expected lines such as `mine: {{path: items.jsonl, columns: question}}`")
    found = _checked(told, path.name)
    for name, one in found.items():
        if path != KNOWN and (path.parent / one.path).exists():
            found[name] = one.model_copy(update={"path": str(path.parent / one.path)})
    return found


def _checked(told: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, Benchmark]:
    found = {}
    for name, settings in told.items():
        try:
            found[str(name)] = Benchmark.model_validate(settings)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(map(str, problem["loc"]))
            known = ", ".join(Benchmark.model_fields)
            raise ValueError(f"{where}: {name}: {key}: {problem['msg']}; a benchmark takes {known}") from None
    return found


def _stem(path: Path) -> str:
    """Return a file's name without its endings."""
    return re.sub(r"(\.[A-Za-z]\w{0,8}){1,2}$", "", path.name) or path.name


def _read_items(name: str, benchmark: Benchmark, store: Path | None) -> pd.DataFrame:
    """Return the items of one benchmark, from the store where they are; an error of its source names it."""
    try:
        if store is None:
            return _read_source(name, benchmark)
        files = [] if is_hub(benchmark.path) else _files(benchmark)
        file = store / f"{stage_key(_read_source, (name, benchmark, files_state(files)), {})}.parquet"
        if not file.exists():
            write_value(file, _read_source(name, benchmark))
        return read_value(file)
    except OSError as error:
        kind = next(kind for kind in (FileNotFoundError, ConnectionError, OSError) if isinstance(error, kind))
        raise kind(f"benchmark {name}: {error}") from None


def _files(benchmark: Benchmark) -> list[Path]:
    return list(dict.fromkeys(file for split in benchmark.split for file in source_files(benchmark.path, split=split)))


def _read_source(name: str, benchmark: Benchmark) -> pd.DataFrame:
    from tqdm import tqdm

    path, values, places = benchmark.path, [], []
    has_splits = is_hub(path) or (Path(path).expanduser() / "dataset_dict.json").exists()
    for split in benchmark.split if has_splits else [""]:
        records = read_records(path=path, split=split, config=benchmark.config, revision=benchmark.revision)
        for one in tqdm(records, desc=name, unit=" items", delay=2, mininterval=0.5):
            if isinstance(one, Rejected):
                where = f"record {one.position}" if one.line is None else f"line {one.line}"
                raise ValueError(f"benchmark {name}: {where} cannot be read: {one.reason}; mend it or take it out")
            values.append(json.loads(one.record))
            places.append(f"{split} {one.position}".strip())
    columns, options = _columns(name, benchmark, values[:FIRST])
    texts = _with_options([_text(one, columns) for one in values], [_lettered(one, options) for one in values])
    return _items(name, _item_names(values, benchmark.id, places), texts)


def _items(name: str, items: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"benchmark": [name] * len(items), "item": list(items), "text": list(texts)}, dtype=object)


def _columns(name: str, benchmark: Benchmark, values: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return the columns of the text and of the options, those that are not named found among the first items."""
    there = list(dict.fromkeys(column for value in values for column in value))
    if not values:
        raise ValueError(f"benchmark {name}: there is no item in {benchmark.path}")
    named = [*benchmark.columns, *benchmark.options, *([benchmark.id] if benchmark.id else [])]
    for column in named:
        if column not in there and column.partition(".")[0] not in there:
            raise ValueError(f"benchmark {name}: no column {column!r}; columns are {', '.join(there)}")
    if benchmark.columns:
        return benchmark.columns, benchmark.options
    by_name = {column.lower(): column for column in there}
    found = [by_name[column] for column in COLUMNS if column in by_name]
    if not found:
        raise ValueError(
            f"benchmark {name}: no column of questions found; columns are {', '.join(there)}: name it in a YAML, as in "
            f"`mine: {{path: {benchmark.path}, columns: {there[0] if there else 'question'}}}`"
        )
    return found[:1], benchmark.options or [column for column in OPTIONS if column in there]


def _with_options(questions: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the questions, those that are short or asked several times with their options."""
    words = [split_words(question) for question in questions]
    often = Counter(map(tuple, words))
    is_stub = [len(one) < STUB or often[tuple(one)] > 1 for one in words]
    return [
        f"{one}\n{more}".strip() if stub else one for one, more, stub in zip(questions, options, is_stub, strict=True)
    ]


def _text(value: dict[str, Any], columns: Sequence[str]) -> str:
    return "\n".join(part for column in columns for part in _parts(_in_column(value, column)) if part)


def _lettered(value: dict[str, Any], columns: Sequence[str]) -> str:
    """Return the options of an item on lines that begin with A, B and so on, as they are mostly asked."""
    parts = [part for column in columns for part in _parts(_in_column(value, column))]
    return "\n".join(f"{letter}. {part}" for letter, part in zip(ascii_uppercase, parts, strict=False))


def _in_column(value: dict[str, Any], column: str) -> Any:  # noqa: ANN401
    if column in value:
        return value[column]
    outer, _, inner = column.partition(".")
    found = value.get(outer)
    return _in_column(found, inner) if inner and isinstance(found, dict) else None


def _parts(value: Any) -> list[str]:  # noqa: ANN401
    """Return the texts in a value: a list of options, or such a list beside its labels, gives one each."""
    if isinstance(value, dict):
        value = value.get("text", list(value.values()))
    if isinstance(value, list):
        return [part for one in value for part in _parts(one)]
    return [] if value is None else [str(value)]


def _item_names(values: Sequence[dict[str, Any]], column: str | None, places: Sequence[str]) -> list[str]:
    """Return the items' ids, and their places where there is none; where an id is repeated both. All are different."""
    first = values[0]
    column = column or next((name for name in ID_COLUMNS if as_id(first.get(name)) is not None), None)
    names = [column and as_id(_in_column(value, column)) for value in values]
    often = Counter(names)
    found, taken = [], {name for name in names if often[name] == 1}
    for name, place in zip(names, places, strict=True):
        if often[name] > 1 or name is None:
            wanted = name = place if name is None else f"{name} {place}"
            for number in count(2):
                if name not in taken:
                    break
                name = f"{wanted}-{number}"
            taken.add(name)
        found.append(name)
    return found
