"""The data and the models: scikit-learn's breast-cancer set, features as uint16, trained with a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from tallystick.exact import Feature, Program, import_lightgbm
from tallystick.exact.importers import import_model

TOP = 65_535
SEED = 4
DATA_ROWS = 569
EDGES = 120
RANDOM_ROWS = 200


def quantised() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features as integers in [0, 65535] by an affine map of each one's range, labels, names."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    low, high = data.data.min(axis=0), data.data.max(axis=0)
    rows = np.rint((data.data - low) / (high - low) * TOP).astype(np.int64)
    return rows, data.target, [name.replace(" ", "_") for name in data.feature_names]


def features_of(names: list[str]) -> tuple[Feature, ...]:
    return tuple(Feature(name, 0, TOP) for name in names)


def lightgbm_program(trees: int, **changes: Any) -> Program:
    """LightGBM, depth 4, up to 16 leaves."""
    import lightgbm

    rows, labels, names = quantised()
    parameters = {
        "objective": "binary",
        "max_depth": 4,
        "num_leaves": 16,
        "seed": SEED,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **changes,
    }
    data = lightgbm.Dataset(rows.astype(np.float64), labels, feature_name=names, params=parameters)
    booster = lightgbm.train(parameters, data, num_boost_round=trees)
    return import_lightgbm(booster.model_to_string(), features_of(names), bytes(32))


def sklearn_program(trees: int) -> Program:
    """scikit-learn's gradient boosting, depth 4."""
    from sklearn.ensemble import GradientBoostingClassifier

    rows, labels, names = quantised()
    model = GradientBoostingClassifier(n_estimators=trees, max_depth=4, random_state=SEED).fit(rows, labels)
    return import_model(model, features_of(names), bytes(32))


def tree_programs(quick: bool) -> Iterator[tuple[str, Program]]:
    """Models by name; quickly, only the first."""
    yield "lightgbm, 50 trees", lightgbm_program(50)
    if not quick:
        yield "lightgbm, 50 trees, leaves of one row", lightgbm_program(50, min_data_in_leaf=1)
        yield "scikit-learn, 50 trees", sklearn_program(50)
        yield "lightgbm, 100 trees", lightgbm_program(100)


def check_rows(program: Program) -> list[list[int]]:
    """The data, then rows at thresholds and one either side, then random ones; at least 1,000."""
    data = quantised()[0].tolist()
    random = Random(SEED)
    found = list(data)
    splits = [split for tree in program.model.trees for split in zip(tree.feature, tree.threshold, strict=True)]
    for feature, threshold in random.sample(splits, min(EDGES, len(splits))):
        for value in (threshold - 1, threshold, threshold + 1):
            row = list(random.choice(data))
            row[feature] = min(max(value, 0), TOP)
            found.append(row)
    return found + [[random.randint(0, TOP) for _ in program.features] for _ in range(RANDOM_ROWS)]
