"""Programs as ONNX models: the reference's bits, integer operators only, and rows outside the domain are seen."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings

from tallystick.errors import MissingExtra, ProgramError
from tallystick.exact import (
    Calibration,
    DenseLayer,
    ErrorBound,
    Feature,
    Linear,
    Mlp,
    Program,
    Tree,
    TreeEnsemble,
    score_outputs,
    score_row,
)
from tallystick.runtimes._rows import outside_rows, probe_rows
from tallystick.targets.onnx import HASH_KEY, to_onnx
from tallystick.targets.onnx._graph import Graph

from ...exact.kinds import KINDS, every_kind
from ...exact.programs import ladder, program

INT64_MAX = (1 << 63) - 1
INT32 = (-(1 << 31), (1 << 31) - 1)
# None of these has a float in it.
OPERATORS = {
    "Add", "And", "Cast", "Clip", "Concat", "Div", "Expand", "Gather", "GatherElements", "GreaterOrEqual", "Identity",
    "Less", "LessOrEqual", "MatMul", "Mul", "ReduceMin", "Shape", "Sub", "Where",
}  # fmt: skip


def run(model: bytes, rows: Any) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"rows": np.array(rows, np.int64)}), strict=True))


def check(tested: Program, rows: list[list[int]]) -> None:
    found = run(to_onnx(tested), rows)
    assert found["inside"].all()
    assert found["raw"].tolist() == [list(score_outputs(tested, row)) for row in rows]
    scores = [score_row(tested, row) for row in rows]
    assert found["ppm"].tolist() == [score.ppm for score in scores]
    assert found["flag"].tolist() == [score.flag for score in scores]


@settings(max_examples=80, deadline=None)
@given(every_kind())
def test_equals_reference(tested: Program) -> None:
    check(tested, probe_rows(tested, 40).tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_integers_only(kind: str) -> None:
    model = onnx.load_from_string(to_onnx(KINDS[kind](3)))
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} <= OPERATORS
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    assert len(values) >= len(inferred.node)
    allowed = {onnx.TensorProto.INT64, onnx.TensorProto.BOOL}
    assert {value.type.tensor_type.elem_type for value in values} == allowed
    assert {tensor.data_type for tensor in inferred.initializer} == {onnx.TensorProto.INT64}


@pytest.mark.parametrize("kind", KINDS)
def test_same_program_same_bytes(kind: str) -> None:
    tested = KINDS[kind](5)
    assert to_onnx(tested) == to_onnx(Program.from_bytes(tested.to_bytes()))


def test_metadata() -> None:
    model = onnx.load_from_string(to_onnx(program()))
    found = {item.key: item.value for item in model.metadata_props}
    assert found[HASH_KEY] == "0x" + program().hash.hex()
    assert json.loads(found["tallystick.features"]) == ["age_s", "value_log2"]
    assert (found["tallystick.scale_bits"], found["tallystick.decision"]) == ("8", "0")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_outside_are_seen(kind: str) -> None:
    tested = KINDS[kind](8)
    outside = outside_rows(tested)
    inside = [feature.low for feature in tested.features]
    found = run(to_onnx(tested), [inside, *outside, inside])["inside"].tolist()
    assert found == [True, *[False] * len(outside), True]


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_rows(kind: str, count: int) -> None:
    tested = KINDS[kind](2)
    rows = np.array([[feature.high for feature in tested.features]] * count, np.int64)
    found = run(to_onnx(tested), rows.reshape(count, len(tested.features)))
    assert {name: values.shape for name, values in found.items()} == {
        "raw": (count, tested.model.outputs), "ppm": (count,), "flag": (count,), "inside": (count,)
    }  # fmt: skip


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 33])
def test_calibration_at_each_breakpoint(steps: int) -> None:
    calibration = Calibration.of([(10 * i, 1000 * i) for i in range(steps)])
    tested = Program(
        (Feature("x", -5, 400),), bytes(32), Linear(((1,),), (0,), (0,)), 0, ErrorBound(0, ""), calibration
    )
    check(tested, [[value] for value in range(-5, 401)])


@pytest.mark.parametrize("base", [-INT64_MAX, INT64_MAX])
def test_ends_of_int64(base: int) -> None:
    calibration = Calibration.of([(-INT64_MAX, 5), (0, 10), (INT64_MAX, 20)])
    tested = Program((Feature("x", 0, 1),), bytes(32), TreeEnsemble((), (base,)), 0, ErrorBound(0, ""), calibration)
    check(tested, [[0], [1]])


@pytest.mark.parametrize("leaf", [-(1 << 62), 1 - (1 << 62), -7, -6, -1, 0, 1, 6, 7, (1 << 62) - 1])
@pytest.mark.parametrize("divisor", [2, 7, (1 << 32) - 1])
def test_division_floors(leaf: int, divisor: int) -> None:
    tree = Tree((0,), (0,), (-1,), (-2,), (leaf,), (leaf, leaf))
    tested = Program((Feature("x", 0, 1),), bytes(32), TreeEnsemble((tree,), (0,), (), divisor), 0, ErrorBound(0, ""))
    check(tested, [[0], [1]])


def test_sums_are_not_of_doubles() -> None:
    """Numbers above 2**53 that a double would round."""
    odd = (1 << 60) + 1
    tree = Tree((0,), (0,), (-1,), (-2,), (0,), (-odd, odd))
    features = (Feature("x", 0, 1), Feature("y", -odd, odd))
    check(Program(features, bytes(32), TreeEnsemble((tree, tree, tree), (5,)), 0, ErrorBound(0, "")), [[0, 0], [1, 0]])
    model = Linear(((odd, 1), (-odd, -1), (3, 1)), (7, -7, 0), (0, 0))
    check(Program(features, bytes(32), model, 0, ErrorBound(0, "")), [[0, odd], [1, odd], [1, -odd], [1, odd - 1]])


@pytest.mark.parametrize("shift", [0, 1, 31])
def test_shift_floors(shift: int) -> None:
    layer = DenseLayer(((-128,), (127,)), (-1, 1), shift, *INT32)
    features = (Feature("x", -(1 << 23), 1 << 23),)
    tested = Program(features, bytes(32), Mlp((layer,)), 0, ErrorBound(0, ""), decision=1)
    check(tested, [[-(1 << 23)], [-1], [0], [1], [1 << 23]])


def test_trees_of_different_depth() -> None:
    deep = Tree(
        tuple([0] * 30), tuple(range(29, -1, -1)), (*range(1, 30), -1), tuple(range(-31, -1)), (0,) * 30, (0,) * 31
    )
    model = TreeEnsemble((*ladder(3).model.trees, deep), (0,))
    tested = Program((Feature("x", 0, 40),), bytes(32), model, 0, ErrorBound(0, ""))
    check(tested, [[value] for value in range(41)])


def test_equal_constants_are_kept_once() -> None:
    graph = Graph()
    assert graph.constant([1, 2]) == graph.constant([1, 2]) != graph.constant([[1, 2]])


def test_invalid_size() -> None:
    graph = Graph(room=3)
    graph.constant([1, 2])
    with pytest.raises(ProgramError, match="too large for an ONNX file"):
        graph.constant([3, 4])


def test_invalid_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match="onnx is not installed"):
        to_onnx(program())
