from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, ProgramError
from tallystick.exact.importers import Quantiser, QuantiserOptions, fit_quantisers, quantise_rows
from tallystick.exact.importers._quantiser_fit import readable_step


def one(values: list[float], name: str = "a", **options: Any) -> Quantiser:
    (made,) = fit_quantisers([name], [[value] for value in values], QuantiserOptions(**options))
    return made


def test_fit_takes_a_readable_step_and_an_aligned_offset() -> None:
    made = one([0.25, 99.5], bits=8)
    assert made == Quantiser("a", Fraction(0), Fraction("0.390"), 0, 255)  # 99.25 / 255 = 0.3892...
    assert one([-0.25, 0.25], bits=1) == Quantiser("a", Fraction("-0.5"), Fraction("0.5"), 0, 1)


def test_fit_keeps_integers_that_fit() -> None:
    assert one([-3, 7]) == Quantiser.of_whole("a", -3, 7)
    assert one([-3, 7], clip=True).clip
    assert not one([-3, 7], keep_whole=False).whole
    assert not one([0, 1 << 17]).whole
    assert not one([2.0**60, 2.0**60 + 256]).whole


def test_fit_of_one_value() -> None:
    made = one([0.3, 0.3])
    assert (made.offset, made.step, made.low, made.high) == (0, 1, 0, 0)
    assert made.integers_of(np.array([0.3])).tolist() == [0]
    assert one([-7.5]).offset == -8


def test_fit_of_a_stated_range() -> None:
    made = one([0.5], ranges={"a": ("-1", "1.55")}, bits=8)
    assert (made.offset, made.step, made.high) == (-1, Fraction("0.01"), 255)
    assert one([5.0], ranges={"a": (0, 10)}) == Quantiser.of_whole("a", 0, 10)
    assert not one([5.0], ranges={"a": ("0.5", 10)}).whole


@pytest.mark.parametrize(
    ("ranges", "words"),
    [({"b": (0, 1)}, "which is no feature; there are a"), ({"a": (1, 0)}, "begins above its end"),
     ({"a": ("x", 1)}, "must be exact numbers")],
)  # fmt: skip
def test_invalid_ranges(ranges: Any, words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        one([0.5], ranges=ranges)


def test_invalid_rows_and_bits() -> None:
    with pytest.raises(InputError, match="quantisers need rows"):
        fit_quantisers(["a"], np.zeros((0, 1)))
    for value in (math.nan, math.inf):
        with pytest.raises(InputError, match="not finite"):
            one([1.0, value])
    with pytest.raises(ProgramError, match=r"quantiser\.bits must be in"):
        QuantiserOptions(bits=33)


finite = st.floats(-1e12, 1e12, allow_subnormal=False)


@given(st.lists(finite, min_size=1, max_size=20), st.integers(1, 20), st.booleans())
def test_fit_holds_every_row_it_was_made_of(values: list[float], bits: int, keep_whole: bool) -> None:
    made = one(values, bits=bits, keep_whole=keep_whole)
    assert made.high - made.low < 1 << bits
    integers = quantise_rows([made], [[value] for value in values])[:, 0].tolist()
    assert {made.low, made.high} <= {*integers, made.low}
    for value, integer in zip(values, integers, strict=True):
        assert made.offset + integer * made.step <= Fraction(value) < made.offset + (integer + 1) * made.step
    spread = Fraction(max(values)) - Fraction(min(values))
    if spread and not made.whole:  # at most a hundredth, and the step that aligning costs
        assert made.step <= spread / ((1 << bits) - 1) * Fraction(102, 100) + spread / (1 << bits) * (bits < 8) * 2


@given(st.fractions(Fraction(1, 10**12), 10**12))
def test_readable_step_is_the_next_one(least: Fraction) -> None:
    step = readable_step(least)
    assert least <= step <= least * Fraction(101, 100)
    digits = f"{float(step):.15g}".replace(".", "").split("e")[0].strip("0")
    assert len(digits) <= 3
