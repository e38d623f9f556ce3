"""Quantisers from rows: the finest readable step that fits the range into so many bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from tallystick.errors import InputError, ProgramError, did_you_mean
from tallystick.exact._limits import check_integer
from tallystick.exact.importers._quantiser import Quantiser, float_rows

__all__ = ["QuantiserOptions", "fit_quantisers", "readable_step"]

_DIGITS: Final = 3  # of a step: 0.00137 can be read; the range it gives up is below 1 %
_MOST_BITS: Final = 32


@dataclass(frozen=True)
class QuantiserOptions:
    """How quantisers are made of rows.

    Parameters
    ----------
    bits
        Integers are in [0, 2**bits), [1, 32].
    ranges
        Ends of a feature's values by its name, as exact numbers are written; by default those of the rows.
    clip
        Values outside the range become its nearest end; otherwise they are an error.
    keep_whole
        Columns of integers whose range fits are kept as they are.

    Raises
    ------
    ProgramError
        The number of bits is out of range.
    """

    bits: int = 16
    ranges: Mapping[str, tuple[object, object]] = field(default_factory=dict, hash=False)
    clip: bool = False
    keep_whole: bool = True

    def __post_init__(self) -> None:
        check_integer(self.bits, 1, _MOST_BITS, "quantiser.bits")


def fit_quantisers(names: Sequence[str], rows: Any, options: QuantiserOptions | None = None) -> tuple[Quantiser, ...]:
    """Make a quantiser for each column.

    The step is the smallest number of three digits with which the range takes at most ``2**bits`` steps; the offset is
    the multiple of it at or below the smallest value.

    Parameters
    ----------
    names
        Of the columns.
    rows
        (n, features) floats, n at least 1: such as the program will see, the training rows best of all.
    options
        Bits, ranges, and what happens outside.

    Raises
    ------
    InputError
        No rows, another shape, or a value that is not finite.
    ProgramError
        A range that is none, or for a feature that does not exist.

    Examples
    --------
    >>> price, count = fit_quantisers(["price", "count"], [[0.25, 3], [99.5, 7]])
    >>> str(price.offset), str(price.step), price.high, count.whole
    ('779/3125', '19/12500', 65296, True)
    """
    options = options or QuantiserOptions()
    values = float_rows(rows, len(names))
    if not len(values):
        raise InputError("quantisers need rows", next_step="Give rows such as the program will see.")
    for name in options.ranges:
        if name not in names:
            cause = f"a range is given for {name!r}, which is no feature{did_you_mean(name, names)}"
            raise ProgramError(cause, field="quantiser.ranges", next_step="Name a feature of the rows.")
    made = []
    for column, name in enumerate(names):
        its = values[:, column]
        if not all(map(math.isfinite, (its.min(), its.max()))):
            step = "Leave such rows out, or fill the value in, as in training."
            raise InputError("a value is not finite", name=name, next_step=step)
        low, high = Fraction(float(its.min())), Fraction(float(its.max()))
        is_whole = bool((its == its.round()).all())
        if name in options.ranges:
            low, high = _range(name, options.ranges[name])
            is_whole = is_whole and low.denominator == high.denominator == 1
        made.append(_fit(name, (low, high), options, is_whole and options.keep_whole))
    return tuple(made)


def _range(name: str, ends: tuple[object, object]) -> tuple[Fraction, Fraction]:
    low, high = (Quantiser.of(name, end, 1, 0, 0).offset for end in ends)
    if low > high:
        raise ProgramError("a range begins above its end", field="quantiser.ranges", feature=name)
    return low, high


def _fit(name: str, ends: tuple[Fraction, Fraction], options: QuantiserOptions, is_whole: bool) -> Quantiser:
    low, high = ends
    largest = (1 << options.bits) - 1
    if is_whole and high - low <= largest and max(abs(low), abs(high)) <= 1 << 53:
        return Quantiser.of_whole(name, int(low), int(high), clip=options.clip)
    step = readable_step((high - low) / largest) if high > low else Fraction(1)
    offset = low // step * step  # less than a step below: the last integer's own step still holds the largest value
    return Quantiser(name, offset, step, 0, int((high - offset) // step), options.clip)


def readable_step(least: Fraction) -> Fraction:
    """Smallest number of three decimal digits that is at least this; above 0.

    Examples
    --------
    >>> [str(readable_step(Fraction(number))) for number in ("0.0012345", "9.991", "7", "1/3")]
    ['31/25000', '10', '7', '167/500']
    """
    power = len(str(math.floor(least))) if least >= 1 else 1 - len(str(math.ceil(1 / least) - 1))
    unit = Fraction(10) ** (power - _DIGITS)
    return math.ceil(least / unit) * unit
