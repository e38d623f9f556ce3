"""From labelled rows to a calibrated program and its report: the whole training job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from tallystick.exact import FastProgram, Program
from tallystick.features import SPEC
from tallystick.learn._baselines import always_no, best_single_feature, lightgbm_on_aggregates
from tallystick.learn._calibrate import platt, sigmoid_table
from tallystick.learn._dataset import AccountRows
from tallystick.learn._evaluate import RowScores, judge, lateness, verdicts
from tallystick.learn._protocol import Split, TimeSplit
from tallystick.learn._train import Recipe, fit, training_sample

__all__ = ["TRAIN_SHARE_PPM", "calibrated_fit", "evaluate", "label_array"]

TRAIN_SHARE_PPM: Final = 700_000
_THRESHOLDS: Final = np.arange(-1.5, 1.51, 0.1)  # log-odds
_PLATEAU: Final = 0.004  # F1; thresholds this close to the best are as good


def label_array(rows: AccountRows, labels: Mapping[bytes, int]) -> np.ndarray:
    """(accounts,) int64: labels by account position."""
    return np.array([labels[address] for address in rows.addresses], np.int64)


def calibrated_fit(rows: AccountRows, labels: np.ndarray, recipe: Recipe) -> Program:
    """Fit on all rows; calibrate and choose the threshold on an inner, later part that a first fit has not seen.

    The slope of the calibration and the decision threshold come from a model trained on the
    first 70 % of the accounts and judged on the rest; the program returned is trained on all.

    Raises
    ------
    LearnError
        Too few accounts of one class on either side of the inner split.
    """
    inner = TimeSplit.at_share(rows, TRAIN_SHARE_PPM).apply(rows, SPEC)
    probe = fit(inner.train, labels, recipe)
    raw, _ = FastProgram(probe).score(inner.test.rows)
    sample = training_sample(inner.test, recipe.dense_transfers)
    slope, _ = platt(raw[sample], labels[inner.test.account[sample]], probe.scale_bits)
    last = inner.test.last_rows()
    threshold = _threshold(raw[last] / 2.0**probe.scale_bits, labels[inner.test.account[last]])
    program = fit(rows, labels, recipe)
    table = sigmoid_table(slope, -slope * threshold, program.scale_bits)
    return program.calibrated(table, 500_000)


def _threshold(odds: np.ndarray, truth: np.ndarray) -> float:
    """Middle of the range of thresholds whose F1 is as good as the best."""
    from sklearn.metrics import f1_score

    scores = np.array([f1_score(truth, odds >= threshold) for threshold in _THRESHOLDS])
    return float(_THRESHOLDS[scores >= scores.max() - _PLATEAU].mean())


def evaluate(program: Program, split: Split, labels: np.ndarray, recipe: Recipe, budget_ppm: int) -> dict[str, Any]:
    """Judge a program on the later part of a split, beside three baselines trained on the earlier part.

    Returns
    -------
    dict
        ``protocol`` and, by model name, the measures of :func:`tallystick.learn.judge` with ``lateness``.
    """
    raw, ppm = FastProgram(program).score(split.test.rows)
    single, single_found = best_single_feature(split, labels)
    models = {
        "tallystick": RowScores(raw, ppm >= program.threshold_ppm),
        "always no": always_no(split),
        f"best single feature: {single}": single_found,
        "LightGBM on 49 plain aggregates": lightgbm_on_aggregates(split, labels, recipe.seed, recipe.threads),
    }
    measured = {
        name: {
            **judge(verdicts(split.test, found), labels, budget_ppm),
            "lateness": lateness(split.test, found.flag, labels),
        }
        for name, found in models.items()
    }
    return {"protocol": _describe(split, labels), "models": measured}


def _describe(split: Split, labels: np.ndarray) -> dict[str, Any]:
    def side(rows: AccountRows) -> dict[str, int]:
        accounts = np.unique(rows.account)
        return {"accounts": len(accounts), "positives": int(labels[accounts].sum()), "rows": len(rows)}

    return {
        "split": "strict, by an account's first appearance; training rows end before the first judged account",
        "train": side(split.train),
        "test": side(split.test),
        "train_until": int(split.train.time.max()),
        "test_from": int(split.test.time.min()),
        "test_until": int(split.test.time.max()),
    }
