"""Prompts and replies -> JSON lines on disk, and back: what was asked once is not asked again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def reply_key(**asked: Any) -> str:  # noqa: ANN401 - prompt, model, schema, settings
    """Return a hash of all that a reply depends on."""
    return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).hexdigest()


def readable(value: Any) -> Any:  # noqa: ANN401
    """Return a value of JSON as files can hold it: halves of letters, which models and servers may send, become a ?.

    >>> readable({"reason": ["caf\\ud83d", 3]})
    {'reason': ['caf?', 3]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {readable(name): readable(part) for name, part in value.items()}
    return [readable(part) for part in value] if isinstance(value, list) else value


def read_replies(log: Path) -> dict[str, Any]:
    """Return the replies in log by key; a line that was cut off or damaged is passed over and asked again."""
    replies: dict[str, Any] = {}
    for entry in read_entries(log):
        with contextlib.suppress(KeyError, TypeError):
            replies[entry["key"]] = entry["reply"]
    return replies


def read_entries(log: Path) -> Iterator[Any]:
    """Yield what the lines of log say, one at a time, and nothing of a line that was cut off or damaged."""
    if log.exists():
        with log.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, RecursionError):
                    yield json.loads(line)


def append_replies(log: Path, entries: list[Mapping[str, Any]]) -> None:
    """Add a line an entry, in one write that is on the disk when this returns; half a line of before is ended first."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = "".join(json.dumps(dict(entry), ensure_ascii=False) + "\n" for entry in entries).encode("utf-8", "replace")
    with os.fdopen(os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            lines = lines if file.read(1) == b"\n" else b"\n" + lines
        file.write(lines)  # at the end, wherever another process has moved it meanwhile
        file.flush()
        os.fsync(file.fileno())
