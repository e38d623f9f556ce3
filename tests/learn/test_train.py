"""Training: the same bytes whatever the threads, the hash seed or the process; and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import FastProgram
from tallystick.features import SPEC
from tallystick.learn import PARAMETERS, AccountRows, Recipe, fit, fit_booster
from tallystick.learn._train import training_sample

_PROGRAM = """
from learn.streams import make_world
from tallystick.learn import Recipe, calibrated_fit, label_array
world = make_world()
rows = world.rows()
print(calibrated_fit(rows, label_array(rows, world.labels), Recipe(rounds=30, threads=2)).to_bytes().hex())
"""


def test_threads_do_not_change_the_program(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    one, two = (fit(rows, truth, replace(recipe, threads=threads)) for threads in (1, 2))
    assert one.to_bytes() == two.to_bytes()
    assert len(one.model.trees) == 30


def test_seed_and_rounds_change_the_program(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    programs = [fit(rows, truth, other) for other in (recipe, replace(recipe, seed=2), replace(recipe, rounds=29))]
    assert len({program.hash for program in programs}) == 3


def test_program_in_another_process(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    """Another hash seed, two threads."""
    from tallystick.learn import calibrated_fit

    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4294967295",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "OMP_WAIT_POLICY": "PASSIVE",  # two threads must not spin where there is one free core
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.strip() == calibrated_fit(rows, truth, recipe).to_bytes().hex()


def test_program_is_the_booster_up_to_its_bound(rows: AccountRows, truth: np.ndarray, recipe: Recipe) -> None:
    sample = training_sample(rows, recipe.dense_transfers)
    weight = 1.0 / np.sqrt(np.maximum(rows.transfer[sample], 1))
    booster = fit_booster(rows.rows[sample], truth[rows.account[sample]], weight, recipe, SPEC.names)
    program = fit(rows, truth, recipe)
    raw, _ = FastProgram(program).score(rows.rows)
    exact = booster.predict(rows.rows.astype(np.float64), raw_score=True)
    assert (
        np.abs(raw / 2.0**program.scale_bits - exact).max() <= program.error_bound.numerator / 2.0**program.scale_bits
    )
    assert program.feature_spec_hash == SPEC.hash
    assert [(feature.name, feature.low, feature.high) for feature in program.features] == [
        (feature.name, feature.low, feature.high) for feature in SPEC.features
    ]


def test_sample_thins_out_and_keeps_the_last() -> None:
    n = 200
    zero = np.zeros(2 * n, np.int64)
    account = np.repeat([0, 1], n)
    transfer = np.tile(np.arange(1, n + 1), 2)
    flags = zero.astype(bool)
    rows = AccountRows(np.zeros((2 * n, 1), np.int64), account, transfer, zero, zero, zero, flags, (b"a", b"b"))
    kept = [*range(1, 13), 15, 19, 24, 30, 38, 48, 60, 75, 94, 118, 148, 185, 200]
    assert transfer[training_sample(rows, 12)].tolist() == kept * 2
    assert transfer[training_sample(rows, 1_000)].tolist() == transfer.tolist()


def test_both_classes_weigh_the_same(rows: AccountRows, recipe: Recipe) -> None:
    """One useless column: the only thing left to learn is the classes' shares, which are made equal."""
    labels = (np.arange(400) % 10 == 0).astype(np.int64)
    booster = fit_booster(np.zeros((400, 1), np.int64), labels, np.ones(400), replace(recipe, rounds=1), ("nothing",))
    assert booster.predict(np.zeros((1, 1)), raw_score=True)[0] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_invalid_one_class(rows: AccountRows, truth: np.ndarray, recipe: Recipe, label: int) -> None:
    with pytest.raises(LearnError, match="one class only"):
        fit(rows, np.full_like(truth, label), recipe)


def test_invalid_without_the_library(
    rows: AccountRows, truth: np.ndarray, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingExtra, match="lightgbm is not installed") as caught:
        fit(rows, truth, recipe)
    assert caught.value.advice == 'pip install "tallystick[train]"'
    assert isinstance(caught.value.__cause__, ImportError)


def test_recipe_as_json() -> None:
    recorded = Recipe(threads=2).as_json()
    assert recorded == Recipe(threads=1).as_json()
    assert recorded == {"rounds": 200, "parameters": dict(PARAMETERS), "seed": 1, "dense_transfers": 12}
    assert recorded["parameters"]["deterministic"] is True
