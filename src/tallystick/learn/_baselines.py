"""Honest baselines: what the model must beat, judged by the same protocol."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.errors import MissingExtra
from tallystick.features import SPEC
from tallystick.learn._aggregates import aggregates_after
from tallystick.learn._evaluate import CHECKPOINTS, RowScores, rows_after
from tallystick.learn._protocol import Split

__all__ = ["always_no", "best_single_feature", "lightgbm_on_aggregates"]

_CUTS: Final = 99


def always_no(split: Split) -> RowScores:
    """Flag nothing."""
    nothing = np.zeros(len(split.test))
    return RowScores(nothing, nothing.astype(bool))


def best_single_feature(split: Split, labels: np.ndarray) -> tuple[str, RowScores]:
    """Take the one feature, direction and threshold that do best on the training accounts at their end.

    Returns
    -------
    tuple[str, RowScores]
        What was chosen, in words, and what it says of the judged rows.
    """
    try:
        from sklearn.metrics import f1_score, roc_auc_score
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "train") from error
    last = split.train.last_rows()
    rows, truth = split.train.rows[last], labels[split.train.account[last]]
    aucs = np.array([roc_auc_score(truth, rows[:, k]) for k in range(rows.shape[1])])
    best = int(np.argmax(np.abs(aucs - 0.5)))
    sign = 1 if aucs[best] >= 0.5 else -1
    values = sign * rows[:, best]
    cuts = np.unique(np.percentile(values, np.linspace(1, 99, _CUTS), method="lower"))
    threshold = max(cuts, key=lambda cut: f1_score(truth, values >= cut))
    score = sign * split.test.rows[:, best]
    name = f"{SPEC.names[best]} {'at least' if sign > 0 else 'at most'} {sign * int(threshold):,}"
    return name, RowScores(score, score >= threshold)


def lightgbm_on_aggregates(split: Split, labels: np.ndarray, seed: int, threads: int) -> RowScores:
    """LightGBM with its defaults on 49 plain per-account aggregates, untuned."""
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra.of("lightgbm", "train") from error
    ends = np.concatenate([rows_after(split.train, checkpoint) for checkpoint in CHECKPOINTS])
    parameters: dict[str, Any] = {"objective": "binary", "verbose": -1, "deterministic": True, "force_row_wise": True}
    parameters |= {"seed": seed, "num_threads": threads}
    data = lightgbm.Dataset(aggregates_after(split.train, ends), labels[split.train.account[ends]])
    model = lightgbm.train(parameters, data, 100)
    score = np.asarray(model.predict(aggregates_after(split.test, np.arange(len(split.test)))))
    return RowScores(score, score >= 0.5)
