"""The reductions: against brute force, and the vectorised twins against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.features import _rules as rules
from tallystick.features.snapshot import _reduce as plain
from tallystick.features.snapshot import _reduce_fast as fast
from tallystick.features.snapshot._reduce_fast import Groups

AMOUNT = st.one_of(st.integers(0, 1 << 61), st.integers(0, 50), st.sampled_from((1 << 61, (1 << 42) - 1, 1 << 42)))
PARTS = st.lists(st.lists(AMOUNT, max_size=8), max_size=6)
LOGS = st.lists(st.lists(st.integers(-1, 16 * 1_023), max_size=8), max_size=6)


def grouped(parts: list[list[int]]) -> tuple[Groups, np.ndarray]:
    owner = [k for k, part in enumerate(parts) for _ in part]
    return Groups.of(np.array(owner, np.int64), len(parts)), np.array([v for part in parts for v in part], np.int64)


@given(PARTS)
def test_groups_of_amounts(parts: list[list[int]]) -> None:
    groups, values = grouped(parts)
    assert groups.size.tolist() == [len(part) for part in parts]
    assert groups.total(values).tolist() == [min(sum(part), 1 << 62) for part in parts] == list(map(plain.total, parts))
    assert groups.least(values).tolist() == list(map(plain.least, parts))
    assert groups.most(values).tolist() == list(map(plain.most, parts))
    risen = groups.rising(values)
    for percent in (0, 10, 50, 75, 100):
        expected = [plain.quantile(part, percent) for part in parts]
        assert groups.quantile(risen, percent).tolist() == expected
    marks = values % 2 == 1
    odd = [[value for value in part if value % 2] for part in parts]
    assert groups.where(marks).size.tolist() == [len(part) for part in odd]
    assert groups.part_ppm(marks).tolist() == [
        plain.part_ppm(len(one), len(part)) for one, part in zip(odd, parts, strict=True)
    ]


@given(LOGS)
def test_groups_of_logarithms(parts: list[list[int]]) -> None:
    groups, values = grouped(parts)
    assert groups.mean(values).tolist() == list(map(plain.mean, parts))
    assert groups.deviation(values).tolist() == list(map(plain.deviation, parts))
    shares = [[k * 1_000 for k in range(len(part))] for part in parts]
    flat = np.array([share for part in shares for share in part], np.int64)
    expected = [plain.weighted(part, weights) for part, weights in zip(parts, shares, strict=True)]
    assert groups.weighted(values, flat).tolist() == expected


@given(st.lists(st.lists(st.integers(0, 500_000), max_size=9), max_size=5), st.sampled_from((0, 60, 3_600, 86_400)))
def test_times(parts: list[list[int]], window: int) -> None:
    times = [sorted(part) for part in parts]
    groups, values = grouped(times)
    brute = [max((sum(0 <= late - early <= window for late in part) for early in part), default=0) for part in times]
    assert [plain.busiest(part, window) for part in times] == brute
    assert groups.busiest(values, window).tolist() == brute
    between, gaps = groups.gaps(values)
    assert between.size.tolist() == [max(len(part) - 1, 0) for part in times]
    assert gaps.tolist() == [gap for part in times for gap in plain.gaps(part)]


@given(st.lists(st.integers(1, 10**6), min_size=1), st.integers(0, 100))
def test_reductions_against_fractions(values: list[int], percent: int) -> None:
    middle = math.floor(Fraction(sum(values), len(values)))
    assert plain.mean(values) == middle
    assert plain.deviation(values) == math.floor(Fraction(sum(abs(one - middle) for one in values), len(values)))
    found = plain.quantile(values, percent)
    assert sum(one < found for one in values) * 100 <= percent * (len(values) - 1)
    assert sum(one <= found for one in values) * 100 > percent * (len(values) - 1)


@pytest.mark.parametrize(
    ("twin", "reference"),
    [(fast.log2_q8, plain.log2_q8), (fast.log2_q4, rules.log2_q4), (fast.bit_length, int.bit_length)],
)
def test_rules_of_one_number(twin: Callable[[np.ndarray], np.ndarray], reference: Callable[[int], int]) -> None:
    edges = sorted(
        {max(value, 0) for k in range(63) for value in ((1 << k) - 1, 1 << k, (1 << k) + 1)} | {(1 << 63) - 1}
    )
    assert twin(np.array(edges)).tolist() == [reference(value) for value in edges]


@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=1))
def test_rules_of_two_numbers(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, np.int64).T
    assert fast.ratio_ppm(first, second).tolist() == [rules.ratio_ppm(*pair) for pair in pairs]
    small = np.minimum(first, second)
    assert fast.share_ppm(small, second).tolist() == [plain.share_ppm(min(pair), pair[1]) for pair in pairs]
    assert all(0 <= share <= 1_000_000 for share in fast.share_ppm(small, second).tolist())


def test_of_nothing() -> None:
    groups, values = grouped([[], []])
    assert groups.least(values).tolist() == groups.mean(values).tolist() == [-1, -1]
    assert groups.busiest(values, 60).tolist() == groups.total(values).tolist() == [0, 0]
