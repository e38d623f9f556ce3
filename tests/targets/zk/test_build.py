"""The circuit's graph, run by ONNX Runtime, gives the reference's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.exact import DenseLayer, Feature, Linear, Mlp, Program, Tree, TreeEnsemble, score_outputs
from tallystick.targets.zk import Circuit, circuit

from .programs import KINDS, finished, small_programs, some_rows


def run(made: Circuit, rows: list[list[int]]) -> list[tuple[int, ...]]:
    """Public outputs by ONNX Runtime, with everything that rewrites the graph turned off."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(made.model, options, providers=["CPUExecutionProvider"])
    return [
        tuple(int(value) for value in session.run(None, {"values": np.array([made.inputs(row)], np.float64)})[0][0])
        for row in rows
    ]


def check(program: Program, rows: list[list[int]]) -> None:
    made = circuit(program)
    assert [made.raws(sums) for sums in run(made, rows)] == [score_outputs(program, row) for row in rows]


@settings(max_examples=60)
@given(small_programs(), st.integers(0, 1 << 32))
def test_graph_gives_the_reference(program: Program, seed: int) -> None:
    check(program, some_rows(program, 12, seed))


@pytest.mark.parametrize("kind", KINDS)
def test_graph_gives_the_reference_on_many_rows(kind: str) -> None:
    program = KINDS[kind](5)
    check(program, some_rows(program, 300))


FEATURES = (Feature("a", -5, 10), Feature("b", 0, 65_535))
STUMP = Tree((1,), (7,), (-1,), (-2,), (0,), (-(1 << 30) - 1, 3))


@pytest.mark.parametrize(
    ("model", "row", "sums"),
    [
        (TreeEnsemble((STUMP,)), (0, 7), (-(1 << 30) - 1,)),
        (TreeEnsemble((STUMP,)), (0, 8), (3,)),
        (TreeEnsemble((STUMP,) * 3, (-2,), (), 5), (0, 8), (9 - 10,)),
        (TreeEnsemble((STUMP,), (4, 9), (1,)), (0, 8), (4, 12)),
        (TreeEnsemble((), (-7,)), (0, 0), (-7,)),
        (Linear(((2, -1),), (100,), (0, 0)), (-5, 3), (87,)),
        (Linear(((0, 0), (0, 1)), (0, -1), (0, 0)), (1, 3), (0, 2)),
        (Mlp((DenseLayer(((1, -1),), (0,), 1, -(1 << 31), (1 << 31) - 1),)), (-5, 2), (-4,)),  # floor(-7 / 2)
        (Mlp((DenseLayer(((1, -1),), (0,), 0, -3, 2),)), (-5, 2), (-3,)),
        (Mlp((DenseLayer(((1, 1),), (0,), 0, -3, 2),)), (5, 2), (2,)),
        (Mlp((DenseLayer(((127, 1),), (1 << 20,), 31, -(1 << 31), (1 << 31) - 1),)), (5, 2), (0,)),
    ],
)
def test_graph_by_hand(model: Any, row: tuple[int, ...], sums: tuple[int, ...]) -> None:
    program = finished(FEATURES, model)
    assert run(circuit(program), [list(row)]) == [sums]
    check(program, [list(row)])


def test_a_comparison_of_several_trees_is_made_once() -> None:
    once, often = (circuit(finished(FEATURES, TreeEnsemble((STUMP,) * count))) for count in (1, 9))
    (asked,) = (node for node in onnx.load_from_string(often.model).graph.node if node.op_type == "Less")
    shapes = onnx.shape_inference.infer_shapes(onnx.load_from_string(often.model)).graph.value_info
    assert next(info for info in shapes if info.name == asked.output[0]).type.tensor_type.shape.dim[1].dim_value == 1
    assert once.legs == often.legs


def test_graph_is_valid_and_of_few_operators() -> None:
    for make in KINDS.values():
        model = onnx.load_from_string(circuit(make(3)).model)
        onnx.checker.check_model(model)
        assert {node.op_type for node in model.graph.node} <= {
            "Add", "Cast", "Concat", "Div", "Floor", "Gather", "Identity", "Less", "MatMul", "Mul", "Relu", "Sub",
        }  # fmt: skip


def test_constants_are_exact_as_32_bit_floats() -> None:
    """ezkl reads them as such: what is not would prove another model."""
    for kind, make in KINDS.items():
        for seed in range(8):
            for constant in onnx.load_from_string(circuit(make(seed)).model).graph.initializer:
                array = onnx.numpy_helper.to_array(constant)
                assert np.array_equal(array, array.astype(np.float32).astype(array.dtype)), kind
