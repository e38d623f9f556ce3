"""The interpreter's trees. Stack notation: the top is on the right; every handler begins with ``row data d``."""

from __future__ import annotations

from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.table._layout import (
    BLOCK,
    BUFFER,
    TREES_UNROLLED,
    UNIT,
    UNIT_SHIFTS,
    WORD,
    FixedKind,
    top_bytes,
)
from tallystick.targets.evm.table._section import compare, copy_section

__all__ = ["linked_blocks", "trees_of_depth", "wide_nodes"]

_BLOCKS_UNROLLED: Final = 4
_NODE: Final = 16
_LEAF_SHIFT: Final = 192  # bits below an int64 at the top of a word


def _pair(first: int, second: int) -> int:
    """A word from which ``BYTE`` takes one of two numbers."""
    return (first << 8 | second) << 240


def _tables(kind: FixedKind) -> list[int]:
    """For each level but the last of the top word, how far left the sides are; then how far left the leaves."""
    sides = [_pair(32, 32 + 8 * top_bytes(level - 1)) for level in range(kind.levels, 1, -1)]
    return sides + [_pair(*UNIT_SHIFTS)] * (kind.bottom == UNIT)


def trees_of_depth(code: Assembler, kind: FixedKind) -> None:
    """Add up the trees of a chunk: code for the most trees there can be, entered as far before its end as there are."""
    copy_section(code)
    tables = _tables(kind)
    for table in tables:
        code.push(table)
    size = len(_tree(kind, 0, code.push0).assemble())
    done = f"depth{kind.depth} done"
    # row data d tables sum; the count is one less than the trees
    code.push(0).op(f"DUP{2 + len(tables)}").push(3).op("BYTE").push(size).op("MUL")
    code.push_label(done, plus=-size).op("SUB", "JUMP")
    for number in reversed(range(TREES_UNROLLED)):
        code.extend(_tree(kind, number, code.push0))
    code.label(done)
    if tables:
        code.op(f"SWAP{len(tables)}", *["POP"] * len(tables))
    code.push_label("add int32").op("JUMP")


def _tree(kind: FixedKind, number: int, push0: bool) -> Assembler:
    """``tables sum``: add the leaf of the tree at a fixed address; the bits above the leaf are left to overflow."""
    code = Assembler(push0).label(f"depth{kind.depth} tree {number}")
    address = BUFFER + kind.stride * number
    code.push(address, 2).op("MLOAD")
    deepest = 1 + len(_tables(kind))  # place of the first table, from the top, below the sum
    for level in range(max(kind.levels - 1, 0)):
        code.op(f"DUP{1 + deepest - level}")
        compare(code)
        code.op("BYTE", "SHL")
    if kind.levels:
        # The last level names the address: the byte behind the threshold, or the one after it.
        code.op("DUP1").push(0).op("BYTE", "MLOAD", "DUP2", "LT").push(3).op("ADD", "BYTE")
        code.push(address + kind.head - 1, 2).op("ADD", "MLOAD")
    if kind.bottom == BLOCK:
        _leaf_of_block(code)
    else:
        code.op("DUP3")
        compare(code)
        code.op("BYTE", "SHR")
    return code.op("ADD")


def _leaf_of_block(code: Assembler) -> None:
    """``block`` becomes the outcome, with other bits above its 32: 52 gas for two comparisons.

    The first moves the block left by one node or two. That brings the second node to the top, and moves the outcomes so
    that each is 64 or 128 bits from the right by the second comparison alone.
    """
    for far, way in ((32, "SHL"), (64, "SHR")):
        code.push(far)
        compare(code)
        code.op("SHL", way)


def linked_blocks(code: Assembler) -> None:
    """Add up trees of any shape: blocks whose outcome is the address of another, or a leaf."""
    copy_section(code)
    code.op("DUP1").push(3).op("BYTE").push(5).op("SHL").push(BUFFER).op("ADD").push(BUFFER).push(0)
    # row data d end at sum
    code.label("block tree").op("DUP2", "MLOAD").label("block")
    for _ in range(_BLOCKS_UNROLLED):
        _leaf_of_block(code)
        code.op("DUP1").push(1).op("AND").push_label("block leaf").op("JUMPI").push(0xFFFF).op("AND", "MLOAD")
    code.push_label("block").op("JUMP")
    code.label("block leaf").op("ADD", "SWAP1").push(WORD).op("ADD", "SWAP1", "DUP2", "DUP4", "GT")
    code.push_label("block tree").op("JUMPI")
    # Each leaf was twice its value plus one.
    code.push(3).op("SIGNEXTEND", "SWAP2", "POP", "POP", "DUP2").push(3).op("BYTE", "SWAP1", "SUB").push(1).op("SAR")
    code.push_label("add").op("JUMP")


def wide_nodes(code: Assembler) -> None:
    """Add up trees of records with slots of two bytes, thresholds of eight and leaves of eight."""
    copy_section(code)
    code.push(_pair(128, 144)).op("DUP2").push(3).op("BYTE").push(4).op("SHL").push(BUFFER).op("ADD")
    code.push(0).push(BUFFER)
    # row data d table end sum at
    code.label("node tree").op("DUP1").label("node").op("MLOAD", "DUP5", "DUP2").push(240).op("SHR", "MLOAD")
    # ... node table lane
    code.op("DUP3", "LT", "BYTE", "SHR").push(0xFFFF).op("AND", "DUP1").push(1).op("AND").push_label("node leaf")
    code.op("JUMPI").push_label("node").op("JUMP")
    code.label("node leaf").op("MLOAD").push(_LEAF_SHIFT).op("SAR", "SWAP1").push(_NODE).op("ADD")
    # ... end sum leaf at
    code.op("SWAP2", "ADD", "SWAP1", "DUP1", "DUP4", "GT").push_label("node tree").op("JUMPI")
    # row data d table end sum at
    code.op("POP", "SWAP2", "POP", "POP").push_label("add").op("JUMP")
