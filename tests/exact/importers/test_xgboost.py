"""Every objective and booster of XGBoost that is taken, against XGBoost's own margins."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact import Feature, Linear, Program
from tallystick.exact.importers import ImportOptions, import_model
from tallystick.exact.importers._xgboost import read_xgboost

from .trained import CATEGORY, FEATURES, SPEC, Rows, asked_rows, check_ppm, labels, signal, training_rows, worst_error

xgboost = pytest.importorskip("xgboost", reason="XGBoost comes with the extra `bench`")
pandas = pytest.importorskip("pandas")

FIXED = {"nthread": 1, "seed": 1, "max_depth": 3, "verbosity": 0}
NAMES = [feature.name for feature in FEATURES]


def matrix(rows: Rows, target: Any = None, categorical: bool = True, **more: Any) -> Any:
    types = ["q", "q", "q", "c" if categorical else "q"]
    values = rows.astype(np.float32)
    return xgboost.DMatrix(values, target, feature_names=NAMES, feature_types=types, enable_categorical=True, **more)


def train(target: Any, rounds: int = 10, categorical: bool = True, **parameters: Any) -> Any:
    more = {"group": [100] * 7} if "rank" in str(parameters["objective"]) else {}
    if parameters["objective"] == "survival:aft":
        more = {"label_lower_bound": target, "label_upper_bound": target + 1}
    data = matrix(training_rows(), target, categorical, **more)
    return xgboost.train(FIXED | parameters, data, rounds)


def imported(booster: Any, **options: Any) -> Program:
    return import_model(booster, FEATURES, SPEC, ImportOptions(**options))


def check_margins(booster: Any, program: Program, categorical: bool = True) -> Rows:
    rows = asked_rows(program, 0 if categorical else -3)  # XGBoost's predict refuses negative categories
    margins = booster.predict(matrix(rows, categorical=categorical), output_margin=True)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator
    return rows


def targets() -> dict[str, Any]:
    values = signal(training_rows())
    positive = values - values.min() + 0.1
    two, three = labels(training_rows()), labels(training_rows(), 3)
    identity = ("squarederror", "squaredlogerror", "pseudohubererror", "absoluteerror")
    return (
        {f"binary:{name}": two for name in ("logistic", "logitraw", "hinge")}
        | {f"reg:{name}": positive for name in (*identity, "gamma", "tweedie")}
        | {"reg:logistic": two, "count:poisson": positive, "survival:cox": positive, "survival:aft": positive}
        | {f"rank:{name}": two for name in ("pairwise", "ndcg", "map")}
        | {"multi:softmax": three, "multi:softprob": three}
    )


@pytest.mark.parametrize("onehot", [1, 100], ids=["sets", "onehot"])
@pytest.mark.parametrize("objective", targets())
def test_objectives(objective: str, onehot: int) -> None:
    more = {"num_class": 3} if objective.startswith("multi") else {}
    booster = train(targets()[objective], objective=objective, max_cat_to_onehot=onehot, **more)
    program = imported(booster)
    rows = check_margins(booster, program)
    assert program.model.outputs == (3 if more else 1)
    if program.metadata["link"] == "logistic":
        check_ppm(program, rows, booster.predict(matrix(rows)))
    if objective == "multi:softprob":
        assert any(
            sum(tree["split_type"]) for tree in document(booster)["learner"]["gradient_booster"]["model"]["trees"]
        )


def document(booster: Any) -> Any:
    return json.loads(booster.save_raw("json"))


@pytest.mark.parametrize(
    "more",
    [
        {"booster": "dart", "rate_drop": 0.5, "skip_drop": 0.1},
        {"num_parallel_tree": 4, "subsample": 0.5, "colsample_bynode": 0.5},
        {"base_score": 0.9},
        {"base_score": 1e-6},
        {"grow_policy": "lossguide", "max_leaves": 9, "gamma": 0.5},
        {"min_child_weight": 0, "reg_lambda": 0},
    ],
    ids=str,
)
def test_boosters(more: dict[str, Any]) -> None:
    booster = train(labels(training_rows()), objective="binary:logistic", **more)
    rows = check_margins(booster, imported(booster))
    check_ppm(imported(booster), rows, booster.predict(matrix(rows)))


def test_several_targets_and_quantiles() -> None:
    values = signal(training_rows())
    booster = train(np.column_stack([values, -values]), objective="reg:squarederror")
    check_margins(booster, imported(booster))
    booster = train(values, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9])
    assert imported(booster).model.outputs == 3
    check_margins(booster, imported(booster))


@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "multi:softprob"])
def test_gblinear(objective: str) -> None:
    more = {"num_class": 3, "base_score": 0.5} if objective.startswith("multi") else {}
    target = labels(training_rows(), 3 if more else 2)
    booster = train(target, categorical=False, objective=objective, booster="gblinear", **more)
    program = imported(booster)
    assert isinstance(program.model, Linear)
    rows = np.column_stack([np.random.default_rng(3).integers(its.low, its.high + 1, 200) for its in FEATURES])
    margins = booster.predict(matrix(rows, categorical=False), output_margin=True)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator
    with pytest.raises(ProgramError, match="last round only"):
        imported(booster, iterations=1)


def test_json_ubjson_file_dictionary_and_wrapper_give_the_same_program(tmp_path: Any) -> None:
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=2, n_jobs=1)
    model.fit(training_rows().astype(np.float32), labels(training_rows()))
    booster = model.get_booster()
    program = imported(model)
    for name in ("model.json", "model.ubj"):
        booster.save_model(tmp_path / name)
        assert imported(tmp_path / name).hash == program.hash
    forms = (
        booster,
        document(booster),
        booster.save_raw("ubj"),
        booster.save_raw("json"),
        json.dumps(document(booster)),
    )
    for form in forms:
        assert imported(form).hash == program.hash
    check_margins_without_names(booster, program)


def check_margins_without_names(booster: Any, program: Program) -> None:
    rows = asked_rows(program, limit=40)
    margins = booster.predict(xgboost.DMatrix(rows.astype(np.float32)), output_margin=True)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator


def test_early_stopping_uses_the_best_iteration() -> None:
    noise = np.random.default_rng(5).integers(0, 2, 200)
    held = matrix(training_rows(200, 9), noise)
    data = matrix(training_rows(), labels(training_rows()))
    parameters = FIXED | {"objective": "binary:logistic", "num_parallel_tree": 2, "max_depth": 5}
    booster = xgboost.train(parameters, data, 40, evals=[(held, "held")], early_stopping_rounds=3, verbose_eval=False)
    best = booster.best_iteration
    assert best + 1 < booster.num_boosted_rounds()
    program = imported(booster)
    rows = asked_rows(program, 0)
    margins = booster.predict(matrix(rows), output_margin=True, iteration_range=(0, best + 1))
    assert worst_error(program, rows, margins) <= program.error_bound.numerator
    assert imported(booster, iterations=best + 1).hash == program.hash
    older = document(booster)
    del older["learner"]["gradient_booster"]["model"]["iteration_indptr"]  # as before XGBoost 2
    assert imported(older).hash == program.hash
    with pytest.raises(ProgramError, match="iterations") as caught:
        imported(booster, iterations=1000)
    assert "at most" in caught.value.advice


def test_categories_unseen_and_too_large_go_left() -> None:
    booster = train(labels(training_rows()), objective="binary:logistic", max_cat_to_onehot=1)
    features = (*FEATURES[:3], Feature("kind", 0, 1 << 25))
    program = import_model(booster, features, SPEC)
    rows = np.repeat(asked_rows(program, 0, limit=3)[:6], 40, axis=0)
    rows[:, CATEGORY] = np.tile([*range(35), 64, 1 << 20, (1 << 24) - 1, 1 << 24, 1 << 25], 6)
    margins = booster.predict(matrix(rows), output_margin=True)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator


def test_invalid_leaves_of_several_outputs() -> None:
    more = {"num_class": 3, "multi_strategy": "multi_output_tree"}
    booster = train(labels(training_rows(), 3), 2, categorical=False, objective="multi:softprob", **more)
    with pytest.raises(ProgramError, match="leaves of several outputs") as caught:
        imported(booster)
    assert "one_output_per_tree" in caught.value.advice


def changed(path: str, value: Any) -> Any:
    """A small model with one entry set; parts of the path by slashes."""
    booster = train(labels(training_rows()), 2, objective="binary:logistic", max_cat_to_onehot=1)
    whole = document(booster)
    *parents, last = path.split("/")
    at = whole["learner"]
    for part in parents:
        at = at[int(part) if part.isdigit() else part]
    if value is None:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return whole


TREE = "gradient_booster/model/trees/0"


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("learner_model_param", None, "not a XGBoost model"),
        ("learner_model_param/base_score", "[1.0]", "base score has no margin"),
        ("learner_model_param/base_score", "0", "base score has no margin"),
        ("learner_model_param/base_score", "[0.5,0.5]", "2 base scores for 1"),
        ("learner_model_param/base_score", "1e99", "float32"),
        ("learner_model_param/num_class", "99999999", "base scores"),
        ("learner_model_param/num_class", True, "not a XGBoost"),
        ("objective/name", "other", "objective is not supported"),
        ("gradient_booster/name", "gbforest", "booster is not supported"),
        (f"{TREE}/left_children/0", 0, "tree 0"),
        (f"{TREE}/left_children/0", 99, "not a XGBoost"),
        (f"{TREE}/left_children", "text", "not a XGBoost"),
        (f"{TREE}/left_children", [1], "differ in length"),
        (f"{TREE}/split_conditions/1", float("nan"), "not finite"),
        (f"{TREE}/split_conditions/1", 1e40, "float32"),
        (f"{TREE}/split_conditions/1", True, "not a number"),
        (f"{TREE}/split_indices/0", 77, "tree 0"),
        (f"{TREE}/categories_sizes/0", 10**9, "categories"),
        (f"{TREE}/categories_nodes/0", 99, "no categories"),
        ("gradient_booster/model/tree_info/0", 5, "no output"),
        ("gradient_booster/model/iteration_indptr/2", 9, "iterations"),
        ("attributes", {"best_iteration": "77"}, "iterations"),
        ("attributes", {"best_iteration": "x"}, "not a XGBoost"),
    ],
)
def test_invalid_content(path: str, value: Any, cause: str) -> None:
    with pytest.raises(ProgramError, match=cause) as caught:
        imported(changed(path, value))
    assert caught.value.advice
    assert cause in str(caught.value.cause) + str(caught.value.where)


def test_invalid_linear_base_scores() -> None:
    """XGBoost itself adds the first one to every output."""
    booster = train(
        labels(training_rows(), 3), categorical=False, objective="multi:softprob", booster="gblinear", num_class=3
    )
    with pytest.raises(ProgramError, match="base scores apart") as caught:
        imported(booster)
    assert "single base_score" in caught.value.advice


@pytest.mark.parametrize("data", [b"[1]", "[]", b"{LL", b"\xff", "", {}, {"learner": 7}])
def test_invalid_document(data: Any) -> None:
    with pytest.raises(ProgramError, match="not a XGBoost model") as caught:
        read_xgboost(data, ImportOptions())
    assert "save_model" in caught.value.advice


def test_invalid_linear_weights() -> None:
    booster = train(labels(training_rows()), categorical=False, objective="binary:logistic", booster="gblinear")
    whole = document(booster)
    whole["learner"]["gradient_booster"]["model"]["weights"].pop()
    with pytest.raises(ProgramError, match="not a XGBoost model"):
        imported(whole)


def test_invalid_number_of_columns() -> None:
    whole = changed("learner_model_param/num_feature", "70000")
    whole["learner"]["feature_names"] = []
    with pytest.raises(ProgramError, match="not a XGBoost model"):
        imported(whole)
    whole["learner"]["learner_model_param"]["num_feature"] = "3"
    with pytest.raises(SpecMismatch, match="3 features, the spec has 4"):
        imported(whole)


def test_categories_of_a_table_are_their_positions() -> None:
    random = np.random.default_rng(0)
    kind = random.choice([5, 7, 9, 11], 300)
    two = np.isin(kind, (5, 9)).astype(int)
    table = pandas.DataFrame({"b": random.random(300), "k": pandas.Categorical(kind)})
    rows = np.array([[b, k] for b in (0, 1) for k in range(4)], np.int64)
    booster = xgboost.train(
        FIXED | {"objective": "binary:logistic"}, xgboost.DMatrix(table, two, enable_categorical=True), 2
    )
    codes = xgboost.DMatrix(rows.astype(np.float32), feature_names=["b", "k"], feature_types=["float", "c"])
    margins = booster.predict(codes, output_margin=True)
    program = import_model(booster, [Feature("b", 0, 1), Feature("k", 0, 3)], SPEC)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator
    assert len({int(raw) for raw in margins * 1e6}) > 1
    assert "positions" in str(program.metadata["category_codes"])
