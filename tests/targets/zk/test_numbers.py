from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallystick.targets.zk import FIELD
from tallystick.targets.zk._numbers import BASE, columns_of_parts, from_field, legs_for, parts, to_field

INTEGERS = st.integers(-(1 << 100), 1 << 100)


@given(INTEGERS)
def test_parts_are_exact_as_32_bit_floats(value: int) -> None:
    import numpy as np

    split = parts(value)
    assert sum(split) == value
    assert all(int(np.float32(part)) == part for part in split)
    assert len(split) <= -(-value.bit_length() // 24)


@given(st.lists(INTEGERS, min_size=1, max_size=5))
def test_columns_of_parts_add_up(values: list[int]) -> None:
    assert [sum(column) for column in zip(*columns_of_parts(values), strict=True)] == values


def test_columns_of_parts_of_zeros_is_one_column() -> None:
    assert columns_of_parts([0, 0]) == [[0, 0]]


@given(st.integers(0, 1 << 80))
def test_legs_hold_the_number_and_no_fewer_would(reach: int) -> None:
    legs = legs_for(reach)
    assert BASE**legs > reach
    assert legs == 2 or BASE ** (legs - 1) <= reach


@given(INTEGERS)
def test_field_keeps_integers(value: int) -> None:
    assert from_field(to_field(value)) == value
    assert 0 <= to_field(value) < FIELD


def test_field_is_the_scalar_field_of_bn254() -> None:
    assert FIELD == 21888242871839275222246405745257275088548364400416034343698204186575808495617
    assert to_field(-1) == FIELD - 1
