"""The shipped model comes from the real stream bit for bit, and its recipe does what the card says."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import lightgbm
import pytest

from tallystick.apps.fraud import PRETRAINED, Training, find_model, train
from tallystick.settings import Settings
from tallystick.sources import open_source

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def training(data_dir: Path) -> Training:
    """One training for all tests: judged on the later part, then trained again on all."""
    return train(open_source(f"xblock:{data_dir / 'tsgn'}"), None, Settings(), refit=True)


def test_training_gives_the_shipped_program(training: Training) -> None:
    shipped = find_model(PRETRAINED)
    made = shipped.card["made_with"]
    here = f"{platform.machine()} {platform.system()}"
    if (made["lightgbm"], made["platform"]) != (lightgbm.__version__, here):
        pytest.skip(f"the card was made with LightGBM {made['lightgbm']} on {made['platform']}: bits may differ here")
    assert training.program.hash == shipped.program.hash
    assert training.program.to_bytes() == shipped.path.read_bytes()
    assert json.loads(json.dumps(training.card)) == shipped.card


def test_figures_of_the_strict_time_split(training: Training) -> None:
    models = training.card["evaluation"]["models"]
    ours, aggregates = models["tallystick"]["after"], models["LightGBM on 49 plain aggregates"]["after"]
    assert ours["3"]["auc"] >= 0.95
    assert ours["5"]["auc"] >= 0.97
    assert ours["end"]["f1"] >= 0.96
    for checkpoint in ("1", "3", "5", "10", "end"):
        assert ours[checkpoint]["auc"] > aggregates[checkpoint]["auc"]


def test_most_are_flagged_early(training: Training) -> None:
    late = training.card["evaluation"]["models"]["tallystick"]["lateness"]
    assert late["flagged"] >= 0.95 * late["positives"]
    assert late["transfers"]["p50"] == 0
    assert late["transfers"]["p90"] <= 3


def test_split_is_strict(training: Training) -> None:
    protocol = training.card["evaluation"]["protocol"]
    assert protocol["train_until"] < training.cutoff == protocol["test_from"]
