"""The worked example is told, is about every feature, and is what the compiled engine says too."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

from tallystick.errors import FeatureError
from tallystick.features import FAMILIES, SPEC, Engine, Feature
from tallystick.features import _example as page
from tallystick.features._example import CHOSEN, LINES, example, row_at, story

TOLD = [re.split(r"  +", line) for line in (page.__doc__ or "").splitlines() if re.match(r"\d+ ", line)]


def test_every_line_is_told() -> None:
    assert [int(row[0]) for row in TOLD] == list(range(1, len(LINES) + 1))
    for (_, told, *_rest), line in zip(TOLD, LINES, strict=True):
        assert told == f"day {line.day}, {line.hour:02}:00 {line.text}"


def test_every_family_has_one() -> None:
    assert list(CHOSEN) == list(FAMILIES)
    assert all(story(family).startswith(f"line {CHOSEN[family][0]}, ") for family in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_feature_is_worked_out(family: str) -> None:
    """The docstring of a family's reference names each of its features."""
    module: Any = FAMILIES[family]
    text = inspect.getdoc(module.reference) or ""
    assert text.count(">>>") >= 3
    kinds = re.findall(r'f"\{kind\}_\{category\}"', text)  # exposure prints its categories in a loop
    for feature in module.FEATURES:
        assert f'"{feature.name}"' in text or (kinds and feature.name.rpartition("_")[2] in text), feature.name
    assert list(example(family)) == [feature.name for feature in module.FEATURES]


@pytest.mark.parametrize("feature", SPEC.features, ids=SPEC.names)
def test_example_is_in_range(feature: Feature) -> None:
    for line in range(1, len(LINES) + 1):
        assert feature.low <= row_at(line, "sender")[feature.name] <= feature.high
        assert feature.low <= row_at(line, "receiver")[feature.name] <= feature.high


def test_most_features_have_an_example_that_says_something() -> None:
    said = [name for family in FAMILIES for name, value in example(family).items() if value not in (0, -1, 15)]
    assert len(said) > len(SPEC.names) // 2


def test_compiled_engine_agrees() -> None:
    rows = Engine(labels=page._labels()).advance(page._batch()).rows
    assert np.array_equal(rows, np.array(page._rows(), np.int64))


def test_invalid_family_has_no_example() -> None:
    with pytest.raises(FeatureError, match="no family 'motif'; did you mean 'motifs'"):
        example("motif")
