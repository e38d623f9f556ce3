"""Comparisons of integers against numpy's own comparisons of floats."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact.importers._thresholds import integer_threshold, round_integer, to_float32

from ..programs import INT64

FLOATS: dict[int, Any] = {24: np.float32, 53: np.float64}
near_powers = st.builds(
    lambda sign, power, step, bits: float(FLOATS[bits](sign * (2**power + step * 2 ** max(0, power - bits)))),
    st.sampled_from([-1, 1]),
    st.integers(20, 62),
    st.integers(-3, 3),
    st.sampled_from([24, 53]),
)
thresholds = st.floats(-(2.0**62), 2.0**62) | st.floats(-1000, 1000) | st.integers(*INT64).map(float) | near_powers


def goes_left(value: int, threshold: float, bits: int, strict: bool) -> bool:
    rounded = np.float64(FLOATS[bits](np.int64(value)))  # the threshold itself is not rounded
    return bool(rounded < threshold if strict else rounded <= threshold)


@given(thresholds, st.sampled_from([24, 53]), st.booleans(), st.integers(-(1 << 40), 1 << 40))
def test_integer_threshold_is_the_librarys_own_comparison(
    threshold: float, bits: int, strict: bool, offset: int
) -> None:
    limit = integer_threshold(threshold, bits, strict)
    for value in (limit - 1, limit, limit + 1, limit + offset, int(threshold) - 1, int(threshold) + 1):
        if INT64[0] <= value <= INT64[1]:
            assert goes_left(value, threshold, bits, strict) == (value <= limit)


@given(st.integers(*INT64), st.sampled_from([24, 53]))
def test_round_integer_is_numpys(value: int, bits: int) -> None:
    assert round_integer(value, bits) == int(FLOATS[bits](np.int64(value)))


@pytest.mark.parametrize(
    ("threshold", "bits", "strict", "expected"),
    [
        (0.5, 24, True, 0),
        (1.0, 24, True, 0),
        (1.0, 24, False, 1),
        (-0.0, 24, True, -1),
        (2.0**24, 24, False, 2**24 + 1),  # 2**24 + 1 ties to even, below
        (2.0**24, 24, True, 2**24 - 1),
        (2.0**24 + 2, 24, False, 2**24 + 2),  # 2**24 + 3 ties to even, above
        (2.0**24 + 2, 24, True, 2**24 + 1),
        (-(2.0**24), 24, True, -(2**24) - 2),  # -2**24 - 1 ties to -2**24
        (2.0**24 + 1, 24, False, 2**24 + 1),  # a float64 threshold between two float32
        (2.0**53, 53, True, 2**53 - 1),
        (1e30, 24, True, 2**64),
        (-1e30, 24, False, -(2**64)),
        (Fraction(7, 2), 53, False, 3),
    ],
)
def test_integer_threshold(threshold: float, bits: int, strict: bool, expected: int) -> None:
    assert integer_threshold(threshold, bits, strict) == expected


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_to_float32_keeps_what_float32_holds(value: float) -> None:
    assert to_float32(value) == value
    assert to_float32(float(np.float64(value) * (1 + 2.0**-40))) == float(np.float32(value * (1 + 2.0**-40)))


@pytest.mark.parametrize("value", [math.inf, math.nan, 1e39, -1e300])
def test_invalid_float32(value: float) -> None:
    with pytest.raises(ProgramError, match=r"float32|finite"):
        to_float32(value)
