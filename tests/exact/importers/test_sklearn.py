"""Every class of scikit-learn that is taken, against its own scores; rows at every threshold and one either side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier
from threadpoolctl import threadpool_limits

from tallystick.exact import Feature, Program, TreeEnsemble, score_outputs, score_row
from tallystick.exact.importers import FloatLinear, FloatMlp, FloatTrees, ImportOptions, import_model, trees_to_program
from tallystick.exact.importers._from_linear import linear_to_program
from tallystick.exact.importers._from_mlp import mlp_to_program
from tallystick.exact.importers._sklearn import is_sklearn, read_sklearn

from ..programs import edge_rows

SPEC = bytes(range(32))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


# float32 does not hold every integer of the second one.
FEATURES = (Feature("small", -20, 20), Feature("wide", 0, 1 << 30), Feature("flag", 0, 1), Feature("age", 5, 90))
OPTIONS = ImportOptions(scale_bits=30)


def data(classes: int = 2, rows: int = 300, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    random = np.random.default_rng(seed)
    values = np.column_stack([random.integers(its.low, its.high + 1, rows) for its in FEATURES]).astype(float)
    score = values[:, 0] / 20 + values[:, 1] / (1 << 30) + values[:, 2] + random.normal(0, 0.3, rows)
    if not classes:
        return values, score
    return values, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))


def convert(model: Any, options: ImportOptions = OPTIONS) -> Program:
    match read_sklearn(model, options):
        case FloatTrees() as source:
            return trees_to_program(source, FEATURES, SPEC, options)
        case FloatLinear() as source:
            return linear_to_program(source, FEATURES, SPEC, options)
        case source:
            raise AssertionError(source)


def rows_for(program: Program) -> list[list[int]]:
    if isinstance(program.model, TreeEnsemble):
        return edge_rows(program, limit=120)
    random = Random(1)
    rows = [[random.randint(its.low, its.high) for its in FEATURES] for _ in range(60)]
    return [[its.low for its in FEATURES], [its.high for its in FEATURES], *rows]


def check(program: Program, scores: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> None:
    """The distance of every output on every row, in fractions, against the bound."""
    rows = rows_for(program)
    theirs = np.asarray(scores(np.array(rows, float)), float).reshape(len(rows), -1)
    assert theirs.shape[1] == program.model.outputs
    for row, their in zip(rows, theirs.tolist(), strict=True):
        for raw, score in zip(score_outputs(program, row), their, strict=True):
            assert abs(raw - Fraction(score) * (1 << program.scale_bits)) <= program.error_bound.numerator
    assert Program.from_bytes(program.to_bytes()) == program


def small(program: Program, largest: float = 1e-6) -> None:
    assert program.error_bound.numerator / 2**program.scale_bits < largest


FORESTS = [RandomForestClassifier, ExtraTreesClassifier]
ALL_COLUMNS = {"n_estimators": 9, "max_depth": 4, "random_state": 0}


@pytest.mark.parametrize("kind", FORESTS)
@pytest.mark.parametrize("classes", [2, 3])
def test_forest_classifiers(kind: Any, classes: int) -> None:
    model = kind(**ALL_COLUMNS).fit(*data(classes))
    program = convert(model)
    small(program)
    assert program.model.divisor == 9
    assert program.metadata["score"] == "share of the class"
    for row in edge_rows(program):
        share = Fraction(score_outputs(program, row)[program.decision], 1 << program.scale_bits)
        assert score_row(program, row).flag == (share > Fraction(1, 2))
    check(program, lambda rows: model.predict_proba(rows)[:, 1 if classes == 2 else 0 :])


@pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])
def test_forest_regressors(kind: Any) -> None:
    model = kind(**ALL_COLUMNS).fit(*data(0))
    program = convert(model)
    small(program)
    check(program, model.predict)


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, ExtraTreeClassifier])
def test_single_trees(kind: Any) -> None:
    model = kind(max_depth=5, random_state=0).fit(*data())
    check(convert(model), lambda rows: model.predict_proba(rows)[:, 1:])
    regressor = DecisionTreeRegressor(max_depth=5, random_state=0).fit(*data(0))
    check(convert(regressor), regressor.predict)


def test_a_classifier_that_saw_one_class() -> None:
    model = RandomForestClassifier(n_estimators=2).fit(data()[0], np.zeros(300))
    assert score_outputs(convert(model), [0, 0, 0, 5]) == (1 << 30,)


@pytest.mark.parametrize("classes", [2, 3])
def test_gradient_boosting_classifiers(classes: int) -> None:
    model = GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0).fit(*data(classes))
    program = convert(model)
    small(program)
    assert program.metadata["link"] == ("logistic" if classes == 2 else "softmax")
    check(program, model.decision_function)
    fewer = convert(model, ImportOptions(scale_bits=30, iterations=3))
    check(fewer, lambda rows: list(model.staged_decision_function(rows))[2])


@pytest.mark.parametrize("init", [None, "zero"])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile"])
def test_gradient_boosting_regressors(init: Any, loss: str) -> None:
    model = GradientBoostingRegressor(n_estimators=8, loss=loss, init=init, random_state=0).fit(*data(0))
    program = convert(model)
    small(program)
    check(program, model.predict)


def test_gradient_boosting_of_exponential_loss_has_a_slope() -> None:
    model = GradientBoostingClassifier(n_estimators=8, loss="exponential", random_state=0).fit(*data())
    program = convert(model)
    check(program, model.decision_function)
    rows = rows_for(program)
    theirs = model.predict_proba(np.array(rows, float))[:, 1]
    for row, probability in zip(rows, theirs.tolist(), strict=True):
        assert abs(program.calibration.at(score_outputs(program, row)[0]) - 1e6 * probability) < 600


@pytest.mark.parametrize("classes", [2, 3])
def test_hist_gradient_boosting_classifiers(classes: int) -> None:
    model = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=9, random_state=0).fit(*data(classes))
    program = convert(model)
    small(program)
    check(program, model.decision_function)
    check(
        convert(model, ImportOptions(scale_bits=30, iterations=3)),
        lambda rows: list(model.staged_decision_function(rows))[2],
    )


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "absolute_error"])
def test_hist_gradient_boosting_regressors(loss: str) -> None:
    values, target = data(0)
    model = HistGradientBoostingRegressor(max_iter=8, loss=loss, random_state=0).fit(values, target - target.min() + 1)
    program = convert(model)
    small(program)
    assert program.metadata["link"] == ("exp" if loss in ("poisson", "gamma") else "identity")
    check(program, lambda rows: model._raw_predict(rows))


def test_hist_gradient_boosting_with_missing_values_in_training() -> None:
    values, target = data()
    values[::7, 1] = np.nan
    model = HistGradientBoostingClassifier(max_iter=8, random_state=0).fit(values, target)
    check(convert(model), model.decision_function)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_hist_gradient_boosting_with_categories(missing: bool, early: bool) -> None:
    """Categorical columns come first in its trees, are encoded, and unseen ones go where missing ones go."""
    random = np.random.default_rng(3)
    values, _ = data(rows=800)
    values = values[(values[:, 0] % 5 != 0) & (values[:, 3] < 80)]  # leave some categories unseen
    target = ((values[:, 3] % 7 < 3) ^ (values[:, 0] % 3 == 0) ^ (random.random(len(values)) < 0.1)).astype(int)
    if missing:
        values[::9, 3] = np.nan
        target[::9] = 1
    model = HistGradientBoostingClassifier(
        max_iter=12, categorical_features=[0, 3], random_state=0, early_stopping=early
    ).fit(values, target)
    assert any(predictor.nodes["is_categorical"].any() for (predictor,) in model._predictors)
    program = convert(model)
    small(program)
    check(program, model.decision_function)
    unseen = [[code, 12345, 1, age] for code in range(-20, 21) for age in range(5, 91, 3)]
    theirs = model.decision_function(np.array(unseen, float)).tolist()
    for row, score in zip(unseen, theirs, strict=True):
        assert abs(score_outputs(program, row)[0] - score * 2**30) <= program.error_bound.numerator + 1


@pytest.mark.parametrize("max_features", [1.0, 0.5])
def test_isolation_forest(max_features: float) -> None:
    model = IsolationForest(n_estimators=7, max_samples=64, max_features=max_features, random_state=0).fit(data()[0])
    program = convert(model)
    small(program)
    rows = rows_for(program)
    slope, offset = float(program.metadata["link_slope"]), float(program.metadata["offset"])
    theirs = model.score_samples(np.array(rows, float))
    ours = np.array([-(2 ** (slope * score_outputs(program, row)[0] / 2**30)) for row in rows])
    assert np.abs(ours - theirs).max() <= program.error_bound.numerator / 2**30
    order, theirs_order = np.argsort(ours, kind="stable"), np.argsort(theirs, kind="stable")
    assert np.abs(theirs[order] - theirs[theirs_order]).max() < 1e-12  # the same order, up to equals
    assert ((ours < offset) == (model.predict(np.array(rows, float)) < 0)).mean() > 0.99


LINEAR = [
    LogisticRegression(max_iter=20, tol=10), SGDClassifier(loss="log_loss", max_iter=5, tol=None),
    SGDClassifier(loss="hinge", max_iter=5, tol=None), RidgeClassifier(), LinearSVC(max_iter=5, tol=1e9),
]  # fmt: skip


def scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return values / [20, 1 << 30, 1, 90]


@pytest.mark.parametrize("model", LINEAR, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("classes", [2, 3])
def test_linear_classifiers(model: Any, classes: int) -> None:
    values, target = data(classes)
    model.fit(scaled(values), target)
    program = convert(model)
    small(program, 2)  # half of 2**-29 on values of 2**30
    check(program, model.decision_function)


@pytest.mark.parametrize(
    "model",
    [LinearRegression(), Ridge(), Lasso(alpha=0.01), ElasticNet(alpha=0.01), SGDRegressor(max_iter=5, tol=None),
     LinearSVR(max_iter=5, tol=1e9), LinearRegression(fit_intercept=False)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_linear_regressors(model: Any) -> None:
    values, target = data(0)
    model.fit(scaled(values), target)
    check(convert(model), model.predict)


def test_linear_regression_of_several_targets_and_sparse_weights() -> None:
    values, target = data(0)
    model = LinearRegression().fit(scaled(values), np.column_stack([target, -2 * target]))
    check(convert(model), model.predict)
    sparse = SGDClassifier(max_iter=5, tol=None).fit(scaled(values), target > 1).sparsify()
    assert convert(sparse).model == convert(sparse.densify()).model


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 3)), StandardScaler(with_mean=False)])
@pytest.mark.parametrize(
    "last",
    [LogisticRegression(), RandomForestClassifier(**ALL_COLUMNS), HistGradientBoostingClassifier(max_iter=5),
     GradientBoostingClassifier(n_estimators=5)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_pipelines(scaler: Any, last: Any) -> None:
    model = make_pipeline(scaler, None, last).fit(*data())
    program = convert(model)
    small(program, 2)
    if isinstance(last, RandomForestClassifier):
        check(program, lambda rows: model.predict_proba(rows)[:, 1:])
    else:
        check(program, model.decision_function)


def test_pipeline_of_two_scalers() -> None:
    model = make_pipeline(StandardScaler(), MinMaxScaler(), "passthrough", Ridge()).fit(*data(0))
    program = convert(model)
    check(program, model.predict)
    plain = make_pipeline(StandardScaler(with_mean=False, with_std=False), LinearRegression()).fit(*data(0))
    assert read_sklearn(plain).scaling is None


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_perceptrons(classes: int) -> None:
    """Eight-bit inputs of one width: what int8 weights and int32 accumulators are for."""
    values, target = data(classes)
    bytes_ = np.floor(255 * (values - values.min(0)) / np.ptp(values, axis=0))
    features = tuple(Feature(its.name, 0, 255) for its in FEATURES)
    parts = {"hidden_layer_sizes": (8, 6), "max_iter": 400, "tol": 1e-3, "random_state": 0}
    last = MLPClassifier(**parts) if classes else MLPRegressor(**parts)
    model = make_pipeline(StandardScaler(), last).fit(bytes_, target)
    source = read_sklearn(model)
    assert isinstance(source, FloatMlp)
    program = mlp_to_program(source, features, SPEC, calibration_rows=bytes_.astype(int))
    if not classes:
        theirs = model.predict(bytes_).reshape(-1, 1)
    elif classes == 2:
        shown = model.predict_proba(bytes_)[:, 1:]
        theirs = np.log(shown / (1 - shown))
    else:
        theirs = np.log(model.predict_proba(bytes_))
    ours = np.array([score_outputs(program, row) for row in bytes_.astype(int).tolist()]) / 2**program.scale_bits
    if classes == 3:  # a softmax says nothing about what all scores have in common
        ours, theirs = (scores - scores.mean(axis=1, keepdims=True) for scores in (ours, theirs))
    bound = program.error_bound.numerator / 2**program.scale_bits
    assert np.abs(ours - theirs).max() <= min(2 * bound, 0.2)


def test_names_come_from_the_first_step() -> None:
    import pandas as pd

    values, target = data()
    frame = pd.DataFrame(values, columns=["small", "wide", "flag", "age"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target)
    assert read_sklearn(model).names == ["small", "wide", "flag", "age"]


def test_classes_derived_from_scikit_learns_own() -> None:
    class Mine(LinearRegression):
        pass

    assert is_sklearn(Mine())
    assert not is_sklearn(object())
    model = Mine().fit(*data(0))
    assert isinstance(read_sklearn(model), FloatLinear)
    assert import_model(model, FEATURES, SPEC, OPTIONS) == convert(model)
