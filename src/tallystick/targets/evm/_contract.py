"""What every contract of a program begins and ends with: dispatch, checks, reverts, the answer, its deployment.

Stack notation in comments: the top is on the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.hashing import keccak256
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._row import RowCode

__all__ = [
    "DOMAIN",
    "HASH_SELECTOR",
    "LENGTH",
    "ROW_AT",
    "SCORE_SELECTOR",
    "SELECTOR",
    "SHARD",
    "check_domain",
    "fail_unless_zero",
    "initcode",
    "prologue",
    "read_value",
    "read_word",
    "return_words",
    "reverts",
]

SCORE_SELECTOR: Final = int.from_bytes(keccak256(b"score(bytes)")[:4], "big")
HASH_SELECTOR: Final = int.from_bytes(keccak256(b"programHash()")[:4], "big")
ROW_AT: Final = 32  # the row's address in memory; a word that ends anywhere in the row begins at 0 or later

LENGTH: Final = "program: length"
DOMAIN: Final = "program: domain"
SELECTOR: Final = "program: selector"
SHARD: Final = "program: shard"
_REASONS: Final = (LENGTH, DOMAIN, SELECTOR)

_WORD: Final = 32
_BYTES_AT: Final = 68  # selector, offset of the bytes, their length
_ERROR_SELECTOR: Final = 0x08C379A0  # Error(string)


def prologue(code: Assembler, row: RowCode) -> None:
    """Append what takes the row from calldata into memory at :data:`ROW_AT`, and what answers all other calls.

    Raw form first: it falls through, so it is the cheaper one. Behind it the stack is empty. Append :func:`reverts`
    at the contract's end.
    """
    size = row.size
    code.push(size).op("CALLDATASIZE", "SUB").push_label("abi").op("JUMPI")
    code.push(size).push(0).label("copy").push(ROW_AT).op("CALLDATACOPY")


def _abi(code: Assembler, row: RowCode) -> None:
    """Append the other calls: ``programHash()``, ``score(bytes)``; all else reverts."""
    code.label("abi").push(4).op("CALLDATASIZE", "LT").push_label(LENGTH).op("JUMPI")
    code.push(0).op("CALLDATALOAD").push(224).op("SHR")
    code.op("DUP1").push(SCORE_SELECTOR).op("EQ").push_label("score").op("JUMPI")
    code.push(HASH_SELECTOR).op("SUB").push_label(SELECTOR).op("JUMPI")
    code.push(int.from_bytes(row.program.hash, "big")).push(0).op("MSTORE").push(_WORD).push(0).op("RETURN")
    # A head that points elsewhere, another length, or bytes cut short.
    code.label("score").push(_WORD).push(4).op("CALLDATALOAD", "XOR")
    code.push(row.size).push(36).op("CALLDATALOAD", "XOR", "OR")
    code.push(_BYTES_AT + row.size).op("CALLDATASIZE", "LT", "OR").push_label(LENGTH).op("JUMPI")
    code.op("POP").push(row.size).push(_BYTES_AT).push_label("copy").op("JUMP")


def reverts(code: Assembler, row: RowCode, *more: str) -> None:
    """Append the contract's end: the calls that are no raw row, and each reason to revert as a label of its name.

    The reasons are the length, the domain, the selector, and ``more``: at most 28 ASCII characters each.
    """
    _abi(code, row)
    for reason in (*_REASONS, *more):
        text = reason.encode("ascii")
        code.label(reason).push(int.from_bytes(text, "big")).push(len(text)).push_label("revert").op("JUMP")
    # text, length: Error(string) is its selector, 32, the length, the text left-aligned.
    code.label("revert").push(_ERROR_SELECTOR << 224).push(0).op("MSTORE").push(_WORD).push(4).op("MSTORE")
    code.op("DUP1").push(36).op("MSTORE")
    code.push(3).op("SHL").push(256).op("SUB", "SHL").push(_BYTES_AT).op("MSTORE").push(100).push(0).op("REVERT")


def read_value(code: Assembler, row: RowCode, feature: int) -> None:
    """Append a push of a feature's packed value, from the row in memory: 12 gas."""
    code.push(read_word(code, row, feature)).op("SHR")


def read_word(code: Assembler, row: RowCode, feature: int) -> int:
    """Append a push of the word that begins with a feature's packed value, 6 gas; return how many bits follow it."""
    code.push(ROW_AT + row.offsets[feature]).op("MLOAD")
    return 256 - 8 * row.widths[feature]


@dataclass(frozen=True)
class _Window:
    """Features of the row within one word that ends with the last of them."""

    end: int  # byte in the row behind the last
    lanes: tuple[tuple[int, int, int], ...]  # (bits below, bits, span) of each feature that needs a check


def check_domain(code: Assembler, row: RowCode) -> None:
    """Append the check that no packed value is above its span; it reverts with :data:`DOMAIN`.

    Features whose span fills their bytes need none. The others are checked many at a time: every second one of a
    word is masked out, so that each has room above it, and ``2**bits - 1 - span`` is added to each. A value above its
    span carries into that room.
    """
    found = False
    for window in _windows(row):
        for parity in (0, 1):
            lanes = window.lanes[parity::2]
            if not lanes:
                continue
            mask = sum(((1 << bits) - 1) << below for below, bits, _ in lanes)
            lift = sum(((1 << bits) - 1 - span) << below for below, bits, span in lanes)
            carry = sum(1 << (below + bits) for below, bits, _ in lanes)
            code.push(ROW_AT + window.end - _WORD).op("MLOAD").push(mask).op("AND").push(lift).op("ADD")
            code.push(carry).op("AND", *["OR"] * found)
            found = True
    if found:
        fail_unless_zero(code, DOMAIN)


def fail_unless_zero(code: Assembler, reason: str) -> None:
    """Append a revert unless the top of the stack, which it takes, is zero."""
    code.push_label(reason).op("JUMPI")


def _windows(row: RowCode) -> list[_Window]:
    """The features that need a check, as many to a window as fit into 31 bytes; the 32nd takes the last carry."""
    todo = [i for i, (span, width) in enumerate(zip(row.spans, row.widths, strict=True)) if span + 1 < 1 << 8 * width]
    windows = []
    while todo:
        begin = row.offsets[todo[0]]
        inside = [i for i in todo if row.offsets[i] + row.widths[i] <= begin + _WORD - 1]
        todo = todo[len(inside) :]
        end = row.offsets[inside[-1]] + row.widths[inside[-1]]
        lanes = [(8 * (end - row.offsets[i] - row.widths[i]), 8 * row.widths[i], row.spans[i]) for i in inside]
        windows.append(_Window(end, tuple(lanes)))
    return windows


def return_words(code: Assembler, words: int, at: int = 0) -> None:
    """Append the return of ``words`` words from memory."""
    code.push(_WORD * words).push(at).op("RETURN")


def initcode(runtime: bytes, push0: bool = True) -> bytes:
    """Init code that leaves ``runtime`` as a contract's code."""
    code = Assembler(push0)
    code.push(len(runtime)).op("DUP1").push_label("runtime").push(0).op("CODECOPY").push(0).op("RETURN")
    return code.data("runtime", runtime).assemble()
