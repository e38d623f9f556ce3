"""The loops of the fast interpreter: integers only, no allocation, written so that they run on many rows at once.

A block of rows goes through three steps: values to ranks, ranks to leaves, raw scores to ppm. The loops over rows
are innermost and branch-free, so the compiler turns them into vector instructions; several thresholds or
nodes are taken per pass, so that what is read and written per row is used several times.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.compiling import compiled
from tallystick.exact._bits import trailing_zeros

__all__ = [
    "LEAF_STRIDE",
    "NODE_PASS",
    "THRESHOLD_PASS",
    "WORD_LEAVES",
    "add_trees",
    "count_below",
    "first_outside",
    "look_up",
    "rank_columns",
    "score_blocks",
]

# The sizes are compiled in, so they stand in this file: a change here makes numba compile anew.
WORD_LEAVES: Final = 32
LEAF_STRIDE: Final = WORD_LEAVES + 1  # after a word's leaves a zero, for rows that end in another word
THRESHOLD_PASS: Final = 8  # thresholds per pass over a block
NODE_PASS: Final = 4  # nodes per pass over a block
_FULL = np.uint32((1 << WORD_LEAVES) - 1)
_NONE = np.uint32(0)


@compiled
def first_outside(rows: Any, low: Any, high: Any) -> Any:
    """Position, in the flattened rows, of the first value outside its feature's domain; -1 for none."""
    for row in range(rows.shape[0]):
        outside = False
        for feature in range(rows.shape[1]):
            value = rows[row, feature]
            outside |= (value < low[feature]) | (value > high[feature])
        if outside:
            feature = 0
            while low[feature] <= rows[row, feature] <= high[feature]:
                feature += 1
            return row * rows.shape[1] + feature
    return -1


@compiled
def count_below(values: Any, thresholds: Any, total: Any) -> None:
    """Write, for each value, how many thresholds are below it; their number is a multiple of eight."""
    one, none = total.dtype.type(1), total.dtype.type(0)
    for row in range(values.shape[0]):
        total[row] = none
    for at in range(0, thresholds.shape[0], THRESHOLD_PASS):
        t0, t1, t2, t3 = thresholds[at], thresholds[at + 1], thresholds[at + 2], thresholds[at + 3]
        t4, t5, t6, t7 = thresholds[at + 4], thresholds[at + 5], thresholds[at + 6], thresholds[at + 7]
        for row in range(values.shape[0]):
            value = values[row]
            count = total[row]
            count += one if value > t0 else none
            count += one if value > t1 else none
            count += one if value > t2 else none
            count += one if value > t3 else none
            count += one if value > t4 else none
            count += one if value > t5 else none
            count += one if value > t6 else none
            count += one if value > t7 else none
            total[row] = count


@compiled
def rank_columns(rows: Any, columns: Any, scratch: Any, ranks: Any) -> None:
    """Write the rank of each value of each used feature: (rows, features) to (columns, rows)."""
    count = rows.shape[0]
    for column in range(columns.feature.shape[0]):
        feature = columns.feature[column]
        begin, end = columns.start[column], columns.start[column + 1]
        if columns.narrow[column]:
            low, top = columns.low[column], columns.top[column]
            for row in range(count):
                scratch.narrow[row] = min(max(rows[row, feature], low), top) - low
            count_below(scratch.narrow[:count], columns.narrow_threshold[begin:end], scratch.narrow_total)
            for row in range(count):
                ranks[column, row] = scratch.narrow_total[row]
        else:
            for row in range(count):
                scratch.wide[row] = rows[row, feature]
            count_below(scratch.wide[:count], columns.wide_threshold[begin:end], scratch.wide_total)
            for row in range(count):
                ranks[column, row] = scratch.wide_total[row]


@compiled
def add_trees(ranks: Any, words: Any, bits: Any, alive: Any, raw: Any) -> None:
    """Add to each row the leaf it reaches in each tree.

    ``bits`` is as long as ``raw``. ``alive`` is full where a row's leaf has not been met in the earlier words of its
    tree, else zero.
    """
    column, rank, keep = words.column, words.rank, words.keep
    fresh = True  # the word is its tree's first
    for word in range(words.more.shape[0]):
        for row in range(raw.shape[0]):
            bits[row] = _FULL if fresh else alive[row]
        for node in range(words.start[word], words.start[word + 1], NODE_PASS):
            c0, c1 = ranks[column[node]], ranks[column[node + 1]]
            c2, c3 = ranks[column[node + 2]], ranks[column[node + 3]]
            t0, t1, t2, t3 = rank[node], rank[node + 1], rank[node + 2], rank[node + 3]
            k0, k1, k2, k3 = keep[node], keep[node + 1], keep[node + 2], keep[node + 3]
            for row in range(raw.shape[0]):
                left = bits[row]
                left &= k0 if c0[row] > t0 else _FULL
                left &= k1 if c1[row] > t1 else _FULL
                left &= k2 if c2[row] > t2 else _FULL
                left &= k3 if c3[row] > t3 else _FULL
                bits[row] = left
        leaf = words.leaf[word * LEAF_STRIDE : (word + 1) * LEAF_STRIDE]
        for row in range(raw.shape[0]):
            raw[row] += leaf[trailing_zeros(bits[row])]
        if words.more[word]:
            for row in range(raw.shape[0]):
                alive[row] = _NONE if bits[row] != _NONE else _FULL if fresh else alive[row]
        fresh = not words.more[word]


@compiled
def look_up(raw: Any, breakpoints: Any, values: Any, ppm: Any) -> None:
    """Write the calibrated ppm of each raw score."""
    for row in range(raw.shape[0]):
        first, size = 0, breakpoints.shape[0]
        while size > 1:
            half = size // 2
            first += half if breakpoints[first + half] <= raw[row] else 0
            size -= half
        ppm[row] = values[first]


@compiled
def score_blocks(rows: Any, low: Any, high: Any, columns: Any, words: Any, scratch: Any, raw: Any) -> Any:
    """Add the trees to every row's raw score, a block of rows at a time; stop as :func:`first_outside` does."""
    size = scratch.bits.shape[0]
    for begin in range(0, rows.shape[0], size):
        end = min(begin + size, rows.shape[0])
        place = first_outside(rows[begin:end], low, high)
        if place >= 0:
            return begin * rows.shape[1] + place
        rank_columns(rows[begin:end], columns, scratch, scratch.ranks)
        add_trees(scratch.ranks, words, scratch.bits[: end - begin], scratch.alive, raw[begin:end])
    return -1
