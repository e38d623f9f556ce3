"""ONNX graphs built by hand, run by ONNX Runtime, compared with their programs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tallystick.errors import ProgramError
from tallystick.exact import Feature, Program, score_outputs
from tallystick.exact.importers import ImportOptions, import_model
from tallystick.exact.importers._onnx import read_onnx

SPEC = bytes(range(32))
FEATURES = (Feature("a", -8, 1 << 26), Feature("b", -8, 8))
OPTIONS = ImportOptions(scale_bits=30)
ML = "ai.onnx.ml"
BRANCHES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
FLOATS = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.INT64: np.int64}


def graph(
    nodes: list[Any], constants: dict[str, Any] | None = None, outputs: tuple[str, ...] = ("y",), ml: int = 3,
    kind: int = TensorProto.FLOAT, width: Any = 2,
) -> onnx.ModelProto:  # fmt: skip
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, [None, width])],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, ml)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def node(operation: str, inputs: str = "x", outputs: str = "y", **attributes: Any) -> Any:
    domain = ML if operation[0:4] in ("Tree", "Line", "Scal", "ZipM", "Arra", "Norm") else ""
    return helper.make_node(operation, inputs.split(), outputs.split(), domain=domain, **attributes)


def stump(mode: str, value: float, feature: int = 0) -> dict[str, Any]:
    """One node, three leaves: the comparison, and on its false side another one."""
    return {
        "nodes_treeids": [0] * 5,
        "nodes_nodeids": [0, 1, 2, 3, 4],
        "nodes_featureids": [feature, 0, 1, 0, 0],
        "nodes_values": [value, 0.0, 0.5, 0.0, 0.0],
        "nodes_modes": [mode, "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 3, 0, 0],
        "nodes_falsenodeids": [2, 0, 4, 0, 0],
        "target_treeids": [0, 0, 0],
        "target_nodeids": [1, 3, 4],
        "target_ids": [0, 0, 0],
        "target_weights": [1.5, -2.25, 4.0],
        "n_targets": 1,
    }


def regressor(mode: str = "BRANCH_LEQ", value: float = 3.0, **changes: Any) -> Any:
    parts = stump(mode, value) | changes
    return node("TreeEnsembleRegressor", **{name: its for name, its in parts.items() if its is not None})


def classifier(**changes: Any) -> Any:
    parts = {name.replace("target_", "class_"): its for name, its in stump("BRANCH_LEQ", 3.0).items()}
    del parts["n_targets"]
    parts = {"classlabels_int64s": [0, 1]} | parts | changes
    return node("TreeEnsembleClassifier", outputs="label y", **{n: its for n, its in parts.items() if its is not None})


def rows_near(value: float) -> list[list[int]]:
    middle = int(value) if math.isfinite(value) else 0
    near = [middle + step for step in (-4, -2, -1, 0, 1, 2, 3, 4)]
    return [[min(max(a, -8), 1 << 26), b] for a in (*near, -8, 0, 1 << 26) for b in (0, 1)]


def run(model: onnx.ModelProto, rows: list[list[int]], output: str = "y") -> np.ndarray:
    kind = FLOATS[model.graph.input[0].type.tensor_type.elem_type]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run([output], {"x": np.array(rows, kind)})
    return np.asarray(result, np.float64).reshape(len(rows), -1)


def check(model: onnx.ModelProto, rows: list[list[int]] | None = None) -> Program:
    """Raw scores of a model without a link are ONNX Runtime's, within the bound."""
    program = import_model(model.SerializeToString(), FEATURES, SPEC, OPTIONS)
    rows = rows or rows_near(3)
    for row, their in zip(rows, run(model, rows).tolist(), strict=True):
        raws = score_outputs(program, row)
        for raw, score in zip(raws, their[-len(raws) :], strict=True):
            assert abs(raw - Fraction(score) * (1 << program.scale_bits)) <= program.error_bound.numerator
    return program


def ensemble(aggregate: int = 1, kind: Any = np.float32, **changes: Any) -> Any:
    parts: dict[str, Any] = {
        "tree_roots": [0, 3],
        "nodes_modes": numpy_helper.from_array(np.array([0, 6, 6, 4], np.uint8)),
        "nodes_featureids": [0, 1, 0, 1],
        "nodes_splits": numpy_helper.from_array(np.array([3.5, 0, 0, 2], kind)),
        "nodes_truenodeids": [1, 0, 2, 4],
        "nodes_trueleafs": [0, 1, 1, 1],
        "nodes_falsenodeids": [2, 1, 3, 4],
        "nodes_falseleafs": [0, 1, 1, 1],
        "membership_values": numpy_helper.from_array(np.array([1, 2.5, 3, np.nan, 5, 9, np.nan], kind)),
        "leaf_targetids": [0, 1, 0, 1, 0],
        "leaf_weights": numpy_helper.from_array(np.array([1.5, 2.25, -4, 8, 0.75], kind)),
        "n_targets": 2,
        "aggregate_function": aggregate,
        "post_transform": 0,
    }
    return node("TreeEnsemble", **{name: its for name, its in (parts | changes).items() if its is not None})


W = np.array([[0.5, -1.5, 2], [3, 0.25, -1]], np.float32)  # (inputs, outputs)


def layers(*ends: Any, link: str = "") -> onnx.ModelProto:
    nodes = [node("Gemm", "x w b", "h"), node("Relu", "h", "r"), node("Gemm", "r v", "z" if ends else "y"), *ends]
    constants = {
        "w": W, "b": np.array([1, 2, 3], np.float32), "v": np.array([[1, -1], [0.5, 2], [3, 1]], np.float32),
        "one": np.array(1, np.float32), "labels": np.array([4, 5]),
    }  # fmt: skip
    return graph(nodes, constants)


def refused(model: Any, words: str, step: str = "") -> None:
    with pytest.raises(ProgramError, match=words) as refusal:
        read_onnx(model, 2)
    assert step in refusal.value.advice
