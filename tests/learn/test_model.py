"""The whole training job: calibrated fit, threshold, evaluation beside the baselines."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.errors import LearnError
from tallystick.exact import FastProgram, Program
from tallystick.features import SPEC
from tallystick.learn import (
    AccountRows,
    Recipe,
    RowScores,
    Split,
    TimeSplit,
    calibrated_fit,
    evaluate,
    fit,
    judge,
    label_array,
    lateness,
    verdicts,
)
from tallystick.learn._baselines import always_no, best_single_feature, lightgbm_on_aggregates
from tallystick.learn._model import _threshold


@pytest.fixture(scope="module")
def split(rows: AccountRows) -> Split:
    return TimeSplit.at_share(rows, 700_000).apply(rows, SPEC)


@pytest.fixture(scope="module")
def program(split: Split, truth: np.ndarray, recipe: Recipe) -> Program:
    return calibrated_fit(split.train, truth, recipe)


def test_labels_by_position(rows: AccountRows) -> None:
    assert label_array(rows, {address: k % 2 for k, address in enumerate(rows.addresses)}).tolist() == [
        k % 2 for k in range(len(rows.addresses))
    ]


def test_trees_are_those_of_all_rows(split: Split, truth: np.ndarray, recipe: Recipe, program: Program) -> None:
    plain = fit(split.train, truth, recipe)
    assert (plain.model, plain.error_bound) == (program.model, program.error_bound)
    assert program.threshold_ppm == 500_000
    assert len(program.calibration.raw) > 1_000


def test_judged_rows_do_not_reach_the_program(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    """Other labels and other rows after the cutoff: the same program."""
    protocol = TimeSplit.at_share(rows, 700_000)
    late = rows.first_time >= protocol.cutoff
    parts = protocol.apply(rows.where(~late[rows.account] | (rows.transfer < 3)), SPEC)
    other = calibrated_fit(parts.train, np.where(late, 1 - truth, truth), recipe)
    assert other.hash == calibrated_fit(protocol.apply(rows, SPEC).train, truth, recipe).hash


def test_evaluate_is_judge_of_each_model(split: Split, truth: np.ndarray, recipe: Recipe, program: Program) -> None:
    found = evaluate(program, split, truth, recipe, 100_000)
    names = list(found["models"])
    assert names[:2] == ["tallystick", "always no"]
    assert names[2].startswith("best single feature: ")
    assert names[3] == "LightGBM on 49 plain aggregates"
    raw, ppm = FastProgram(program).score(split.test.rows)
    scores = (
        RowScores(raw, ppm >= program.threshold_ppm),
        always_no(split),
        best_single_feature(split, truth)[1],
        lightgbm_on_aggregates(split, truth, recipe.seed, recipe.threads),
    )
    for name, item in zip(names, scores, strict=True):
        expected = judge(verdicts(split.test, item), truth, 100_000)
        assert found["models"][name] == {**expected, "lateness": lateness(split.test, item.flag, truth)}
    assert found["models"]["tallystick"]["after"]["end"]["f1"] > 0.9
    protocol = found["protocol"]
    assert protocol["train_until"] < protocol["test_from"] < protocol["test_until"]
    assert protocol["train"]["accounts"] + protocol["test"]["accounts"] == len(truth)
    assert protocol["train"]["positives"] + protocol["test"]["positives"] == truth.sum()
    assert protocol["test"]["rows"] == len(split.test)


def test_every_model_is_judged_on_the_same_accounts(
    split: Split, truth: np.ndarray, recipe: Recipe, program: Program
) -> None:
    """Early flags have a price, and it stands beside: for every model, out of the same accounts."""
    found = evaluate(program, split, truth, recipe, 100_000)
    test = found["protocol"]["test"]
    for model in found["models"].values():
        late = model["lateness"]
        assert late["positives"] == test["positives"]
        assert late["innocent"] == test["accounts"] - test["positives"]
        assert 0 <= late["innocent_flagged"] <= late["innocent"]
        assert late["at_first_transfer"] <= late["flagged"] <= late["positives"]
    assert found["models"]["always no"]["lateness"]["flagged"] == 0


def test_threshold_is_the_middle_of_the_best() -> None:
    odds = np.array([-2.0, -0.65, 0.65, 2.0])
    assert _threshold(odds, np.array([0, 0, 1, 1])) == pytest.approx(0.0, abs=1e-9)
    assert _threshold(odds + 0.5, np.array([0, 0, 1, 1])) == pytest.approx(0.5, abs=0.051)


def test_invalid_calibration_part_of_one_class(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    late = rows.first_time >= TimeSplit.at_share(rows, 700_000).cutoff
    with pytest.raises(LearnError, match="one class only"):
        calibrated_fit(rows, np.where(late, 1, truth), recipe)
    with pytest.raises(LearnError, match="one class only"):
        calibrated_fit(rows, np.where(late, truth, 1), recipe)


def test_invalid_too_few_accounts(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    with pytest.raises(LearnError, match="leaves one side empty"):
        calibrated_fit(rows.where(rows.account == 3), truth, recipe)
