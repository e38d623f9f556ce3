from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.features import _packed as packed
from tallystick.features import _packed_fast as fast
from tallystick.features._packed import RING_BITS, WIDE_BITS
from tallystick.features._rules import log2_q4

from .streams import UINT256_MAX

BITS = (RING_BITS, WIDE_BITS)
every_width = pytest.mark.parametrize("bits", BITS)
amounts = st.integers(0, 256).flatmap(lambda size: st.integers(0, (1 << size) - 1))
EDGES = sorted({max(0, min((1 << k) + step, UINT256_MAX)) for k in range(257) for step in (-1, 0, 1)})


def wide(value: int) -> int:
    return packed.pack(value, WIDE_BITS)


@every_width
@settings(deadline=None)
@given(amounts)
def test_pack_is_just_below(bits: int, value: int) -> None:
    meant = packed.unpack(packed.pack(value, bits), bits)
    assert meant <= value <= meant + (meant >> (bits - 1))
    assert packed.pack(meant, bits) == packed.pack(value, bits)
    assert packed.pack(value, bits) < 1 << (64 if bits == WIDE_BITS else 32)


@every_width
@given(amounts, amounts)
def test_packed_amounts_compare_as_what_they_mean(bits: int, a: int, b: int) -> None:
    first, second = packed.pack(a, bits), packed.pack(b, bits)
    meant = packed.unpack(first, bits), packed.unpack(second, bits)
    assert (first < second) == (meant[0] < meant[1])
    assert (first <= second) or a > b


@given(st.lists(amounts, min_size=1, max_size=40))
def test_sums_are_a_little_low(values: list[int]) -> None:
    total, count = 0, len(values)
    for value in values:
        total = packed.packed_sum(total, wide(value))
    have, exact = packed.unpack(total, WIDE_BITS), sum(values)
    assert have <= exact
    assert have >= exact - Fraction(2 * count * exact, 1 << (WIDE_BITS - 1))


@given(amounts, amounts)
def test_ratio_is_that_of_the_amounts(part: int, whole: int) -> None:
    have = packed.packed_ratio_ppm(wide(part), wide(whole))
    exact = min(int(Fraction(part * 10**6, whole)), 10**9) if part and whole else 0
    assert abs(have - exact) <= 1 + exact >> 40 or abs(have - exact) <= 1


@pytest.mark.parametrize("value", EDGES)
def test_twins_at_every_power_of_two(value: int) -> None:
    check_twins(value, value)
    check_twins(value, UINT256_MAX)
    check_twins(1, value)


@settings(deadline=None)
@given(amounts, amounts)
@example(0, 0)
@example(UINT256_MAX, UINT256_MAX)
def test_twins(a: int, b: int) -> None:
    check_twins(a, b)


def check_twins(a: int, b: int) -> None:
    first, second = wide(a), wide(b)
    assert fast.to_ring(first) == packed.pack(packed.unpack(first, WIDE_BITS), RING_BITS)
    assert fast.packed_log2_q4(first) == packed.packed_log2_q4(first)
    assert fast.packed_ratio_ppm(first, second) == packed.packed_ratio_ppm(first, second)
    if a + b <= UINT256_MAX:
        assert fast.packed_sum(first, second) == packed.packed_sum(first, second)
    ring = packed.pack(a, RING_BITS), packed.pack(b, RING_BITS)
    want = packed.ratio_ppm(*(packed.unpack(amount, RING_BITS) for amount in ring))
    assert fast.ring_ratio_ppm(*ring) == want


def test_sums_up_to_the_largest_total() -> None:
    # 2**32 transfers of the largest amount still leave the sign alone.
    total, doubled = wide(UINT256_MAX), wide(UINT256_MAX)
    for _ in range(32):
        doubled = fast.packed_sum(doubled, doubled)
        total = packed.packed_sum(total, total)
        assert doubled == total


@settings(deadline=None)
@given(st.lists(amounts, max_size=20))
def test_words_are_packed_as_integers_are(values: list[int]) -> None:
    check_words(values)


def test_words_at_every_power_of_two() -> None:
    check_words(EDGES)


def check_words(values: list[int]) -> None:
    words = np.array([[value >> shift & (1 << 64) - 1 for shift in (192, 128, 64, 0)] for value in values], np.uint64)
    have = np.full(len(values), -1, np.int64)
    fast.pack_words(words.reshape(-1, 4), have)
    assert have.tolist() == [wide(value) for value in values]


@given(st.integers(0, (1 << WIDE_BITS) - 1))
def test_small_amounts_are_exact(value: int) -> None:
    assert wide(value) == value
    assert packed.packed_log2_q4(value) == log2_q4(value)
