"""Judging a snapshot model by repeated cross-validation over accounts, beside three baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tallystick.apps.fraud._snapshot_model import SnapshotRecipe, folds
from tallystick.errors import MissingExtra
from tallystick.features.snapshot import SNAPSHOT

__all__ = ["PLAIN_FEATURES", "baselines", "judge_repeats"]

_CUTS: Final = 99
# What a first notebook would compute: own degrees, amounts and spans, and the means of the neighbours'.
PLAIN_FEATURES: Final = (
    *(f"{side}_{what}" for side in ("in", "out") for what in ("partners", "volume", "amount_p50", "largest_share")),
    *(f"{side}_{what}" for side in ("in", "out") for what in ("log_amount_mean", "span")),
    "span",
    "in_share",
    *(f"{other}_{what}_mean" for other in ("sender", "receiver") for what in ("partners", "income")),
)
_Scores = tuple[np.ndarray, np.ndarray]


def baselines(rows: np.ndarray, labels: np.ndarray, recipe: SnapshotRecipe) -> dict[str, list[_Scores]]:
    """Scores and flags of the baselines, one pair a repeat, on the same divisions as the model's."""
    plain = rows[:, [SNAPSHOT.names.index(name) for name in PLAIN_FEATURES]]
    return {
        "majority class": _divided(labels, recipe, lambda train, test: _majority(labels[train], len(test))),
        "best single feature": _divided(
            labels, recipe, lambda train, test: _single(rows[train], labels[train], rows[test])
        ),
        f"LightGBM on {len(PLAIN_FEATURES)} plain features": _divided(
            labels, recipe, lambda train, test: _plain_lightgbm(plain[train], labels[train], plain[test], recipe.seed)
        ),
    }


def _divided(
    labels: np.ndarray, recipe: SnapshotRecipe, score: Callable[[np.ndarray, np.ndarray], _Scores]
) -> list[_Scores]:
    found = [(np.zeros(len(labels)), np.zeros(len(labels), bool)) for _ in range(recipe.repeats)]
    for repeat, train, test in folds(labels, recipe):
        found[repeat][0][test], found[repeat][1][test] = score(train, test)
    return found


def _majority(truth: np.ndarray, judged: int) -> _Scores:
    return np.zeros(judged), np.full(judged, 2 * truth.sum() > len(truth))


def _single(rows: np.ndarray, truth: np.ndarray, judged: np.ndarray) -> _Scores:
    """Take the feature, direction and threshold with the best accuracy on the accounts trained on."""
    best, choice = -1.0, (0, 1, 0)
    for column in range(rows.shape[1]):
        for sign in (1, -1):
            values = sign * rows[:, column]
            cuts = np.unique(np.percentile(values, np.linspace(1, 99, _CUTS), method="lower"))
            right = ((values[:, None] >= cuts) == truth[:, None]).mean(axis=0)
            if right.max() > best:
                best, choice = right.max(), (column, sign, int(cuts[right.argmax()]))
    column, sign, cut = choice
    return sign * judged[:, column], sign * judged[:, column] >= cut


def _plain_lightgbm(rows: np.ndarray, truth: np.ndarray, judged: np.ndarray, seed: int) -> _Scores:
    """LightGBM with its defaults."""
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra.of("lightgbm", "train") from error
    parameters = {"objective": "binary", "verbose": -1, "deterministic": True, "force_row_wise": True}
    data = lightgbm.Dataset(rows.astype(np.float64), truth)
    model = lightgbm.train({**parameters, "seed": seed, "num_threads": 1}, data, 100)
    score = np.asarray(model.predict(judged.astype(np.float64)))
    return score, score >= 0.5


def judge_repeats(found: list[_Scores], truth: np.ndarray) -> dict[str, Any]:
    """Measures over all accounts: their means over the repeats, at the accounts' end, and standard deviations."""
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "train") from error
    measured = [
        {
            "accuracy": metrics.accuracy_score(truth, flag),
            "precision": metrics.precision_score(truth, flag, zero_division=0.0),
            "recall": metrics.recall_score(truth, flag),
            "f1": metrics.f1_score(truth, flag),
            "auc": metrics.roc_auc_score(truth, score),
        }
        for score, flag in found
    ]
    columns = {name: [float(one[name]) for one in measured] for name in measured[0]}
    return {
        "after": {"end": {name: float(np.mean(values)) for name, values in columns.items()}},
        "sd": {name: float(np.std(values)) for name, values in columns.items()},
    }
