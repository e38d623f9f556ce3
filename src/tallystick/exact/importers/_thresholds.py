"""Comparisons of floats as comparisons of integers.

A library rounds the integer ``x`` to a float, to nearest and ties to even, and asks ``float(x) <= t`` or
``float(x) < t``. Rounding never falls as ``x`` rises, so for every ``t`` there is one integer ``T`` with
``float(x) <= t`` exactly where ``x <= T``.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from fractions import Fraction
from typing import Final

from tallystick.errors import ProgramError

__all__ = ["integer_threshold", "round_integer", "to_float32"]

_BEYOND_INT64: Final = 1 << 64


def round_integer(value: int, bits: int) -> int:
    """The nearest integer with a significand of so many bits, ties to even.

    Examples
    --------
    >>> round_integer((1 << 24) + 1, 24) - (1 << 24), round_integer((1 << 24) + 3, 24) - (1 << 24)
    (0, 4)
    """
    drop = abs(value).bit_length() - bits
    if drop <= 0:
        return value
    kept, rest = value >> drop, value & ((1 << drop) - 1)
    half = 1 << (drop - 1)
    return (kept + (rest > half or (rest == half and kept & 1))) << drop


def integer_threshold(threshold: float | Fraction, bits: int = 53, strict: bool = False) -> int:
    """Largest integer whose rounding to a float of so many bits is at most (strict: below) the threshold.

    Beyond int64 only the sign matters.

    Parameters
    ----------
    threshold
        Finite.
    bits
        Significand of the type that the library turns values into: 24 for float32, 53 for float64.
    strict
        The library asks ``<``, not ``<=``.

    Examples
    --------
    >>> integer_threshold(3.7), integer_threshold(3.0), integer_threshold(3.0, strict=True), integer_threshold(-3.7)
    (3, 3, 2, -4)
    >>> integer_threshold(2.0**24, bits=24) - 2**24  # 2**24 + 1 lies halfway, and even is below
    1
    """
    if not -_BEYOND_INT64 < threshold < _BEYOND_INT64:
        return _BEYOND_INT64 if threshold > 0 else -_BEYOND_INT64
    whole = math.ceil(threshold) - 1 if strict else math.floor(threshold)
    spacing = abs(whole).bit_length() - bits  # log2 of the distance between floats there
    if spacing <= 0:  # every integer up to the next power of two is a float of its own
        return whole
    near = range(whole - (1 << spacing), whole + (2 << spacing))
    above = bisect_right(near, whole, key=lambda value: round_integer(value, bits))
    return near[above - 1]


def to_float32(value: float) -> float:
    """The nearest float32, ties to even.

    Raises
    ------
    ProgramError
        Not finite, or too large.
    """
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    except (OverflowError, struct.error) as error:
        raise ProgramError("a number of the model does not fit float32", value=value) from error
    if not math.isfinite(rounded):
        raise ProgramError("a number of the model is not finite", value=value)
    return float(rounded)
