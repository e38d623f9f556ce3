"""Feature values in words: every feature has some at every value, and they undo the integers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.apps.fraud._words import reason_words, value_words
from tallystick.features import SPEC, Feature

BY_NAME = {feature.name: feature for feature in SPEC.features}


@pytest.mark.parametrize("feature", SPEC.features, ids=lambda feature: feature.name)
def test_every_feature_has_words_in_its_whole_range(feature: Feature) -> None:
    for value in {feature.low, feature.low + 1, 0, 1, feature.high}:
        words = reason_words(feature, value)
        assert words.endswith(value_words(feature, value))
        assert "\n" not in words
        assert "e+" not in words or "times" in words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("gap_s", -1, "none yet"),
        ("gap_s", 0, "0 seconds"),
        ("gap_s", 90, "2 minutes"),
        ("gap_s", 86_400 * 3, "3 days"),
        ("in_to_out_s", -7_200, "-2 hours"),
        ("in_to_out_s", 1 << 40, "none yet"),
        ("log_over_mean", -10_000, "none yet"),
        ("log_over_mean", -1, "0.96 times"),
        ("log_over_mean", 16, "2 times"),
        ("incoming", 1, "yes"),
        ("incoming", 0, "no"),
        ("in_share", 1_000_000, "100 %"),
        ("log_value", 0, "0 ether"),
        ("log_value", 16, "1e-09 ether"),
        ("mean_log_gap", 256 * 13, "1 hours"),
        ("variance_log_gap", 512, "2.0 octaves squared"),
        ("count_in_1h", 3 << 11, "1.5 transfers"),
        ("rate", 2_500, "2.5 transfers a day"),
        ("degree_of_payers", 256 * 4, "8 transfers"),
        ("digits", 2, "2 digits"),
    ],
)
def test_values(name: str, value: int, words: str) -> None:
    assert value_words(BY_NAME[name], value) == words


@given(st.integers(0, 63))
def test_powers_of_two_are_undone(power: int) -> None:
    """``log2_q4`` of ``2**k`` gwei is ``16 * (k + 1)``."""
    said = float(value_words(BY_NAME["log_value"], 16 * (power + 1)).split()[0].replace(",", ""))
    assert said == pytest.approx(2**power / 10**9, rel=0.06)
