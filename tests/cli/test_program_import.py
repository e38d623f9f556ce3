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
from sklearn.ensemble import GradientBoostingClassifier
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
        (["--label", "z"], "no column of this name"),
        (["--bits", "99"], "quantiser.bits"),
    ],
)
def test_invalid_options(data: tuple[np.ndarray, np.ndarray], flags: list[str], cause: str) -> None:
    Path("model.pkl").write_bytes(pickle.dumps(LogisticRegression(max_iter=2_000).fit(*data)))
    arguments = ["program", "import", "model.pkl", "--unpickle", "--rows", "train.csv", "-o", "m.tally"]
    done = call(*arguments, "--label", "y", *flags)
    assert done.code != 0
    assert cause.lower() in done.err.lower()


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
