"""Every objective of LightGBM that is taken, against LightGBM's own scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tallystick.errors import ProgramError
from tallystick.exact import Feature, Program, score_outputs, winner
from tallystick.exact.importers import ImportOptions, import_model

from .trained import (
    CATEGORY,
    FEATURES,
    SPEC,
    Rows,
    asked_rows,
    check_ppm,
    labels,
    ppm_of,
    signal,
    training_rows,
    worst_error,
)

lightgbm = pytest.importorskip("lightgbm", reason="LightGBM comes with the extra `train`")
pandas = pytest.importorskip("pandas")

FIXED = {"verbose": -1, "num_threads": 1, "deterministic": True, "seed": 1, "num_leaves": 8}
SMALL_GROUPS = {"min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 1}


def train(target: Any, rounds: int = 12, categorical: bool = True, **parameters: Any) -> Any:
    group = [100] * 7 if "rank" in str(parameters["objective"]) else None
    data = lightgbm.Dataset(
        training_rows().astype(np.float64),
        target,
        group=group,
        feature_name=[feature.name for feature in FEATURES],
        categorical_feature=[CATEGORY] if categorical else [],
        params={"verbose": -1},
    )
    return lightgbm.train(FIXED | SMALL_GROUPS | parameters, data, rounds)


def imported(booster: Any, **options: Any) -> Program:
    return import_model(booster, FEATURES, SPEC, ImportOptions(**options))


def raw_scores(booster: Any, rows: Rows, **more: Any) -> Any:
    return booster.predict(rows.astype(np.float64), raw_score=True, **more)


def targets() -> dict[str, Any]:
    values = signal(training_rows())
    positive = values - values.min() + 0.1
    two, three = labels(training_rows()), labels(training_rows(), 3)
    return {
        "binary": two,
        "cross_entropy": two,
        "regression": values,
        "regression_l1": values,
        "huber": values,
        "fair": values,
        "quantile": values,
        "mape": values,
        "poisson": positive,
        "gamma": positive,
        "tweedie": positive,
        "lambdarank": two,
        "rank_xendcg": two,
        "multiclass": three,
        "multiclassova": three,
    }


LINKS = {
    "binary": "logistic",
    "cross_entropy": "logistic",
    "multiclassova": "logistic",
    "multiclass": "softmax",
} | dict.fromkeys(("poisson", "gamma", "tweedie"), "exp")


@pytest.mark.parametrize("objective", targets())
def test_objectives(objective: str) -> None:
    classes = {"num_class": 3} if objective.startswith("multi") else {}
    booster = train(targets()[objective], objective=objective, **classes)
    program = imported(booster)
    rows = asked_rows(program)
    assert worst_error(program, rows, raw_scores(booster, rows)) <= program.error_bound.numerator
    assert program.metadata["link"] == LINKS.get(objective, "identity")
    assert program.model.outputs == (3 if classes else 1)
    if program.metadata["link"] == "logistic":
        check_ppm(program, rows, booster.predict(rows.astype(np.float64)).reshape(len(rows), -1)[:, 0])
    if objective == "multiclass":
        likely = booster.predict(rows.astype(np.float64))
        clear = np.sort(likely)[:, -1] - np.sort(likely)[:, -2] > 1e-4
        chosen = [winner(score_outputs(program, row)) for row in rows[clear].tolist()]
        assert chosen == likely[clear].argmax(axis=1).tolist()


@pytest.mark.parametrize("boosting", ["gbdt", "dart"])
@pytest.mark.parametrize("more", [{}, {"sigmoid": 2.5}, {"data_sample_strategy": "goss"}], ids=str)
def test_boosting(boosting: str, more: dict[str, Any]) -> None:
    booster = train(labels(training_rows()), objective="binary", boosting=boosting, **more)
    program = imported(booster)
    rows = asked_rows(program)
    assert worst_error(program, rows, raw_scores(booster, rows)) <= program.error_bound.numerator
    check_ppm(replace(program), rows, booster.predict(rows.astype(np.float64)))
    assert program.metadata.get("link_slope") == ("2.5" if "sigmoid" in more else None)


@pytest.mark.parametrize("objective", ["regression", "multiclass"])
def test_random_forests_are_averaged(objective: str) -> None:
    """LightGBM's raw_score of a forest is the sum; what the link sees is the mean."""
    more = {"num_class": 3} if objective == "multiclass" else {}
    target = labels(training_rows(), 3) if more else signal(training_rows())
    booster = train(target, 7, objective=objective, boosting="rf", bagging_freq=1, bagging_fraction=0.5, **more)
    program = imported(booster)
    rows = asked_rows(program)
    assert program.model.divisor == 7
    assert worst_error(program, rows, raw_scores(booster, rows) / 7) <= program.error_bound.numerator + 1
    if not more:
        assert worst_error(program, rows, booster.predict(rows.astype(np.float64))) <= program.error_bound.numerator


def test_text_dump_file_and_objects_give_the_same_program(tmp_path: Any) -> None:
    booster = train(labels(training_rows()), objective="binary")
    booster.save_model(tmp_path / "model.txt")
    text = booster.model_to_string()
    program = imported(booster)
    windows = text.replace("\n", "\r\n").encode()
    for form in (
        text,
        text.encode(),
        windows,
        booster.dump_model(),
        tmp_path / "model.txt",
        str(tmp_path / "model.txt"),
    ):
        assert imported(form).hash == program.hash


def test_categories_outside_training_and_negative_ones_go_right() -> None:
    booster = train(labels(training_rows()), objective="binary")
    assert "num_cat=0" not in booster.model_to_string().split("Tree=1")[0]
    program = imported(booster)
    rows = np.repeat(asked_rows(program, limit=3)[:8], 44, axis=0)
    rows[:, CATEGORY] = np.tile(np.arange(-3, 41), 8)
    assert worst_error(program, rows, raw_scores(booster, rows)) <= program.error_bound.numerator


def test_early_stopping_keeps_the_best_iteration() -> None:
    rows, held_rows = training_rows().astype(np.float64), training_rows(150, 9)
    data = lightgbm.Dataset(rows, labels(training_rows()), params={"verbose": -1}, free_raw_data=False)
    held = lightgbm.Dataset(held_rows.astype(np.float64), labels(held_rows), reference=data)
    parameters = FIXED | {"objective": "binary", "metric": "binary_logloss", "learning_rate": 0.5, "num_leaves": 31}
    stop = lightgbm.early_stopping(3, verbose=False)
    keep = {"keep_training_booster": True}
    booster = lightgbm.train(parameters, data, 50, valid_sets=[held], callbacks=[stop], **keep)
    assert 0 < booster.best_iteration < booster.num_trees()
    program = imported(booster)
    asked = asked_rows(program)
    assert worst_error(program, asked, raw_scores(booster, asked)) <= program.error_bound.numerator
    whole = booster.model_to_string(num_iteration=-1)
    assert imported(whole, iterations=booster.best_iteration).hash == program.hash
    assert len(imported(whole).model.trees) == booster.num_trees()
    with pytest.raises(ProgramError, match="iterations"):
        imported(whole, iterations=51)


def test_an_objective_of_ones_own() -> None:
    def gradient(scores: Any, data: Any) -> Any:
        return scores - data.get_label(), np.ones(len(scores))

    booster = train(signal(training_rows()), objective=gradient)
    program = imported(booster)
    rows = asked_rows(program)
    assert worst_error(program, rows, raw_scores(booster, rows)) <= program.error_bound.numerator
    assert imported(booster.dump_model()).hash == program.hash


def test_missing_values_in_training() -> None:
    rows = training_rows().astype(np.float64)
    rows[::3, 0] = np.nan
    data = lightgbm.Dataset(rows, labels(training_rows()), params={"verbose": -1})
    booster = lightgbm.train(FIXED | {"objective": "binary"}, data, 5)
    program = imported(booster)
    asked = asked_rows(program)
    assert worst_error(program, asked, raw_scores(booster, asked)) <= program.error_bound.numerator
    assert "never missing" in str(program.metadata["missing_values"])


def test_scikit_learn_wrapper_and_columns_without_names() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=4, verbose=-1, n_jobs=1)
    model.fit(training_rows(), labels(training_rows()))
    program = import_model(model, FEATURES, SPEC)
    rows = asked_rows(program, limit=30)
    assert worst_error(program, rows, raw_scores(model.booster_, rows)) <= program.error_bound.numerator
    assert len(ppm_of(program, rows)) == len(rows)


@pytest.mark.parametrize(
    ("parameters", "cause", "advice"),
    [
        ({"objective": "cross_entropy_lambda"}, "objective is not supported", "objective=cross_entropy"),
        ({"objective": "regression", "reg_sqrt": True}, "squares its score", "reg_sqrt=false"),
        ({"objective": "regression", "linear_tree": True}, "linear leaves", "linear_tree=false"),
    ],
)
def test_invalid_objective(parameters: dict[str, Any], cause: str, advice: str) -> None:
    booster = train(labels(training_rows()), 2, categorical=False, **parameters)
    with pytest.raises(ProgramError, match=cause) as caught:
        imported(booster)
    assert advice in caught.value.advice


def text() -> str:
    return str(train(labels(training_rows()), 3, objective="binary").model_to_string())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cat_boundaries=0", "cat_boundaries=1"),
        ("cat_boundaries=0", "cat_boundaries=9999"),
        ("cat_threshold=", "cat_threshold=x"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=99999999"),
        ("objective=binary", "objective=unknown"),
        ("sigmoid:1", "sigmoid:x"),
        ("sigmoid:1", "sigmoid:nan"),
        ("leaf_value=", "leaf_value=nan "),
    ],
)
def test_invalid_text(old: str, new: str) -> None:
    changed = text().replace(old, new)
    assert changed != text()
    with pytest.raises(ProgramError):
        imported(changed)


def test_invalid_dump_with_a_part_in_two_places() -> None:
    leaf = {"leaf_value": 1, "leaf_count": 1}
    node: dict[str, Any] = {
        "split_feature": 0,
        "threshold": 1,
        "decision_type": "<=",
        "default_left": True,
        "missing_type": "None",
        "left_child": leaf,
        "right_child": leaf,
    }
    head = {"objective": "regression", "num_tree_per_iteration": 1, "average_output": False, "feature_names": ["a"]}
    with pytest.raises(ProgramError, match="not a LightGBM model"):
        import_model(head | {"tree_info": [{"tree_structure": node}]}, [Feature("a", 0, 9)], SPEC)


def test_invalid_bytes() -> None:
    with pytest.raises(ProgramError, match="not a LightGBM model"):
        imported(b"tree\n\xff\xfe")


def test_categories_of_a_table_are_their_positions() -> None:
    random = np.random.default_rng(0)
    kind = random.choice([5, 7, 9, 11], 300)
    two = np.isin(kind, (5, 9)).astype(int)
    table = pandas.DataFrame({"b": random.random(300), "k": pandas.Categorical(kind)})
    rows = np.array([[b, k] for b in (0, 1) for k in range(4)], np.int64)
    data = lightgbm.Dataset(table, two, params={"verbose": -1})
    booster = lightgbm.train(FIXED | SMALL_GROUPS | {"objective": "binary"}, data, 3)
    margins = raw_scores(booster, rows)
    program = import_model(booster, [Feature("b", 0, 1), Feature("k", 0, 3)], SPEC)
    assert worst_error(program, rows, margins) <= program.error_bound.numerator
    assert len({int(raw) for raw in margins * 1e6}) > 1
    assert "positions" in str(program.metadata["category_codes"])
