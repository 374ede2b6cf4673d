"""A stage's code, data, settings and versions -> one key: equal keys, equal results.

What is done with keys is told in runs.py.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import stat
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from helpers.config import ROOT
from helpers.files import fingerprint

PACKAGES = (
    "bertopic bitsandbytes datamapplot datasets evoc faiss-cpu hdbscan llguidance numba numpy pandas scikit-learn "
    "scipy sentence-transformers torch transformers umap-learn"
).split()


@lru_cache
def versions() -> dict[str, str]:
    """Return the version of Python, of the kit and of the packages that results depend on most."""
    import platform

    found = {"python": platform.python_version(), "topic-map-kit": _version("topic-map-kit")}
    return found | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def stage_key(function: Callable, data: tuple, settings: dict[str, Any], *, fresh: object = None) -> str:
    """Return a hash of all that function(*data, **settings) depends on: code, data, settings, versions.

    Paths among the settings say where something is written; they and None do not count. A setting that names a file
    counts with the file's size and time. fresh is anything else that the result depends on.
    """
    parts = {
        "code": _code(function),
        "data": [fingerprint(value) for value in data],
        "settings": {
            name: fingerprint([value, _file_state(value)] if isinstance(value, str) else value)
            for name, value in sorted(settings.items())
            if not isinstance(value, Path) and value is not None
        },
        "fresh": fingerprint(fresh),
        "versions": versions(),
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _file_state(name: str) -> list[int] | None:
    try:
        state = os.stat(name)
    except (OSError, ValueError):
        return None
    return [state.st_size, state.st_mtime_ns] if stat.S_ISREG(state.st_mode) else None


def _code(function: Callable) -> str:
    """Return the function's name and a hash of its folder's code, so that a mended stage is made again.

    What a stage says to an LLM, and how, counts as its code.
    """
    file = Path(inspect.getfile(function))
    code = sorted(file.parent.rglob("*.py"))
    if "helpers.llm" in file.read_text("utf-8"):
        parts = ("llm/*.py", "instructions/*.*")
        code += [path for part in parts for path in sorted((ROOT / "helpers").glob(part))]
    digest = hashlib.blake2b(digest_size=8)
    for path in code:
        digest.update(path.read_bytes())
    return f"{function.__module__}.{function.__qualname__} {digest.hexdigest()}"
