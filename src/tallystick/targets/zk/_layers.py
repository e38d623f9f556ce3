"""A perceptron's layers as the circuit runs them: floors in one base, and only the clips that can bite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tallystick.exact import DenseLayer, Mlp, Program
from tallystick.targets.zk._numbers import BASE_BITS

__all__ = ["LayerPlan", "Range", "moved", "plan_layers"]


class Range(NamedTuple):
    """Smallest and largest value that a number can have, over the whole domain."""

    low: int
    high: int


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    A floor divides by 1024, always, in as many steps as the shift needs, on sums multiplied by the powers of two that
    this divides by too much: so every digit of a circuit is in the same base.
    ``floor(floor(x / a) / b) == floor(x / (a * b))``.

    Parameters
    ----------
    weight, bias
        With the spare powers of two; of the first layer for packed inputs.
    steps
        Floors of a division by 1024.
    low, high
        Clips; None where no value of the domain reaches it.
    reach
        Largest absolute value that is taken apart into digits.
    """

    weight: tuple[tuple[int, ...], ...]
    bias: tuple[int, ...]
    steps: int
    low: int | None
    high: int | None
    reach: int


def moved(program: Program, weights: Sequence[Sequence[int]], bases: Sequence[int]) -> list[int]:
    """Constants of sums over packed values: ``base + sum(weight * low)``."""
    lows = [feature.low for feature in program.features]
    sums = [sum(weight * low for weight, low in zip(row, lows, strict=True)) for row in weights]
    return [base + own for base, own in zip(bases, sums, strict=True)]


def plan_layers(program: Program, model: Mlp) -> list[LayerPlan]:
    """Plan every layer, with the range of each number on the way."""
    ranges = [Range(0, feature.high - feature.low) for feature in program.features]
    plans = []
    for number, layer in enumerate(model.layers):
        bias = list(layer.bias) if number else moved(program, layer.weight, layer.bias)
        plan, ranges = _plan_layer(layer, bias, ranges)
        plans.append(plan)
    return plans


def _plan_layer(layer: DenseLayer, bias: list[int], inputs: list[Range]) -> tuple[LayerPlan, list[Range]]:
    steps = -(-layer.shift // BASE_BITS)
    spare = 1 << (steps * BASE_BITS - layer.shift)
    sums = [_range_of(row, number, inputs) for row, number in zip(layer.weight, bias, strict=True)]
    reach = max(abs(bound) for own in sums for bound in own) * spare if steps else 0
    shifted = [Range(own.low >> layer.shift, own.high >> layer.shift) for own in sums]
    low = layer.low if any(own.low < layer.low for own in shifted) else None
    if low is not None:
        reach = max(reach, *(abs(bound - low) for own in shifted for bound in own))
        shifted = [Range(max(own.low, low), max(own.high, low)) for own in shifted]
    high = layer.high if any(own.high > layer.high for own in shifted) else None
    if high is not None:
        reach = max(reach, *(abs(bound - high) for own in shifted for bound in own))
        shifted = [Range(min(own.low, high), min(own.high, high)) for own in shifted]
    weight = tuple(tuple(number * spare for number in row) for row in layer.weight)
    return LayerPlan(weight, tuple(number * spare for number in bias), steps, low, high, reach), shifted


def _range_of(weights: Sequence[int], bias: int, inputs: Sequence[Range]) -> Range:
    ends = [(weight * own.low, weight * own.high) for weight, own in zip(weights, inputs, strict=True)]
    return Range(bias + sum(map(min, ends)), bias + sum(map(max, ends)))
