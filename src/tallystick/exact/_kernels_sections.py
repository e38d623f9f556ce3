"""A program as one array of int64 words: which sections there are, and how a loop reads one.

Each array that is handed to compiled code costs time in every call, so a program is one. Its first words say where
each section begins and ends; every section is read as one type, and begins on a cache line.
"""

from __future__ import annotations

from typing import Any, Final

import numba

__all__ = ["SECTIONS", "section"]

SECTIONS: Final = 19
NUMBERS, LOW, HIGH, STEP_RAW, STEP_PPM, BASE = range(6)  # int64, of every program

# Trees.
COLUMNS, STARTS, THRESHOLDS = range(6, 9)  # int64 (columns, 8), uint8, uint64
TREES, GROUPS, MASK_COLUMN, MASK_RANK, MASK_KEEP, LEAVES = range(9, 15)  # int64 (trees, 4), int64, uint32, int8, uint8
WALKS, ORDER, NODES, VALUES = range(15, 19)  # int64 (trees, 3), int64 (groups, 9), uint64 (nodes, 2), int64

# Linear models and perceptrons.
WEIGHTS, LAYERS, BIASES = range(6, 9)  # int64 (outputs, features) or int8, int64 (layers, 7), int32

OUTPUTS, DECISION, DIVISOR = range(3)  # of NUMBERS

COLUMN_WORDS: Final = 8
FEATURE, KIND, SHIFT, HALF, FIRST, TOP, START, THRESHOLD = range(COLUMN_WORDS)
DIRECT, LINEAR, LOGARITHMIC = range(3)  # kinds of columns

LAYER_WORDS: Final = 7
LAYER_INPUTS, LAYER_OUTPUTS, LAYER_WEIGHT, LAYER_BIAS, LAYER_SHIFT, LAYER_LOW, LAYER_HIGH = range(LAYER_WORDS)

BLOCK_ROWS: Final = 256  # rows of a block; measured best of 64 to 512
ABREAST: Final = 8  # trees, or rows, that are walked at a time, so that one's wait for memory is another's work
OUTSIDE: Final = -1  # ppm of a row outside the domain

_jit: Any = numba.njit  # its annotations do not know all of its options


@_jit(inline="always")
def section(words: Any, number: Any) -> Any:
    """One section of a program."""
    return words[words[2 * number] : words[2 * number + 1]]
