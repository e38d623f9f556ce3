"""CatBoost's loss functions, tree shapes and one-hot features, against CatBoost's own scores."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact import Feature, Program
from tallystick.exact.importers import ImportOptions, import_model
from tallystick.exact.importers._catboost_hash import category_hash

from .trained import CATEGORY, FEATURES, SPEC, Rows, asked_rows, check_ppm, labels, signal, training_rows, worst_error

catboost = pytest.importorskip("catboost", reason="CatBoost comes with the extra `dev`")

FIXED = {"iterations": 8, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 1}
NAMES = [feature.name for feature in FEATURES]
ONE_HOT = {"one_hot_max_size": 100}


def pool(rows: Rows, target: Any = None, categorical: bool = True, **more: Any) -> Any:
    table: list[list[Any]] = rows.astype(object).tolist()
    cats = [CATEGORY] if categorical else []
    return catboost.Pool(table, target, cat_features=cats, feature_names=NAMES, **more)


def train(target: Any, categorical: bool = True, **parameters: Any) -> Any:
    more = {"group_id": np.arange(len(target)) // 100} if "Rank" in parameters["loss_function"] else {}
    model = catboost.CatBoost(FIXED | ONE_HOT | parameters)
    return model.fit(pool(training_rows(), target, categorical, **more))


def saved(model: Any, folder: Path) -> Path:
    model.save_model(str(folder / "model.json"), format="json")
    return folder / "model.json"


def check_scores(model: Any, program: Program, categorical: bool = True) -> Rows:
    rows = asked_rows(program)
    scores = model.predict(pool(rows, categorical=categorical), prediction_type="RawFormulaVal")
    assert worst_error(program, rows, scores) <= program.error_bound.numerator
    return rows


def targets() -> dict[str, tuple[Any, str]]:
    values = signal(training_rows())
    two, three = labels(training_rows()), labels(training_rows(), 3)
    return {
        "Logloss": (two, "logistic"),
        "CrossEntropy": (two, "logistic"),
        "RMSE": (values, "identity"),
        "MAE": (values, "identity"),
        "Quantile:alpha=0.9": (values, "identity"),
        "Poisson": (values - values.min() + 0.1, "exp"),
        "Tweedie:variance_power=1.5": (values - values.min() + 0.1, "exp"),
        "YetiRank": (two, "identity"),
        "MultiClass": (three, "softmax"),
        "MultiClassOneVsAll": (three, "logistic"),
        "MultiRMSE": (np.column_stack([values, -values]), "identity"),
    }


@pytest.mark.parametrize("loss", targets())
def test_loss_functions(loss: str, tmp_path: Path) -> None:
    target, link = targets()[loss]
    model = train(target, loss_function=loss)
    path = saved(model, tmp_path)
    assert b"OneHotFeature" in path.read_bytes()
    program = import_model(path, FEATURES, SPEC)
    rows = check_scores(model, program)
    assert program.metadata["link"] == link
    if loss == "Logloss":
        check_ppm(program, rows, model.predict(pool(rows), prediction_type="Probability")[:, 1])
        assert program.metadata["classes"] == '["0", "1"]'


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("loss", ["Logloss", "MultiClass"])
def test_tree_shapes(policy: str, loss: str, tmp_path: Path) -> None:
    target = labels(training_rows(), 2 if loss == "Logloss" else 3)
    model = train(target, loss_function=loss, grow_policy=policy)
    path = saved(model, tmp_path)
    program = import_model(path, FEATURES, SPEC)
    check_scores(model, program)
    few = import_model(path, FEATURES, SPEC, ImportOptions(iterations=3))
    rows = asked_rows(few, limit=40)
    scores = model.predict(pool(rows), prediction_type="RawFormulaVal", ntree_end=3)
    assert worst_error(few, rows, scores) <= few.error_bound.numerator
    with pytest.raises(ProgramError, match="has 8 iterations"):
        import_model(path, FEATURES, SPEC, ImportOptions(iterations=9))


def test_scale_and_bias(tmp_path: Path) -> None:
    model = train(labels(training_rows()), loss_function="Logloss")
    model.set_scale_and_bias(0.3, -1.7)
    program = import_model(saved(model, tmp_path), FEATURES, SPEC)
    check_scores(model, program)


def test_missing_values_in_training(tmp_path: Path) -> None:
    rows = training_rows().astype(np.float64)
    rows[::3, 0] = np.nan
    model = catboost.CatBoost(FIXED | {"loss_function": "Logloss"}).fit(rows, labels(training_rows()))
    program = import_model(saved(model, tmp_path), FEATURES, SPEC)
    asked = asked_rows(program)
    scores = model.predict(asked.astype(np.float32), prediction_type="RawFormulaVal")
    assert worst_error(program, asked, scores) <= program.error_bound.numerator


def test_category_hash_is_catboosts_own(tmp_path: Path) -> None:
    """Texts of 1 to 20 characters take four ways through the hash."""
    random = np.random.default_rng(0)
    values = [sign * int(random.integers(10**size, 10 ** (size + 1))) for size in range(18) for sign in (1, -1)]
    values += [0, 7, -7, (1 << 63) - 1, -(1 << 63)]
    data = catboost.Pool([[value] for value in values] * 4, [0, 1] * (2 * len(values)), cat_features=[0])
    model = catboost.CatBoost(FIXED | {"one_hot_max_size": 200}).fit(data)
    model.save_model(str(tmp_path / "model.json"), format="json", pool=data)
    listed = json.loads((tmp_path / "model.json").read_bytes())["features_info"]["cat_features_hash"]
    assert {int(item["value"]): item["hash"] for item in listed} == {value: category_hash(value) for value in values}


def test_invalid_statistics_of_categories(tmp_path: Path) -> None:
    model = train(labels(training_rows()), loss_function="Logloss", one_hot_max_size=2)
    with pytest.raises(ProgramError, match="ctrs") as caught:
        import_model(saved(model, tmp_path), FEATURES, SPEC)
    assert "one_hot_max_size" in caught.value.advice


def test_invalid_object_and_loss(tmp_path: Path) -> None:
    model = train(signal(training_rows()), loss_function="RMSEWithUncertainty")
    with pytest.raises(ProgramError, match="read from its JSON file") as caught:
        import_model(model, FEATURES, SPEC)
    assert "save_model" in caught.value.advice
    with pytest.raises(ProgramError, match="loss function is not supported") as caught:
        import_model(saved(model, tmp_path), FEATURES, SPEC)
    assert "Logloss" in caught.value.advice


def test_invalid_wide_category(tmp_path: Path) -> None:
    path = saved(train(labels(training_rows()), loss_function="Logloss"), tmp_path)
    wide = (*FEATURES[:3], Feature("kind", 0, 1 << 16))
    with pytest.raises(ProgramError, match="more than 65,536 values") as caught:
        import_model(path, wide, SPEC)
    assert caught.value.where["feature"] == "kind"
    with pytest.raises(SpecMismatch, match="4 features, the spec has 3"):
        import_model(path, FEATURES[:3], SPEC)


FLOAT = {"border": 0.5, "float_feature_index": 0, "split_index": 0, "split_type": "FloatFeature"}
ONE = {"cat_feature_index": 0, "split_index": 1, "split_type": "OneHotFeature", "value": category_hash(3) - (1 << 32)}
BY_HAND: dict[str, Any] = {
    "features_info": {
        "float_features": [{"feature_index": 0, "flat_feature_index": 0, "feature_id": "0"}],
        "categorical_features": [{"feature_index": 0, "flat_feature_index": 1, "feature_id": "1"}],
    },
    "model_info": {"params": '{"loss_function": {"type": "RMSE"}}'},
    "oblivious_trees": [{"leaf_values": [1, 2, 3, 4], "splits": [FLOAT, ONE]}],
    "scale_and_bias": [1, 0.25],
}
TWO = (Feature("x", 0, 1), Feature("y", 0, 5))


def by_hand(path: str = "", value: Any = None) -> dict[str, Any]:
    document = copy.deepcopy(BY_HAND)
    at: Any = document
    *parents, last = path.split("/")
    for part in parents:
        at = at[int(part) if part.isdigit() else part]
    if path:
        at[int(last) if last.isdigit() else last] = value
    return document


def test_by_hand() -> None:
    """A bias as one number, parameters as text, a negative hash, no weights, columns named by number."""
    program = import_model(by_hand(), TWO, SPEC, ImportOptions(scale_bits=2))
    assert program.model.base == (1,)
    for x in (0, 1):
        for y in range(6):
            tree = program.model.trees[0]
            assert tree.leaf[tree.leaf_of((x, y))] == 4 * (1 + x + 2 * (y == 3))
    assert import_model(by_hand("oblivious_trees/0/splits/1/value", 1), TWO, SPEC).model.trees[0].depth == 1
    constant = by_hand("oblivious_trees", [{"leaf_values": [7], "splits": []}])
    assert import_model(constant, TWO, SPEC, ImportOptions(scale_bits=0)).model.base == (7,)


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("oblivious_trees/0/leaf_values", [1, 2, 3], "not a CatBoost model"),
        ("oblivious_trees/0/leaf_weights", [1, 2, 3], "not a CatBoost model"),
        ("oblivious_trees/0/leaf_weights", [1, 2, 3, -1], "not a CatBoost model"),
        ("oblivious_trees/0/splits", [FLOAT] * 17, "not a CatBoost model"),
        ("oblivious_trees/0/splits/0/split_type", "OnlineCtr", "statistics of categories"),
        ("oblivious_trees/0/splits/0/border", 1e39, "float32"),
        ("oblivious_trees/0/splits/0/float_feature_index", 4, "not a CatBoost model"),
        ("features_info/text_features", [{}], "text_features"),
        ("features_info/float_features/0/flat_feature_index", 1, "not a CatBoost model"),
        ("model_info/params", "{", "not a CatBoost model"),
        ("scale_and_bias", [1, [0, 0]], "not a CatBoost model"),
        ("scale_and_bias", [float("nan"), [0]], "not a CatBoost model"),
        ("features_info", [], "not a CatBoost model"),
    ],
)
def test_invalid_content(path: str, value: Any, cause: str) -> None:
    with pytest.raises(ProgramError, match=cause) as caught:
        import_model(by_hand(path, value), TWO, SPEC)
    assert caught.value.advice


def test_invalid_free_tree() -> None:
    document = by_hand()
    del document["oblivious_trees"]
    leaf = {"value": 1, "weight": 2}
    document["trees"] = [{"split": FLOAT, "left": leaf, "right": {"value": [1, 2]}}]
    with pytest.raises(ProgramError, match="not a CatBoost model"):
        import_model(document, TWO, SPEC)
    document["trees"] = [{"split": FLOAT, "left": leaf, "right": {"value": [2]}}]
    assert import_model(document, TWO, SPEC, ImportOptions(scale_bits=0)).model.trees[0].leaf == (1, 2)
