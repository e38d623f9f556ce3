"""What a linear model or a perceptron sees of a program's integers, and how far the library's own value can be.

Between the integer and the first weight there may be a quantiser (ours) and a scaler (the library's); both are affine,
so both disappear into the weights. What remains is an error for each feature, derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tallystick.exact._declared import Feature

if TYPE_CHECKING:
    from tallystick.exact.importers._quantiser import Quantiser  # needs numpy; reading a tree model does not

__all__ = ["Scaling", "Seen", "rounding", "seen_values"]


@dataclass(frozen=True)
class Scaling:
    """Affine steps before a model, one after the other: ``factor * value + shift``, in floats.

    ``size`` is the sum of the absolute values of the parts of ``shift``: no intermediate result, carried to the end,
    is larger than ``|factor * value| + size``, so ``roundings`` operations are wrong by at most
    ``rounding(roundings) * (|factor * value| + size)``.
    """

    factor: tuple[Fraction, ...]
    shift: tuple[Fraction, ...]
    size: tuple[Fraction, ...]
    roundings: int = 0

    @classmethod
    def nothing(cls, features: int) -> Scaling:
        """No steps."""
        zero = (Fraction(0),) * features
        return cls((Fraction(1),) * features, zero, zero)

    def then(self, factor: Sequence[Fraction], shift: Sequence[Fraction], roundings: int) -> Scaling:
        """One step more: ``factor * y + shift``, which the library computes with so many roundings."""
        return Scaling(
            tuple(new * old for new, old in zip(factor, self.factor, strict=True)),
            tuple(new * old + add for new, old, add in zip(factor, self.shift, shift, strict=True)),
            tuple(abs(new) * old + abs(add) for new, old, add in zip(factor, self.size, shift, strict=True)),
            self.roundings + roundings,
        )


class Seen(NamedTuple):
    """The value that a model sees where a feature is ``n``: ``factor * n + shift``, up to ``error``.

    ``reach`` is the largest absolute value that it can see.
    """

    factor: Fraction
    shift: Fraction
    error: Fraction
    reach: Fraction


def rounding(operations: int, bits: int) -> Fraction:
    """Relative error of so many roundings to nearest, one after the other: ``k*u / (1 - k*u)``, ``u = 2**-bits``.

    Source
    ------
    N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., lemma 3.1.
    """
    part = Fraction(operations, 1 << bits)
    return part / (1 - part)


def seen_values(
    features: Sequence[Feature], scaling: Scaling | None, bits: int, quantisers: Sequence[Quantiser] = ()
) -> list[Seen]:
    """What a model sees of each feature.

    Parameters
    ----------
    features
        Integers and their domains.
    scaling
        The library's steps before the model.
    bits
        Significand of the floats that it computes them in.
    quantisers
        One for each feature, where integers stand for ranges of floats; the middle of the range stands for all of it.
    """
    scaling = scaling or Scaling.nothing(len(features))
    seen = []
    for index, feature in enumerate(features):
        step, start, half = Fraction(1), Fraction(0), Fraction(0)
        if quantisers and not quantisers[index].whole:
            half = quantisers[index].step * Fraction(1, 2)
            step, start = quantisers[index].step, quantisers[index].offset + half
        far = max(abs(step * end + start) for end in (feature.low, feature.high)) + half
        factor, shift = scaling.factor[index], scaling.shift[index]
        # An integer that the float type holds is not rounded on its way in; any other value may be.
        operations = scaling.roundings + (far > 1 << bits or (half > 0 and bits < 53))
        error = abs(factor) * half + rounding(operations, bits) * (abs(factor) * far + scaling.size[index])
        ends = [factor * (step * end + start) + shift for end in (feature.low, feature.high)]
        seen.append(Seen(factor * step, factor * start + shift, error, max(map(abs, ends)) + error))
    return seen
