"""The interpreter's reading of a row: values go to lanes in memory, where nodes find them.

Stack notation: the top is on the right.
"""

from __future__ import annotations

from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import DOMAIN
from tallystick.targets.evm.table._layout import BUFFER
from tallystick.targets.evm.table._section import copy_section, place_of

__all__ = ["fields", "spans", "unpack"]

_WORDS: Final = 4  # of 16 features of two bytes
_EVEN: Final = sum(0xFFFF << shift for shift in range(16, 256, 32))
_ODD: Final = _EVEN >> 16
_GUARDS: Final = sum(1 << shift for shift in range(24, 256, 32))
_RECORD: Final = 16


def _lane_slots(first: int) -> int:
    """Addresses of the eight lanes of a word, each at its lane's begin."""
    return int.from_bytes(b"".join(bytes([first + lane, 0, 0, 0]) for lane in range(0, 32, 4)), "big")


def unpack(code: Assembler) -> None:
    """``row data size head`` becomes ``row data``: make lanes of as many words of the row as the head says.

    A word holds 16 values of two bytes; every second one has a lane of four bytes in the one of two words.
    """
    size = len(_unpack_word(0, push0=code.push0).assemble())
    code.push(8).op("BYTE").push(size).op("MUL").push_label("unpacked").op("SUB", "JUMP")
    for word in reversed(range(_WORDS)):
        code.extend(_unpack_word(word, code.push0))
    code.label("unpacked").op("POP")


def _unpack_word(word: int, push0: bool) -> Assembler:
    code = Assembler(push0).label(f"word {word}").op("DUP3").push(32 * word, 1).op("ADD", "CALLDATALOAD", "DUP1")
    code.push(_EVEN).op("AND").push(8).op("SHR").push(_lane_slots(64 * word), 32).op("OR").push(64 * word, 1)
    code.op("MSTORE").push(_ODD, 32).op("AND").push(8).op("SHL").push(_lane_slots(64 * word + 32), 32).op("OR")
    return code.push(64 * word + 32, 1).op("MSTORE")


def spans(code: Assembler) -> None:
    """Check lanes against words of spans, eight at a time: the difference's guard bits stay where no value is above."""
    copy_section(code)
    size = len(_check_word(0, code.push0).assemble())
    code.push(0).op("NOT", "DUP2").push(3).op("BYTE").push(size).op("MUL").push_label("spans done").op("SUB", "JUMP")
    for word in reversed(range(2 * _WORDS)):
        code.extend(_check_word(word, code.push0))
    code.label("spans done").push(_GUARDS).op("DUP1", "SWAP2", "AND", "XOR").push_label(DOMAIN).op("JUMPI", "POP")
    code.push_label("section").op("JUMP")


def _check_word(word: int, push0: bool) -> Assembler:
    code = Assembler(push0).label(f"span {word}").push(32 * word, 2).op("MLOAD")
    return code.push(BUFFER + 32 * word, 2).op("MLOAD", "SUB", "AND")


def fields(code: Assembler, name: str, lane: int, slot: int) -> None:
    """Read values by records, check each against its span, and write its lane.

    ``lane`` and ``slot`` are the bits below value and address in the lane's word. A lane's word covers the lanes behind
    it, which are written later.
    """
    copy_section(code)
    code.op("DUP3", "DUP2")
    place_of(code)
    code.op("ADD", "DUP2").push(3).op("BYTE").push(_RECORD).op("MUL").push(BUFFER).op("ADD").push(BUFFER)
    # row data d from end at
    code.label(f"{name} field").op("DUP1", "MLOAD", "DUP4", "CALLDATALOAD", "DUP2").push(9).op("BYTE", "SHR")
    # ... record value
    code.op("DUP2").push(192).op("SHR", "DUP2", "GT").push_label(DOMAIN).op("JUMPI")
    code.push(lane).op("SHL", "DUP2").push(160).op("SHR").push(0xFFFF).op("AND", "DUP1").push(slot).op("SHL")
    # ... record value slot begin
    code.op("DUP3", "OR", "SWAP1", "MSTORE", "POP").push(8).op("BYTE", "DUP4", "ADD", "SWAP3", "POP")
    # row data d from end at
    code.push(_RECORD).op("ADD", "DUP1", "DUP3", "GT").push_label(f"{name} field").op("JUMPI")
    code.op("POP", "POP", "POP", "POP").push_label("section").op("JUMP")
