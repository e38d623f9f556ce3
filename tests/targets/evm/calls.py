"""Calls of a program's contract, and tree ensembles to call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from tallystick.exact import ErrorBound, Feature, Program, Tree, TreeEnsemble, import_lightgbm, score_outputs
from tallystick.hashing import keccak256
from tallystick.targets.evm import RowCode

from ...exact.programs import DOMAINS, random_tree
from .machine import run

SCORE = keccak256(b"score(bytes)")[:4]
PROGRAM_HASH = keccak256(b"programHash()")[:4]
WIDE_DOMAINS = [*DOMAINS, (0, 65_535), (5, 259), (0, 255), (-7, -7)]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def score_call(row: bytes, offset: int = 32, length: int | None = None) -> bytes:
    """``score(bytes)`` as the ABI encodes it, or wrong in one place."""
    size = len(row) if length is None else length
    return SCORE + word(offset) + word(size) + row + bytes(-len(row) % 32)


def check_rows(
    code: bytes, program: Program, rows: Sequence[Sequence[int]], others: Mapping[bytes, bytes] | None = None
) -> None:
    """Both forms of call give the reference's outputs."""
    for row in rows:
        data, expected = RowCode(program).encode(row), score_outputs(program, row)
        assert run(code, data, dict(others or {})).words() == expected, row
        assert run(code, score_call(data), dict(others or {})).words() == expected, row


def ensemble(trees: Sequence[Tree], features: Sequence[Feature], **changes: Any) -> Program:
    return Program(tuple(features), bytes(32), TreeEnsemble(tuple(trees), **changes), 8, ErrorBound(0, "exact"))


def random_ensemble(seed: int) -> Program:
    """Up to 21 features of any width, up to 8 trees, up to 3 outputs, sums and means."""
    random = Random(seed)
    features = [Feature("first", 0, 70_000)]
    features += [Feature(f"f{i}", *random.choice(WIDE_DOMAINS)) for i in range(random.choice((0, 1, 4, 20)))]
    outputs, reach = random.choice((1, 1, 2, 3)), random.choice((1, 100, 1 << 30, 1 << 48))
    most = random.choice((3, 12, 30))
    trees = [random_tree(random, features, random.randint(2, most), reach) for _ in range(random.randint(0, 8))]
    return ensemble(
        trees,
        features,
        base=tuple(random.randint(-reach, reach) for _ in range(outputs)),
        output=tuple(random.randrange(outputs) for _ in trees) if outputs > 1 else (),
        divisor=random.choice((1, 1, 7, 1000)),
    )


def full_tree(random: Random, features: Sequence[Feature], depth: int) -> Tree:
    """Every leaf at the same depth, thresholds anywhere in the middle half of the domain."""
    parts: dict[str, list[int]] = {name: [] for name in ("feature", "threshold", "left", "right", "value", "leaf")}

    def grow(level: int) -> tuple[int, int]:
        if not level:
            parts["leaf"].append(random.randint(-(1 << 24), 1 << 24))
            return -len(parts["leaf"]), parts["leaf"][-1]
        node, feature = len(parts["feature"]), random.randrange(len(features))
        parts["feature"].append(feature)
        span = features[feature].high - features[feature].low
        parts["threshold"].append(features[feature].low + span // 4 + random.randint(0, span // 2))
        for name in ("left", "right", "value"):
            parts[name].append(0)
        parts["left"][node], left = grow(level - 1)
        parts["right"][node], right = grow(level - 1)
        parts["value"][node] = (left + right) // 2
        return node, (left + right) // 2

    grow(depth)
    return Tree(**{name: tuple(numbers) for name, numbers in parts.items()})


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Rows as uint16 by an affine map of each feature's range, and labels."""
    from sklearn.datasets import load_breast_cancer

    values, labels = load_breast_cancer(return_X_y=True)
    low, high = values.min(axis=0), values.max(axis=0)
    return np.rint((values - low) / (high - low) * 65_535).astype(np.int64), labels


CANCER_FEATURES = tuple(Feature(f"f{i}", 0, 65_535) for i in range(30))


def lightgbm_cancer() -> Program:
    import lightgbm

    rows, labels = breast_cancer()
    fixed = {"random_state": 0, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    model = lightgbm.LGBMClassifier(max_depth=4, num_leaves=16, n_estimators=50, **fixed)
    model.fit(rows.astype(np.float64), labels, feature_name=[feature.name for feature in CANCER_FEATURES])
    return import_lightgbm(model.booster_.model_to_string(), CANCER_FEATURES, bytes(32))


def sklearn_cancer() -> Program:
    from sklearn.ensemble import GradientBoostingClassifier

    rows, labels = breast_cancer()
    model = GradientBoostingClassifier(n_estimators=50, max_depth=4, random_state=0)
    model.fit(rows.astype(np.float64), labels)
    trees = [sklearn_tree(estimator.tree_, Fraction(model.learning_rate)) for (estimator,) in model.estimators_]
    return ensemble(trees, CANCER_FEATURES)


def sklearn_tree(source: Any, rate: Fraction) -> Tree:
    """A regression tree in units of 2**-24; a node's value is its rows' mean."""
    parts: dict[str, list[int]] = {name: [] for name in ("feature", "threshold", "left", "right", "value", "leaf")}

    def grow(at: int) -> tuple[int, Fraction]:
        if source.children_left[at] < 0:
            leaf = math.floor(Fraction(float(source.value[at][0][0])) * rate * (1 << 24))
            parts["leaf"].append(leaf)
            return -len(parts["leaf"]), Fraction(leaf)
        node = len(parts["feature"])
        parts["feature"].append(int(source.feature[at]))
        parts["threshold"].append(math.floor(float(source.threshold[at])))
        for name in ("left", "right", "value"):
            parts[name].append(0)
        children = (source.children_left[at], source.children_right[at])
        parts["left"][node], left = grow(children[0])
        parts["right"][node], right = grow(children[1])
        weights = [int(source.n_node_samples[child]) for child in children]
        value = (left * weights[0] + right * weights[1]) / sum(weights)
        parts["value"][node] = math.floor(value)
        return node, value

    grow(0)
    return Tree(**{name: tuple(numbers) for name, numbers in parts.items()})
