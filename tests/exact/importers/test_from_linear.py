from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact import Feature, Linear, Program, explain_row, score_outputs
from tallystick.exact.importers import FloatLinear, ImportOptions
from tallystick.exact.importers._from_linear import linear_to_program, smallest_float
from tallystick.exact.importers._quantiser import Quantiser, quantise_rows
from tallystick.exact.importers._scaling import Scaling

SPEC = bytes(range(32))
FEATURES = (Feature("age_s", 0, 1000), Feature("value", -5, 5))


def source(**changes: Any) -> FloatLinear:
    parts: dict[str, Any] = {"names": ["age_s", "value"], "coefficient": [[0.1, -0.75]], "intercept": [0.3]}
    return FloatLinear("by hand", **(parts | changes))


def test_linear_rounds_to_nearest() -> None:
    program = linear_to_program(source(), FEATURES, SPEC, ImportOptions(scale_bits=4))
    assert program.model == Linear(weight=((2, -12),), base=(5,), center=(500, 0))  # 1.6, -12, 4.8
    assert program.scale_bits == 4
    # 0.4 * 1000 of the first weight, 0.2 of the intercept, and next to nothing of float64
    assert program.error_bound.numerator == 401
    assert program.metadata == {"library": "by hand", "link": "identity"}


def test_linear_center_is_where_explanations_start() -> None:
    program = linear_to_program(source(), FEATURES, SPEC, center=(10, 1))
    assert explain_row(program, [10, 1]).contributions == (0, 0)


def test_linear_logistic_gets_the_librarys_probability() -> None:
    program = linear_to_program(source(link="logistic"), FEATURES, SPEC)
    assert (program.calibration.at(0), program.threshold_ppm) == (500_000, 500_000)
    bare = linear_to_program(source(link="logistic"), FEATURES, SPEC, ImportOptions(calibrate=False))
    assert (len(bare.calibration.raw), bare.threshold_ppm) == (1, 1_000_000)
    asked = linear_to_program(source(), FEATURES, SPEC, ImportOptions(threshold_ppm=7, metadata={"x": 1}))
    assert (asked.threshold_ppm, asked.metadata["x"]) == (7, 1)


def test_linear_takes_fewer_bits_where_sums_would_leave_int64() -> None:
    wide = (Feature("age_s", 0, 1 << 60), Feature("value", -5, 5))
    program = linear_to_program(source(coefficient=[[1.0, 1.0]]), wide, SPEC)
    assert program.scale_bits == 2  # 2**60 * 2**3 would be 2**63
    both = linear_to_program(source(coefficient=[[1.0, 0.0]]), (Feature("age_s", -(1 << 60), 1 << 60), wide[1]), SPEC)
    assert both.scale_bits == 1  # contributions span 2**61


def test_linear_several_outputs_bound_the_worst() -> None:
    three = source(coefficient=[[1, 0], [0, 1], [0.3, 0.3]], intercept=[0, 0, 0], classes=["a", "b", "c"])
    program = linear_to_program(three, FEATURES, SPEC, ImportOptions(decision=2))
    assert (program.model.outputs, program.decision) == (3, 2)
    assert program.metadata["classes"] == '["a", "b", "c"]'
    assert "the worst of 3 outputs" in program.error_bound.derivation


def test_linear_folds_a_scaler() -> None:
    scaling = Scaling.nothing(2).then([Fraction(1, 4), Fraction(2)], [Fraction(-1), Fraction(3)], roundings=2)
    program = linear_to_program(source(scaling=scaling), FEATURES, SPEC, ImportOptions(scale_bits=40))
    raw = Fraction(score_outputs(program, [100, 2])[0], 1 << 40)
    want = Fraction(0.1) * 24 + Fraction(-0.75) * 7 + Fraction(0.3)
    assert abs(raw - want) * (1 << 40) <= program.error_bound.numerator
    assert "its 2 roundings counted" in program.error_bound.derivation


def test_scaling_steps_follow_each_other() -> None:
    twice = Scaling.nothing(1).then([Fraction(2)], [Fraction(-3)], 1).then([Fraction(-5)], [Fraction(7)], 2)
    assert (twice.factor, twice.shift, twice.size, twice.roundings) == ((-10,), (22,), (22,), 3)


def test_linear_float32_is_bounded_wider() -> None:
    narrow = linear_to_program(source(value_bits=24, sum_bits=24), FEATURES, SPEC, ImportOptions(scale_bits=40))
    wide = linear_to_program(source(), FEATURES, SPEC, ImportOptions(scale_bits=40))
    assert narrow.error_bound.numerator > 100 * wide.error_bound.numerator
    assert smallest_float(53) < smallest_float(24)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coefficient": [[math.nan, 1]]}, "not finite"),
        ({"intercept": [math.inf]}, "not finite"),
        ({"coefficient": [[1]]}, "a weight for each"),
        ({"coefficient": [[1, 1], [1]]}, "a weight for each"),
        ({"intercept": [1, 1]}, "a weight for each"),
        ({"intercept": [1e30]}, "leaves int64 at every scale"),
    ],
)
def test_invalid_linear_models(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        linear_to_program(source(**changes), FEATURES, SPEC)


def test_invalid_linear_features() -> None:
    with pytest.raises(SpecMismatch, match="the model has age_s where the spec has other"):
        linear_to_program(source(), (Feature("other", 0, 1), FEATURES[1]), SPEC)


small = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(
    st.lists(st.tuples(small, st.integers(-(10**12), 10**12), st.integers(0, 10**6)), min_size=1, max_size=6),
    small,
    st.integers(0, 40),
    st.booleans(),
    st.data(),
)
def test_linear_is_within_its_bound(
    parts: list[tuple[float, int, int]], intercept: float, scale_bits: int, narrow: bool, data: st.DataObject
) -> None:
    """The oracle adds in numpy, in float64 or float32, as the library would."""
    features = [Feature(f"f{i}", low, low + width) for i, (_, low, width) in enumerate(parts)]
    kind: Any = np.float32 if narrow else np.float64
    bits = 24 if narrow else 53
    weights = [float(kind(weight)) for weight, _, _ in parts]
    model = FloatLinear("x", [""] * len(parts), [weights], [float(kind(intercept))], value_bits=bits, sum_bits=bits)
    program = linear_to_program(model, features, SPEC, ImportOptions(scale_bits=scale_bits))
    row = [data.draw(st.integers(its.low, its.high)) for its in features]
    theirs = kind(intercept)
    for weight, value in zip(weights, row, strict=True):
        theirs = kind(theirs + kind(kind(weight) * kind(value)))
    distance = abs(Fraction(score_outputs(program, row)[0]) - Fraction(float(theirs)) * (1 << program.scale_bits))
    assert distance <= program.error_bound.numerator


@given(st.lists(st.tuples(small, st.floats(-1000, 1000)), min_size=1, max_size=5), st.integers(1, 1000))
def test_linear_with_quantisers_is_within_its_bound(parts: list[tuple[float, float]], steps: int) -> None:
    quantisers = [Quantiser(f"f{i}", Fraction(-1000), Fraction(2001, steps), 0, steps - 1) for i in range(len(parts))]
    model = FloatLinear("x", [""] * len(parts), [[weight for weight, _ in parts]], [1.0])
    program = linear_to_program(model, [its.feature for its in quantisers], SPEC, None, quantisers)
    row = quantise_rows(quantisers, [[value for _, value in parts]])[0].tolist()
    exact = 1 + sum(Fraction(weight) * Fraction(value) for weight, value in parts)
    distance = abs(score_outputs(program, row)[0] - exact * (1 << program.scale_bits))
    assert distance <= program.error_bound.numerator
    assert Program.from_bytes(program.to_bytes()) == program
