from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, ProgramError, RangeError
from tallystick.exact import ErrorBound, Linear, Program
from tallystick.exact.importers._quantiser import (
    QUANTISERS,
    Quantiser,
    quantise,
    quantise_rows,
    quantisers_of,
    quantisers_text,
)

PRICE = Quantiser.of("price", "0.5", "0.01", 0, 999)
COUNT = Quantiser.of_whole("count", -3, 9)


def program(text: Any, *quantisers: Quantiser) -> Program:
    features = tuple(its.feature for its in quantisers or (PRICE, COUNT))
    model = Linear(((1,) * len(features),), (0,), tuple(its.low for its in features))
    metadata = {} if text is None else {QUANTISERS: text}
    return Program(features, bytes(32), model, 0, ErrorBound(0, "x"), metadata=metadata)


def test_quantiser_reads_numbers_as_written() -> None:
    assert Quantiser.of("a", 0.1, Decimal("0.2"), 0, 1).offset == Fraction(1, 10)
    assert Quantiser.of("a", 1, "1/3", 0, 1, clip=True).step == Fraction(1, 3)


def test_quantiser_floors_exactly_at_the_edges() -> None:
    tenth = Quantiser.of("a", 0, "0.1", 0, 100)
    # the float 0.3 is below three tenths, the float 0.1 above one
    assert tenth.integers_of(np.array([0.3, 0.1, 0.7, 10.0, -0.0, math.nextafter(10.1, 0)])).tolist() == [
        2, 1, 6, 100, 0, 100,
    ]  # fmt: skip
    assert [tenth.integer_of(value) for value in (0.3, 0.1, 0.7)] == [2, 1, 6]


def test_quantiser_clips_or_refuses() -> None:
    clipped = replace(PRICE, clip=True)
    assert clipped.integers_of(np.array([-1e300, 0.0, 0.5, 10.5, 1e300])).tolist() == [0, 0, 0, 999, 999]
    with pytest.raises(RangeError, match=r"row 1 outside \[0.5, 10.5\)") as refusal:
        PRICE.integers_of(np.array([0.5, 10.5]))
    assert refusal.value.where == {"name": "price", "value": 10.5}


def test_quantiser_of_whole_values() -> None:
    assert COUNT.integers_of(np.array([-3.0, 9.0])).tolist() == [-3, 9]
    assert COUNT.edges == (-3, 9)
    with pytest.raises(RangeError, match=r"row 0 must be an integer"):
        COUNT.integers_of(np.array([0.5]))
    with pytest.raises(RangeError, match=r"outside \[-3.0, 9.0\]"):
        COUNT.integers_of(np.array([10.0]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_invalid_values_that_are_not_finite(value: float) -> None:
    for quantiser in (PRICE, replace(PRICE, clip=True), COUNT):
        with pytest.raises(RangeError, match="row 2 is not a finite number"):
            quantiser.integers_of(np.array([1.0, 2.0, value]))


@pytest.mark.parametrize(
    ("offset", "step", "low", "high"),
    [(0, 0, 0, 1), (0, -1, 0, 1), (0, "x", 0, 1), ("1/0", 1, 0, 1), (0, 1, 1, 0), (0, 1, 0, 1 << 60),
     (0, "1e-400", 0, 1), (0, "1e400", 0, 1), ("1e400", 1, 0, 1), (0, 1, 0.5, 1)],
)  # fmt: skip
def test_invalid_quantisers(offset: Any, step: Any, low: Any, high: Any) -> None:
    with pytest.raises(ProgramError):
        Quantiser.of("a", offset, step, low, high)


def test_invalid_whole_quantiser() -> None:
    with pytest.raises(ProgramError, match="offset 0 and step 1"):
        Quantiser("a", Fraction(1), Fraction(1), 0, 1, whole=True)
    with pytest.raises(ProgramError, match="printable ASCII"):
        Quantiser.of_whole("a b", 0, 1)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.fractions(-1000, 1000, max_denominator=10**9), st.fractions(Fraction(1, 10**9), 1000), st.integers(-99, 99),
    st.integers(0, 200), st.lists(finite | st.integers(-100, 200).map(float), min_size=1, max_size=20), st.booleans(),
)  # fmt: skip
def test_quantiser_equals_fractions(
    offset: Fraction, step: Fraction, low: int, width: int, values: list[float], near: bool
) -> None:
    """The oracle is the definition, value by value."""
    quantiser = Quantiser("a", offset, step, low, low + width, clip=True)
    if near:  # as close to edges as floats come
        values = [math.nextafter(float(offset + step * Fraction(value % 999)), value) for value in values]
    want = [min(max(math.floor((Fraction(value) - offset) / step), low), low + width) for value in values]
    assert quantiser.integers_of(np.array(values)).tolist() == want


def test_quantise_goes_through_the_metadata() -> None:
    made = program(quantisers_text([PRICE, COUNT]))
    again = Program.from_bytes(made.to_bytes())
    assert quantisers_of(again) == (PRICE, COUNT)
    assert quantise(again, [[0.75, 2], [9.999, -3]]).tolist() == [[25, 2], [949, -3]]
    assert quantise(again, np.zeros((0, 2))).shape == (0, 2)


def test_quantisers_text_is_canonical() -> None:
    assert quantisers_text([replace(PRICE, clip=True)]) == (
        '[{"high":999,"low":0,"name":"price","offset":"1/2","outside":"clip","step":"1/100","whole":false}]'
    )


ITEM = json.loads(quantisers_text([COUNT]))[0]


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", "[", "7", "[7]", "[[]]", "{}", "[{}]", "[" * 5000,
        *(json.dumps([ITEM | change]) for change in (
            {"more": 1}, {"offset": 0}, {"offset": "1e99999999"}, {"step": "1/0"}, {"step": "0"}, {"low": 2.0},
            {"outside": "error "}, {"whole": 1}, {"name": 7}, {"name": "other"}, {"high": 8},
        )),
    ],
)  # fmt: skip
def test_invalid_quantisers_of_a_program(text: Any) -> None:
    with pytest.raises(ProgramError):
        quantise(program(text, COUNT), [[0.0]])


@pytest.mark.parametrize("rows", [[[1.0]], [1.0, 2.0], [["x", 1]], [[1], [1, 2]], None])
def test_invalid_rows(rows: Any) -> None:
    with pytest.raises(InputError):
        quantise_rows([PRICE, COUNT], rows)
