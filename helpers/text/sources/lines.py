"""A file, packed or not -> its content as UTF-8: in pieces, line by line or whole; and what a reader finds in it.

What the content means is told in read_json.py, read_csv.py and read_tables.py.
"""

from __future__ import annotations

import codecs
import gzip
import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PIECE = 2**16  # bytes read at a time
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Found(NamedTuple):
    """One record as it stands in a file: its value, or the reason why there is none; line counts from 1."""

    value: Any = None
    line: int | None = None
    reason: str | None = None
    key: str | None = None  # its name, in an object of records


class BrokenFile(Exception):
    """The rest of a file cannot be read; line is where, when that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def read_pieces(path: Path) -> Iterator[bytes]:
    """Yield the file's content, unpacked, as UTF-8 without byte order mark; raises BrokenFile where it breaks off."""
    import zstandard

    try:
        yield from _as_utf8(piece for piece in _unpacked(path) if piece)
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise BrokenFile(getattr(error, "strerror", None) or str(error)) from None
    except UnicodeDecodeError as error:
        raise BrokenFile(f"not UTF-16: {error.reason}") from None


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the file's lines as UTF-8 bytes, each with its line end; raises BrokenFile where it breaks off."""
    rest: list[bytes] = []
    for piece in read_pieces(path):
        first, *others = piece.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest) + b"\n"
            yield from (line + b"\n" for line in others[:-1])
            rest = others[-1:]
    if any(rest):
        yield b"".join(rest)


def read_whole(path: Path) -> tuple[str, bool, str | None]:
    """Return the file's text, whether it was all UTF-8, and why it breaks off, if it does.

    Bytes that are not UTF-8 stand in the text as lone surrogates, so that only the records they are in are lost.
    """
    pieces, reason = [], None
    try:
        for piece in read_pieces(path):
            pieces.append(piece)
    except BrokenFile as error:
        reason = str(error)
    data = b"".join(pieces)
    try:
        return data.decode("utf-8"), True, reason
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape"), False, reason


def decode_line(line: bytes) -> str:
    """Return a line's text without its line end; raises ValueError that names the first byte that is not UTF-8."""
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{line[error.start]:02x} at {error.start}") from None


def distinct_names(header: list[str]) -> list[str]:
    """Return the names of columns; empty ones and repeats are told apart by their number."""
    names: list[str] = []
    for place, cell in enumerate(header, 1):
        name = cell.encode("utf-8", "replace").decode() or f"column_{place}"
        names.append(name if name not in names else f"{name}_{place}")
    return names


def bad_byte(text: str) -> str | None:
    """Return the reason why a text from read_whole is not UTF-8, or None where it is."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"not UTF-8: byte 0x{ord(text[error.start]) & 0xFF:02x} at {len(text[: error.start].encode())}"
    return None


def _unpacked(path: Path) -> Iterator[bytes]:
    ending = path.suffix.lower()
    with path.open("rb") as file:
        if ending == ".gz":
            unpacked = gzip.GzipFile(fileobj=file)
            # read1 gives what is there, so that all before a break comes out before the error does
            yield from iter(lambda: unpacked.read1(PIECE), b"")
        elif ending == ".zst":
            yield from _from_zst(iter(lambda: file.read(PIECE), b""))
        else:
            yield from iter(lambda: file.read(PIECE), b"")


def _from_zst(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content of all frames; the library's own stream reader ends a cut file without a word."""
    import zstandard

    frame = None
    for piece in pieces:
        while piece:
            frame = frame or zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()
            yield frame.decompress(piece)
            piece = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame:
        raise EOFError("Compressed file ended in the middle of a frame")


def _as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    if not first.startswith(_UTF16):
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    for piece in itertools.chain([first], pieces):
        yield decoder.decode(piece).encode("utf-8")
    decoder.decode(b"", final=True)
