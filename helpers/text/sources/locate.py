"""A source's name -> the files it stands for, or nothing for a dataset of the hub; and what tells that it changed.

A name is a file, a folder, a glob, `package:NAME/path/in/package`, or `owner/name` on the hub. What is in the
files is told in read.py, the hub in hub.py.
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import importlib.util
import itertools
import re
from pathlib import Path

from helpers.text.sources.read import kind_of, known_endings

# What `datasets` writes beside the rows that it saves.
_NOT_ROWS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}


def is_hub(path: str) -> bool:
    """Return whether path names a dataset of the hub: owner/name, and nothing of that name stands here."""
    here = Path(path).expanduser()
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", path) and not path.startswith((".", "~"))
    return bool(named) and not here.exists() and not here.parent.exists() and kind_of(here) is None


def is_many(path: str) -> bool:
    """Return whether path is a folder or a glob, in which a text file is one text."""
    return not path.startswith("package:") and (_is_glob(path) or Path(path).expanduser().is_dir())


def source_files(path: str, *, split: str = "train") -> list[Path]:
    """Return the data files that path stands for, sorted by name; none for a dataset of the hub.

    Beside other data files, text files in a folder are taken for its notes and left out. split: the part of a folder
    that `DatasetDict.save_to_disk` wrote; other folders have no parts. Raises FileNotFoundError that names what is
    there.
    """
    if is_hub(path):
        return []
    if path.startswith("package:"):
        return [_existing(_in_package(path), path)]
    if _is_glob(path):
        found = {Path(name) for name in glob.glob(str(Path(path).expanduser()), recursive=True)}
        return _data_files(list(found), path)
    here = _existing(Path(path).expanduser(), path)
    if (here / "dataset_dict.json").exists():
        here = _existing(here / split, f"{path}, split {split}")
    return _data_files(list(here.rglob("*")), path, here) if here.is_dir() else [here]


def left_out(path: str, files: list[Path]) -> list[str]:
    """Return the names of what stands in a folder beside its data files and is not read, hidden files aside."""
    here = Path(path).expanduser()
    if not here.is_dir():
        return []
    others = sorted(set(here.rglob("*")) - set(files))
    beside = [file for file in others if not any(part.startswith(".") for part in _parts_below(file, here))]
    return [shown_name(file, path) for file in beside if not file.is_dir() or file.is_symlink()]


def shown_name(file: Path, path: str) -> str:
    """Return a file's name as seen from its source: under the folder, or the part of a glob that is fixed."""
    base = Path(path).expanduser()
    if _is_glob(path):
        fixed = itertools.takewhile(lambda part: not glob.has_magic(part), base.parts)
        base = Path(*fixed)
    name = str(file.relative_to(base)) if base.is_dir() and file.is_relative_to(base) else file.name
    return name.encode("utf-8", "replace").decode()


def files_state(files: list[Path]) -> str:
    """Return a hash of the files' paths, sizes and times of change."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        stat = file.stat()
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def _is_glob(path: str) -> bool:
    return any(sign in path for sign in "*?[") and not Path(path).expanduser().exists()


def _data_files(found: list[Path], path: str, base: Path | None = None) -> list[Path]:
    visible = [file for file in found if not any(part.startswith(".") for part in _parts_below(file, base))]
    known = sorted(file for file in visible if file.is_file() and kind_of(file))
    data = [file for file in known if kind_of(file) != "text" and file.name not in _NOT_ROWS]
    files = known if base is None else data or known
    if not files:
        there = ", ".join(sorted(file.name for file in visible)[:10]) or "nothing"
        raise FileNotFoundError(f"no data file in {path}: it has {there}; known are {known_endings()}")
    return files


def _parts_below(file: Path, base: Path | None) -> tuple[str, ...]:
    return file.relative_to(base).parts if base else (file.name,)


def _in_package(path: str) -> Path:
    name, _, inside = path.removeprefix("package:").partition("/")
    # find_spec of a top-level name does not import the package
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations or not inside:
        raise FileNotFoundError(
            f"{path}: expected package:NAME/path/in/package; no package {name!r} is installed here (pip install it)"
            if spec is None
            else f"{path}: expected package:NAME/path/in/package"
        )
    return Path(spec.submodule_search_locations[0]) / inside


def _existing(file: Path, path: str) -> Path:
    if file.exists():
        return file
    folder = next(parent for parent in [*file.parents, Path()] if parent.is_dir())
    names = sorted(one.name for one in folder.iterdir())
    near = difflib.get_close_matches(file.name, names, n=3, cutoff=0.5)
    there = f"near matches: {', '.join(near)}" if near else f"it has {', '.join(names[:10]) or 'nothing'}"
    raise FileNotFoundError(f"no file {path}; the nearest folder is {folder}, {there}")
