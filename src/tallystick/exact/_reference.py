"""What a program means: plain integer Python, read top to bottom.

Every other runtime (compiled, contract, circuit) equals this one, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import NamedTuple

from tallystick.errors import RangeError
from tallystick.exact._program import Program
from tallystick.units import Ppm

__all__ = ["Explanation", "Score", "check_row", "explain_row", "score_row"]


class Score(NamedTuple):
    """Result of one row: raw in units of 2**-scale_bits, its calibrated ppm, and whether that is flagged."""

    raw: int
    ppm: Ppm
    flag: bool


class Explanation(NamedTuple):
    """Why a row has its raw score: ``bias + sum(contributions) == raw``, exactly.

    ``bias`` is the program's mean raw score over its training data; ``contributions`` has one number for each
    feature. All in units of 2**-scale_bits.
    """

    bias: int
    contributions: tuple[int, ...]


def score_row(program: Program, row: Sequence[int]) -> Score:
    """Score one row.

    ``raw = base + sum(leaf reached in each tree)``

    Parameters
    ----------
    program
        Program to run.
    row
        One integer for each feature, in the program's order.

    Raises
    ------
    RangeError
        Wrong number of values, a value that is no integer, or outside its feature's domain.
    """
    values = check_row(program, row)
    raw = program.base
    for tree in program.trees:
        raw += tree.leaf[tree.leaf_of(values)]
    ppm = program.calibration.at(raw)
    return Score(raw, ppm, ppm >= program.threshold_ppm)


def explain_row(program: Program, row: Sequence[int]) -> Explanation:
    """Split a row's raw score over the features.

    Walking down a tree, each step changes the value from a node's to its child's; that change belongs
    to the feature the node looked at. The changes add up to leaf minus root, so with
    ``bias = base + sum(root values)`` everything adds up to the raw score.

    Parameters
    ----------
    program
        Program to run.
    row
        One integer for each feature, in the program's order.

    Raises
    ------
    RangeError
        As in :func:`score_row`.

    Source
    ------
    A. Saabas, "Interpreting random forests", 2014, with rounded-down means.
    """
    values = check_row(program, row)
    bias = program.base
    contributions = [0] * len(values)
    for tree in program.trees:
        bias += tree.value[0]
        at = 0
        while at >= 0:
            feature = tree.feature[at]
            child = tree.left[at] if values[feature] <= tree.threshold[at] else tree.right[at]
            value = tree.value[child] if child >= 0 else tree.leaf[~child]
            contributions[feature] += value - tree.value[at]
            at = child
    return Explanation(bias, tuple(contributions))


def check_row(program: Program, row: Sequence[int]) -> list[int]:
    """Return the row as plain integers if every value is inside its feature's domain.

    Raises
    ------
    RangeError
        Names the first feature and value that are not.
    """
    if len(row) != len(program.features):
        cause = f"the row has {len(row)} values, the program has {len(program.features)} features"
        raise RangeError(cause, next_step="Give one value for each feature, in the program's order.")
    values = []
    for feature, value in zip(program.features, row, strict=True):
        try:
            number = index(value)
        except TypeError as error:
            raise RangeError("feature is not an integer", name=feature.name, value=repr(value)[:80]) from error
        if not feature.low <= number <= feature.high:
            raise RangeError(f"feature outside [{feature.low}, {feature.high}]", name=feature.name, value=number)
        values.append(number)
    return values
