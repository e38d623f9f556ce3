"""The three kinds of model as graphs.

A circuit's inputs are packed: each value minus its feature's low, as in ``RowCode``, so every input is in [0, span].
Its outputs are the undivided sums: ``raw[k]``, or of averages, ``divisor`` times that before the floor.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.exact import Linear, Program, TreeEnsemble
from tallystick.targets.zk._graph import INPUT, Graph
from tallystick.targets.zk._layers import LayerPlan, moved, plan_layers
from tallystick.targets.zk._numbers import BASE

__all__ = ["build"]


def build(program: Program) -> bytes:
    """A program's circuit as ONNX.

    Raises
    ------
    MissingExtra
        The package onnx is not installed.
    """
    graph = Graph()
    match program.model:
        case TreeEnsemble() as model:
            last = _add_trees(graph, program, model)
        case Linear() as model:
            last = graph.plus(graph.multiply(INPUT, model.weight), moved(program, model.weight, model.base))
        case model:
            last = INPUT
            for layer in plan_layers(program, model):
                last = _add_layer(graph, last, layer)
    return graph.to_bytes(len(program.features), last, program.model.outputs)


def _add_trees(graph: Graph, program: Program, model: TreeEnsemble) -> str:
    """Product form: a leaf's indicator is the product of the comparisons on the way to it.

    A level's nodes have indicators ``e``, 1 where the row comes by. With their comparisons ``c``: ``left = e * c``,
    ``right = e - left``. The score is the sum of leaf indicators by leaf values. Rows grow with the nodes, and a
    comparison that several nodes make is made once.
    """
    constants = [base * model.divisor for base in model.base]
    if not model.trees:
        return graph.plus(graph.multiply(INPUT, [[0] * len(program.features)] * model.outputs), constants)
    splits = sorted({split for tree in model.trees for split in zip(tree.feature, tree.threshold, strict=True)})
    number_of = {split: number for number, split in enumerate(splits)}
    asked = graph.gather(INPUT, [feature for feature, _ in splits])
    below = graph.less(asked, [threshold + 1 - program.features[feature].low for feature, threshold in splits])
    leaves = _Leaves(model)
    level = [(tree, 0) for tree in range(len(model.trees))]
    here = ""
    while level:
        trees = [(model.trees[tree], node) for tree, node in level]
        answers = graph.gather(below, [number_of[tree.feature[node], tree.threshold[node]] for tree, node in trees])
        left = graph.node("Mul", here, answers) if here else answers
        right = graph.node("Sub", here or graph.constant(1), left)
        sides = graph.concat([left, right])
        children = [(index, model.trees[index].left[node]) for index, node in level]
        children += [(index, model.trees[index].right[node]) for index, node in level]
        leaves.take(graph, sides, children)
        onward = [place for place, (_, child) in enumerate(children) if child >= 0]
        level = [children[place] for place in onward]
        here = graph.gather(sides, onward) if onward else ""
    return graph.plus(graph.multiply(graph.concat(leaves.indicators), leaves.values), constants)


class _Leaves:
    """Indicators of leaves, level by level, and the value of each for each output."""

    def __init__(self, model: TreeEnsemble) -> None:
        self._model = model
        self.indicators: list[str] = []
        self.values: list[list[int]] = [[] for _ in range(model.outputs)]

    def take(self, graph: Graph, sides: str, children: Sequence[tuple[int, int]]) -> None:
        """Take the leaves among a level's children, given as tree and child number."""
        ends = [(place, tree, ~child) for place, (tree, child) in enumerate(children) if child < 0]
        if ends:
            self.indicators.append(graph.gather(sides, [place for place, _, _ in ends]))
        for _, tree, leaf in ends:
            its = self._model.output[tree] if self._model.output else 0
            for output, values in enumerate(self.values):
                values.append(self._model.trees[tree].leaf[leaf] if output == its else 0)


def _add_layer(graph: Graph, values: str, layer: LayerPlan) -> str:
    """``floor``, then ``max(x, low) = low + relu(x - low)``, then ``min(x, high) = x - relu(x - high)``."""
    values = graph.plus(graph.multiply(values, layer.weight), layer.bias)
    count = len(layer.bias)
    for _ in range(layer.steps):
        values = graph.node("Floor", graph.node("Div", values, graph.constant(BASE)))
    if layer.low is not None:
        above = graph.node("Relu", graph.plus(values, [-layer.low] * count))
        values = graph.plus(above, [layer.low] * count)
    if layer.high is not None:
        above = graph.node("Relu", graph.plus(values, [-layer.high] * count))
        values = graph.node("Sub", values, above)
    return values
