from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.features import _rules as rules
from tallystick.features import _rules_fast as fast

compiling = settings(deadline=None)  # the first call compiles
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
int64 = st.integers(INT64_MIN, INT64_MAX)
powers = {(1 << k) + step for k in range(64) for step in (-1, 0, 1)}
edges = [INT64_MIN, -1, *sorted(power for power in powers if power <= INT64_MAX)]


@pytest.mark.parametrize("name", ["log2_q4", "significant_digits", "saturate"])
def test_twins_at_every_power_of_two(name: str) -> None:
    for value in edges:
        assert getattr(fast, name)(value) == getattr(rules, name)(value)


@compiling
@given(int64)
def test_twins_of_one_number(value: int) -> None:
    assert fast.log2_q4(value) == rules.log2_q4(value)
    assert fast.significant_digits(value) == rules.significant_digits(value)
    assert fast.saturate(value) == rules.saturate(value)


@compiling
@given(int64, int64)
@example(INT64_MAX, INT64_MAX)
@example(INT64_MAX, 1)
@example(1, INT64_MAX)
@example(INT64_MIN, INT64_MIN)
@example(1 << 42, 1 << 42)
@example((1 << 42) - 1, (1 << 42) - 1)
def test_twins_of_ratio(part: int, whole: int) -> None:
    assert fast.ratio_ppm(part, whole) == rules.ratio_ppm(part, whole)


@compiling
@given(st.integers(0, 62), st.integers(0, 62), int64, int64)
def test_twins_of_ratio_at_every_size(drop_part: int, drop_whole: int, part: int, whole: int) -> None:
    part, whole = part >> drop_part, whole >> drop_whole
    assert fast.ratio_ppm(part, whole) == rules.ratio_ppm(part, whole)


@compiling
@given(st.integers(-(1 << 59), (1 << 59) - 1), int64)
def test_twins_of_mean(total: int, count: int) -> None:
    assert fast.mean_q4(total, count) == rules.mean_q4(total, count)


@compiling
@given(st.lists(st.integers(0, 1_023), max_size=20), st.integers(1, 1 << 26))
def test_twins_of_variance(values: list[int], times: int) -> None:
    count, total, squares = (times * part for part in (len(values), sum(values), sum(x * x for x in values)))
    assert fast.variance(total, squares, count) == rules.variance(total, squares, count)


@compiling
@given(
    st.lists(st.integers(0, 1 << 62), min_size=6, max_size=6),
    st.lists(st.integers(0, 1 << 44), min_size=6, max_size=6),
    st.integers(0, 1 << 32),
    st.integers(0, 100_000) | st.integers(0, 1 << 32),
    st.integers(0, 5),
    st.integers(0, 5),
)
@example([1 << 62] * 6, [0] * 6, 0, 0, 0, 0)
@example([1 << 62] * 6, [1] * 6, 3_599, 1, 0, 0)
@example([(1 << 62) - 1] * 6, [1 << 32] * 6, 0, 63 * 3_600, 0, 1)
@example([(1 << 62) - 1] * 6, [1 << 32] * 6, 0, 62 * 30 * 86_400, 1, 0)
def test_twin_of_decay(volumes: list[int], counts: list[int], then: int, gap: int, first: int, apart: int) -> None:
    account = np.full(first + apart + 14, 7, np.int64)
    second = first + 6 + apart
    account[first : first + 6], account[second : second + 6] = volumes, counts
    fast.decay_all(account, first, second, then, then + gap)
    half_lives = [half_life for half_life in rules.HALF_LIVES_S for _ in range(2)]
    for at, values in ((first, volumes), (second, counts)):
        want = [rules.decay(v, rules.ticks(then, then + gap, h)) for v, h in zip(values, half_lives, strict=True)]
        assert account[at : at + 6].tolist() == want
    untouched = [*account[:first], *account[first + 6 : second], *account[second + 6 :]]
    assert set(untouched) == {7}  # nothing else is
