from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, ProgramError
from tallystick.exact import DenseLayer, Feature, Mlp, Program, score_outputs
from tallystick.exact.importers import FloatLayer, FloatMlp, ImportOptions
from tallystick.exact.importers._from_mlp import mlp_to_program
from tallystick.exact.importers._quantiser import Quantiser, quantise_rows
from tallystick.exact.importers._scaling import Scaling

SPEC = bytes(range(32))
FEATURES = (Feature("a", 0, 100), Feature("b", -10, 10))
HIDDEN = FloatLayer([[0.5, 1.0], [-0.25, 0.125]], [1.0, -2.0], relu=True)
LAST = FloatLayer([[1.0, -1.0]], [0.5], relu=False)


def source(*layers: FloatLayer, **changes: Any) -> FloatMlp:
    return FloatMlp("by hand", ["a", "b"], layers or (HIDDEN, LAST), **changes)


def test_mlp_one_layer_by_hand() -> None:
    program = mlp_to_program(source(FloatLayer([[0.5, -1.0]], [3.0], relu=False)), FEATURES, SPEC)
    # 2**6 is the most for which -1.0 fits int8: 0.5 * 64, -1 * 64, 3 * 64
    assert program.model == Mlp((DenseLayer(((32, -64),), (192,), 0, -(1 << 31), (1 << 31) - 1),))
    assert (program.scale_bits, program.error_bound.numerator) == (6, 1)
    coarse = mlp_to_program(
        source(FloatLayer([[0.5, -1.0]], [3.0], relu=False)), FEATURES, SPEC, ImportOptions(scale_bits=4)
    )
    assert coarse.model.layers[0].shift == 2
    assert coarse.model.layers[0].bias == (194,)  # half of 2**2 more: to nearest


def test_mlp_shifts_follow_the_rows() -> None:
    wide = (Feature("a", 0, 100_000), Feature("b", -10, 10))
    without = mlp_to_program(source(), wide, SPEC)
    with_rows = mlp_to_program(source(), wide, SPEC, calibration_rows=np.array([[0, 0], [900, 3]]))
    assert without.model.layers[0].shift > with_rows.model.layers[0].shift
    assert without.error_bound.numerator / (1 << without.scale_bits) < 2_000
    # 100,000 saturates what 900 set, and the bound says so
    assert with_rows.error_bound.numerator / (1 << with_rows.scale_bits) > 20_000
    assert "by interval arithmetic" in with_rows.error_bound.derivation


def test_mlp_without_relu_is_clipped_on_both_sides() -> None:
    linear = FloatLayer(HIDDEN.weight, HIDDEN.bias, relu=False)
    program = mlp_to_program(source(linear, LAST), FEATURES, SPEC)
    assert program.model.layers[0].low == -program.model.layers[0].high
    rows = mlp_to_program(source(linear, LAST), FEATURES, SPEC, calibration_rows=[[100, -10]])
    assert rows.model.layers[0].low < 0


def test_mlp_with_nothing_in_a_layer() -> None:
    dead = FloatLayer([[0.0, 0.0]], [0.0], relu=True)
    program = mlp_to_program(source(dead, FloatLayer([[1.0]], [0.25], relu=False)), FEATURES, SPEC)
    assert abs(score_outputs(program, [5, 5])[0] / 2**program.scale_bits - 0.25) < 1e-6


def test_mlp_folds_a_scaler_and_a_constant_feature() -> None:
    scaling = Scaling.nothing(2).then([Fraction(1, 10), Fraction(0)], [Fraction(-1), Fraction(2)], 2)
    program = mlp_to_program(source(scaling=scaling), FEATURES, SPEC, calibration_rows=[[100, 10], [0, 0]])
    want = max(0.5 * 4 + 2 + 1, 0) - max(-0.25 * 4 + 0.25 - 2, 0) + 0.5
    assert abs(score_outputs(program, [50, 10])[0] / 2**program.scale_bits - want) < 0.05


def test_mlp_with_tiny_weights_keeps_int32() -> None:
    program = mlp_to_program(source(FloatLayer([[1e-30, 1e-30]], [5.0], relu=False)), FEATURES, SPEC)
    assert score_outputs(program, [1, 1])[0] == round(5 * 2**program.scale_bits)


def test_mlp_gives_up_bits_of_weights_for_wide_domains() -> None:
    wide = (Feature("a", 0, 1 << 26), Feature("b", -10, 10))
    last = FloatLayer([[1e-6, -1e-6]], [0.5], relu=False)
    program = mlp_to_program(source(HIDDEN, last), wide, SPEC, calibration_rows=[[1 << 26, 0]])
    assert max(map(abs, program.model.layers[0].weight[0])) < 64


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((HIDDEN,), "last layer of the by hand model must be linear"),
        ((HIDDEN, FloatLayer([[1.0]], [0.0], relu=False)), "layer 1 of the by hand model does not fit"),
        ((FloatLayer([[1.0, 1.0]], [0.0, 1.0], relu=False),), "layer 0 of the by hand model does not fit"),
        ((FloatLayer([[1.0, math.nan]], [0.0], relu=False),), "not finite"),
        ((FloatLayer([[1.0, 1.0]], [math.inf], relu=False),), "not finite"),
        ((FloatLayer([[1.0, 1.0]], [1e12], relu=False),), "its accumulators leave int32"),
    ],
)
def test_invalid_mlps(layers: tuple[FloatLayer, ...], words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        mlp_to_program(source(*layers), FEATURES, SPEC)


def test_invalid_mlp_without_layers() -> None:
    with pytest.raises(ProgramError, match="must be linear"):
        mlp_to_program(FloatMlp("x", ["a", "b"], ()), FEATURES, SPEC)


def test_invalid_mlp_bound_beyond_the_format() -> None:
    far = (Feature("a", 0, 1 << 62), Feature("b", 0, 1 << 62))
    with pytest.raises(ProgramError, match="the error bound leaves int64"):
        mlp_to_program(source(), far, SPEC)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.5, 1.0]], "must be integers"),
        ([[1]], "must be integers"),
        (np.zeros((0, 2), int), "n at least 1"),
        ([[101, 0]], r"outside \[0, 100\]"),
    ],
)
def test_invalid_calibration_rows(rows: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mlp_to_program(source(), FEATURES, SPEC, calibration_rows=rows)


def random_mlp(random: Random, narrow: bool) -> tuple[FloatMlp, list[Feature]]:
    kind: Any = np.float32 if narrow else np.float64
    widths = [random.randint(1, 4) for _ in range(random.randint(2, 4))]
    reach = random.choice([0.01, 1, 4])
    layers = [
        FloatLayer(
            [[float(kind(random.uniform(-reach, reach))) for _ in range(one)] for _ in range(two)],
            [float(kind(random.uniform(-reach, reach))) for _ in range(two)],
            relu=place < len(widths) - 2 and random.random() < 0.7,
        )
        for place, (one, two) in enumerate(pairwise(widths))
    ]
    features = [
        Feature(f"f{i}", low := random.randint(-300, 50), low + random.randint(0, 600)) for i in range(widths[0])
    ]
    bits = 24 if narrow else 53
    return FloatMlp("x", [""] * widths[0], layers, value_bits=bits, sum_bits=bits), features


def run_floats(model: FloatMlp, row: list[int], narrow: bool) -> list[float]:
    kind: Any = np.float32 if narrow else np.float64
    values = np.array(row, kind)
    for layer in model.layers:
        values = np.array(layer.weight, kind) @ values + np.array(layer.bias, kind)
        values = np.maximum(values, 0) if layer.relu else values
    return [float(value) for value in values]


@given(st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_mlp_is_within_its_bound(seed: int, narrow: bool, with_rows: bool) -> None:
    random = Random(seed)
    model, features = random_mlp(random, narrow)
    rows = [[random.randint(its.low, its.high) for its in features] for _ in range(6)]
    program = mlp_to_program(model, features, SPEC, calibration_rows=rows[:2] if with_rows else None)
    for row in [*rows, [its.low for its in features], [its.high for its in features]]:
        theirs = run_floats(model, row, narrow)
        for raw, score in zip(score_outputs(program, row), theirs, strict=True):
            assert abs(raw - Fraction(score) * (1 << program.scale_bits)) <= program.error_bound.numerator
    assert Program.from_bytes(program.to_bytes()) == program


@given(st.integers(0, 1 << 32), st.integers(2, 500))
def test_mlp_with_quantisers_is_within_its_bound(seed: int, steps: int) -> None:
    random = Random(seed)
    model, features = random_mlp(random, narrow=False)
    quantisers = [Quantiser(its.name, Fraction(-3), Fraction(6, steps), 0, steps) for its in features]
    program = mlp_to_program(model, [its.feature for its in quantisers], SPEC, None, quantisers)
    row = [random.uniform(-3, 3) for _ in features]
    integers = quantise_rows(quantisers, [row])[0].tolist()
    values = np.array(row)
    for layer in model.layers:
        values = np.array(layer.weight) @ values + np.array(layer.bias)
        values = np.maximum(values, 0) if layer.relu else values
    for raw, score in zip(score_outputs(program, integers), values, strict=True):
        assert abs(raw - Fraction(float(score)) * (1 << program.scale_bits)) <= program.error_bound.numerator
