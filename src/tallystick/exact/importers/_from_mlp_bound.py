"""How far an integer perceptron can be from the float one: interval arithmetic in fractions, layer by layer.

For every unit two distances from the exact real network on the values that the integers stand for: the library's, by
float rounding, and ours, by rounded weights, shifts and clipping. Their sum bounds the distance between the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._limits import INT64_MAX
from tallystick.exact._mlp import DenseLayer
from tallystick.exact.importers._float_models import FloatLayer, FloatMlp
from tallystick.exact.importers._from_linear import scaling_words, smallest_float
from tallystick.exact.importers._scaling import Seen, rounding

__all__ = ["Reached", "first_reached", "mlp_bound", "next_reached"]

_GRID_BITS: Final = 96  # bounds are rounded outward to this, or numerators would grow by 53 bits with each layer


@dataclass(frozen=True)
class Reached:
    """The values that reach a layer; integer ``q`` stands for ``factor * q + shift``."""

    factor: list[Fraction]
    shift: list[Fraction]
    low: list[Fraction]  # ends of the exact real value
    high: list[Fraction]
    theirs: list[Fraction]  # distance of the library's value from it
    ours: list[Fraction]  # distance of what our integer stands for


def first_reached(seen: Sequence[Seen], features: Sequence[Feature]) -> Reached:
    """The model's inputs."""
    ends = [
        sorted(its.factor * end + its.shift for end in (feature.low, feature.high))
        for its, feature in zip(seen, features, strict=True)
    ]
    return Reached(
        factor=[its.factor for its in seen],
        shift=[its.shift for its in seen],
        low=[low for low, _ in ends],
        high=[high for _, high in ends],
        theirs=[its.error for its in seen],
        ours=[Fraction(0)] * len(seen),
    )


def next_reached(before: Reached, layer: FloatLayer, dense: DenseLayer, unit_bits: int, sum_bits: int) -> Reached:
    """The values that leave a layer, in units of ``2**-unit_bits``."""
    unit = Fraction(2) ** -unit_bits
    columns = [
        _unit(before, [Fraction(w) for w in row], Fraction(bias), sum_bits)
        for row, bias in zip(layer.weight, layer.bias, strict=True)
    ]
    ours = [_ours(before, layer, dense, number, unit) for number in range(dense.outputs)]
    low, high, theirs = ([column[place] for column in columns] for place in range(3))
    if layer.relu:
        low, high = [max(end, Fraction(0)) for end in low], [max(end, Fraction(0)) for end in high]
    ours = [
        max(error, end_high - dense.high * unit, dense.low * unit - end_low)
        for error, end_low, end_high in zip(ours, low, high, strict=True)
    ]
    return Reached([unit] * dense.outputs, [Fraction(0)] * dense.outputs, low, high, theirs, ours)


def _unit(
    before: Reached, row: Sequence[Fraction], bias: Fraction, sum_bits: int
) -> tuple[Fraction, Fraction, Fraction]:
    """Exact ends of one unit before its activation, and the library's distance from the exact value."""
    low = high = bias
    size, carried = abs(bias), Fraction(0)
    for weight, least, most, error in zip(row, before.low, before.high, before.theirs, strict=True):
        one, two = weight * least, weight * most
        low, high = low + min(one, two), high + max(one, two)
        carried += abs(weight) * error
        size += max(abs(one), abs(two)) + abs(weight) * error
    terms = len(row) + 1
    rounded = rounding(terms, sum_bits) * size + terms * smallest_float(sum_bits)
    return -_up(-low), _up(high), _up(carried + rounded)


def _ours(before: Reached, layer: FloatLayer, dense: DenseLayer, number: int, unit: Fraction) -> Fraction:
    """Distance of one unit's accumulator from the exact value, with its shift.

    With ``x = factor * q + shift`` exact and our integer off by ``ours / |factor|``: ``|w*factor - W| * |q|`` for each
    rounded weight, ``|W| * ours / |factor|`` for what came in, the bias's rounding, and half a unit for the shift.
    """
    step = unit * Fraction(1, 1 << dense.shift)
    half = (1 << dense.shift) >> 1
    exact = Fraction(layer.bias[number])
    error = Fraction(0)
    for weight, integer, factor, shift, least, most, ours in zip(
        layer.weight[number],
        dense.weight[number],
        before.factor,
        before.shift,
        before.low,
        before.high,
        before.ours,
        strict=True,
    ):
        exact += Fraction(weight) * shift
        if not factor:
            continue  # the feature is a constant to the model: its integer weight is 0
        reach = max(abs(least - shift), abs(most - shift)) / abs(factor)
        error += abs(Fraction(weight) * factor - integer * step) * reach + abs(integer) * step * ours / abs(factor)
    error += abs(exact - (dense.bias[number] - half) * step)
    return _up(error + half * step)


def _up(value: Fraction) -> Fraction:
    return Fraction(math.ceil(value * (1 << _GRID_BITS)), 1 << _GRID_BITS)


def mlp_bound(source: FloatMlp, reached: Reached, scale_bits: int) -> ErrorBound:
    """The worst output's distance.

    Raises
    ------
    ProgramError
        It does not fit the format.
    """
    worst = max(theirs + ours for theirs, ours in zip(reached.theirs, reached.ours, strict=True))
    numerator = math.ceil(worst * (1 << scale_bits))
    if numerator > INT64_MAX:
        step = "Give the features smaller domains: the worst case over these says nothing."
        raise ProgramError("the error bound leaves int64", field="error_bound", next_step=step)
    parts = [
        f"worst case of {len(source.layers)} layers by interval arithmetic over the domains; most rows are far closer",
        "int8 weights, int32 biases, half a unit for each shift, saturation where the exact value can exceed the clip",
        f"float{64 if source.sum_bits > 24 else 32} dot products: k*u/(1-k*u) * (sum of |w|*max|x| + |b|), "
        f"k = inputs+1, u = 2**-{source.sum_bits}, and underflow",
        *scaling_words(source),
    ]
    return ErrorBound(numerator, "; ".join(parts))
