"""Training: labelled rows in, an exact program out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import Feature as Domain
from tallystick.exact import Program, import_lightgbm
from tallystick.features import SPEC
from tallystick.learn._dataset import AccountRows

__all__ = ["PARAMETERS", "Recipe", "fit", "fit_booster", "training_sample"]

# Small trees under strong shrinkage: chosen on six rolling time splits of the tsgn stream (docs/log.md).
PARAMETERS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 50.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model besides its data.

    Parameters
    ----------
    rounds
        Number of trees.
    parameters
        LightGBM's, by its own names.
    seed
        Of row and column sampling.
    threads
        Does not change the result.
    dense_transfers
        An account's first so many rows are all trained on; later ones thin out by a quarter.
    """

    rounds: int = 200
    parameters: Mapping[str, Any] = field(default_factory=lambda: dict(PARAMETERS))
    seed: int = 1
    threads: int = 1
    dense_transfers: int = 12

    def as_json(self) -> dict[str, Any]:
        """What a manifest records; threads are left out since they change nothing."""
        names = ("rounds", "parameters", "seed", "dense_transfers")
        return {name: getattr(self, name) for name in names}


def training_sample(rows: AccountRows, dense: int) -> np.ndarray:
    """Indices of the rows to train on: early transfers all, later ones ever thinner, and each account's last.

    Long-lived accounts would otherwise drown the others, and what counts is an early verdict.
    """
    kept = set(range(1, dense + 1))
    k = dense
    while k < int(rows.transfer.max()):
        k = -(-k * 5 // 4)
        kept.add(k)
    mask = np.isin(rows.transfer, np.array(sorted(kept)))
    mask[rows.last_rows()] = True
    return np.flatnonzero(mask)


def fit(rows: AccountRows, labels: np.ndarray, recipe: Recipe) -> Program:
    """Train on rows and freeze the model into an exact program, not yet calibrated.

    Parameters
    ----------
    rows
        Training rows.
    labels
        (accounts,) int64, 0 or 1, by account position.

    Raises
    ------
    LearnError
        Only one class is present.
    MissingExtra
        LightGBM is not installed.
    """
    sample = training_sample(rows, recipe.dense_transfers)
    # An early verdict is worth more: the k-th transfer weighs 1 / sqrt(k).
    weight = 1.0 / np.sqrt(np.maximum(rows.transfer[sample], 1))
    booster = fit_booster(rows.rows[sample], labels[rows.account[sample]], weight, recipe, SPEC.names)
    domains = [Domain(feature.name, feature.low, feature.high) for feature in SPEC.features]
    return import_lightgbm(booster.model_to_string(), domains, SPEC.hash)


def fit_booster(
    rows: np.ndarray, labels: np.ndarray, weight: np.ndarray, recipe: Recipe, names: tuple[str, ...]
) -> Any:
    """Train LightGBM with both classes weighing the same in all; returns its ``Booster``."""
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra.of("lightgbm", "train") from error
    positives = int(labels.sum())
    if not 0 < positives < len(labels):
        raise LearnError("the training rows hold one class only", value=positives)
    share = weight[labels == 1].sum() / weight.sum()
    weight = weight * np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)) * (len(labels) / weight.sum())
    data = lightgbm.Dataset(rows.astype(np.float64), labels, weight=weight, feature_name=list(names))
    parameters = {**recipe.parameters, "seed": recipe.seed, "num_threads": recipe.threads}
    return lightgbm.train(parameters, data, recipe.rounds)
