"""The importer on models that LightGBM trains here and now."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tallystick.exact import FastProgram, Feature, Program, explain_row, import_lightgbm, score_row

from ..programs import edge_rows

lightgbm = pytest.importorskip("lightgbm", reason="LightGBM comes with the extra `train`")

Rows = np.ndarray[Any, np.dtype[np.int64]]


def training_rows(seed: int = 0, count: int = 3000) -> tuple[Rows, Rows]:
    """Small counts, signed and heavy-tailed values, values beyond 2**53, a rare flag, a constant."""
    random = np.random.default_rng(seed)
    columns = [
        random.geometric(0.2, count),
        random.integers(-1000, 1000, count),
        (2 ** (random.random(count) * 50)).astype(np.int64),
        (1 << 60) + random.integers(-(1 << 12), 1 << 12, count),
        random.random(count) < 0.05,
        np.full(count, 7),
    ]
    rows = np.ascontiguousarray(np.column_stack(columns).astype(np.int64))
    signal = rows[:, 0] * 40 + rows[:, 1] + 300 * np.log2(rows[:, 2] + 1) / 10 + 500 * rows[:, 4]
    signal = signal + (rows[:, 3] - (1 << 60)) / 16 + random.normal(0, 100, count)
    return rows, (signal > np.median(signal)).astype(np.int64)


def train(**parameters: Any) -> Any:
    rows, labels = training_rows()
    fixed = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "seed": 1}
    data = lightgbm.Dataset(rows.astype(np.float64), labels, params={"verbose": -1})
    return lightgbm.train(fixed | parameters, data, 30)


def domain(rows: Rows) -> list[Feature]:
    return [
        Feature(f"Column_{column}", int(rows[:, column].min()) - 9, int(rows[:, column].max()) + 9)
        for column in range(rows.shape[1])
    ]


@pytest.fixture(scope="module", params=[{}, {"num_leaves": 70}, {"boosting": "dart"}, {"max_bin": 1000}], ids=str)
def trained(request: pytest.FixtureRequest) -> tuple[Any, Program]:
    booster = train(**request.param)
    return booster, import_lightgbm(booster.model_to_string(), domain(training_rows()[0]), bytes(32))


def rows_for(program: Program) -> Rows:
    return np.concatenate([training_rows(1, 500)[0].clip(*limits(program)), np.array(edge_rows(program), np.int64)])


def limits(program: Program) -> tuple[list[int], list[int]]:
    return [feature.low for feature in program.features], [feature.high for feature in program.features]


def test_text_and_dump_agree(trained: tuple[Any, Program]) -> None:
    booster, program = trained
    assert import_lightgbm(booster.dump_model(), program.features, bytes(32)).hash == program.hash


def test_every_row_reaches_the_leaves_that_lightgbm_says(trained: tuple[Any, Program]) -> None:
    """Exact: the raw score is the sum of the floors of LightGBM's own leaves."""
    booster, program = trained
    rows = rows_for(program)
    leaves = booster.predict(rows.astype(np.float64), pred_leaf=True).reshape(len(rows), -1)
    floors: dict[tuple[int, int], int] = {}
    for tree in range(leaves.shape[1]):
        for leaf in np.unique(leaves[:, tree]):
            value = Fraction(booster.get_leaf_output(tree, int(leaf)))
            floors[tree, leaf] = value.numerator * (1 << program.scale_bits) // value.denominator
    raw, _ = FastProgram(program).score(rows)
    assert raw.tolist() == [sum(floors[tree, leaf] for tree, leaf in enumerate(row)) for row in leaves]


def test_error_is_within_the_bound(trained: tuple[Any, Program]) -> None:
    booster, program = trained
    rows = rows_for(program)
    scores = booster.predict(rows.astype(np.float64), raw_score=True)
    raw, _ = FastProgram(program).score(rows)
    scale = 1 << program.scale_bits
    errors = [abs(int(one) - Fraction(float(score)) * scale) for one, score in zip(raw, scores, strict=True)]
    assert max(errors) <= program.error_bound.numerator <= len(program.model.trees) + 1
    assert max(errors) > 0


def test_reference_and_reasons(trained: tuple[Any, Program]) -> None:
    _, program = trained
    rows = np.ascontiguousarray(rows_for(program)[::29])
    raw, ppm = FastProgram(program).score(rows)
    for row, one_raw, one_ppm in zip(rows.tolist(), raw.tolist(), ppm.tolist(), strict=True):
        assert score_row(program, row)[:2] == (one_raw, one_ppm)
        bias, contributions, _ = explain_row(program, row)
        assert bias + sum(contributions) == one_raw
        assert contributions[5] == 0


def test_bias_is_near_the_mean_training_score(trained: tuple[Any, Program]) -> None:
    """Each tree's root is the floor of the mean of its leaves over the training rows."""
    _, program = trained
    raw, _ = FastProgram(program).score(training_rows()[0])
    bias = explain_row(program, training_rows()[0][0].tolist()).bias
    assert 0 <= Fraction(sum(raw.tolist()), len(raw)) - bias < len(program.model.trees)


def test_zero_as_missing_is_taken_where_harmless() -> None:
    booster = train(zero_as_missing=True, num_leaves=4)
    rows, _ = training_rows()
    program = import_lightgbm(booster.model_to_string(), [Feature(f.name, 1, f.high) for f in domain(rows)], bytes(32))
    scored = rows[(rows > 0).all(axis=1)]
    raw, _ = FastProgram(program).score(np.ascontiguousarray(scored))
    scores = booster.predict(scored.astype(np.float64), raw_score=True)
    assert np.abs(raw - scores * (1 << 24)).max() <= program.error_bound.numerator


def test_nothing_to_learn_is_a_constant() -> None:
    data = lightgbm.Dataset(np.zeros((100, 1)), np.arange(100) % 4 == 0, params={"verbose": -1})
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_arguments, **_options: None)  # LightGBM says so, too
        booster = lightgbm.train(parameters, data, 3)
    program = import_lightgbm(booster.model_to_string(), [Feature("Column_0", 0, 1)], bytes(32))
    assert (program.model.trees, score_row(program, [1]).raw) == ((), program.model.base[0])
    assert abs(program.model.base[0] - booster.predict(np.zeros((1, 1)), raw_score=True)[0] * (1 << 24)) <= 2


def test_import_does_not_load_lightgbm() -> None:
    loaded = "[name for name in ('lightgbm', 'numba') if name in sys.modules]"
    script = f"import sys; from tallystick.exact import import_lightgbm; print({loaded})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
