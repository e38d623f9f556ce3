"""The part of a program's bytes that depends on its kind."""

from __future__ import annotations

import struct
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact._codec_reader import Reader
from tallystick.exact._ensemble import KIND_FOREST, KIND_TREES, TreeEnsemble
from tallystick.exact._linear import KIND_LINEAR, Linear
from tallystick.exact._mlp import KIND_MLP, DenseLayer, Mlp
from tallystick.exact._program import Model
from tallystick.exact._trees import Tree

__all__ = ["KINDS", "read_model", "write_model"]

KINDS: Final = (KIND_TREES, KIND_FOREST, KIND_LINEAR, KIND_MLP)

_NODE: Final = struct.Struct(">Hqhhq")  # feature, threshold, left, right, value
_LAYER: Final = struct.Struct(">HBii")  # outputs, shift, low, high


def write_model(model: Model, decision: int) -> bytes:
    """Write what follows the metadata."""
    match model:
        case TreeEnsemble(base=base, divisor=divisor) if model.kind == KIND_FOREST:
            head = struct.pack(f">HH{len(base)}qI", len(base), decision, *base, divisor)
            return head + _write_trees(model)
        case TreeEnsemble():
            return _write_trees(model)
        case Linear(base=base, center=center):
            head = struct.pack(f">HH{len(base)}q{len(center)}q", len(base), decision, *base, *center)
            return head + b"".join(struct.pack(f">{len(row)}q", *row) for row in model.weight)
        case mlp:
            return struct.pack(">HB", decision, len(mlp.layers)) + b"".join(map(_write_layer, mlp.layers))


def read_model(reader: Reader, kind: int, base: int, features: int) -> tuple[Model, int]:
    """Read what follows the metadata: the model and its decision.

    Raises
    ------
    ProgramError
        Cut short, out of range, or not canonical.
    """
    if kind == KIND_TREES:
        trees, _ = _read_trees(reader, outputs=1)
        return TreeEnsemble(trees, (base,)), 0
    if kind == KIND_FOREST:
        return _read_forest(reader)
    if kind == KIND_LINEAR:
        return _read_linear(reader, features)
    return _read_mlp(reader, features)


def _write_trees(model: TreeEnsemble) -> bytes:
    parts = [struct.pack(">I", len(model.trees))]
    for index, tree in enumerate(model.trees):
        if model.outputs > 1:
            parts.append(struct.pack(">H", model.output[index]))
        parts.append(struct.pack(">H", len(tree.feature)))
        parts += map(_NODE.pack, tree.feature, tree.threshold, tree.left, tree.right, tree.value)
        parts.append(struct.pack(f">{len(tree.leaf)}q", *tree.leaf))
    return b"".join(parts)


def _read_forest(reader: Reader) -> tuple[Model, int]:
    outputs, decision = reader.numbers(2, "H", "outputs")
    base = reader.numbers(outputs, "q", "base")
    divisor = reader.number(">I", "divisor")
    trees, output = _read_trees(reader, outputs)
    model = TreeEnsemble(trees, base, output, divisor)
    if model.kind != KIND_FOREST:
        raise ProgramError("one output without a divisor is written as kind 1", field="kind", offset=10)
    return model, decision


def _read_trees(reader: Reader, outputs: int) -> tuple[tuple[Tree, ...], tuple[int, ...]]:
    trees, output = [], []
    for _ in range(reader.number(">I", "trees")):
        if outputs > 1:
            output.append(reader.number(">H", "tree.output"))
        trees.append(_read_tree(reader))
    return tuple(trees), tuple(output)


def _read_tree(reader: Reader) -> Tree:
    count = reader.number(">H", "tree.nodes")
    nodes = [reader.unpack(_NODE, "tree.node") for _ in range(count)]
    leaves = reader.numbers(count + 1, "q", "tree.leaf")
    feature, threshold, left, right, value = zip(*nodes, strict=True) if nodes else [()] * 5
    return Tree(feature, threshold, left, right, value, leaves)


def _read_linear(reader: Reader, features: int) -> tuple[Model, int]:
    outputs, decision = reader.numbers(2, "H", "outputs")
    base = reader.numbers(outputs, "q", "base")
    center = reader.numbers(features, "q", "linear.center")
    weight = tuple(reader.numbers(features, "q", "linear.weight") for _ in range(outputs))
    return Linear(weight, base, center), decision


def _write_layer(layer: DenseLayer) -> bytes:
    head = _LAYER.pack(layer.outputs, layer.shift, layer.low, layer.high)
    weights = b"".join(struct.pack(f">{layer.inputs}b", *row) for row in layer.weight)
    return head + struct.pack(f">{layer.outputs}i", *layer.bias) + weights


def _read_mlp(reader: Reader, features: int) -> tuple[Model, int]:
    decision, count = reader.number(">H", "decision"), reader.number(">B", "layers")
    layers: list[DenseLayer] = []
    for _ in range(count):
        inputs = layers[-1].outputs if layers else features
        outputs, shift, low, high = reader.unpack(_LAYER, "layer")
        bias = reader.numbers(outputs, "i", "layer.bias")
        weight = tuple(reader.numbers(inputs, "b", "layer.weight") for _ in range(outputs))
        layers.append(DenseLayer(weight, bias, shift, low, high))
    return Mlp(tuple(layers)), decision
