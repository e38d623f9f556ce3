"""The loops over trees: integers only, no allocation.

A block of rows goes through three steps: values to ranks, ranks to leaves, sums to raw scores. A single row
walks down eight trees at a time instead.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.compiling import inlined, looped
from tallystick.exact._bits import leading_zeros
from tallystick.exact._kernels_leaves import find_leaves
from tallystick.exact._kernels_rows import first_outside, place_outside, ppm_at, write_ppm
from tallystick.exact._kernels_sections import (
    ABREAST,
    BASE,
    BLOCK_ROWS,
    COLUMN_WORDS,
    COLUMNS,
    DECISION,
    DIRECT,
    DIVISOR,
    FEATURE,
    FIRST,
    GROUPS,
    HALF,
    HIGH,
    KIND,
    LEAVES,
    LINEAR,
    LOGARITHMIC,
    LOW,
    MASK_COLUMN,
    MASK_KEEP,
    MASK_RANK,
    NODES,
    NUMBERS,
    ORDER,
    OUTSIDE,
    SHIFT,
    START,
    STARTS,
    THRESHOLD,
    THRESHOLDS,
    TOP,
    TREES,
    VALUES,
    WALKS,
    section,
)

__all__ = ["COMPILED_IN", "run_tree_row", "run_trees"]

# numba keeps machine code by this file alone. The number below is made of the files whose code goes into it,
# so that a change there is a change here, too; a test knows it.
COMPILED_IN: Final = "34ff8407"

_U = np.uint64
_NONE, _ONE, _TWO, _SIXTEEN, _SIXTY_THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(16), np.uint64(63)
_FEATURE_BITS = np.uint64((1 << 16) - 1)


@looped
def rank_column(rows: Any, column: Any, start: Any, threshold: Any, ranks: Any) -> None:
    """Write how many of a column's thresholds are below each row's value, less 128.

    The value's bucket tells where to begin: in a direct column there is one for each value, in a linear one for so
    many values, in a logarithmic one for values of one size. A few steps among the bucket's thresholds follow.
    """
    feature, first, top, half = column[FEATURE], column[FIRST], column[TOP], column[HALF]
    shift, zero = _U(column[SHIFT]), _U(column[FIRST])
    least = _ONE << shift
    if column[KIND] == DIRECT:
        for row in range(rows.shape[0]):
            ranks[row] = np.int64(start[_U(min(max(rows[row, feature], first), top)) - zero]) - 128
    elif half == 1 and column[KIND] == LINEAR:
        for row in range(rows.shape[0]):
            value = _U(min(max(rows[row, feature], first), top)) - zero
            begin = np.int64(start[value >> shift])
            ranks[row] = begin + (1 if value > threshold[begin] else 0) - 128
    elif half == 1:
        for row in range(rows.shape[0]):
            value = _U(min(max(rows[row, feature], first), top)) - zero
            moved = value + least
            size = _SIXTY_THREE - shift - leading_zeros(moved)
            begin = np.int64(start[(size << shift) + (moved >> size) - least])
            ranks[row] = begin + (1 if value > threshold[begin] else 0) - 128
    else:
        for row in range(rows.shape[0]):
            value = _U(min(max(rows[row, feature], first), top)) - zero
            bucket = value >> shift
            if column[KIND] == LOGARITHMIC:
                moved = value + least
                size = _SIXTY_THREE - shift - leading_zeros(moved)
                bucket = (size << shift) + (moved >> size) - least
            begin, step = np.int64(start[bucket]), half
            while step > 0:
                begin += step if value > threshold[begin + step - 1] else 0
                step >>= 1
            ranks[row] = begin - 128


@looped
def rank_columns(rows: Any, words: Any, ranks: Any) -> None:
    """Write the ranks of all columns, each ``BLOCK_ROWS`` after the one before."""
    columns = section(words, COLUMNS)
    starts, thresholds = section(words, STARTS).view(np.uint8), section(words, THRESHOLDS).view(np.uint64)
    for number in range(columns.shape[0] // COLUMN_WORDS):
        column = columns[number * COLUMN_WORDS : (number + 1) * COLUMN_WORDS]
        out = ranks[number * BLOCK_ROWS : number * BLOCK_ROWS + rows.shape[0]]
        rank_column(rows, column, starts[column[START] :], thresholds[column[THRESHOLD] :], out)


@looped
def add_leaves(words: Any, ranks: Any, leaves: Any, totals: Any) -> None:
    """Add to each row of a block the leaf it reaches in each tree that has masks."""
    trees, leaf = section(words, TREES), section(words, LEAVES)
    masks = (
        section(words, GROUPS),
        section(words, MASK_COLUMN).view(np.uint32),
        section(words, MASK_RANK).view(np.int8),
        section(words, MASK_KEEP).view(np.uint8),
    )
    rows = totals.shape[0]
    lanes = 64 if rows <= 64 else 128 if rows <= 128 else 256
    for tree in range(0, trees.shape[0], 4):
        find_leaves(ranks, masks, trees[tree], trees[tree + 1], leaves[:lanes])
        total, value = totals[:, trees[tree + 2]], leaf[trees[tree + 3] :]
        for row in range(rows):
            total[row] += value[leaves[row]]


@inlined
def step_down(row: Any, nodes: Any, at: Any) -> Any:
    """The child that a row goes to; a leaf is its own child."""
    link = nodes[at + _ONE]
    return (link >> _SIXTEEN) + (_TWO if row[link & _FEATURE_BITS] > np.int64(nodes[at]) else _NONE)


@inlined
def walk_down(rows: Any, nodes: Any, roots: Any, depth: Any) -> Any:
    """Leaves that eight walks end at, each with its row and its root."""
    r0, r1, r2, r3, r4, r5, r6, r7 = rows
    a0, a1, a2, a3, a4, a5, a6, a7 = roots
    before = _NONE
    for _ in range(0, depth, 3):
        for _ in range(3):
            a0, a1 = step_down(r0, nodes, a0), step_down(r1, nodes, a1)
            a2, a3 = step_down(r2, nodes, a2), step_down(r3, nodes, a3)
            a4, a5 = step_down(r4, nodes, a4), step_down(r5, nodes, a5)
            a6, a7 = step_down(r6, nodes, a6), step_down(r7, nodes, a7)
        after = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7
        if after == before:  # children have greater numbers than their parents: nobody moved
            break
        before = after
    return a0, a1, a2, a3, a4, a5, a6, a7


@looped
def add_walks(rows: Any, words: Any, totals: Any) -> None:
    """Add to each row the leaf it reaches in each tree that is too large for masks, eight rows abreast."""
    walks, values = section(words, WALKS), section(words, VALUES)
    nodes = section(words, NODES).view(np.uint64)
    last = rows.shape[0] - 1
    for tree in range(0, walks.shape[0], 3):
        root, total = _U(walks[tree]), totals[:, walks[tree + 2]]
        roots = (root, root, root, root, root, root, root, root)
        for row in range(0, last + 1, ABREAST):
            r1, r2, r3, r4 = min(row + 1, last), min(row + 2, last), min(row + 3, last), min(row + 4, last)
            r5, r6, r7 = min(row + 5, last), min(row + 6, last), min(row + 7, last)
            eight = (rows[row], rows[r1], rows[r2], rows[r3], rows[r4], rows[r5], rows[r6], rows[r7])
            ends = walk_down(eight, nodes, roots, walks[tree + 1])
            for number in range(min(ABREAST, last + 1 - row)):
                total[row + number] += values[ends[number] >> _ONE]


@looped
def walk_row(row: Any, words: Any) -> Any:
    """Sum of the leaves that a row reaches in the trees of the decision output, eight trees abreast."""
    order, values = section(words, ORDER), section(words, VALUES)
    nodes = section(words, NODES).view(np.uint64)
    rows = (row, row, row, row, row, row, row, row)
    total = 0
    for at in range(0, order.shape[0], ABREAST + 1):
        r0, r1, r2, r3 = _U(order[at]), _U(order[at + 1]), _U(order[at + 2]), _U(order[at + 3])
        r4, r5, r6, r7 = _U(order[at + 4]), _U(order[at + 5]), _U(order[at + 6]), _U(order[at + 7])
        for end in walk_down(rows, nodes, (r0, r1, r2, r3, r4, r5, r6, r7), order[at + ABREAST]):
            total += values[end >> _ONE]
    return total


@looped
def add_base(words: Any, totals: Any) -> None:
    """Turn sums of leaves into raw scores: divide, rounding down, and add the base."""
    base, divisor = section(words, BASE), section(words, NUMBERS)[DIVISOR]
    for row in range(totals.shape[0]):
        for output in range(totals.shape[1]):
            total = totals[row, output]
            totals[row, output] = base[output] + (total if divisor == 1 else total // divisor)


@looped
def run_trees(rows: Any, words: Any, scratch: Any, totals: Any, ppm: Any) -> Any:
    """Write every output's raw score and, where ``ppm`` has room, the decision's ppm; stop as :func:`first_outside`.

    ``scratch`` holds a block's ranks and leaves.
    """
    low, high = section(words, LOW), section(words, HIGH)
    leaves, ranks = scratch.view(np.uint8)[:BLOCK_ROWS], scratch.view(np.int8)[BLOCK_ROWS:]
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        block, total = rows[begin : begin + BLOCK_ROWS], totals[begin : begin + BLOCK_ROWS]
        place = first_outside(block, low, high)
        if place >= 0:
            return begin * rows.shape[1] + place
        total[:] = 0
        rank_columns(block, words, ranks)
        add_leaves(words, ranks, leaves, total)
        add_walks(block, words, total)
        add_base(words, total)
    write_ppm(totals, words, ppm)
    return -1


@looped
def run_tree_row(row: Any, words: Any) -> Any:
    """Raw score and ppm of one row; for a row outside the domain the feature and :data:`OUTSIDE`."""
    numbers = section(words, NUMBERS)
    place = place_outside(row, words)
    if place >= 0:
        return place, OUTSIDE
    total, divisor = walk_row(row, words), numbers[DIVISOR]
    raw = section(words, BASE)[numbers[DECISION]] + (total if divisor == 1 else total // divisor)
    return raw, ppm_at(raw, words)
