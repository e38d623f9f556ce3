"""What is scored: rows of integers, and models of a hundred trees trained on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import xgboost

from tallystick.exact import Feature, Program, Tree, TreeEnsemble, import_lightgbm

TREES: Final = 100
LARGEST: Final = (1 << 24) - 1  # float32, which some peers compute in, holds every integer up to here
TRAINING_ROWS: Final = 20_000
SCALE_BITS: Final = 32


class Shape(NamedTuple):
    """Size of a model."""

    name: str
    depth: int  # 0 for no bound
    leaves: int


SHAPES: Final = (Shape("depth 6", 6, 64), Shape("31 leaves", 0, 31))
FEATURES: Final = (30, 100)


class Case(NamedTuple):
    """One model in every form."""

    shape: Shape
    features: int
    booster: lightgbm.Booster
    xgboost: xgboost.Booster
    program: Program
    rows: npt.NDArray[np.int64]

    @property
    def trees(self) -> tuple[Tree, ...]:
        """The trees of the converted model."""
        assert isinstance(self.program.model, TreeEnsemble)
        return self.program.model.trees

    @property
    def leaves(self) -> float:
        """Mean number of leaves of a tree."""
        return sum(len(tree.leaf) for tree in self.trees) / len(self.trees)

    @property
    def xgboost_leaves(self) -> float:
        """The same of the peer that trains its own model."""
        trees = self.xgboost.get_dump(dump_format="json")
        return sum(tree.count('"leaf"') for tree in trees) / len(trees)


def make_rows(features: int, rows: int, seed: int) -> npt.NDArray[np.int64]:
    """Columns as tables of transactions have them: counts, seconds, amounts, signed differences."""
    random = np.random.default_rng(seed)
    made = np.empty((rows, features), np.int64)
    draws: tuple[Callable[[], npt.NDArray[Any]], ...] = (
        lambda: random.integers(0, 1_000, rows),
        lambda: np.minimum(random.lognormal(8, 2, rows), LARGEST),
        lambda: random.integers(-1_000_000, 1_000_000, rows),
        lambda: random.poisson(5, rows),
        lambda: np.minimum(random.lognormal(4, 3, rows), LARGEST),
    )
    for column in range(features):
        made[:, column] = draws[column % len(draws)]()
    return made


def make_labels(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A class that every column says something about, some in pairs."""
    random = np.random.default_rng(1)
    order = rows.argsort(0).argsort(0) / len(rows) - 0.5
    signal = order @ random.normal(size=rows.shape[1])
    signal += 3 * len(order[0]) ** 0.5 * (order[:, 0] * order[:, 1] + order[:, 2] * order[:, 7])
    return (signal + random.normal(size=len(rows)) * 0.5 > 0).astype(np.int64)


def make_case(shape: Shape, features: int, rows: int, trees: int = TREES) -> Case:
    """Train both models, and convert the one that is ours to run."""
    training = make_rows(features, TRAINING_ROWS, seed=0)
    labels, floats = make_labels(training), training.astype(np.float64)
    common = {"learning_rate": 0.1, "nthread": 1}
    ours: dict[str, Any] = {"objective": "binary", "num_leaves": shape.leaves, "verbose": -1, "deterministic": True}
    theirs: dict[str, Any] = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": shape.depth}
    if shape.depth:  # as full as the data allows
        ours |= {"max_depth": shape.depth, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0}
        theirs |= {"min_child_weight": 0}
    else:
        theirs |= {"grow_policy": "lossguide", "max_leaves": shape.leaves}
    booster = lightgbm.train(common | ours, lightgbm.Dataset(floats, labels), trees)
    other = xgboost.train(common | theirs, xgboost.DMatrix(floats, labels, nthread=1), trees)
    domain = [Feature(f"Column_{index}", -(1 << 40), 1 << 40) for index in range(features)]
    program = import_lightgbm(booster.model_to_string(), domain, bytes(32), scale_bits=SCALE_BITS)
    return Case(shape, features, booster, other, program, make_rows(features, rows, seed=5))
