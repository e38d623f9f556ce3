"""What quantisers cost: models trained on floats, and their programs, on rows kept from training.

    python bench/quantise.py            a table
    python bench/quantise.py --json     one JSON object

scikit-learn's breast-cancer set, every second row to train on, the others to judge. Ranges are those of all rows;
"clipped" takes the training rows' range and clips the few rows outside. Everything else is made of the training rows.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tallystick.exact.importers import QuantiserOptions, fit_quantisers, import_quantised

CASES = ((16, False), (16, True), (12, False), (8, False), (6, False))  # bits, clipped
SPEC = bytes(32)  # no feature spec: the columns are the data set's own


def models() -> dict[str, Any]:
    return {
        "gradient boosting": GradientBoostingClassifier(n_estimators=50, random_state=0),
        "histogram boosting": HistGradientBoostingClassifier(max_iter=50, random_state=0),
        "random forest": RandomForestClassifier(n_estimators=50, random_state=0),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "perceptron 30-16-1": make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=2000, random_state=0)),
    }


def measure(trained: dict[str, Any]) -> list[dict[str, Any]]:
    values, labels = load_breast_cancer(return_X_y=True)
    names = [f"feature_{column}" for column in range(values.shape[1])]
    cases = []
    for name, model in trained.items():
        model.fit(values[::2], labels[::2])
        wide = not hasattr(model, "steps") or not isinstance(model[-1], MLPClassifier)
        for bits, clip in CASES:
            options = QuantiserOptions(bits=bits, clip=clip, keep_whole=wide)
            quantisers = fit_quantisers(names, values[::2] if clip else values, options)
            made = import_quantised(model, values[::2], SPEC, quantisers)
            report = made.measure(values[1::2], labels[1::2]).as_json()
            del report["features"]
            cases.append({"model": name, "bits": bits, "clip": clip, **report})
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="two models only")
    options = parser.parse_args()
    trained = models()
    if options.quick:
        trained = {name: trained[name] for name in ("gradient boosting", "logistic regression")}
    cases = measure(trained)
    if options.json:
        print(json.dumps({"cases": cases}))
        return
    print("| model | bits | AUC as floats | AUC as a program | largest difference | mean | bound | changed |")
    print("|---|---|---|---|---|---|---|---|")
    for case in cases:
        numbers = [f"{case[name]:.6f}" for name in ("auc_float", "auc_program")]
        numbers += [f"{case[name]:.2g}" for name in ("largest_difference", "mean_difference", "bound")]
        bits = f"{case['bits']}{', clipped' if case['clip'] else ''}"
        print(f"| {case['model']} | {bits} | {' | '.join(numbers)} | {case['changed_decisions']} |")


if __name__ == "__main__":
    main()
