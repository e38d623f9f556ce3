"""What a program means: plain integer Python, read top to bottom.

Every other runtime (compiled, contract, circuit) equals this one, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import NamedTuple

from tallystick.errors import ProgramError, RangeError
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._linear import Linear
from tallystick.exact._mlp import DenseLayer
from tallystick.exact._program import Program
from tallystick.units import Ppm

__all__ = ["Explanation", "Score", "check_row", "explain_row", "score_outputs", "score_row", "winner"]


class Score(NamedTuple):
    """Result of one row: raw in units of 2**-scale_bits, its calibrated ppm, and whether that is flagged."""

    raw: int
    ppm: Ppm
    flag: bool


class Explanation(NamedTuple):
    """Why a row has its raw score: ``(bias + sum(contributions)) // divisor == raw``, exactly.

    ``bias`` is the mean raw score over the training data (of a linear model: the score at its center);
    ``contributions`` has one number for each feature. All in units of 2**-scale_bits / divisor; the divisor is 1 but
    for averaged trees.
    """

    bias: int
    contributions: tuple[int, ...]
    divisor: int = 1


def score_row(program: Program, row: Sequence[int]) -> Score:
    """Score one row.

    ``raw = raws[decision]``, ``ppm = calibration.at(raw)``, ``flag = ppm >= threshold_ppm``

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
    raw = score_outputs(program, row)[program.decision]
    ppm = program.calibration.at(raw)
    return Score(raw, ppm, ppm >= program.threshold_ppm)


def score_outputs(program: Program, row: Sequence[int]) -> tuple[int, ...]:
    """Raw score of every output for one row, in units of 2**-scale_bits.

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
    """
    values = check_row(program, row)
    match program.model:
        case TreeEnsemble() as model:
            return _add_trees(model, values)
        case Linear(weight=weight, base=base):
            return tuple(start + _dot(row, values) for start, row in zip(base, weight, strict=True))
        case mlp:
            for layer in mlp.layers:
                values = _run_layer(layer, values)
            return tuple(values)


def winner(raws: Sequence[int]) -> int:
    """Output with the largest raw score, the first of equals: the class that a multi-class model names.

    Examples
    --------
    >>> winner([3, 7, 7])
    1
    """
    return max(range(len(raws)), key=raws.__getitem__)


def _add_trees(model: TreeEnsemble, values: Sequence[int]) -> tuple[int, ...]:
    total = [0] * model.outputs
    for number, tree in enumerate(model.trees):
        total[model.output[number] if model.output else 0] += tree.leaf[tree.leaf_of(values)]
    return tuple(base + part // model.divisor for base, part in zip(model.base, total, strict=True))


def _run_layer(layer: DenseLayer, values: Sequence[int]) -> list[int]:
    sums = [bias + _dot(row, values) for bias, row in zip(layer.bias, layer.weight, strict=True)]
    return [min(max(total >> layer.shift, layer.low), layer.high) for total in sums]


def _dot(weights: Sequence[int], values: Sequence[int]) -> int:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def explain_row(program: Program, row: Sequence[int]) -> Explanation:
    """Split the raw score of a row's decision output over the features.

    Trees: walking down, each step changes the value from a node's to its child's; that change belongs
    to the feature the node looked at. The changes add up to leaf minus root, so with
    ``bias = base * divisor + sum(root values)`` everything adds up to the raw score times the divisor.
    Linear models: ``weight * (value - center)``.

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
    ProgramError
        The program is a multilayer perceptron, which has no such split.

    Source
    ------
    A. Saabas, "Interpreting random forests", 2014, with rounded-down means.
    """
    values = check_row(program, row)
    match program.model:
        case TreeEnsemble() as model:
            return _explain_trees(model, program.decision, values)
        case Linear() as model:
            weights = model.weight[program.decision]
            parts = zip(weights, values, model.center, strict=True)
            bias = model.base[program.decision] + _dot(weights, model.center)
            return Explanation(bias, tuple(weight * (value - center) for weight, value, center in parts))
        case _:
            step = "Score the row, and rows with one value changed, to see what matters."
            raise ProgramError("a multilayer perceptron's score is not a sum over features", next_step=step)


def _explain_trees(model: TreeEnsemble, output: int, values: Sequence[int]) -> Explanation:
    bias = model.base[output] * model.divisor
    contributions = [0] * len(values)
    for tree in model.trees_of(output):
        bias += tree.value[0]
        at = 0
        while at >= 0:
            feature = tree.feature[at]
            child = tree.left[at] if values[feature] <= tree.threshold[at] else tree.right[at]
            value = tree.value[child] if child >= 0 else tree.leaf[~child]
            contributions[feature] += value - tree.value[at]
            at = child
    return Explanation(bias, tuple(contributions), model.divisor)


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
    values: list[int] = []
    for feature, value in zip(program.features, row, strict=True):
        try:
            number = index(value)
        except TypeError as error:
            raise RangeError("feature is not an integer", name=feature.name, value=repr(value)[:80]) from error
        if not feature.low <= number <= feature.high:
            raise RangeError(f"feature outside [{feature.low}, {feature.high}]", name=feature.name, value=number)
        values.append(number)
    return values
