"""ONNX linear models, and the layers of perceptrons, in float32 or float64.

Source: ONNX ``docs/Operators-ml.md``, ``docs/Operators.md`` (Gemm, MatMul) and ONNX Runtime ``linearclassifier.cc``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.exact.importers._float_models import FloatLayer, FloatLinear
from tallystick.exact.importers._onnx_graph import LIBRARY, Graph, Node, refused
from tallystick.exact.importers._onnx_trees import LINKS

__all__ = ["read_dense", "read_linear", "with_bias"]

_FLOAT32_BITS: Final = 24


def read_linear(node: Node, features: int) -> FloatLinear:
    """``LinearClassifier`` or ``LinearRegressor``; they compute in float32 whatever they are given.

    Raises
    ------
    ProgramError
        PROBIT, SOFTMAX_ZERO, or numbers that do not fit the features.
    """
    transform = node.text("post_transform", "NONE")
    if transform not in LINKS:
        step = "Convert the model with post_transform NONE, LOGISTIC or SOFTMAX."
        raise refused(f"ends in {transform[:20]}", step, field="post_transform")
    numbers = np.array(node.numbers("coefficients"))
    if not features or not len(numbers) or len(numbers) % features:
        raise refused(f"has {len(numbers)} coefficients for {features} features", field="coefficients")
    table = numbers.reshape(-1, features)
    starts = np.array(node.numbers("intercepts") or [0.0] * len(table))
    classes = node.classes()
    mirrored = len(table) == 2 and bool((table[0] == -table[1]).all() and starts[0] == -starts[-1])
    if classes and mirrored and transform != "SOFTMAX":  # two columns that say the same
        table, starts = table[1:], starts[1:]
    return FloatLinear(
        library=LIBRARY,
        names=(),
        coefficient=table.tolist(),
        intercept=starts.tolist(),
        link=LINKS[transform],
        classes=classes,
        value_bits=_FLOAT32_BITS,
        sum_bits=_FLOAT32_BITS,
    )


def read_dense(node: Node, graph: Graph) -> FloatLayer:
    """``Gemm`` or ``MatMul`` of what comes in with constants.

    Raises
    ------
    ProgramError
        A weight that is no constant or no matrix, or a transposed input.
    """
    if len(node.inputs) < 2 or node.inputs[1] not in graph.constants:
        raise refused(f"has a {node.operation} of something else than constants", field=node.operation)
    weight = np.asarray(graph.constants[node.inputs[1]], np.float64)
    if weight.ndim != 2 or 0 in weight.shape:
        raise refused(f"has a {node.operation} with weights of shape {weight.shape}", field=node.operation)
    if node.operation == "MatMul":
        return FloatLayer(weight.T.tolist(), [0.0] * weight.shape[1], relu=False)
    if node.attributes.get("transA", 0):
        raise refused("has a Gemm that transposes its input", field="transA")
    if not node.attributes.get("transB", 0):
        weight = weight.T
    # A factor is rounded once more, in a place that each runtime chooses for itself.
    alpha, beta = float(node.attributes.get("alpha", 1)), float(node.attributes.get("beta", 1))
    if alpha != 1 or beta != 1:
        step = "Multiply the factors into the weights, and convert again."
        raise refused("has a Gemm with alpha or beta", step, field="alpha")
    layer = FloatLayer(weight.tolist(), [0.0] * len(weight), relu=False)
    if len(node.inputs) < 3 or not node.inputs[2]:
        return layer
    if node.inputs[2] not in graph.constants:
        raise refused("has a Gemm of something else than constants", field="Gemm")
    return with_bias(layer, graph.constants[node.inputs[2]], 1)


def with_bias(layer: FloatLayer, numbers: npt.NDArray[Any], sign: int) -> FloatLayer:
    """The layer with constants added to (subtracted from) its outputs.

    Raises
    ------
    ProgramError
        Another number of them than of outputs, or a second bias.
    """
    width = len(layer.bias)
    values = np.asarray(numbers, np.float64).ravel() * sign
    if len(values) not in (1, width):
        raise refused(f"adds {len(values)} numbers to {width}", field="Add")
    if any(layer.bias):
        raise refused("adds constants twice to one layer", "Add them up, and convert again.", field="Add")
    return FloatLayer(layer.weight, np.broadcast_to(values, width).tolist(), relu=False)
