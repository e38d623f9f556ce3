"""Files of block JSON: which blocks each holds, and reading them."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.chain import Block, Transaction
from tallystick.errors import SourceError
from tallystick.sources._lines import read_bytes

__all__ = ["BlockFile", "ChainTransaction", "FullBlock", "RawBlock", "find_block_files", "index_blocks", "raw_blocks"]

_NAME: Final = re.compile(r".*\.(json|jsonl|ndjson)(\.gz)?")


class ChainTransaction(Transaction, frozen=True, gc=False):
    """A transaction and the chain it was signed for, where it says so."""

    chain_id_hex: str | None = msgspec.field(name="chainId", default=None)


class FullBlock(Block, frozen=True):
    """A block whose transactions are not yet decoded: one malformed transaction must not lose the others."""

    # Narrower than the parent's on purpose: the parent decodes at once.
    transactions: tuple[msgspec.Raw, ...] = ()  # type: ignore[assignment]


class _Number(msgspec.Struct):
    number: str


class _Wrapped(msgspec.Struct):
    result: msgspec.Raw


@dataclass(frozen=True)
class RawBlock:
    """One block's JSON and the line of its file on which it starts."""

    line: int
    data: msgspec.Raw | bytes


@dataclass(frozen=True)
class BlockFile:
    """A file and the half-open range that its blocks lie in."""

    path: Path
    first: int
    last: int


def find_block_files(path: Path) -> list[Path]:
    """The file, or the folder's ``.json``, ``.jsonl`` and ``.ndjson`` files, plain or gzip, by name."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and _NAME.fullmatch(file.name))
    if not found:
        raise SourceError("the folder has no .json, .jsonl or .ndjson file, plain or .gz", file=str(path))
    return found


def index_blocks(files: list[Path]) -> list[BlockFile]:
    """The files in the order of their blocks.

    Raises
    ------
    SourceError
        A file cannot be read or holds no blocks, or the blocks of two files overlap.
    """
    found = []
    for file in files:
        numbers = [_number(raw, file) for raw in raw_blocks(file)]
        if not numbers:
            raise SourceError("the file holds no block", file=str(file))
        found.append(BlockFile(file, min(numbers), max(numbers) + 1))
    found.sort(key=lambda item: (item.first, item.last))
    for before, after in itertools.pairwise(found):
        if after.first < before.last:
            cause = f"its blocks overlap those of {before.path.name}"
            raise SourceError(cause, file=str(after.path), block=after.first)
    return found


def raw_blocks(file: Path) -> Iterator[RawBlock]:
    """Yield the blocks of a file: one block, a list of them, one a line, each bare or as a node's answer.

    Raises
    ------
    SourceError
        The file cannot be read or is not of these forms.
    """
    try:
        data = read_bytes(file)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"cannot be read: {error}", file=str(file)) from error
    if data.lstrip()[:1] == b"[":
        for item in _decode(data, list[msgspec.Raw], file, 1):
            yield RawBlock(1, _unwrap(item, file, 1))
        return
    if b"\n" not in data.strip() or _is_one(data):
        yield RawBlock(1, _unwrap(data, file, 1))
        return
    for line, text in enumerate(data.splitlines(), start=1):
        if text.strip():
            yield RawBlock(line, _unwrap(text, file, line))


def _is_one(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _unwrap(data: Any, file: Path, line: int) -> Any:
    """The block itself, out of ``{"jsonrpc": …, "result": {…}}`` where it stands in one."""
    try:
        return msgspec.json.decode(data, type=_Wrapped).result
    except msgspec.ValidationError:
        return data
    except msgspec.DecodeError as error:
        raise SourceError(f"not valid JSON: {error}", file=str(file), line=line) from error


def _number(raw: RawBlock, file: Path) -> int:
    text = _decode(raw.data, _Number, file, raw.line).number
    try:
        return int(text, 16)
    except ValueError as error:
        cause = f"block number {text[:80]!r} is not hexadecimal"
        raise SourceError(cause, file=str(file), line=raw.line, column="number") from error


def _decode(data: Any, type: Any, file: Path, line: int) -> Any:
    try:
        return msgspec.json.decode(data, type=type)
    except msgspec.DecodeError as error:
        raise SourceError(f"not block JSON: {error}", file=str(file), line=line) from error
