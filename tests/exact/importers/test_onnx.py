"""Models that converters write, against ONNX Runtime."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier, XGBRegressor

from tallystick.exact import Feature, Program, TreeEnsemble, score_outputs
from tallystick.exact.importers import ImportOptions, import_model
from tallystick.exact.importers._onnx import read_onnx

from ..programs import edge_rows

SPEC = bytes(range(32))
# float32 does not hold every integer of the second one.
FEATURES = (Feature("small", -20, 20), Feature("wide", 0, 1 << 26), Feature("age", 5, 90))
OPTIONS = ImportOptions(scale_bits=30)
LOG_ODDS = 12.0  # float32 probabilities say little beyond this


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def data(classes: int = 2, rows: int = 300) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    random = np.random.default_rng(0)
    values = np.column_stack([random.integers(its.low, its.high + 1, rows) for its in FEATURES]).astype(np.float32)
    score = values[:, 0] / 20 + values[:, 1] / (1 << 26) - values[:, 2] / 90 + random.normal(0, 0.2, rows)
    return values, score if not classes else np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))


def convert(model: Any, kind: str = "skl", **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # converters' own deprecations
        types = [("X", FloatTensorType([None, len(FEATURES)]))]
        if kind == "lightgbm":
            return convert_lightgbm(model, initial_types=types, zipmap=False, target_opset=15)
        if kind == "xgboost":
            return convert_xgboost(model, initial_types=types, target_opset=15)
        return to_onnx(model, data()[0][:1], **options)


def run(proto: Any, rows: list[list[int]], kind: Any = np.float32) -> npt.NDArray[np.float64]:
    """Scores or probabilities that ONNX Runtime gives, as a table."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    result = session.run(None, {name: np.array(rows, dtype=kind)})[-1]
    if isinstance(result, list):  # ZipMap
        result = [list(row.values()) for row in result]
    return np.asarray(result, np.float64).reshape(len(rows), -1)


def rows_for(program: Program) -> list[list[int]]:
    if isinstance(program.model, TreeEnsemble):
        return edge_rows(program, limit=100)
    random = np.random.default_rng(1)
    return [[int(random.integers(its.low, its.high + 1)) for its in FEATURES] for _ in range(60)]


def check(proto: Any, features: tuple[Feature, ...] = FEATURES) -> Program:
    """Raw scores are within the bound; where the model shows probabilities, theirs agree to float32."""
    program = import_model(proto.SerializeToString(), features, SPEC, OPTIONS)
    rows = rows_for(program)
    theirs = run(proto, rows)
    scale, bound = 1 << program.scale_bits, program.error_bound.numerator
    for row, their in zip(rows, theirs.tolist(), strict=True):
        raws = score_outputs(program, row)
        if program.metadata["link"] == "identity":
            if len(raws) == 1 and len(their) == 2:  # what is added for the other class
                their = their[1:]
            for raw, score in zip(raws, their, strict=True):
                assert abs(raw - Fraction(score) * scale) <= bound
            continue
        scores = np.array([raw / scale for raw in raws])
        if program.metadata["link"] == "logistic":
            shown = 1 / (1 + np.exp(-scores))
            shown = shown if len(their) == len(raws) else np.array([1 - shown[0], shown[0]])
        else:
            shown = np.exp(scores - scores.max())
            shown /= shown.sum()
        assert np.abs(shown - their).max() <= bound / scale + 1e-6
    assert Program.from_bytes(program.to_bytes()) == program
    return program


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(6, max_depth=4, random_state=0), ExtraTreesClassifier(6, max_depth=4, random_state=0),
     GradientBoostingClassifier(n_estimators=6, random_state=0), DecisionTreeClassifier(max_depth=5, random_state=0)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_tree_classifiers_of_scikit_learn(model: Any, classes: int) -> None:
    program = check(convert(model.fit(*data(classes))))
    assert isinstance(program.model, TreeEnsemble)
    assert program.metadata["library"] == "ONNX"
    assert program.metadata["classes"] == str([str(number) for number in range(classes)]).replace("'", '"')


@pytest.mark.parametrize(
    "model",
    [RandomForestRegressor(6, max_depth=4, random_state=0), ExtraTreesRegressor(6, max_depth=4, random_state=0),
     GradientBoostingRegressor(n_estimators=6, random_state=0)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_tree_regressors_of_scikit_learn(model: Any) -> None:
    check(convert(model.fit(*data(0))))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_lightgbm(classes: int) -> None:
    kind = LGBMClassifier if classes else LGBMRegressor
    model = kind(n_estimators=6, num_leaves=7, verbose=-1, n_jobs=1).fit(*data(classes))
    check(convert(model, "lightgbm"))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_xgboost(classes: int) -> None:
    kind = XGBClassifier if classes else XGBRegressor
    model = kind(n_estimators=6, max_depth=3, n_jobs=1).fit(*data(classes))
    check(convert(model, "xgboost"))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler()])
def test_logistic_regression(classes: int, scaler: Any) -> None:
    values, target = data(classes)
    model = make_pipeline(*([scaler] if scaler else []), LogisticRegression()).fit(
        values / (1 if scaler else [20, 1 << 26, 90]), target
    )
    program = check(convert(model))
    assert program.model.outputs == (1 if classes == 2 else 3)


@pytest.mark.parametrize("model", [LinearRegression(), Ridge()], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler()])
def test_linear_regression(model: Any, scaler: Any) -> None:
    values, target = data(0)
    check(
        convert(
            make_pipeline(*([scaler] if scaler else []), model).fit(
                values / (1 if scaler else [20, 1 << 26, 90]), target
            )
        )
    )


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
@pytest.mark.parametrize(
    "model", [RandomForestClassifier(5, max_depth=4, random_state=0), GradientBoostingClassifier(n_estimators=5)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_scaled_trees(scaler: Any, model: Any) -> None:
    check(convert(make_pipeline(scaler, model).fit(*data())))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_perceptrons(classes: int) -> None:
    """Against ONNX Runtime: the bound holds, and rows of use are far closer."""
    values, target = data(classes)
    bytes_ = np.floor(255 * (values - values.min(0)) / np.ptp(values, axis=0)).astype(np.float32)
    parts: dict[str, Any] = {"hidden_layer_sizes": (8, 6), "max_iter": 500, "tol": 1e-3, "random_state": 0}
    last = MLPClassifier(**parts) if classes else MLPRegressor(**parts)
    proto = convert(make_pipeline(MinMaxScaler(), last).fit(bytes_, target))
    features = tuple(Feature(its.name, 0, 255) for its in FEATURES)
    program = import_model(proto, features, SPEC)
    assert program.metadata["link"] == {0: "identity", 2: "logistic", 3: "softmax"}[classes]
    rows = bytes_.astype(int).tolist()
    theirs, ours = run(proto, rows), np.array([score_outputs(program, row) for row in rows]) / 2**program.scale_bits
    if classes:
        theirs = np.log(np.maximum(theirs, 1e-12))
        theirs = theirs[:, 1:] - theirs[:, :1] if classes == 2 else theirs - theirs.mean(axis=1, keepdims=True)
        ours = ours if classes == 2 else ours - ours.mean(axis=1, keepdims=True)
    near = np.abs(theirs) < LOG_ODDS
    bound = program.error_bound.numerator / 2**program.scale_bits
    assert np.abs(ours - theirs)[near].max() <= min(2 * bound, 0.3)


def test_one_layer_is_a_linear_model() -> None:
    model = MLPRegressor(hidden_layer_sizes=(), max_iter=2000, random_state=0)
    values, target = data(0)
    proto = convert(make_pipeline(MinMaxScaler(), model).fit(values, target))
    assert read_onnx(proto, 3).__class__.__name__ == "FloatLinear"
    check(proto)
