"""Values -> files that only their owner can read, each written to a temporary name and then renamed; and back.

A frame becomes Parquet, an array .npy, anything else JSON; what the files mean is told in runs.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def write_atomically(path: Path, data: bytes | str) -> Path:
    """Write data to path so that path is at every moment absent, the old file or the whole new one."""
    payload = data.encode("utf-8") if isinstance(data, str) else data
    return _replace(path, lambda temporary: temporary.write_bytes(payload))


def write_value(path: Path, value: Any) -> Path:  # noqa: ANN401 - a frame, an array or JSON
    """Write a frame (.parquet), an array (.npy) or plain values (.json) to path, atomically."""
    if path.suffix == ".parquet":
        return _replace(path, lambda temporary: _to_parquet(value, temporary))
    if path.suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        return write_atomically(path, buffer.getvalue())
    return write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False, default=plain) + "\n")


def read_value(path: Path) -> Any:  # noqa: ANN401
    """Return what write_value wrote to path."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def appending(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Give a function that appends a table to a Parquet file, which stands at path only when all has gone well.

    The first table says which columns there are. Raises ValueError where none came.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    writers: list[pq.ParquetWriter] = []

    def append(table: pa.Table) -> None:
        if not writers:
            writers.append(pq.ParquetWriter(unfinished, table.schema, compression="zstd"))
        if len(table):
            writers[0].write_table(table.cast(writers[0].schema))

    try:
        yield append
        if not writers:
            raise ValueError(f"{path.name}: nothing was made of it, not even an empty table")
        writers[0].close()
        os.chmod(unfinished, 0o600)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_folder(path: Path, fill: Callable[[Path], object]) -> Path:
    """Let fill write into a new folder that then takes path's place; an older folder there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        fill(temporary)
        for file in temporary.rglob("*"):
            file.chmod(0o700 if file.is_dir() else 0o600)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def fingerprint(value: Any) -> str:  # noqa: ANN401
    """Return a hash of a value's content: frames and arrays by their bytes, models by their own `fingerprint`."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(value, pd.DataFrame):
        _hash_frame(value, digest)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).view(np.uint8).data)
    elif hasattr(value, "fingerprint"):
        digest.update(str(value.fingerprint).encode())
    elif hasattr(value, "backend_tokenizer"):
        parts = json.loads(value.backend_tokenizer.to_str())
        lasting = {name: part for name, part in parts.items() if name not in ("truncation", "padding")}
        digest.update(json.dumps(lasting, sort_keys=True).encode())
    else:
        digest.update(json.dumps(value, sort_keys=True, default=plain).encode())
    return digest.hexdigest()


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value that JSON lacks (numpy scalar, array, path, settings) as one that it has."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    return str(value)


def _hash_frame(frame: pd.DataFrame, digest: Any) -> None:  # noqa: ANN401 - hashlib names no public type
    class Sink(io.RawIOBase):
        """Takes a stream's bytes into the digest, so that no second copy of the frame is made."""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:  # noqa: ANN401
            digest.update(data)
            return len(memoryview(data).cast("B"))

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with pa.ipc.new_stream(Sink(), table.schema) as stream:
        stream.write_table(table.combine_chunks())


def _to_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False, compression="zstd")


def _replace(path: Path, write: Callable[[Path], object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
