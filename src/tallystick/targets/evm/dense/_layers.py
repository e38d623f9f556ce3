"""Linear models and multilayer perceptrons in one shape: layers of packed inputs, with everything known folded in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tallystick.errors import ProgramError
from tallystick.exact import Linear, Mlp, Program

__all__ = ["Finish", "Layer", "layers_of"]


class Finish(NamedTuple):
    """How a shifted sum becomes what is stored; each step that cannot change a value is left out.

    The sum arrives with ``before`` taken off. ``min(_, 0)`` if ``upper``; plus ``step``; ``max(_, 0)`` if ``lower``;
    plus ``after``. The result is the layer's output minus ``base``, in [0, span] where it feeds another layer.
    """

    before: int
    upper: bool
    step: int
    lower: bool
    after: int
    base: int
    span: int


@dataclass(frozen=True)
class Layer:
    """Outputs as integer functions of packed inputs, each in [0, span].

    ``finish[j](floor((constant[j] + sum(weight[j][i] * packed[i])) / 2**shift))``; what a finish takes off before is
    in the constant.

    Parameters
    ----------
    weight
        (outputs, inputs).
    constant
        Bias, the weights times the inputs' lows, and ``-before * 2**shift``.
    span
        Largest value of each packed input.
    shift
        Bits that are dropped.
    finish
        For each output.
    """

    weight: tuple[tuple[int, ...], ...]
    constant: tuple[int, ...]
    span: tuple[int, ...]
    shift: int
    finish: tuple[Finish, ...]

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Inputs that can change something."""
        return tuple(i for i, span in enumerate(self.span) if span and any(row[i] for row in self.weight))

    @cached_property
    def sums(self) -> tuple[tuple[int, int], ...]:
        """Smallest and largest ``constant + sum`` of each output."""
        return tuple(_range_of(start, row, self.span) for start, row in zip(self.constant, self.weight, strict=True))

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.constant)


class _Raw(NamedTuple):
    """A layer as a program has it; no bounds for a linear model."""

    weight: tuple[tuple[int, ...], ...]
    bias: tuple[int, ...]
    shift: int
    low: int | None
    high: int | None


def layers_of(program: Program) -> list[Layer]:
    """The layers of a program.

    Raises
    ------
    ProgramError
        The program has trees.
    """
    match program.model:
        case Linear(weight=weight, base=base):
            raws = [_Raw(weight, base, 0, None, None)]
        case Mlp(layers=layers):
            raws = [_Raw(layer.weight, layer.bias, layer.shift, layer.low, layer.high) for layer in layers]
        case _:
            step = "Compile an ensemble of trees as branch code or as a table."
            raise ProgramError("packed lanes are for linear models and multilayer perceptrons", next_step=step)
    lows = [feature.low for feature in program.features]
    spans = [feature.high - feature.low for feature in program.features]
    found = []
    for raw, following in pairwise([*raws, None]):
        assert raw is not None
        layer = _fold(raw, lows, spans, last=following is None)
        found.append(layer)
        lows, spans = [finish.base for finish in layer.finish], [finish.span for finish in layer.finish]
    return found


def _fold(raw: _Raw, lows: Sequence[int], spans: Sequence[int], last: bool) -> Layer:
    constants, finishes = [], []
    for bias, row in zip(raw.bias, raw.weight, strict=True):
        constant = bias + sum(weight * low for weight, low in zip(row, lows, strict=True))
        lowest, highest = _range_of(constant, row, spans)
        finish = _finish(lowest >> raw.shift, highest >> raw.shift, raw, last)
        constants.append(constant - (finish.before << raw.shift))
        finishes.append(finish)
    return Layer(raw.weight, tuple(constants), tuple(spans), raw.shift, tuple(finishes))


def _range_of(constant: int, row: Sequence[int], spans: Sequence[int]) -> tuple[int, int]:
    ends = [weight * span for weight, span in zip(row, spans, strict=True)]
    return constant + sum(min(end, 0) for end in ends), constant + sum(max(end, 0) for end in ends)


def _finish(lowest: int, highest: int, raw: _Raw, last: bool) -> Finish:
    """Clip only where a sum in [lowest, highest] can be outside the layer's bounds."""
    low = lowest if raw.low is None else raw.low
    high = highest if raw.high is None else raw.high
    least, most = (min(max(end, low), high) for end in (lowest, highest))
    base = 0 if last else least
    lower, upper = lowest < low, highest > high
    before = high if upper else low if lower else base
    step = before - low if lower else before - base
    return Finish(before, upper, step, lower, low - base if lower else 0, base, most - least)
