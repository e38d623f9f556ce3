"""Columns: which of a feature's thresholds are below a value, found from the value's bucket.

Only the order of a value among the thresholds of its feature matters, so each value is first
turned into its rank: how many of the thresholds are below it. ``x <= t`` is then ``rank(x) <= rank(t)``, and a
rank fits a byte. A feature with more than 255 thresholds becomes several columns, each with the rank among its own.

A table over buckets of values gives the rank's beginning; a few comparisons with the thresholds in the bucket finish
it. Buckets are equally wide, or as wide as the value is large (amounts are spread that way), whatever leaves the
fewest comparisons, and then the smaller table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels_sections as sections
from tallystick.exact._limits import INT64_MAX
from tallystick.exact._trees import Tree

__all__ = ["lay_out_columns"]

_COLUMN_THRESHOLDS: Final = 255  # a byte holds 256 ranks
_LOWEST_RANK: Final = -128  # ranks are signed: every machine compares signed bytes
_TABLE_BITS: Final = range(6, 13)  # a table has up to 2**bits equal buckets
_MANTISSA_BITS: Final = range(2, 9)  # or 2**bits for each power of two
_UINT64_MAX: Final = (1 << 64) - 1

_Places = dict[tuple[int, int], tuple[int, int]]


class _Table(NamedTuple):
    kind: int
    shift: int
    half: int  # steps among a bucket's thresholds: half, a quarter, … , 1; 0 for none
    start: list[int]  # for each bucket how many thresholds are in those below


def lay_out_columns(trees: Iterable[Tree]) -> tuple[dict[int, npt.NDArray[Any]], _Places]:
    """Sections of the columns, and for each ``(feature, threshold)`` its column and the threshold's rank there."""
    splits = {(f, t) for tree in trees for f, t in zip(tree.feature, tree.threshold, strict=True)}
    columns: list[tuple[int, ...]] = []
    starts: list[int] = []
    filled: list[int] = []
    places: _Places = {}
    for feature, thresholds in _pieces(sorted(splits)):
        places |= {(feature, value): (len(columns), _LOWEST_RANK + rank) for rank, value in enumerate(thresholds)}
        first, top = thresholds[0], thresholds[-1] + 1
        above_first = [value - first for value in thresholds]
        table = min(_tables(above_first), key=lambda found: (found.half, len(found.start)))
        columns.append((feature, table.kind, table.shift, table.half, first, top, len(starts), len(filled)))
        starts += table.start
        filled += above_first + [_UINT64_MAX] * max(2 * table.half - 1, 0)
    return {
        sections.COLUMNS: np.array(columns, np.int64).reshape(-1),
        sections.STARTS: np.array(starts, np.uint8),
        sections.THRESHOLDS: np.array(filled, np.uint64),
    }, places


def _pieces(splits: list[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    by_feature: dict[int, list[int]] = {}
    for feature, threshold in splits:
        by_feature.setdefault(feature, []).append(threshold)
    for feature, values in by_feature.items():
        for begin in range(0, len(values), _COLUMN_THRESHOLDS):
            yield feature, values[begin : begin + _COLUMN_THRESHOLDS]


def _tables(thresholds: list[int]) -> Iterator[_Table]:
    """Every way of making buckets for values from 0, the first threshold, to one above the last."""
    top = thresholds[-1] + 1
    for bits in _TABLE_BITS:
        shift = max(top.bit_length() - bits, 0)
        found = _table(sections.LINEAR, shift, [value >> shift for value in (*thresholds, top)])
        yield found._replace(kind=sections.DIRECT, half=0) if shift == 0 else found
    for bits in _MANTISSA_BITS:
        if top <= INT64_MAX:  # adding 2**bits must not leave uint64
            yield _table(sections.LOGARITHMIC, bits, [_logarithmic(value, bits) for value in (*thresholds, top)])


def _table(kind: int, shift: int, buckets: list[int]) -> _Table:
    """A table from the buckets of the thresholds and of the largest value."""
    *filled, last = buckets
    most = int(np.bincount(filled).max())
    start = np.searchsorted(filled, np.arange(last + 1))
    return _Table(kind, shift, 1 << most.bit_length() - 1, start.tolist())


def _logarithmic(value: int, bits: int) -> int:
    """Number of a bucket: the position of the highest bit, and ``bits`` bits after it."""
    moved = value + (1 << bits)
    size = moved.bit_length() - 1 - bits
    return (size << bits) + (moved >> size) - (1 << bits)
