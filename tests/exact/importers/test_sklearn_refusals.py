"""What is refused, by name and with what to do instead; and what is read without training."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from tallystick.errors import ProgramError
from tallystick.exact import Feature
from tallystick.exact.importers import FloatTree, FloatTrees, ImportOptions, trees_to_program
from tallystick.exact.importers._sklearn import read_sklearn
from tallystick.exact.importers._steps import Step, move_thresholds, run_steps, scaling_of

VALUES = np.array([[0.0, 1], [1, 0], [2, 5], [3, 3], [4, 1], [5, 9]] * 5)
TARGET = np.array([0, 0, 1, 1, 0, 1] * 5)


def refused(model: Any, words: str, step: str, options: ImportOptions | None = None) -> None:
    with pytest.raises(ProgramError, match=words) as refusal:
        read_sklearn(model, options)
    assert step in refusal.value.advice


@pytest.mark.parametrize(
    ("model", "words", "step"),
    [
        (AdaBoostClassifier(), "scikit-learn's AdaBoostClassifier cannot", "GradientBoostingClassifier"),
        (GridSearchCV(Ridge(), {}), "scikit-learn's GridSearchCV cannot", "best_estimator_"),
        (KNeighborsClassifier(), "KNeighborsClassifier cannot", "Train one of: DecisionTree"),
        (Perceptron(), "Perceptron cannot become", "SGDClassifier"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "KNeighborsClassifier cannot", "Train one of"),
        (make_pipeline(StandardScaler(), LGBMClassifier()), "LGBMClassifier cannot", "Train one of"),
    ],
)
def test_invalid_classes(model: Any, words: str, step: str) -> None:
    refused(model, words, step)


def test_invalid_close_name() -> None:
    kind = type("RandomForestRegresor", (), {"__module__": "sklearn.ensemble"})
    refused(kind(), "did you mean 'RandomForestRegressor'", "Train one of")


def test_invalid_unfitted_models() -> None:
    for model in (LinearRegression(), make_pipeline(StandardScaler(), LinearRegression())):
        refused(model, "not a scikit-learn model", "Fit it first")
    unfitted = make_pipeline(StandardScaler(), LinearRegression().fit(VALUES, TARGET))
    refused(unfitted, "not a scikit-learn model", "Fit it first")


def test_invalid_targets_and_trees() -> None:
    two = np.column_stack([TARGET, TARGET])
    refused(RandomForestRegressor(2).fit(VALUES, two), "has several targets", "one model for each")
    refused(IsolationForest(n_estimators=2, max_samples=1).fit(VALUES), "trees of one row", "at least 2")
    started = GradientBoostingRegressor(n_estimators=2, init=LinearRegression()).fit(VALUES, TARGET)
    refused(started, "starts from another model, LinearRegression", "init=None")


def test_start_of_the_users_own_that_is_constant() -> None:
    model = GradientBoostingRegressor(n_estimators=2, init=DummyRegressor(strategy="constant", constant=7.5))
    source = read_sklearn(model.fit(VALUES, TARGET))
    assert isinstance(source, FloatTrees)
    assert source.base == [7.5]


@pytest.mark.parametrize(
    "model", [GradientBoostingRegressor(n_estimators=3), HistGradientBoostingRegressor(max_iter=3)]
)
def test_invalid_iterations(model: Any) -> None:
    refused(model.fit(VALUES, TARGET), "has 3 iterations", "at most", ImportOptions(iterations=4))
    refused(Ridge().fit(VALUES, TARGET), "has no iterations", "fewer trees", ImportOptions(iterations=4))


def test_invalid_linear_models() -> None:
    three = np.arange(30) % 3
    model = LogisticRegression(max_iter=500).fit(VALUES, three)
    model.multi_class = "ovr"
    refused(model, "one against the rest", "softmax")
    model.multi_class, model.solver = "auto", "liblinear"
    refused(model, "one against the rest", "liblinear")


def test_old_multinomial_of_two_classes_has_a_slope() -> None:
    model = LogisticRegression().fit(VALUES, TARGET)
    assert read_sklearn(model).slope == 1
    model.multi_class = "multinomial"
    assert read_sklearn(model).slope == 2


def test_invalid_perceptrons() -> None:
    model = MLPClassifier((3,), max_iter=2, activation="tanh")
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(VALUES, TARGET)
    refused(model, "has tanh hidden layers", 'activation="relu"')
    model.activation, model.out_activation_ = "relu", "exponential"
    refused(model, "ends in exponential", "identity, logistic or softmax")
    model.out_activation_, model.n_outputs_ = "logistic", 2
    refused(model, "several labels", "one model for each label")
    linear = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, activation="identity")
    with pytest.warns(UserWarning, match="Maximum iterations"):
        linear.fit(VALUES, TARGET)
    assert not any(layer.relu for layer in read_sklearn(linear).layers)


@pytest.mark.parametrize(
    ("scaler", "words", "step"),
    [
        (MinMaxScaler(clip=True), "MinMaxScaler clips", "clip=False"),
        (QuantileTransformer(n_quantiles=5), "QuantileTransformer before a model", "StandardScaler or MinMaxScaler"),
    ],
)
def test_invalid_scalers(scaler: Any, words: str, step: str) -> None:
    refused(make_pipeline(scaler, LinearRegression()).fit(VALUES, TARGET), words, step)


def test_invalid_scaler_of_other_columns() -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(VALUES, TARGET)
    model.steps[0] = ("other", StandardScaler().fit(VALUES[:, :1]))
    refused(model, "not of the model's features", "")
    model.steps[0] = ("function", SimpleNamespace())
    refused(model, "SimpleNamespace before a model", "transform the columns first")


@pytest.mark.parametrize("category", ["a", 0.5, math.inf])
def test_invalid_categories(category: Any) -> None:
    rows = np.array([[1, category], [2, 1]] * 15, dtype=object)
    model = HistGradientBoostingClassifier(max_iter=1, categorical_features=[1])
    if isinstance(category, str):
        rows[:, 1] = [category, "b"] * 15
    model.fit(VALUES, TARGET)
    model._preprocessor = SimpleNamespace(
        named_transformers_={"encoder": SimpleNamespace(categories_=[np.array([category], dtype=object)])}
    )
    model.is_categorical_ = np.array([False, True])
    refused(model, "a category of the scikit-learn model is not an integer", "Number the categories yourself")


TREES = FloatTrees("x", ["", ""], [FloatTree([0], [0.5], [-1], [-2], [1, 2], [1, 1])], [0], value_bits=24)


def test_invalid_scalers_before_trees() -> None:
    with pytest.raises(ProgramError, match="factor of 0 or below"):
        move_thresholds(TREES, [Step("*", (-1, 1))])
    membership = FloatTree([0], [0], [-1], [-2], [1, 2], [1, 1], categories={0: frozenset([1])})
    with pytest.raises(ProgramError, match="before categorical splits"):
        move_thresholds(FloatTrees("x", ["", ""], [membership], [0]), [Step("+", (1, 1))])


def test_no_steps_move_nothing() -> None:
    assert move_thresholds(TREES, []) is TREES
    assert scaling_of([], 2) is None


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("bits", [24, 53])
def test_moved_thresholds_are_the_last_value_that_goes_left(strict: bool, bits: int) -> None:
    steps = [Step("-", (0.1, 0), bits), Step("/", (3.0, 1), bits), Step("+", (7, 0), bits), Step("*", (1e-3, 1), bits)]
    source = FloatTrees("x", ["", ""], [FloatTree([0], [0.0123], [-1], [-2], [1, 2], [1, 1])], [0], 1, strict, 24)
    (threshold,) = move_thresholds(source, steps).trees[0].threshold
    neighbours = np.array([threshold, math.nextafter(threshold, math.inf)])
    seen = run_steps(steps, neighbours, np.zeros(2, int)).astype(np.float32).astype(float)
    left = seen < 0.0123 if strict else seen <= 0.0123
    assert left.tolist() == [True, False]
    scaling = scaling_of(steps, 2)
    assert scaling is not None
    assert abs(float(scaling.factor[0] * 2 + scaling.shift[0]) - ((2 - 0.1) / 3 + 7) * 1e-3) < 1e-12


def test_moved_threshold_that_nothing_meets() -> None:
    """A scaler cannot bring a float32 below its smallest: every integer goes right."""
    source = FloatTrees("x", [""], [FloatTree([0], [-3e38], [-1], [-2], [1, 2], [1, 1])], [0], value_bits=24)
    moved = move_thresholds(source, [Step("/", (1e300,))])
    program = trees_to_program(moved, [Feature("a", -(1 << 62), 1 << 62)], bytes(32))
    assert program.model.base == (2 << 24,)
