from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.features import _rules as rules

INT63_MAX = (1 << 63) - 1
positive = st.integers(1, INT63_MAX)


def power_of_half(exponent: Fraction) -> Fraction:
    """``2**-exponent`` to 60 digits."""
    with localcontext(prec=60):
        power = Decimal(-exponent.numerator) / Decimal(exponent.denominator)
        return Fraction(Decimal(2) ** power)


@pytest.mark.parametrize("k", range(32))
def test_fractions_are_exact_floors(k: int) -> None:
    # m <= 2**16 * 2**(-k/32) < m + 1, raised to the 32nd power
    m = rules.FRACTIONS_Q16[k]
    assert m**32 << k <= 1 << 512 < (m + 1) ** 32 << k


@given(st.integers(0, 1 << 63))
@example(rules.TOTAL_CAP - 1)
@example(rules.TOTAL_CAP)
@example(rules.TOTAL_CAP + 1)
def test_saturate(total: int) -> None:
    assert rules.saturate(total) == (total if total <= 1 << 62 else 1 << 62)


@given(positive)
@example(1)
@example(INT63_MAX)
def test_log2_is_within_its_bounds(value: int) -> None:
    # 16 (1 + log2 v) - 2.4 < L <= 16 (1 + log2 v), without a logarithm
    level = rules.log2_q4(value) - 16
    assert 1 << level <= value**16
    assert value**80 < 1 << (5 * level + 12)


@given(positive)
def test_log2_is_the_line_between_powers_of_two(value: int) -> None:
    top = max(k for k in range(63) if 1 << k <= value)
    assert rules.log2_q4(value) == 16 * (top + 1) + int(16 * (Fraction(value, 1 << top) - 1))


@given(st.integers(0, INT63_MAX - 1))
def test_log2_never_falls(value: int) -> None:
    assert rules.log2_q4(value) <= rules.log2_q4(value + 1)


@given(st.integers(-(1 << 63), 0))
def test_log2_of_nothing_is_zero(value: int) -> None:
    assert rules.log2_q4(value) == 0


@given(st.integers(1, (1 << 42) - 1), st.integers(1, (1 << 42) - 1))
def test_ratio_of_small_numbers_is_exact(part: int, whole: int) -> None:
    assert rules.ratio_ppm(part, whole) == min(int(Fraction(part, whole) * 10**6), 10**9)


@given(positive, positive)
@example(INT63_MAX, 1)
@example(1, INT63_MAX)
@example(1 << 42, (1 << 42) - 1)
@example(1 << 62, (1 << 62) // 1_000)
def test_ratio_of_large_numbers_is_at_most_one_off(part: int, whole: int) -> None:
    exact = min(int(Fraction(part, whole) * 10**6), 10**9)
    assert abs(rules.ratio_ppm(part, whole) - exact) <= 1


@given(st.integers(-(1 << 63), 0), st.integers(-(1 << 63), INT63_MAX))
def test_ratio_of_nothing_is_zero(nothing: int, other: int) -> None:
    assert rules.ratio_ppm(nothing, other) == rules.ratio_ppm(other, nothing) == 0


@given(st.lists(st.integers(0, 1_008), max_size=30))
def test_mean_is_the_floor(values: list[int]) -> None:
    exact = Fraction(16 * sum(values), len(values)) if values else Fraction(-1)
    assert rules.mean_q4(sum(values), len(values)) == exact.__floor__()


@given(st.lists(st.integers(0, 1_008), max_size=30))
def test_variance_is_the_floor(values: list[int]) -> None:
    count = len(values)
    exact = Fraction(-1)
    if count >= 2:
        mean = Fraction(sum(values), count)
        exact = sum((x - mean) ** 2 for x in values) / count
    assert rules.variance(sum(values), sum(x * x for x in values), count) == exact.__floor__()


@settings(deadline=None)
@given(st.integers(0, 1 << 62), st.integers(0, 70 * 32))
@example(1 << 62, 0)
@example(1 << 62, 31)
@example(1 << 62, 63 * 32 - 1)
@example(1 << 62, 63 * 32)
def test_decay_is_within_its_bounds(value: int, elapsed: int) -> None:
    have = rules.decay(value, elapsed)
    exact = value * power_of_half(Fraction(elapsed, 32))
    assert have <= exact * (1 + Fraction(1, 10**50))
    assert have > exact - 2 - Fraction(value, 1 << (16 + elapsed // 32))


@given(st.integers(0, 1 << 62), st.integers(0, 3_000), st.integers(0, 100))
def test_decay_never_rises(value: int, elapsed: int, more: int) -> None:
    assert 0 <= rules.decay(value, elapsed + more) <= rules.decay(value, elapsed) <= value


@pytest.mark.parametrize("halvings", range(65))
def test_whole_half_lives_halve(halvings: int) -> None:
    assert rules.decay(1 << 62, 32 * halvings) == (1 << 62) >> halvings


@given(st.lists(st.integers(0, (1 << 32) - 1), min_size=2, max_size=20), st.sampled_from(rules.HALF_LIVES_S))
def test_ticks_add_up_and_follow_the_time(times: list[int], half_life: int) -> None:
    times.sort()
    whole = rules.ticks(times[0], times[-1], half_life)
    assert sum(rules.ticks(a, b, half_life) for a, b in pairwise(times)) == whole
    assert abs(whole - Fraction(32 * (times[-1] - times[0]), half_life)) < 1


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4_000), min_size=1, max_size=200),
    st.sampled_from(rules.HALF_LIVES_S),
    st.integers(1 << 40, 1 << 62),
)
def test_a_counter_touched_often_decays_as_one_left_alone(gaps: list[int], half_life: int, value: int) -> None:
    # What one call a transfer must not lose: the time of the gaps shorter than a tick.
    start = now = 1_500_000_000
    left = value
    for gap in gaps:
        left = rules.decay(left, rules.ticks(now, now + gap, half_life))
        now += gap
    exact = value * power_of_half(Fraction(now - start, half_life))
    # One tick either way, and a 2**-15th for the rounding of each tick that was looked up.
    looked_up = min(len(gaps), rules.ticks(start, now, half_life))
    assert left <= exact * Fraction(1022, 1000)
    assert left >= exact * Fraction(978, 1000) * (1 - Fraction(looked_up, 1 << 15)) - 2 * len(gaps)


@given(st.integers(1, 10**18), st.integers(0, 18))
def test_significant_digits(value: int, zeros: int) -> None:
    text = f"{Decimal(value).normalize():f}"
    assert rules.significant_digits(value) == len(text.rstrip("0"))
    assert rules.significant_digits(value * 10**zeros) == rules.significant_digits(value)


@given(st.integers(-(1 << 63), 0))
def test_nothing_has_no_digits(value: int) -> None:
    assert rules.significant_digits(value) == 0
