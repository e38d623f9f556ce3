"""A contract with the interface of all others, for a program in a table: it forwards rows to the interpreter."""

from __future__ import annotations

from typing import Final

from tallystick.exact import Program
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import ROW_AT, prologue, reverts
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.table._layout import FRONT_AT

__all__ = ["front_code", "inner_front"]

_ADDRESS: Final = 20
_WORD: Final = 32


def front_code(program: Program, interpreter: bytes, data: bytes, push0: bool = True) -> bytes:
    """Runtime code of a front on its own: calldata is a row, or ``score(bytes)``, or ``programHash()``.

    A call costs some 2,800 gas more than one of the interpreter, or of data that hold their own front.

    Parameters
    ----------
    program
        What the data holds.
    interpreter, data
        Addresses, 20 bytes each. Any number of fronts share them.
    push0
        Whether the chain knows ``PUSH0``.
    """
    assert len(data) == _ADDRESS
    code = Assembler(push0)
    _forward(code, program, interpreter, Assembler(push0).push(int.from_bytes(data, "big"), _ADDRESS))
    return code.assemble()


def inner_front(program: Program, interpreter: bytes) -> bytes:
    """Code that stands at ``FRONT_AT`` in a data contract; it names its own address. It needs no ``PUSH0``."""
    code = Assembler(push0=False).data("data", bytes(FRONT_AT)).label("front")
    _forward(code, program, interpreter, Assembler(push0=False).op("ADDRESS"))
    return code.assemble()[FRONT_AT:]


def _forward(code: Assembler, program: Program, interpreter: bytes, data: Assembler) -> None:
    assert len(interpreter) == _ADDRESS
    row = RowCode(program)
    prologue(code, row)
    # The data's address goes right in front of the row, which is where the interpreter wants it.
    assert ROW_AT == _WORD
    code.extend(data).push(0).op("MSTORE")
    code.push(0).push(0).push(_ADDRESS + row.size).push(ROW_AT - _ADDRESS)
    code.push(int.from_bytes(interpreter, "big"), _ADDRESS).op("GAS", "STATICCALL")
    # Answer or refusal, as it came.
    code.op("RETURNDATASIZE").push(0).push(0).op("RETURNDATACOPY").op("RETURNDATASIZE").push(0)
    code.op("DUP3").push_label("answer").op("JUMPI", "REVERT").label("answer").op("RETURN")
    reverts(code, row)
