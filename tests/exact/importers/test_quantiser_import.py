"""Models trained on floats: programs, reports, and the way back from a program's own metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

from tallystick.errors import InputError, RangeError
from tallystick.exact import Program, score_outputs
from tallystick.exact.importers import (
    FloatLayer,
    FloatLinear,
    FloatMlp,
    FloatTree,
    FloatTrees,
    Quantiser,
    QuantiserOptions,
    fit_quantisers,
    import_quantised,
    quantise,
    quantisers_of,
)
from tallystick.exact.importers._quantiser_report import area_under_curve
from tallystick.exact.importers._quantiser_scores import float_scores
from tallystick.exact.importers._scaling import Scaling

SPEC = bytes(range(32))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def cancer() -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    values, target = load_breast_cancer(return_X_y=True)
    return values, target


MODELS = [
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    RandomForestClassifier(20, random_state=0),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=2000, random_state=0)),
]
NAMES = [type(model[-1] if hasattr(model, "steps") else model).__name__ for model in MODELS]


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_sixteen_bits_cost_next_to_nothing(model: Any) -> None:
    values, target = cancer()
    model.fit(values[::2], target[::2])
    made = import_quantised(model, values, SPEC, labels=target)
    report = made.report
    shown = model.predict_proba(values)[:, 1]
    assert report.auc_float == pytest.approx(roc_auc_score(target, shown), abs=2e-5)
    assert report.accuracy_float == pytest.approx(accuracy_score(target, model.predict(values)))
    assert abs(report.auc_program - report.auc_float) < 2e-4
    assert report.changed_decisions <= 1
    assert report.largest_difference < report.largest_score / 100


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_report_is_what_the_program_gives(model: Any) -> None:
    """The oracle goes through the program's bytes, its own quantisers and the reference, and compares with sklearn."""
    values, target = cancer()
    values, target = values[::4], target[::4]
    model.fit(values, target)
    made = import_quantised(model, values, SPEC, QuantiserOptions(bits=8), labels=target)
    program = Program.from_bytes(made.program.to_bytes())
    assert quantisers_of(program) == made.quantisers
    rows = quantise(program, values).tolist()
    ours = np.array([score_outputs(program, row)[0] for row in rows]) / 2**program.scale_bits
    shown = model.predict_proba(values)[:, 1]
    is_forest = isinstance(model, RandomForestClassifier)
    theirs = shown if is_forest else np.log(shown / (1 - shown))
    report = made.report
    assert report.largest_difference == pytest.approx(np.abs(ours - theirs).max(), rel=1e-4, abs=1e-6)
    assert report.mean_difference == pytest.approx(np.abs(ours - theirs).mean(), rel=1e-4, abs=1e-6)
    assert report.auc_program == pytest.approx(roc_auc_score(target, ours))
    bar = 0.5 if is_forest else 0
    assert report.changed_decisions == ((ours > bar) != (theirs > bar)).sum()
    assert report.bound == program.error_bound.numerator / 2**program.scale_bits
    assert report.rows == len(values)


def test_report_on_other_rows() -> None:
    values, target = cancer()
    model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(values[::2], target[::2])
    made = import_quantised(model, values[::2], SPEC, QuantiserOptions(bits=6, clip=True))
    assert made.report.auc_float is None
    held = made.measure(values[1::2], target[1::2])
    assert (held.rows, held.features) == (len(values[1::2]), ())
    assert held.auc_float == pytest.approx(roc_auc_score(target[1::2], model.decision_function(values[1::2])))
    strict = import_quantised(model, values[::2], SPEC)
    with pytest.raises(RangeError, match="outside"):
        strict.measure(values[1::2])


@pytest.mark.parametrize(
    "model",
    [GradientBoostingClassifier(n_estimators=5, random_state=0), RandomForestClassifier(8, random_state=0),
     make_pipeline(MinMaxScaler(), LogisticRegression())],
    ids=["GradientBoosting", "RandomForest", "LogisticRegression"],
)  # fmt: skip
def test_several_classes_report_accuracy(model: Any) -> None:
    values, target = load_wine(return_X_y=True)
    names = np.array(["red", "rosé", "white"])[target]
    model.fit(values, names)
    made = import_quantised(model, values, SPEC, labels=names)
    report = made.report
    assert (report.auc_float, report.auc_program) == (None, None)
    assert report.accuracy_float == pytest.approx((model.predict(values) == names).mean())
    assert report.accuracy_program == pytest.approx(report.accuracy_float, abs=0.01)
    again = made.measure(values, target)  # numbers of classes instead of their names
    assert again.accuracy_float == report.accuracy_float


def test_a_regression_names_no_class() -> None:
    values, target = cancer()
    report = import_quantised(GradientBoostingRegressor(n_estimators=5).fit(values, target), values, SPEC).report
    assert (report.changed_decisions, report.accuracy_float, report.auc_float) == (None, None, None)
    several = import_quantised(Ridge().fit(values, np.column_stack([target, target])), values, SPEC).report
    assert several.changed_decisions is None


def test_margins_are_decided_at_zero() -> None:
    values, target = cancer()
    model = make_pipeline(StandardScaler(), RidgeClassifier()).fit(values, target)
    report = import_quantised(model, values, SPEC, labels=target).report
    assert report.accuracy_float == pytest.approx((model.predict(values) == target).mean())
    assert report.auc_float == pytest.approx(roc_auc_score(target, model.decision_function(values)))


def test_quantisers_of_the_users_own_and_names() -> None:
    import pandas as pd

    values, target = cancer()
    frame = pd.DataFrame(values[:, :2], columns=["mean radius", "texture"])
    model = GradientBoostingClassifier(n_estimators=5).fit(frame, target)
    made = import_quantised(model, frame, SPEC)
    assert [its.name for its in made.program.features] == ["mean_radius", "texture"]
    mine = [Quantiser.of("mean_radius", 0, "0.5", 0, 99), Quantiser.of("texture", 0, "0.5", 0, 99)]
    own = import_quantised(model, frame.to_numpy(), SPEC, mine)
    assert own.quantisers == tuple(mine)
    assert "thresholds moved to steps" in own.program.error_bound.derivation
    assert {cost.name for cost in own.costs} == {"mean_radius", "texture"}


def test_columns_of_integers_stay_and_feed_perceptrons_as_wide_as_others() -> None:
    random = np.random.default_rng(0)
    values = np.column_stack([random.integers(0, 2, 200), random.normal(0, 1, 200)])
    target = (values.sum(axis=1) > 0.5).astype(int)
    linear = import_quantised(LogisticRegression().fit(values, target), values, SPEC)
    assert [its.whole for its in linear.quantisers] == [True, False]
    model = MLPClassifier((4,), max_iter=3000, random_state=0).fit(values, target)
    mlp = import_quantised(model, values, SPEC, labels=target)
    assert [its.whole for its in mlp.quantisers] == [False, False]
    assert mlp.report.changed_decisions <= 2
    assert linear.program.model.center[0] == int(values[:, 0].sum()) // 200


def test_models_of_floats_are_taken_as_they_are() -> None:
    tree = FloatTree([0], [0.5], [-1], [-2], [-1, 1], [1, 1])
    rows = [[0.25], [0.75]]
    made = import_quantised(FloatTrees("x", [""], [tree], [0], classes=["no", "yes"]), rows, SPEC, labels=["no", "yes"])
    assert (made.report.auc_program, made.report.accuracy_program) == (1, 1)
    assert made.program.features[0].name == "feature_0"


def test_float_scores_of_scaled_and_narrow_models() -> None:
    scaling = Scaling.nothing(1).then([Fraction(1, 2)], [Fraction(-1)], 1)
    rows = np.array([[16777217.0], [4.0]])
    linear = FloatLinear("x", [""], [[3.0]], [1.0], value_bits=24, scaling=scaling)
    assert float_scores(linear, rows).tolist() == [[3 * (8388608 - 1) + 1], [4]]
    layers = [FloatLayer([[1.0], [-1.0]], [0.0, 0.0], relu=True), FloatLayer([[1.0, 1.0]], [0.5], relu=False)]
    assert float_scores(FloatMlp("x", [""], layers), np.array([[-3.0]])).tolist() == [[3.5]]


def test_report_as_text_and_json() -> None:
    values, target = cancer()
    model = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(values, target)
    report = import_quantised(model, values, SPEC, QuantiserOptions(bits=5), labels=target).report
    facts = json.loads(json.dumps(report.as_json()))
    assert facts["rows"] == 569
    assert len(facts["features"]) == 30
    assert max(its["inside"] for its in facts["features"]) > 0
    for words in ("rows: 569", "AUC: ", "accuracy: ", "largest score difference", "changed decisions", " % inside"):
        assert words.replace(" % inside", " %) inside") in report.text
    silent = import_quantised(GradientBoostingRegressor(n_estimators=2).fit(values, target), values, SPEC).report
    assert "changed decisions" not in silent.text
    assert "AUC" not in silent.text


@pytest.mark.parametrize(
    ("labels", "words"),
    [([1], "1 labels for 569 rows"), (["x"] * 569, "not classes of the model"), ([0.5] * 569, "not classes")],
)
def test_invalid_labels(labels: Any, words: str) -> None:
    values, target = cancer()
    model = Ridge().fit(values, target)
    with pytest.raises(InputError, match=words):
        import_quantised(model, values, SPEC, labels=labels)


def test_invalid_report_without_rows() -> None:
    values, target = cancer()
    made = import_quantised(Ridge().fit(values, target), values, SPEC)
    with pytest.raises(InputError, match="a report needs rows"):
        made.measure(values[:0])
    with pytest.raises(InputError, match="rows must have shape"):
        import_quantised(Ridge().fit(values, target), [1.0, 2.0], SPEC)
    assert fit_quantisers(["a"], [[1.0]])[0].whole


def test_area_under_curve_against_scikit_learn() -> None:
    random = np.random.default_rng(0)
    for spread in (2, 10, 1000):
        scores, labels = random.integers(0, spread, 300), random.integers(0, 2, 300)
        assert float(area_under_curve(scores, labels)) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
