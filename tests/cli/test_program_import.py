"""``tally program import``: from a trained model to scores of the same rows."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .calls import call, good

NAMES = ["radius", "texture", "smooth"]


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """Three float features; written to train.csv and test.csv with their label."""
    rows, labels = load_breast_cancer(return_X_y=True)
    rows = rows[:, [0, 1, 4]]
    frame = pl.DataFrame(rows, schema=NAMES, orient="row").with_columns(pl.Series("y", labels))
    frame[::2].write_csv("train.csv")
    frame[1::2].write_csv("test.csv")
    return rows[::2], labels[::2]


def imported(model: str, *flags: str) -> Any:
    return good(
        "program", "import", model, "--rows", "train.csv", "--label", "y", "-o", "m.tally", *flags, "--json"
    ).json


def test_lightgbm_from_its_file_to_scores(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = data
    booster = lightgbm.train(
        {"verbose": -1, "objective": "binary", "num_leaves": 8}, lightgbm.Dataset(rows, labels, feature_name=NAMES), 20
    )
    booster.save_model("model.txt")
    facts = imported("model.txt", "--test-rows", "test.csv", "--clip")
    report = facts["reports"]["rows"]
    assert abs(report["auc_program"] - report["auc_float"]) < 0.001
    assert set(facts["reports"]) == {"rows", "test_rows"}
    assert (report["clipped_rows"], report["largest_difference_inside"]) == (0, None)
    test = facts["reports"]["test_rows"]
    assert 0 < test["clipped_rows"] < test["rows"]
    assert test["largest_difference_inside"] <= test["largest_difference"]
    good("program", "score", "m.tally", "train.csv", "-o", "scores.csv")
    scores = pl.read_csv("scores.csv")["raw_0"].to_numpy() / 2**24
    assert np.abs(scores - booster.predict(rows, raw_score=True)).max() <= report["largest_difference"] + 1e-9
    text = good("program", "import", "model.txt", "--rows", "train.csv", "--label", "y", "-o", "m.tally").out
    assert "on rows\n  rows: 285\n  AUC: " in text


@pytest.mark.parametrize("suffix", ["pkl", "joblib"])
def test_sklearn_from_a_pickle(data: tuple[np.ndarray, np.ndarray], suffix: str) -> None:
    model = GradientBoostingClassifier(n_estimators=5).fit(*data)
    joblib.dump(model, "model.joblib")
    Path("model.pkl").write_bytes(pickle.dumps(model))
    done = call("program", "import", f"model.{suffix}", "--rows", "train.csv", "--label", "y", "-o", "m.tally")
    assert (done.code, "can run any code" in done.err) == (2, True)
    assert imported(f"model.{suffix}", "--unpickle")["outputs"] == 1


def test_fewer_bits_cost_more(data: tuple[np.ndarray, np.ndarray]) -> None:
    Path("model.pkl").write_bytes(pickle.dumps(LogisticRegression(max_iter=2_000).fit(*data)))
    differences = [
        imported("model.pkl", "--unpickle", "--bits", str(bits), "--range", "radius=0:40")["reports"]["rows"][
            "largest_difference"
        ]
        for bits in (4, 16)
    ]
    assert differences[0] > 10 * differences[1] > 0


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (["--range", "radius"], "NAME=LOW:HIGH"),
        (["--range", "radios=0:1"], "did you mean 'radius'"),
        (["--label", "z"], "no column of the label; there are"),
        (["--bits", "99"], "--bits"),
    ],
)
def test_invalid_options(data: tuple[np.ndarray, np.ndarray], flags: list[str], cause: str) -> None:
    Path("model.pkl").write_bytes(pickle.dumps(LogisticRegression(max_iter=2_000).fit(*data)))
    arguments = ["program", "import", "model.pkl", "--unpickle", "--rows", "train.csv", "-o", "m.tally"]
    done = call(*arguments, "--label", "y", *flags)
    assert done.code != 0
    assert cause.lower() in done.err.lower()


def test_columns_are_found_by_the_models_names(data: tuple[np.ndarray, np.ndarray]) -> None:
    """In another order and with another column between: the same program, and never a silent mix-up."""
    rows, labels = data
    booster = lightgbm.train(
        {"verbose": -1, "objective": "binary", "num_leaves": 8}, lightgbm.Dataset(rows, labels, feature_name=NAMES), 5
    )
    booster.save_model("model.txt")
    first = imported("model.txt")
    for name in ("train.csv", "test.csv"):
        frame = pl.read_csv(name)
        frame.with_columns(pl.lit(7).alias("id")).select(["y", *NAMES[::-1], "id"]).write_csv(name)
    again = imported("model.txt", "--test-rows", "test.csv", "--clip")
    assert first["reports"]["rows"] == again["reports"]["rows"]
    assert again["reports"]["test_rows"]["auc_program"] > 0.9
    pl.read_csv("train.csv").drop("radius").write_csv("train.csv")
    done = call("program", "import", "model.txt", "--rows", "train.csv", "--label", "y", "-o", "m.tally")
    assert "1 features of the model have no column, the first is radius" in done.err


def test_forest_flags_where_it_names_the_second_class(data: tuple[np.ndarray, np.ndarray]) -> None:
    model = RandomForestClassifier(n_estimators=9, max_depth=4, random_state=0).fit(*data)
    Path("model.pkl").write_bytes(pickle.dumps(model))
    imported("model.pkl", "--unpickle")
    done = good("program", "score", "m.tally", "train.csv", "--json").json
    assert abs(done["flagged"] - int(model.predict(data[0]).sum())) <= 2  # rows in one step with a threshold


def test_invalid_number_of_columns(data: tuple[np.ndarray, np.ndarray]) -> None:
    Path("model.pkl").write_bytes(pickle.dumps(LogisticRegression(max_iter=2_000).fit(*data)))
    done = call("program", "import", "model.pkl", "--unpickle", "--rows", "train.csv", "-o", "m.tally")
    assert "the model has 3 features, the rows have 4 columns" in done.err
    assert "name the label's column" in done.err


def test_invalid_models(data: tuple[np.ndarray, np.ndarray]) -> None:
    Path("broken.pkl").write_bytes(b"no pickle")
    Path("broken.txt").write_bytes(b"no model")
    for name, cause in (
        ("broken.pkl", "cannot be loaded"),
        ("broken.txt", "no importer knows"),
        ("absent", "cannot be read"),
    ):
        done = call("program", "import", name, "--unpickle", "--rows", "train.csv", "--label", "y", "-o", "m.tally")
        assert done.code in (1, 2)
        assert cause in done.err, done.err
