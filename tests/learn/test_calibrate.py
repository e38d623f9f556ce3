"""The calibration table: rising, near the exact sigmoid, and Platt's fit."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import LearnError, MissingExtra
from tallystick.learn import platt, sigmoid_table

SCALE_BITS = 32
STEP = 28 / 4_096  # log-odds
# A step is at most a quarter of its log-odds high; floor loses one ppm, the span's ends another.
BOUND_PPM = math.ceil(1_000_000 * STEP / 4) + 2

slopes = st.floats(0.05, 20)
offsets = st.floats(-10, 10)


@given(slopes, offsets)
def test_table_rises(slope: float, offset: float) -> None:
    table = sigmoid_table(slope, offset, SCALE_BITS)
    assert all(low < high for low, high in pairwise(table.raw))
    assert all(low < high for low, high in pairwise(table.ppm))
    assert (table.ppm[0], table.ppm[-1]) == (0, 999_999)


@given(slopes, offsets, st.floats(-40, 40))
def test_table_is_near_the_exact_sigmoid(slope: float, offset: float, odds: float) -> None:
    table = sigmoid_table(slope, offset, SCALE_BITS)
    raw = math.floor(odds * 2**SCALE_BITS)
    power = float(Fraction(raw, 2**SCALE_BITS) * Fraction(slope) + Fraction(offset))
    exact = 1_000_000 / (1 + math.exp(min(-power, 700)))  # exp overflows a little above 709
    assert exact - BOUND_PPM <= table.at(raw) <= exact + 1


@given(slopes, st.floats(-5, 5))
def test_half_is_reached_at_the_threshold(slope: float, threshold: float) -> None:
    table = sigmoid_table(slope, -slope * threshold, SCALE_BITS)
    reached = table.raw_reaching(500_000)
    assert reached is not None
    assert abs(reached - threshold * 2**SCALE_BITS) <= 2 + abs(threshold) * 2**SCALE_BITS * 1e-12


def test_platt_finds_the_slope_it_was_drawn_with() -> None:
    random = np.random.default_rng(1)
    odds = random.normal(0, 2, 20_000)
    labels = (random.random(20_000) < 1 / (1 + np.exp(-(1.5 * odds + 0.0)))).astype(np.int64)
    slope, offset = platt((odds * 2**20).astype(np.int64), labels, 20)
    assert slope == pytest.approx(1.5, abs=0.08)
    assert offset == pytest.approx(0.0, abs=0.08)


def test_platt_weighs_both_classes_the_same() -> None:
    odds = np.array([-1] * 900 + [1] * 100)
    labels = np.array([0] * 800 + [1] * 100 + [1] * 80 + [0] * 20)
    _, offset = platt(odds << 10, labels, 10)
    _, mirrored = platt(-odds << 10, 1 - labels, 10)
    assert offset == pytest.approx(-mirrored, abs=1e-3)


def test_platt_never_turns_the_score_around() -> None:
    slope, _ = platt(np.array([-1, -1, 1, 1]) << 10, np.array([1, 1, 0, 0]), 10)
    assert slope == 0.05


@pytest.mark.parametrize("label", [0, 1])
def test_invalid_platt_of_one_class(label: int) -> None:
    with pytest.raises(LearnError, match="one class only"):
        platt(np.arange(4), np.full(4, label), 10)


def test_invalid_platt_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtra, match="scikit-learn is not installed") as caught:
        platt(np.arange(4), np.array([0, 1, 0, 1]), 10)
    assert caught.value.advice == 'pip install "tallystick[train]"'
