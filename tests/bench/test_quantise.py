from __future__ import annotations

import quantise
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_more_bits_cost_less() -> None:
    cases = quantise.measure({"logistic": make_pipeline(StandardScaler(), LogisticRegression())})
    plain = {case["bits"]: case["mean_difference"] for case in cases if not case["clip"]}
    assert plain[16] < plain[12] < plain[8] < plain[6]
    assert all(abs(case["auc_program"] - case["auc_float"]) < 0.01 for case in cases)


def test_every_kind_of_model_is_measured() -> None:
    assert len(quantise.models()) == 5
