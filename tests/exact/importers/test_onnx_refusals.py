"""ONNX graphs that are refused, by name; bytes that are none."""

from __future__ import annotations

import contextlib
import math
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tallystick.errors import MissingExtra, ProgramError
from tallystick.exact.importers import FloatLinear, ImportOptions, import_model
from tallystick.exact.importers._onnx import read_onnx

from .onnx_graphs import (
    FEATURES,
    OPTIONS,
    SPEC,
    W,
    classifier,
    ensemble,
    graph,
    layers,
    node,
    refused,
    regressor,
)  # fmt: skip

ONES = np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("model", "words", "step"),
    [
        (graph([regressor(aggregate_function="MIN")]), "takes the MIN of its trees", "sums and averages"),
        (graph([regressor(aggregate_function="MAX")]), "takes the MAX of its trees", "sums and averages"),
        (graph([regressor(post_transform="PROBIT")]), "ends in PROBIT", "NONE, LOGISTIC or SOFTMAX"),
        (graph([regressor(post_transform="SOFTMAX_ZERO")]), "ends in SOFTMAX_ZERO", "NONE"),
        (graph([regressor("BRANCH_MAYBE")]), "compares by BRANCH_MAYBE", "Supported are"),
        (graph([regressor("BRANCH_EQ", 2.0**24)]), "tests equality with a number that float32 rounds", "smaller codes"),
        (graph([regressor(base_values=[1.0, 2.0])]), "has 2 base values for 1 outputs", ""),
        (graph([regressor(target_ids=[0, 0, 1])]), "base values for 1 outputs", ""),
        (graph([regressor(base_values=[0.0, 1.0], n_targets=2, target_ids=[0, 0, 1])]), "may get no weight for", "Con"),
        (graph([classifier(class_ids=[0, 1, 1])], outputs=("y",)), "may get no weight for", "each class"),
        (graph([classifier(base_values=[0.0, 1.0])], outputs=("y",)), "read in different ways", "one base value"),
        (graph([classifier(class_ids=[1] * 3, base_values=[1.0])], outputs=("y",)), "read in different ways", ""),
        (graph([regressor(target_nodeids=[1, 3, 3])]), "two weights for one output", ""),
        (graph([regressor(nodes_nodeids=[0, 1, 2, 3, 3])]), "names a node twice", ""),
        (graph([regressor(nodes_truenodeids=[1, 0, 0, 0, 0])]), "nodes that no root leads to", ""),
        (graph([regressor(nodes_truenodeids=[1, 0, 2, 0, 0])]), "trees without one root", ""),
        (graph([regressor(nodes_truenodeids=[1, 0, 1, 0, 0])]), "without one root", ""),
        (graph([regressor(nodes_truenodeids=[1, 0, 9, 0, 0], nodes_treeids=[0, 0, 0, 5, 0])]), "one parent", ""),
        (graph([regressor(nodes_values=[0.0])]), "not a ONNX model", "whole file"),
        (graph([classifier(classlabels_int64s=None)], outputs=("y",)), "base values for 0 outputs", ""),
        (graph([ensemble(2)], ml=5), "takes the MIN", ""),
        (graph([ensemble(tree_roots=None)], ml=5), "has no trees", ""),
        (graph([ensemble(tree_roots=[0, -3])], ml=5), "not a ONNX model", ""),
        (graph([ensemble(nodes_truenodeids=[0, 0, 2, 4])], ml=5), "node with two parents", ""),
        (graph([ensemble(n_targets=1)], ml=5), "leaf of no output", ""),
        (graph([ensemble(membership_values=None)], ml=5), "another number of sets", ""),
        (graph([node("LinearRegressor", coefficients=[1.0, 2.0, 3.0])]), "3 coefficients for 2 features", ""),
        (graph([node("LinearRegressor", coefficients=[1.0, 2.0], post_transform="PROBIT")]), "ends in PROBIT", ""),
        (graph([node("LinearRegressor", coefficients=[1.0, 2.0])], kind=TensorProto.STRING), "is no number", "float32"),
        (graph([node("Cast", "x", "y", to=TensorProto.INT64)]), "another type than float32", ""),
        (graph([node("Identity")]), "no model between", ""),
        (graph([node("Tanh")]), "uses Tanh on its inputs", "Supported are"),
        (graph([node("Flatten", axis=2)]), "uses Flatten on its inputs", ""),
        (graph([node("Sub", "k x")], {"k": np.float32(1)}), "uses Sub on its inputs", ""),
        (graph([node("MatMul", "x w")], {"w": W}, kind=TensorProto.INT64), "uses MatMul on integers", "Cast"),
        (graph([node("Scaler", offset=[1.0] * 3, scale=[1.0])]), "scales 2 features by 3", ""),
        (graph([node("Scaler", offset=[math.nan], scale=[1.0])]), "scales 2 features by 2", ""),
        (graph([node("MatMul", "x x")]), "computed tensors|something else than constants", ""),
        (graph([node("MatMul", "w x")], {"w": W}), "whose input comes second", ""),
        (graph([node("MatMul", "x nothing")]), "something else than constants", ""),
        (graph([node("MatMul", "x w")], {"w": W[0]}), "weights of shape", ""),
        (graph([node("Gemm", "x w", transA=1)], {"w": W}), "transposes its input", ""),
        (graph([node("Gemm", "x w", alpha=0.5)], {"w": W}), "alpha or beta", "Multiply the factors"),
        (graph([node("Gemm", "x w nope")], {"w": W}), "something else than constants", ""),
        (graph([node("Gemm", "x w b")], {"w": W, "b": np.ones(2, np.float32)}), "adds 2 numbers to 3", ""),
        (graph([node("Gemm", "x w b", "h"), node("Add", "h b")], {"w": W, "b": ONES}), "adds constants twice", ""),
        (layers(node("Tanh", "z")), "uses Tanh after a layer", "ReLU"),
        (layers(node("Softmax", "z", axis=0)), "uses Softmax after a layer", ""),
        (layers(node("Sub", "one z")), "uses Sub after a layer", ""),
        (layers(node("Relu", "z", "q"), node("Add", "q one")), "uses Add after a layer", ""),
        (layers(node("Sigmoid", "z", "p"), node("Mul", "p labels")), "uses Mul on the scores", ""),
        (layers(node("Sigmoid", "z", "p"), node("Exp", "p")), "uses Exp on the scores", ""),
        (layers(node("Add", "z r")), "computed tensors", ""),
        (graph([node("Neg", "k", "m"), node("Identity")], {"k": W}), "computes with Neg on constants", ""),
        (graph([node("Neg", "later", "m"), node("Identity")]), "operations out of order", ""),
        (graph([regressor(), node("LinearRegressor", "x", "z", coefficients=[1.0, 2.0])], outputs=("y", "z")),
         "outputs of several models", ""),
        (graph([node("MatMul", "x w")], {"w": W.astype(complex)}), "constants of type complex", ""),
    ],
)  # fmt: skip
def test_invalid_graphs(model: onnx.ModelProto, words: str, step: str) -> None:
    refused(model, words, step)


def test_invalid_inputs_and_constants() -> None:
    several = graph([node("Identity")])
    several.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [None, 1]))
    refused(several, "has 2 inputs", "one input of shape")
    sparse = graph([node("Identity")])
    sparse.graph.sparse_initializer.add()
    refused(sparse, "sparse constants", "dense")
    outside = graph([node("MatMul", "x w")], {"w": W})
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    refused(outside, "numbers in another file", "onnx.save")
    texts = graph([node("MatMul", "x w")], {"w": W})
    texts.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [1], [b"label"]))
    assert isinstance(read_onnx(texts, 2), FloatLinear)


def test_invalid_iterations() -> None:
    with pytest.raises(ProgramError, match="has no iterations"):
        read_onnx(graph([regressor()]), 2, ImportOptions(iterations=3))


def test_onnx_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match="onnx is not installed"):
        read_onnx(b"", 2)


@pytest.mark.parametrize("model", [b"\x08", b"\x08\x07\x3a\xff\xff", b"\x08\x09", object()])
def test_invalid_bytes(model: Any) -> None:
    with pytest.raises(ProgramError):
        read_onnx(model, 2)


SEEDS = [its.SerializeToString() for its in (
    graph([regressor(base_values=[0.5])]), graph([classifier()], outputs=("label", "y")), graph([ensemble()], ml=5),
    layers(node("Softmax", "z")), graph([node("LinearRegressor", coefficients=[1.0, 2.0])]),
)]  # fmt: skip


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4), st.data())
def test_invalid_changed_bytes_are_refused_or_read(seed: bytes, changes: list[tuple[int, int]], data: Any) -> None:
    """Whatever the bytes, a program or our own refusal."""
    changed = bytearray(seed)
    for place, value in changes:
        changed[place % len(changed)] = value
    cut = data.draw(st.one_of(st.just(len(changed)), st.integers(1, len(changed))))
    with contextlib.suppress(ProgramError):
        import_model(b"\x08" + bytes(changed[1:cut]), FEATURES, SPEC, OPTIONS)
