"""Calibration: raw scores to ppm, by Platt's method, as an integer step table."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import Calibration

__all__ = ["platt", "sigmoid_table"]

_STEPS: Final = 4_096
_SPAN: Final = 14.0  # log-odds; beyond it a ppm no longer moves


def platt(raw: np.ndarray, labels: np.ndarray, scale_bits: int) -> tuple[float, float]:
    """Fit ``log-odds = slope * raw / 2**scale_bits + offset``, both classes weighing the same.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.

    Returns
    -------
    tuple[float, float]
        Slope, at least 0.05, and offset.

    Raises
    ------
    LearnError
        Only one class is present.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "train") from error
    if len(np.unique(labels)) < 2:
        raise LearnError("the rows to calibrate on hold one class only", value=len(labels))
    odds = raw.astype(np.float64)[:, None] / 2.0**scale_bits
    model = LogisticRegression(class_weight="balanced", C=1.0).fit(odds, labels)
    return max(float(model.coef_[0, 0]), 0.05), float(model.intercept_[0])


def sigmoid_table(slope: float, offset: float, scale_bits: int) -> Calibration:
    """Tabulate ``10**6 / (1 + exp(-(slope * raw / 2**scale_bits + offset)))`` in equal steps of log-odds.

    The table, not the formula, is the program's meaning: floats end here.
    """
    steps = []
    for k in range(_STEPS + 1):
        odds = -_SPAN + 2 * _SPAN * k / _STEPS
        raw = math.floor((odds - offset) / slope * 2.0**scale_bits)
        steps.append((raw, math.floor(1_000_000 / (1 + math.exp(-odds)))))
    return Calibration.of(steps)
