"""The snapshot model: several LightGBM ensembles on accounts as a source leaves them, merged into one exact program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import ErrorBound, FastProgram, Program, TreeEnsemble, import_lightgbm
from tallystick.exact import Feature as Domain
from tallystick.features.snapshot import SNAPSHOT
from tallystick.learn import Recipe, fit_booster, platt, sigmoid_table

__all__ = ["SnapshotRecipe", "calibrated_snapshot", "fit_snapshot", "folds", "out_of_fold"]

# Chosen by repeated cross-validation on the training labels of T-EDGE; the figures hardly move around it (docs/log.md).
_PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 10,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class SnapshotRecipe:
    """Everything that decides a snapshot model and its judging besides the data.

    Parameters
    ----------
    rounds
        Trees of one ensemble.
    ensembles
        Ensembles that differ by seed; the program sums them.
    folds, repeats
        Cross-validation: parts of one division, and how many divisions.
    seed
        Of sampling and of the divisions.
    parameters
        LightGBM's, by its own names.
    """

    rounds: int = 200
    ensembles: int = 3
    folds: int = 10
    repeats: int = 5
    seed: int = 1
    parameters: dict[str, Any] = field(default_factory=lambda: dict(_PARAMETERS))

    def as_json(self) -> dict[str, Any]:
        """What a manifest records."""
        names = ("rounds", "ensembles", "folds", "repeats", "seed", "parameters")
        return {name: getattr(self, name) for name in names}

    def members(self) -> list[Recipe]:
        """Recipe of each ensemble. One thread: the data are small, and the result does not depend on it."""
        seeds = range(self.seed * 1_000, self.seed * 1_000 + self.ensembles)
        return [Recipe(self.rounds, self.parameters, seed, threads=1) for seed in seeds]


def fit_snapshot(rows: np.ndarray, labels: np.ndarray, recipe: SnapshotRecipe) -> Program:
    """Train the ensembles, both classes weighing the same, and merge them; not yet calibrated.

    The raw score is the sum of the ensembles' log-odds.

    Raises
    ------
    LearnError
        Only one class is present.
    MissingExtra
        LightGBM is not installed.
    """
    domains = [Domain(feature.name, feature.low, feature.high) for feature in SNAPSHOT.features]
    weight = np.ones(len(labels))
    programs = []
    for member in recipe.members():
        booster = fit_booster(rows, labels, weight, member, SNAPSHOT.names)
        programs.append(import_lightgbm(booster.model_to_string(), domains, SNAPSHOT.hash))
    return _merged(programs)


def _merged(programs: Sequence[Program]) -> Program:
    bound = ErrorBound(
        sum(program.error_bound.numerator for program in programs),
        f"sum of {len(programs)} ensembles, each: {programs[0].error_bound.derivation}",
    )
    models = [program.model for program in programs if isinstance(program.model, TreeEnsemble)]
    assert len(models) == len(programs)
    trees = tuple(tree for model in models for tree in model.trees)
    merged = TreeEnsemble(trees, (sum(model.base[0] for model in models),))
    return replace(programs[0], model=merged, error_bound=bound)


def folds(labels: np.ndarray, recipe: SnapshotRecipe) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield repeat, accounts to train on and accounts to judge; each repeat judges every account once.

    Raises
    ------
    LearnError
        A class has fewer accounts than there are folds.
    """
    try:
        from sklearn.model_selection import StratifiedKFold
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "train") from error
    if min(np.bincount(labels, minlength=2)) < recipe.folds:
        cause = f"cross-validation in {recipe.folds} parts needs as many accounts of each class"
        raise LearnError(cause, value=int(min(np.bincount(labels, minlength=2))))
    for repeat in range(recipe.repeats):
        division = StratifiedKFold(recipe.folds, shuffle=True, random_state=recipe.seed * 1_000 + repeat)
        for train, test in division.split(labels[:, None], labels):
            yield repeat, train, test


def out_of_fold(rows: np.ndarray, labels: np.ndarray, recipe: SnapshotRecipe) -> Iterator[tuple[int, np.ndarray, Any]]:
    """Yield repeat, judged accounts and their raw scores by the exact program that has not seen them."""
    for repeat, train, test in folds(labels, recipe):
        raw, _ = FastProgram(fit_snapshot(rows[train], labels[train], recipe)).score(rows[test])
        yield repeat, test, raw


def calibrated_snapshot(rows: np.ndarray, labels: np.ndarray, raw: np.ndarray, recipe: SnapshotRecipe) -> Program:
    """Fit on all rows, calibrated on scores from cross-validation.

    An account is flagged from raw score 0 on, where the log-odds say that it is as likely of one class as of the other:
    on T-EDGE no other threshold did better than chance would among so many.

    Parameters
    ----------
    raw
        (repeats, accounts) scores of :func:`out_of_fold`.
    """
    program = fit_snapshot(rows, labels, recipe)
    slope, _ = platt(raw.reshape(-1), np.tile(labels, len(raw)), program.scale_bits)
    return program.calibrated(sigmoid_table(slope, 0.0, program.scale_bits), 500_000)
