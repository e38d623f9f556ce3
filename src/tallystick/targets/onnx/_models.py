"""The raw scores of each kind of model, as operators."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.exact import DenseLayer, Linear, Model, TreeEnsemble
from tallystick.targets.onnx._graph import Graph

__all__ = ["raw_scores"]


def raw_scores(graph: Graph, model: Model, rows: str) -> str:
    """Append a model; ``rows`` is (n, features) int64, what it gives (n, outputs) int64."""
    if isinstance(model, TreeEnsemble):
        return _trees(graph, model, rows)
    if isinstance(model, Linear):
        return graph.op("Add", _product(graph, rows, model.weight), graph.constant(model.base))
    for layer in model.layers:
        rows = _layer(graph, layer, rows)
    return rows


def _product(graph: Graph, rows: str, weight: Sequence[Sequence[int]]) -> str:
    return graph.op("MatMul", rows, graph.constant(list(zip(*weight, strict=True))))


def _layer(graph: Graph, layer: DenseLayer, rows: str) -> str:
    sums = graph.op("Add", _product(graph, rows, layer.weight), graph.constant(layer.bias))
    shifted = graph.floor_divide(sums, 1 << layer.shift)
    return graph.op("Clip", shifted, graph.constant(layer.low), graph.constant(layer.high))


def _trees(graph: Graph, model: TreeEnsemble, rows: str) -> str:
    """All trees go down one level at a time; who has reached a leaf stays there."""
    base = graph.constant([model.base])
    if not model.trees:
        return graph.op("Expand", base, _shape(graph, rows, model.outputs))
    nodes = _Nodes(model)
    feature, threshold = graph.constant(nodes.feature), graph.constant(nodes.threshold)
    left, right = graph.constant(nodes.left), graph.constant(nodes.right)
    at = graph.op("Expand", graph.constant([nodes.root]), _shape(graph, rows, len(nodes.root)))  # (n, trees)
    for _ in range(max(tree.depth for tree in model.trees)):
        value = graph.op("GatherElements", rows, graph.op("Gather", feature, at), axis=1)
        goes_left = graph.op("LessOrEqual", value, graph.op("Gather", threshold, at))
        at = graph.op("Where", goes_left, graph.op("Gather", left, at), graph.op("Gather", right, at))
    leaves = graph.op("Gather", graph.constant(nodes.value), at)
    sums = _sum_by_output(graph, model, leaves)
    return graph.op("Add", graph.floor_divide(sums, model.divisor), base)


def _shape(graph: Graph, rows: str, columns: int) -> str:
    count = graph.op("Shape", rows, start=0, end=1)
    return graph.op("Concat", count, graph.constant([columns]), axis=0)


def _sum_by_output(graph: Graph, model: TreeEnsemble, leaves: str) -> str:
    """A product with 0 and 1: ONNX Runtime's ``ReduceSum`` of int64 goes through double."""
    output = model.output or (0,) * len(model.trees)
    belongs = [[int(number == its) for number in range(model.outputs)] for its in output]
    return graph.op("MatMul", leaves, graph.constant(belongs))


class _Nodes:
    """Every tree's nodes, then its leaves, in one table; a leaf's children are itself."""

    def __init__(self, model: TreeEnsemble) -> None:
        self.root: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[int] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.value: list[int] = []
        for tree in model.trees:
            begin, count = len(self.feature), len(tree.leaf)
            leaves = begin + len(tree.feature)
            own = range(leaves, leaves + count)
            self.root.append(begin)
            self.feature += [*tree.feature, *[0] * count]
            self.threshold += [*tree.threshold, *[0] * count]
            for table, children in ((self.left, tree.left), (self.right, tree.right)):
                table += [begin + child if child >= 0 else leaves + ~child for child in children]
                table += own
            self.value += [*[0] * len(tree.feature), *tree.leaf]
