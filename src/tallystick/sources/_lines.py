"""Whole lines of a plain or gzip file, in large pieces, read one piece ahead by a second thread."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["CHUNK_BYTES", "is_gzip", "read_bytes", "whole_lines"]

CHUNK_BYTES: Final = 1 << 18  # of the file as stored
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def is_gzip(path: Path) -> bool:
    """True where the file starts as a gzip member does, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP_MAGIC


def read_bytes(path: Path) -> bytes:
    """All bytes of a plain or gzip file.

    Raises
    ------
    OSError, EOFError, zlib.error
        The file cannot be read, is cut off, or is damaged.
    """
    return b"".join(_pieces(path, CHUNK_BYTES))


def whole_lines(path: Path, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield pieces of whole lines; every piece ends with a newline.

    A last line without a newline gets one. Where the file is cut off or damaged, the
    whole lines before that place are yielded first, then the error is raised.

    Raises
    ------
    OSError, EOFError, zlib.error
        The file cannot be read, is cut off, or is damaged.
    """
    pieces = _joined(_pieces(path, chunk_bytes))
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        ahead = pool.submit(next, pieces, None)
        while (piece := ahead.result()) is not None:
            ahead = pool.submit(next, pieces, None)
            yield piece


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    tail: list[bytes] = []
    for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join((*tail, memoryview(piece)[:cut]))
            tail = []
        if cut < len(piece):
            tail.append(piece[cut:])
    if tail:
        yield b"".join((*tail, b"\n"))


def _pieces(path: Path, chunk_bytes: int) -> Iterator[bytes]:
    zipped = is_gzip(path)
    with path.open("rb") as file:
        yield from _inflate(file, chunk_bytes) if zipped else iter(lambda: file.read(chunk_bytes), b"")


def _inflate(file: BinaryIO, chunk_bytes: int) -> Iterator[bytes]:
    """Decompress member after member; a cut or damaged member raises after what came before it."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    rest = b""
    started = False
    while raw := rest or file.read(chunk_bytes):
        started = True
        yield member.decompress(raw)
        rest = member.unused_data
        if member.eof:
            member = zlib.decompressobj(_GZIP_WINDOW)
            started = bool(rest)
    if started:
        raise EOFError("compressed file is cut off")
