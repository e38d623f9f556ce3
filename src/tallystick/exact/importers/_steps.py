"""Scalers before a model: folded into weights as fractions, into thresholds by asking the scaler itself.

``float(scaler(x)) <= t`` with a scaler of positive factors never turns true again as ``x`` rises, rounding included, so
one float64 ``T`` has ``x <= T`` exactly where that holds. It is found by bisection over all float64, with the same
operations in the same order as the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._scaling import Scaling

__all__ = ["Step", "move_thresholds", "run_steps", "scaling_of"]

_FLOATS: Final[dict[int, Any]] = {24: np.float32, 53: np.float64}
_MAGNITUDE: Final = np.int64((1 << 63) - 1)
_INT64_BITS: Final = 64


@dataclass(frozen=True)
class Step:
    """One operation on every feature: ``value + number``, or ``-``, ``*``, ``/``.

    Parameters
    ----------
    operation
        The sign.
    numbers
        One for each feature, finite; no factor or divisor is 0 or below where trees follow.
    bits
        Significand of the type it is computed in.
    """

    operation: str
    numbers: tuple[float, ...]
    bits: int = 53


def run_steps(
    steps: Sequence[Step], values: npt.NDArray[np.float64], feature: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Each value after the steps, as the library computes it; ``feature`` says whose value it is."""
    for step in steps:
        kind = _FLOATS[step.bits]
        numbers = np.array(step.numbers, kind)[feature]
        before = values.astype(kind)
        match step.operation:
            case "+":
                after = before + numbers
            case "-":
                after = before - numbers
            case "*":
                after = before * numbers
            case _:
                after = before / numbers
        values = after.astype(np.float64)
    return values


def scaling_of(steps: Sequence[Step], features: int) -> Scaling | None:
    """The steps as one affine map with a bound on their rounding; None without steps."""
    scaling = Scaling.nothing(features)
    for step in steps:
        numbers = [Fraction(number) for number in step.numbers]
        match step.operation:
            case "+":
                factor, shift = [Fraction(1)] * features, numbers
            case "-":
                factor, shift = [Fraction(1)] * features, [-number for number in numbers]
            case "*":
                factor, shift = numbers, [Fraction(0)] * features
            case _:
                factor, shift = [1 / number for number in numbers], [Fraction(0)] * features
        scaling = scaling.then(factor, shift, 1)
    return scaling if steps else None


def move_thresholds(source: FloatTrees, steps: Sequence[Step]) -> FloatTrees:
    """The same trees on values that have not gone through the steps.

    Raises
    ------
    ProgramError
        A step turns the order of values round, or the trees test categories.
    """
    if not steps:
        return source
    if any(step.operation in "*/" and min(step.numbers) <= 0 for step in steps):
        step = "Train the trees on the values as they are: they do not need scaling."
        raise ProgramError("a scaler with a factor of 0 or below stands before trees", field="scaler", next_step=step)
    if any(tree.categories or tree.zero_left for tree in source.trees):
        step = "Train the trees on the values as they are."
        raise ProgramError("a scaler stands before categorical splits", field="scaler", next_step=step)
    sizes = [len(tree.feature) for tree in source.trees]
    feature = np.array([index for tree in source.trees for index in tree.feature], np.int64)
    threshold = np.array([number for tree in source.trees for number in tree.threshold], np.float64)
    moved = _bisect(source, steps, feature, threshold).tolist()
    trees: list[FloatTree] = []
    for tree, size in zip(source.trees, sizes, strict=True):
        trees.append(replace(tree, threshold=moved[:size]))
        moved = moved[size:]
    return replace(source, trees=trees, strict=False, value_bits=53)


def _bisect(
    source: FloatTrees, steps: Sequence[Step], feature: npt.NDArray[np.int64], threshold: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """For each node the largest float64 that goes left; the smallest one where none does."""
    largest = np.finfo(np.float64).max
    low, high = (np.full(len(feature), end) for end in _order(np.array([-largest, largest])))
    kind = _FLOATS[source.value_bits]
    with np.errstate(all="ignore"):  # the ends of float64 overflow, and infinity compares as it should
        for _ in range(_INT64_BITS):
            middle = (low >> 1) + (high >> 1) + ((low | high) & 1)  # the upper one of two
            seen = run_steps(steps, _float(middle), feature).astype(kind).astype(np.float64)
            left = seen < threshold if source.strict else seen <= threshold
            low, high = np.where(left, middle, low), np.where(left, high, middle - 1)
    return _float(low)


def _order(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Integers in the order of the floats, neighbours for neighbours."""
    bits = values.view(np.int64)
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits)


def _float(order: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.where(order < 0, order ^ _MAGNITUDE, order).view(np.float64)
