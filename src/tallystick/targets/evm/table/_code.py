"""The table's interpreter: a contract that scores rows by data contracts, deployed once per chain.

Stack notation in comments: the top is on the right. ``row`` is where the row begins in calldata, ``data`` the address
of the data contract, ``d`` the descriptor of the section at hand.
"""

from __future__ import annotations

from typing import Final

from tallystick.hashing import keccak256
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import DOMAIN, LENGTH, SELECTOR, initcode
from tallystick.targets.evm.table._code_row import fields, spans, unpack
from tallystick.targets.evm.table._code_trees import linked_blocks, trees_of_depth, wide_nodes
from tallystick.targets.evm.table._layout import FIXED, HEAD, HEAD_BYTES, MAGIC, MODES, NEXT, OUT, WORD
from tallystick.targets.evm.table._section import place_of

__all__ = ["DATA", "TABLE_HASH_SELECTOR", "TABLE_SCORE_SELECTOR", "interpreter_code", "interpreter_initcode"]

TABLE_SCORE_SELECTOR: Final = int.from_bytes(keccak256(b"score(address,bytes)")[:4], "big")
TABLE_HASH_SELECTOR: Final = int.from_bytes(keccak256(b"programHash(address)")[:4], "big")
DATA: Final = "table: data"

_ERROR_SELECTOR: Final = 0x08C379A0  # Error(string)
_ROW_RAW: Final = 20  # the data's address, then the row
_ROW_ABI: Final = 100  # selector, address, offset of the bytes, their length


def interpreter_code(push0: bool = True) -> bytes:
    """Runtime code of the interpreter.

    Calldata is the address of a data contract, 20 bytes, and a row (:class:`RowCode`); or ``score(address,bytes)``.
    The answer is a word int256 for each output. ``programHash(address)`` answers the hash that the data names. It has
    no state, calls nothing and logs nothing: wrong data can only fail or give a wrong answer to its own caller.

    Parameters
    ----------
    push0
        Whether the chain knows ``PUSH0``.
    """
    code = Assembler(push0)
    code.push_label("main").op("JUMP")
    for name, _ in MODES:
        code.label(f"to {name}").push_label(name).op("JUMP")
    _main(code)
    _sections(code)
    _abi(code)
    _reverts(code)
    made = code.assemble()
    assert all(made[at] == 0x5B for _, at in MODES), "a mode is an address in the code"
    return made


def interpreter_initcode(push0: bool = True) -> bytes:
    """Init code of the interpreter."""
    return initcode(interpreter_code(push0), push0)


def _main(code: Assembler) -> None:
    """The begin of every call, up to the first section."""
    # Where bytes 4 to 15 are zero there is no address but an ABI call: nobody finds an address like that.
    code.label("main").push(0).op("CALLDATALOAD")
    code.op("DUP1").push(32).op("SHL").push(160).op("SHR", "ISZERO").push_label("abi").op("JUMPI")
    code.push(96).op("SHR").push(_ROW_RAW).op("SWAP1").push(_ROW_RAW).op("CALLDATASIZE", "SUB")
    # row data size
    code.label("score").push(HEAD_BYTES).push(0).push(HEAD).op("DUP5", "EXTCODECOPY").push(HEAD).op("MLOAD")
    # row data size head
    _check_magic(code)
    code.op("DUP1").push(0xFFFFFF).op("AND", "DUP3", "SUB").push_label(LENGTH).op("JUMPI")
    unpack(code)
    # row data
    code.label("section").push(NEXT).op("MLOAD", "DUP1").push(2).op("BYTE", "JUMP")


def _check_magic(code: Assembler) -> None:
    """Refuse what is no data contract; the head's word stays on the stack."""
    code.op("DUP1").push(192).op("SHR").push((1 << 32) - 1).op("AND").push(int.from_bytes(MAGIC, "big")).op("XOR")
    code.push_label(DATA).op("JUMPI")


def _sections(code: Assembler) -> None:
    for kind in FIXED:
        trees_of_depth(code.label(f"depth{kind.depth}"), kind)
    spans(code.label("spans"))
    fields(code.label("narrow"), "narrow", lane=232, slot=248)
    fields(code.label("wide"), "wide", lane=176, slot=240)
    linked_blocks(code.label("blocks"))
    wide_nodes(code.label("nodes"))
    _add_sum(code)
    _bases(code)
    _switch(code)
    _end(code)


def _add_sum(code: Assembler) -> None:
    """``row data d sum``: add a chunk's sum to its output, and go on."""
    code.label("add int32").push(3).op("SIGNEXTEND")
    code.label("add").op("DUP2")
    place_of(code)
    code.op("SWAP1", "DUP2", "MLOAD", "ADD", "SWAP1", "MSTORE", "POP").push_label("section").op("JUMP")


def _bases(code: Assembler) -> None:
    """Outputs begin as their bases: the content goes to its place, the descriptor before it to ``NEXT``."""
    code.label("bases").push(WORD).op("DUP2").push(240).op("SHR", "SUB")  # size
    code.op("DUP2").push(0xFFFF).op("AND").push(WORD).op("ADD", "DUP3")  # d size from d
    place_of(code)
    code.op("DUP5", "EXTCODECOPY")
    code.push(WORD).op("SWAP1").push(0xFFFF).op("AND").push(NEXT).op("DUP4", "EXTCODECOPY")
    code.push_label("section").op("JUMP")


def _switch(code: Assembler) -> None:
    """Go on in another contract. One that is not there gives zeros: refused, or it would add nothing in silence."""
    code.label("switch").op("SWAP1", "POP").push((1 << 160) - 1).op("AND")
    code.push(WORD).push(WORD).push(NEXT).op("DUP4", "EXTCODECOPY")
    code.push(NEXT).op("MLOAD", "ISZERO").push_label(DATA).op("JUMPI").push_label("section").op("JUMP")


def _end(code: Assembler) -> None:
    """Answer: the sum as it is, or each output's divided by the divisor and rounded down."""
    code.label("end1").push(WORD).push(OUT).op("RETURN")
    code.label("end").op("DUP1").push(240).op("SHR", "DUP2")
    place_of(code)
    code.op("SWAP2").push(168).op("SHR").push((1 << 32) - 1).op("AND")
    # first size divisor; first goes up to end
    code.op("DUP3", "DUP3", "ADD", "DUP4")  # first size divisor end at
    code.label("mean").op("DUP3", "DUP1").push(64).op("SHL", "DUP3", "MLOAD", "ADD", "DIV")
    # DIV knows no sign: (sum + divisor * 2**64) / divisor - 2**64, and |sum| < 2**63
    code.push(1 << 64).op("SWAP1", "SUB", "DUP2", "MSTORE")
    code.push(WORD).op("ADD", "DUP1", "DUP3", "GT").push_label("mean").op("JUMPI")
    code.op("POP", "POP", "POP", "SWAP1", "RETURN")


def _abi(code: Assembler) -> None:
    """``word``: the calls with a selector; all else reverts."""
    code.label("abi").push(4).op("CALLDATASIZE", "LT").push_label(LENGTH).op("JUMPI").push(224).op("SHR")
    code.op("DUP1").push(TABLE_SCORE_SELECTOR).op("EQ").push_label("score abi").op("JUMPI")
    code.push(TABLE_HASH_SELECTOR).op("XOR").push_label(SELECTOR).op("JUMPI")
    code.push(36).op("CALLDATASIZE", "LT").push_label(LENGTH).op("JUMPI")
    code.push(2 * WORD).push(0).push(HEAD).push(4).op("CALLDATALOAD", "EXTCODECOPY").push(HEAD).op("MLOAD")
    _check_magic(code)
    code.push(WORD).push(HEAD + WORD).op("RETURN")
    # The bytes' head elsewhere, or bytes cut short; their length is checked against the data's later.
    code.label("score abi").op("POP").push(_ROW_ABI).push(4).op("CALLDATALOAD").push(68).op("CALLDATALOAD")
    code.push(64).push(36).op("CALLDATALOAD", "XOR")
    code.op("DUP2").push(_ROW_ABI).op("ADD", "CALLDATASIZE", "LT", "OR").push_label(LENGTH).op("JUMPI")
    code.push_label("score").op("JUMP")


def _reverts(code: Assembler) -> None:
    """Each reason as a label of its name; Error(string) is its selector, 32, the length, the text left-aligned."""
    for reason in (DATA, DOMAIN, LENGTH, SELECTOR):
        text = reason.encode("ascii")
        code.label(reason).push(int.from_bytes(text.ljust(WORD, b"\x00"), "big")).push(len(text))
        code.push_label("revert").op("JUMP")
    code.label("revert").push(_ERROR_SELECTOR << 224).push(0).op("MSTORE").push(WORD).push(4).op("MSTORE")
    code.push(36).op("MSTORE").push(68).op("MSTORE").push(100).push(0).op("REVERT")
