"""Every comparison, aggregate and operator of graphs built by hand, against ONNX Runtime."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tallystick.exact.importers import FloatLinear, FloatMlp, FloatTrees, import_model
from tallystick.exact.importers._onnx import read_onnx

from .onnx_graphs import (
    BRANCHES,
    FEATURES,
    FLOATS,
    OPTIONS,
    SPEC,
    W,
    check,
    classifier,
    ensemble,
    graph,
    layers,
    node,
    refused,
    regressor,
    rows_near,
    stump,
)  # fmt: skip


@pytest.mark.parametrize("mode", BRANCHES)
@pytest.mark.parametrize("value", [3.0, 2.5, -8.0, float(1 << 24) - 1, float(np.float32(1e-3))])
def test_every_comparison(mode: str, value: float) -> None:
    check(graph([regressor(mode, value)]), rows_near(value))


@pytest.mark.parametrize("mode", BRANCHES[:4])
@pytest.mark.parametrize("value", [float(1 << 25), float(1 << 24), math.inf, -math.inf])
def test_comparisons_where_float32_rounds_integers(mode: str, value: float) -> None:
    check(graph([regressor(mode, value)]), rows_near(min(max(value, -8), 1 << 26)))


@pytest.mark.parametrize("mode", BRANCHES[:4])
def test_float64_inputs_and_thresholds(mode: str) -> None:
    value = 2.0**25 + 1
    values, weights = [value, 0.0, 0.5, 0.0, 0.0], stump(mode, value)["target_weights"]
    change = {
        "nodes_values": None, "nodes_values_as_tensor": numpy_helper.from_array(np.array(values)),
        "target_weights": None, "target_weights_as_tensor": numpy_helper.from_array(np.array(weights)),
    }  # fmt: skip
    check(graph([regressor(mode, value, **change)], kind=TensorProto.DOUBLE), rows_near(value))


@pytest.mark.parametrize("mode", BRANCHES[:4])
def test_integer_inputs_become_float32(mode: str) -> None:
    value = 2.0**25
    modes = [mode, "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"]
    tree = classifier(class_ids=[1, 1, 1], nodes_values=[value, 0.0, 0.5, 0.0, 0.0], nodes_modes=modes)
    check(graph([tree], kind=TensorProto.INT64, outputs=("label", "y")), rows_near(value))


def test_averages_base_values_and_several_outputs() -> None:
    second = {
        "nodes_treeids": [0] * 5 + [7], "nodes_nodeids": [0, 1, 2, 3, 4, 0], "nodes_featureids": [0, 0, 1, 0, 0, 0],
        "nodes_values": [3.0, 0, 0.5, 0, 0, 0], "nodes_truenodeids": [1, 0, 3, 0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        "nodes_falsenodeids": [2, 0, 4, 0, 0, 0], "target_treeids": [0, 0, 0, 0, 7, 0], "n_targets": 2,
        "target_nodeids": [1, 3, 4, 4, 0, 1], "target_ids": [0, 0, 0, 1, 1, 1],
        "target_weights": [1.5, 2.5, 0.5, 4.0, 8.0, 0.25],
    }  # fmt: skip
    for aggregate in ("SUM", "AVERAGE"):
        program = check(graph([regressor(base_values=[0.5, -1.0], aggregate_function=aggregate, **second)]))
        assert program.model.divisor == (2 if aggregate == "AVERAGE" else 1)


@pytest.mark.parametrize(("base", "column"), [(None, 0), ([0.25], 0), (None, 1)])
@pytest.mark.parametrize("positive", [False, True])
def test_two_classes_of_one_column(base: Any, column: int, positive: bool) -> None:
    weights = [0.75, 0.25, 0.5] if positive else [1.5, -2.25, 4.0]
    tree = classifier(base_values=base, class_weights=weights, class_ids=[column] * 3)
    program = check(graph([tree], outputs=("label", "y")))
    assert (program.metadata["classes"], program.model.outputs) == ('["0", "1"]', 1)


def test_two_classes_of_two_columns() -> None:
    tree = classifier(
        class_ids=[0, 1, 1, 1], class_nodeids=[1, 1, 3, 4], class_treeids=[0] * 4, class_weights=[1.5, 2.0, -2.25, 4.0],
        classlabels_int64s=None, classlabels_strings=["no", "yes"],
    )  # fmt: skip
    program = check(graph([tree], outputs=("label", "y")))
    assert (program.metadata["classes"], program.model.outputs) == ('["no", "yes"]', 2)


@pytest.mark.parametrize("aggregate", [0, 1])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_tree_ensemble_of_version_five(aggregate: int, kind: int) -> None:
    float_type = FLOATS[kind]
    model = graph([ensemble(aggregate, float_type)], kind=kind, ml=5)
    program = check(model, [[a, b] for a in (-8, 0, 2, 3, 4, 5, 9) for b in (-1, 0, 1, 2, 3, 4)])
    assert program.model.outputs == 2
    open_end = numpy_helper.from_array(np.array([1, 2.5, 3, np.nan, 5, 9], float_type))  # the last set without its NaN
    again = import_model(
        graph([ensemble(aggregate, float_type, membership_values=open_end)], kind=kind, ml=5), FEATURES, SPEC, OPTIONS
    )
    assert again == program


def test_constant_nodes_and_models_in_memory() -> None:
    bias = numpy_helper.from_array(np.array([1.0, -2.0], np.float32))
    nodes = [node("Constant", "", "b", value=bias), node("MatMul", "x w", "m"), node("Add", "m b", "y")]
    nodes[0].ClearField("input")
    model = graph(nodes, {"w": np.array([[1, 2], [3, 4]], np.float32)})
    check(model)
    assert import_model(model, FEATURES, SPEC, OPTIONS) == import_model(
        model.SerializeToString(), FEATURES, SPEC, OPTIONS
    )


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("Gemm", "x w b")], {"w": W, "b": np.array([1, 2, 3], np.float32)}),
        ([node("Gemm", "x w")], {"w": W}),
        ([node("Gemm", "x w b", transB=1)], {"w": W.T.copy(), "b": np.array([[1, 2, 3]], np.float32)}),
        ([node("Gemm", "x w b")], {"w": W, "b": np.array([5], np.float32)}),
        ([node("MatMul", "x w", "m"), node("Sub", "m b")], {"w": W, "b": np.array([1, 2, 3], np.float32)}),
        ([node("MatMul", "x w", "m"), node("Add", "b m")], {"w": W, "b": np.array([1, 2, 3], np.float32)}),
        ([node("Flatten", "x", "f"), node("Identity", "f", "i"), node("MatMul", "i w")], {"w": W}),
        ([node("Scaler", "x", "s", offset=[1.0, 2.0], scale=[0.5, 0.25]), node("MatMul", "s w")], {"w": W}),
        ([node("Add", "k x", "s"), node("Div", "s k", "t"), node("MatMul", "t w")],
         {"w": W, "k": np.array([2, 4], np.float32)}),
        ([node("LinearRegressor", coefficients=[1.0, 2.0, 3.0, 4.0], intercepts=[0.5, 1.5], targets=2)], {}),
        ([node("LinearRegressor", coefficients=[1.0, 2.0])], {}),
    ],
)  # fmt: skip
def test_linear_graphs(nodes: list[Any], constants: dict[str, Any]) -> None:
    model = graph(nodes, constants)
    assert isinstance(read_onnx(model, 2), FloatLinear)
    check(model)


def test_casts_between_the_values_and_the_model() -> None:
    scale = [node("Cast", "x", "d", to=TensorProto.DOUBLE), node("Mul", "d k", "s")]
    rest = [node("Cast", "s", "f", to=TensorProto.FLOAT), node("MatMul", "f w")]
    model = graph(scale + rest, {"k": np.array([0.1, 3.0]), "w": W})
    source = read_onnx(model, 2)
    assert isinstance(source, FloatLinear)
    assert (source.sum_bits, source.value_bits, source.scaling.roundings) == (24, 24, 2)
    check(model)
    whole = graph(
        [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w")], {"w": W}, kind=TensorProto.INT64
    )
    check(whole)
    double = graph([node("MatMul", "x w")], {"w": W.astype(float)}, kind=TensorProto.DOUBLE)
    assert check(double).error_bound.numerator < check(whole).error_bound.numerator


def test_scaled_trees() -> None:
    scaler = node("Scaler", "x", "s", offset=[1.0, 2.0], scale=[0.3, 2.0])
    tree = regressor(value=1e6)
    tree.input[0] = "s"
    check(graph([scaler, tree]), [[a, b] for a in (-8, 0, 3333333, 3333334, 3333335) for b in (0, 1, 2, 3)])


@pytest.mark.parametrize(
    ("ends", "link", "classes"),
    [
        ([], "identity", ()),
        ([node("Sigmoid", "z")], "logistic", ()),
        ([node("Softmax", "z", axis=1)], "softmax", ()),
        ([node("Softmax", "z", "p"), node("ArgMax", "p", "l"), node("Mul", "p one")], "softmax", ()),
        ([node("Softmax", "z", "p"), node("ZipMap", "p", classlabels_strings=["n", "y"])], "softmax", ("n", "y")),
        ([node("ArgMax", "z", "l"), node("Reshape", "z labels", "y")], "identity", ()),
    ],
)
def test_perceptron_graphs(ends: list[Any], link: str, classes: tuple[str, ...]) -> None:
    source = read_onnx(layers(*ends), 2)
    assert isinstance(source, FloatMlp)
    assert (source.link, source.classes, source.sum_bits) == (link, classes, 24)
    assert [layer.relu for layer in source.layers] == [True, False]
    assert source.layers[0].weight[1] == [-1.5, 0.25]


def test_probabilities_win_over_labels() -> None:
    model = layers(node("Sigmoid", "z", "p"), node("ArgMax", "z", "y"))
    model.graph.output.extend([helper.make_tensor_value_info("p", TensorProto.FLOAT, None)])
    assert read_onnx(model, 2).link == "logistic"


def test_width_comes_from_the_features_where_the_file_is_silent() -> None:
    model = graph([node("LinearRegressor", coefficients=[1.0, 2.0])], width=None)
    assert read_onnx(model, 2).names == ["", ""]


def test_classes_of_a_linear_classifier() -> None:
    parts = {"coefficients": [-1.0, 2.0, 1.0, -2.0], "intercepts": [0.5, -0.5], "classlabels_ints": [3, 4]}
    for transform, outputs in (("LOGISTIC", 1), ("NONE", 1), ("SOFTMAX", 2)):
        linear = node("LinearClassifier", outputs="l y", post_transform=transform, **parts)
        source = read_onnx(graph([linear], outputs=("l", "y")), 2)
        assert isinstance(source, FloatLinear)
        assert (len(source.intercept), source.classes) == (outputs, ["3", "4"])
        normal = node("Normalizer", "y", "n", norm="L1")
        if transform == "NONE":
            refused(graph([linear, normal], outputs=("n",)), "normalises its scores")
        else:
            assert read_onnx(graph([linear, normal], outputs=("n",)), 2).link == transform.lower()


@given(st.integers(0, 1 << 32))
def test_random_trees_equal_onnx_runtime(seed: int) -> None:
    """Every comparison at every node, two outputs, rows at the thresholds."""
    random = np.random.default_rng(seed)
    inner = int(random.integers(1, 8))
    values = random.choice([0.0, 1.0, 2.5, -3.0, 7.25, 2.0**24 - 1, 2.0**25], inner)
    small = np.abs(values) < 1 << 24
    modes = [str(random.choice(BRANCHES if few else BRANCHES[:4])) for few in small]
    total = 2 * inner + 1  # node i has children 2i+1 and 2i+2
    true, false = [2 * i + 1 for i in range(inner)], [2 * i + 2 for i in range(inner)]
    leaves = list(range(inner, total))
    parts = {
        "nodes_treeids": [0] * total, "nodes_nodeids": list(range(total)),
        "nodes_featureids": [*random.integers(0, 2, inner).tolist(), *[0] * len(leaves)],
        "nodes_values": [*values.tolist(), *[0.0] * len(leaves)], "nodes_modes": [*modes, *["LEAF"] * len(leaves)],
        "nodes_truenodeids": [*true, *[0] * len(leaves)], "nodes_falsenodeids": [*false, *[0] * len(leaves)],
        "target_treeids": [0] * len(leaves), "target_nodeids": leaves, "n_targets": 2,
        "target_ids": random.integers(0, 2, len(leaves)).tolist(),
        "target_weights": random.normal(0, 4, len(leaves)).astype(np.float32).tolist(),
    }  # fmt: skip
    rows = [[a, b] for value in values for a in (int(value), int(value) + 1) for b in (0, 1, 2, 3, 7, -3)]
    check(graph([node("TreeEnsembleRegressor", **parts)]), rows)
    assert isinstance(read_onnx(graph([node("TreeEnsembleRegressor", **parts)]), 2), FloatTrees)
