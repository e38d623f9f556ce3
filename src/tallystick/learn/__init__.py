"""Learning: labelled rows, protocols that make leakage an error, training, calibration, judging, cards."""

from __future__ import annotations

from tallystick.learn._calibrate import platt, sigmoid_table
from tallystick.learn._dataset import AccountRows, account_rows, binary_labels, running_count
from tallystick.learn._evaluate import CHECKPOINTS, RowScores, Verdicts, judge, lateness, verdicts
from tallystick.learn._model import TRAIN_SHARE_PPM, calibrated_fit, evaluate, label_array
from tallystick.learn._protocol import GroupFolds, Split, TimeSplit
from tallystick.learn._train import PARAMETERS, Recipe, fit, fit_booster

__all__ = [
    "CHECKPOINTS",
    "PARAMETERS",
    "TRAIN_SHARE_PPM",
    "AccountRows",
    "GroupFolds",
    "Recipe",
    "RowScores",
    "Split",
    "TimeSplit",
    "Verdicts",
    "account_rows",
    "binary_labels",
    "calibrated_fit",
    "evaluate",
    "fit",
    "fit_booster",
    "judge",
    "label_array",
    "lateness",
    "platt",
    "running_count",
    "sigmoid_table",
    "verdicts",
]
