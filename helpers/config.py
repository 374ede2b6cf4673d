"""One dataset's YAML and the overrides beside it -> a Config, checked whole; an error names file, key and remedy.

What may be set, and the defaults, stand in settings.py.
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from helpers.section import Section
from helpers.settings import Config
from helpers.yaml_text import read_yaml

ROOT = Path(__file__).resolve().parent.parent
DATASETS = ROOT / "datasets_config"
# Settings that name files, and those of them that may be names too: a plain word is one, whatever folder has it.
NAMED = ("benchmarks", "styles", "audiences", "run", "model")
FILES = "path file source ratings rubric labels outline titles combinations boilerplate".split() + [*NAMED]


def read_config(dataset: str, overrides: dict[str, Any] | None = None) -> tuple[str, Config]:
    """Return the run's name and its checked settings.

    dataset: a name in datasets_config, the path of a YAML file, a data file, folder or glob, `package:NAME/FILE`,
    or a hub name (`owner/name`); the last three take detected settings. overrides: `section.key` (or `title`,
    `sample`, `seed`) -> value. Raises FileNotFoundError for an unknown dataset, ValueError for a wrong setting.
    """
    where, name, settings = _find(dataset)
    for key, value in (overrides or {}).items():
        _put(settings, key, value)
    try:
        return name, Config.model_validate(_files_placed(settings))
    except ValidationError as error:
        raise ValueError("\n".join(_explain(where, problem) for problem in _one_a_key(error.errors()))) from None


def parse_overrides(pairs: list[str]) -> dict[str, Any]:
    """Return {key: value} from `key=value` texts, each value read as YAML (`50`, `true`, `[a, b]`)."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise ValueError(f"--set {wrong[0]}: expected key=value, such as cluster.min_cluster_size=50")
    return {key.strip(): _yaml_value(key, value) for key, value in (pair.split("=", 1) for pair in pairs)}


def _yaml_value(key: str, value: str) -> Any:  # noqa: ANN401
    try:
        return read_yaml(value)
    except yaml.YAMLError as error:
        raise ValueError(f"--set {key}={value}: not YAML: {' '.join(str(error).split())[:200]}") from None


def configured() -> list[str]:
    """Return the names of all datasets that have a YAML, in alphabetical order."""
    return sorted(path.stem for path in DATASETS.glob("*.yaml"))


def _find(dataset: str) -> tuple[str, str, dict[str, Any]]:
    """Return (where the settings stand, the run's name, the settings as read)."""
    dataset = str(dataset).strip()
    path = Path(dataset).expanduser()
    if dataset in configured():
        path = DATASETS / f"{dataset}.yaml"
    if path.suffix in (".yaml", ".yml"):
        return _shown(path), run_name(path.name), _read_yaml(path)
    name = run_name(dataset)
    if (dataset and path.exists()) or dataset.startswith("package:") or any(mark in dataset for mark in "*?["):
        return dataset, name, {"title": name.replace("_", " "), "source": {"path": dataset}}
    if re.fullmatch(r"[\w.-]+/[\w.-]+", dataset) and path.suffix.lower().lstrip(".") not in _DATA_SUFFIXES:
        return dataset, name, {"title": dataset, "source": {"path": dataset}}
    raise FileNotFoundError(
        f"no dataset {dataset!r}: expected a name in datasets_config ({', '.join(configured())}), a YAML file, "
        f"a data file that exists, or a hub name such as owner/name{_nearest(dataset, configured())}"
    )


def run_name(dataset: str) -> str:
    """Return the name of a dataset's run folder: the last part of its name, file or address, without endings."""
    return file_stem(re.sub(r"(\.[A-Za-z]\w{0,8}){1,2}$", "", str(dataset).strip().rstrip("/").split("/")[-1]))


# A name with such an ending means a file, be it there or not, and never a dataset of the hub.
_DATA_SUFFIXES = {
    "json",
    "jsonl",
    "csv",
    "tsv",
    "parquet",
    "arrow",
    "txt",
    "md",
    "gz",
    "zst",
    "feather",
    "ipc",
    "bz2",
    "xz",
    "zip",
    "tar",
    "xlsx",
    "xls",
    "html",
    "pdf",
    "docx",
    "ndjson",
}


def file_stem(name: str) -> str:
    """Return name as a safe folder name: lower case, `_` for all but letters, digits and `_`.

    A name without any plain letter or digit becomes `dataset_` and a hash of it.
    """
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    return plain[:80] or "dataset_" + hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = _nearest(path.stem, configured())
        raise FileNotFoundError(f"no file {path}; datasets_config has {', '.join(configured())}{near}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{_shown(path)}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{_shown(path)}: expected sections such as source and text, got {settings!r:.80}")
    if isinstance(settings.get("source"), str):
        settings["source"] = {"path": settings["source"]}
    elif not isinstance(settings.get("source"), dict | None):
        raise ValueError(f"{_shown(path)}: source: expected a path, or path with split and others; got a list")
    if path.parent != DATASETS and settings.get("source"):
        settings["source"] = _beside(path.parent, settings["source"])
    return settings


def _beside(folder: Path, source: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
    """Return a source, and those in it, that stands beside its YAML, and may be named from there, named whole."""
    if isinstance(source, str):
        is_there = "\0" not in source and source and (folder / source).exists()
        return str(folder / source) if is_there else _file_placed("path", source, home=folder)
    if not isinstance(source, dict):
        return source
    placed = {"path": _beside(folder, source["path"])} if isinstance(source.get("path"), str) else {}
    if isinstance(source.get("also"), dict):
        placed["also"] = {name: _beside(folder, one) for name, one in source["also"].items()}
    return {**source, **placed}


def place_files(overrides: dict[str, Any]) -> dict[str, Any]:
    """Return overrides in which files are named whole, for those who stand in another folder."""
    return {key: _file_placed(key.split(".")[-1], value, home=Path.cwd()) for key, value in overrides.items()}


def _files_placed(settings: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
    """Return settings, and those of the sections in them, with files named whole."""
    if not isinstance(settings, dict):
        return settings
    return {key: _files_placed(_file_placed(str(key), value)) for key, value in settings.items()}


def _file_placed(key: str, value: Any, home: Path = ROOT) -> Any:  # noqa: ANN401
    """Return the whole name of a file, folder or glob that is in the working directory or else the repository.

    home: where one is missed that is in neither, so that what stands there can be told.
    """
    if key in FILES and isinstance(value, list):
        return [_file_placed(key, one, home) for one in value]
    if key == "also" and isinstance(value, dict):
        return {name: _file_placed("path", one, home) for name, one in value.items()}
    if key in NAMED and isinstance(value, dict):
        return {_file_placed(key, name, home): share for name, share in value.items()}
    if key in NAMED and isinstance(value, str) and not re.search(r"[./\\]", value):
        return value
    if key not in FILES or not isinstance(value, str) or value.startswith("package:"):
        return value
    whole = [str(folder / Path(value).expanduser()) for folder in (Path.cwd(), ROOT)]
    found = next((name for name in whole if "\0" not in name and (Path(name).exists() or glob.glob(name))), None)
    is_missed = Path(value).suffix.lower().lstrip(".") in _DATA_SUFFIXES and "://" not in value
    return found or (str(home / Path(value).expanduser()) if is_missed else value)


def _put(settings: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401
    """Set `section.key` or `section.part.key` in settings, which are this call's own."""
    *sections, name = str(key).split(".")
    for section in sections:
        if not isinstance(settings.get(section), dict):
            settings[section] = {}
        settings = settings[section]
    settings[name] = value


def _one_a_key(problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the problems, those of one key as one: a setting of several types is wrong in as many ways."""
    found: dict[tuple, dict[str, Any]] = {}
    for problem in problems:
        known = len(_sections(problem["loc"])) + 1
        key = tuple(part for at, part in enumerate(problem["loc"]) if at < known or isinstance(part, int))
        if key in found and problem["type"] != "extra_forbidden":
            problem = {**problem, "msg": f"{found[key]['msg']}, or {problem['msg'][0].lower()}{problem['msg'][1:]}"}
        found[key] = {**problem, "loc": key}
    return list(found.values())


def _explain(where: str, problem: dict[str, Any]) -> str:
    """Return one line on one wrong setting: the file, the section and key, what came and what is allowed."""
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if not location:
        return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
    owner, known = _section_of(location)
    if problem["type"] == "extra_forbidden":
        inner = [f"{name}.{location[-1]}" for name in Config.model_fields if location[-1] in _section_of([name, ""])[1]]
        near = f"; did you mean {inner[0]}?" if inner and len(location) == 1 else _nearest(location[-1], known)
        return f"{where}: {key}: not known; {owner} takes {', '.join(known)}{near}"
    if problem["type"] == "missing":
        return f"{where}: {key}: missing" + ("" if len(location) > 2 else "; a config needs title and source.path")
    said = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):  # of several settings of a section
        return f"{where}: {key}: {said}"
    if problem["type"] == "dict_type":
        said = "expected names with what they stand for, such as {name: value}"
    return f"{where}: {key}: {said}; got {json.dumps(problem['input'], default=str)[:120]}"


def _section_of(location: list[str]) -> tuple[str, list[str]]:
    """Return what the section of a setting is called, and which settings it has."""
    sections = _sections(location)
    inner = sections[-1] if sections else Config
    return ".".join(location[: len(sections)]) or "a config", list(inner.model_fields)


def _sections(location: Sequence[str | int]) -> list[type[Section]]:
    """Return the sections, from the outermost, that lead to a setting."""
    found: list[type[Section]] = []
    for part in location[:-1]:
        field = (found[-1] if found else Config).model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field is not None else []
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)]
        if not inner:
            break
        found.append(inner[0])
    return found


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _shown(path: Path) -> str:
    """Return path as seen from the repository where it is inside, so that messages stay short."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)
