"""What the fuzzer runs: bytes in, our own errors out, and no accepted program on which two runtimes differ.

``scripts/fuzz TARGET --seconds 600`` from the project's root; ``tests/fuzz/test_fuzz.py`` runs each for a few seconds.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.errors import TallyError
from tallystick.exact import FastProgram, Feature, Program, TreeEnsemble, score_outputs
from tallystick.exact.importers import import_model

VECTORS = Path(__file__).parent.parent / "vectors" / "program_v1"
FEATURES = (Feature("f0", 0, 1_000), Feature("f1", -500, 500), Feature("f2", 0, (1 << 40) - 1))
_LARGEST = 400  # numbers in a program that is also run, compilation aside


def loader(data: bytes) -> None:
    """Any bytes are refused, or are the one spelling of a program on which the runtimes agree."""
    try:
        program = Program.from_bytes(data)
    except TallyError:
        return
    assert program.to_bytes() == data
    agree(program)


def importer(data: bytes) -> None:
    """Any bytes are refused, or become a program on which the runtimes agree."""
    try:
        program = import_model(data, FEATURES, bytes(32))
    except TallyError:
        return
    assert Program.from_bytes(program.to_bytes()) == program
    agree(program)


def agree(program: Program) -> None:
    """Reference and compiled interpreter give the same on the corners of the domain, and in its middle."""
    if _size(program) > _LARGEST:
        return
    corners = [[f.low for f in program.features], [f.high for f in program.features]]
    rows = [*corners, [(low + high) // 2 for low, high in zip(*corners, strict=True)]]
    found = FastProgram(program).outputs(np.array(rows, np.int64))
    assert found.tolist() == [list(score_outputs(program, row)) for row in rows]


def _size(program: Program) -> int:
    if isinstance(program.model, TreeEnsemble):
        return sum(len(tree.feature) for tree in program.model.trees)
    return len(program.features) * program.model.outputs


def program_seeds() -> Iterable[bytes]:
    """Programs of every kind, and bytes that must be refused."""
    for path in sorted(VECTORS.glob("*.json")):
        content = json.loads(path.read_text(encoding="ascii"))
        for item in content.get("refuse", [content]):
            data = bytes.fromhex(item["program"][2:])
            if len(data) < 4_000:
                yield data


def training_data() -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    rows = np.stack([random.integers(f.low, f.high, 200, endpoint=True) for f in FEATURES], axis=1).astype(np.float64)
    return rows, (rows[:, 0] + rows[:, 1] > 500).astype(int)


def lightgbm_seeds() -> Iterable[bytes]:
    import lightgbm

    rows, labels = training_data()
    names = [feature.name for feature in FEATURES]
    for parameters in (
        {"objective": "binary"},
        {"objective": "multiclass", "num_class": 3},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
    ):
        data = lightgbm.Dataset(rows, labels, feature_name=names)
        booster = lightgbm.train({"verbose": -1, "num_leaves": 4, **parameters}, data, 2)
        yield booster.model_to_string().encode()
        yield json.dumps(booster.dump_model()).encode()


def xgboost_seeds() -> Iterable[bytes]:
    import xgboost

    rows, labels = training_data()
    names = [feature.name for feature in FEATURES]
    for parameters in (
        {"objective": "binary:logistic"},
        {"objective": "multi:softprob", "num_class": 3},
        {"booster": "dart"},
    ):
        data = xgboost.DMatrix(rows, labels, feature_names=names)
        booster = xgboost.train({"max_depth": 2, **parameters}, data, 2)
        yield bytes(booster.save_raw("json"))
        yield bytes(booster.save_raw("ubj"))


def catboost_seeds() -> Iterable[bytes]:
    import tempfile

    import catboost

    rows, labels = training_data()
    with tempfile.TemporaryDirectory() as folder:
        model = catboost.CatBoostClassifier(
            iterations=2, depth=2, verbose=False, allow_writing_files=False, thread_count=1
        )
        model.fit(catboost.Pool(rows, labels, feature_names=[feature.name for feature in FEATURES]))
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        yield path.read_bytes()


def onnx_seeds() -> Iterable[bytes]:
    """Trees, a linear model and a perceptron as skl2onnx writes them."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPRegressor

    rows, labels = training_data()
    models = (
        GradientBoostingClassifier(n_estimators=2, max_depth=2),
        RandomForestRegressor(n_estimators=2, max_depth=2, random_state=1),
        LogisticRegression(max_iter=10_000),
        MLPRegressor(hidden_layer_sizes=(2,), max_iter=5, random_state=1),
    )
    small = rows / [1_000, 500, 1 << 40]  # what perceptrons and linear models can be fitted on
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the models need not be good
        for model, values in zip(models, (rows, rows, small, small), strict=True):
            model.fit(values, labels)
            yield to_onnx(model, rows[:1].astype(np.float32)).SerializeToString()


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterable[bytes]]]] = {
    "loader": (loader, program_seeds),
    "lightgbm": (importer, lightgbm_seeds),
    "xgboost": (importer, xgboost_seeds),
    "catboost": (importer, catboost_seeds),
    "onnx": (importer, onnx_seeds),
}
