"""ONNX models as models of floats: the graph is followed from its input, operation by operation.

A tensor on the way is either the values (after scalers), the output of dense layers, or the output of the model with
its link. What follows the model only makes labels of its scores and is not part of a program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.exact.importers._float_models import FloatLayer, FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._onnx_graph import LIBRARY, Graph, Node, open_graph, refused
from tallystick.exact.importers._onnx_linear import read_dense, read_linear, with_bias
from tallystick.exact.importers._onnx_trees import read_tree_ensemble, read_trees
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._reading import reading
from tallystick.exact.importers._steps import Step, move_thresholds, scaling_of

__all__ = ["read_onnx"]

FloatModel = FloatTrees | FloatLinear | FloatMlp

_BITS: Final = {1: 24, 11: 53}  # element types: float32, float64
_INTEGERS: Final = (2, 3, 4, 5, 6, 7, 12, 13)  # what a model may take and turn into floats itself
_SAME: Final = ("Dropout", "Flatten", "Identity")
_ARITHMETIC: Final = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}
_LINKS: Final = {"Sigmoid": "logistic", "Softmax": "softmax"}
# Between scores and labels; none of them changes what the scores are.
_TAIL: Final = frozenset(
    ("ArgMax", "ArrayFeatureExtractor", "Cast", "Concat", "Flatten", "Gather", "Greater", "Identity", "LabelEncoder",
     "Normalizer", "Reshape", "Squeeze", "Sub", "Unsqueeze", "Where", "ZipMap")
)  # fmt: skip
_LABELS: Final = frozenset(("ArgMax", "Cast", "Flatten", "Identity", "Reshape", "Squeeze", "ZipMap"))


@dataclass(frozen=True)
class _Tensor:
    """What is known of a tensor on the way from the input."""

    steps: tuple[Step, ...] = ()
    bits: int = 24  # significand of its type
    whole: bool = False  # integers, which a model turns into floats itself
    value_bits: int = 53  # of the narrowest type on the way
    layers: tuple[FloatLayer, ...] = ()
    model: FloatTrees | FloatLinear | None = None
    link: str | None = None  # of dense layers, once it was applied
    classes: tuple[str, ...] = ()

    @property
    def is_score(self) -> bool:
        """Whether it is what a model gives, and not its input."""
        return self.model is not None or bool(self.layers)


class _Walk:
    """One way through the graph."""

    def __init__(self, graph: Graph, features: int) -> None:
        self._graph = graph
        self._width = graph.features or features
        bits = _BITS.get(graph.input_type)
        if bits is None and graph.input_type not in _INTEGERS:
            step = "Convert the model with a float32 or float64 input."
            raise refused("has an input that is no number", step, field="input", value=graph.input_type)
        self._tensors = {graph.input: _Tensor(bits=bits or 24, whole=bits is None, value_bits=bits or 53)}

    def result(self) -> _Tensor:
        """The tensor that all outputs of the graph come from."""
        for node in self._graph.nodes:
            known = [name for name in node.inputs if name in self._tensors]
            if not known:
                if all(not name or name in self._graph.constants for name in node.inputs):
                    raise refused(f"computes with {node.operation[:40]} on constants", field=node.operation[:40])
                raise refused("has operations out of order", field=node.operation[:40])
            tensor = self._follow(node, self._tensors[known[0]], [self._tensors[name] for name in known])
            self._tensors |= dict.fromkeys((name for name in node.outputs if name), tensor)
        ends = [self._tensors[name] for name in self._graph.outputs]
        scores = sorted((end for end in ends if end.is_score), key=lambda end: end.link is None)
        if not scores:
            raise refused("has no model between its input and its output")
        if any(end.layers is not scores[0].layers or end.model is not scores[0].model for end in ends):
            raise refused("has outputs of several models", "Convert each model on its own.", field="output")
        return next((end for end in scores if end.classes), scores[0]) if scores[0].link is None else scores[0]

    def _follow(self, node: Node, tensor: _Tensor, known: list[_Tensor]) -> _Tensor:
        name = node.operation
        if tensor.model is not None or tensor.link is not None:
            return self._follow_scores(node, tensor, known)
        if len(known) > 1:
            raise refused(f"has a {name[:40]} of two computed tensors", field=name[:40])
        if tensor.layers:
            return self._follow_layers(node, tensor)
        if name in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
            return replace(tensor, model=self._trees(read_trees(node, tensor.bits), tensor))
        if name == "TreeEnsemble":
            return replace(tensor, model=self._trees(read_tree_ensemble(node, tensor.bits), tensor))
        if name in ("LinearClassifier", "LinearRegressor"):
            source = read_linear(node, self._width)
            return replace(tensor, model=replace(source, scaling=scaling_of(tensor.steps, self._width)))
        return self._follow_values(node, tensor)

    def _follow_values(self, node: Node, tensor: _Tensor) -> _Tensor:
        name = node.operation
        if name in _SAME and node.attributes.get("axis", 1) == 1:
            return tensor
        if name == "Cast":
            return self._cast(node, tensor)
        if name == "Scaler":
            offset = Step("-", self._spread(node.numbers("offset")), 24)
            scale = Step("*", self._spread(node.numbers("scale")), 24)
            return replace(tensor, steps=(*tensor.steps, offset, scale), bits=24, whole=False)
        if tensor.whole:
            step = "Cast the inputs to float32 or float64 first."
            raise refused(f"uses {name[:40]} on integers", step, field=name[:40])
        if name in ("Gemm", "MatMul"):
            return self._dense(node, tensor)
        other = next((its for its in node.inputs if its in self._graph.constants), None)
        if name in _ARITHMETIC and other is not None and (name in ("Add", "Mul") or node.inputs[1] == other):
            numbers = [float(number) for number in self._graph.constants[other].ravel()]
            arithmetic = Step(_ARITHMETIC[name], self._spread(numbers), tensor.bits)
            return replace(tensor, steps=(*tensor.steps, arithmetic))
        raise refused(f"uses {name[:40]} on its inputs", field=name[:40])

    def _spread(self, numbers: list[float]) -> tuple[float, ...]:
        if len(numbers) == 1:
            numbers = numbers * self._width
        if len(numbers) != self._width or not np.isfinite(numbers).all():
            raise refused(f"scales {self._width} features by {len(numbers)} numbers", field="Scaler")
        return tuple(numbers)

    def _constant(self, name: str) -> npt.NDArray[Any]:
        return self._graph.constants.get(name, np.zeros(1))

    def _cast(self, node: Node, tensor: _Tensor) -> _Tensor:
        target = int(node.attributes["to"])
        if target not in _BITS:
            step = "Convert the model with float32 or float64 inputs."
            raise refused("casts its inputs to another type than float32 or float64", step, field="Cast", value=target)
        bits = _BITS[target]
        if tensor.steps and bits < tensor.bits:  # a rounding in the middle: adding 0 in the narrower type
            return replace(tensor, bits=bits, steps=(*tensor.steps, Step("+", (0.0,) * self._width, bits)))
        value_bits = tensor.value_bits if tensor.steps else min(tensor.value_bits, bits)
        return replace(tensor, bits=bits, whole=False, value_bits=value_bits)

    def _trees(self, source: FloatTrees, tensor: _Tensor) -> FloatTrees:
        if tensor.steps:
            return move_thresholds(source, tensor.steps)
        return replace(source, value_bits=min(tensor.value_bits, source.value_bits))

    def _dense(self, node: Node, tensor: _Tensor) -> _Tensor:
        if node.inputs[0] not in self._tensors:
            raise refused(f"has a {node.operation} whose input comes second", field=node.operation)
        return replace(tensor, layers=(*tensor.layers, read_dense(node, self._graph)))

    def _follow_layers(self, node: Node, tensor: _Tensor) -> _Tensor:
        name, last = node.operation, tensor.layers[-1]
        if name in ("Gemm", "MatMul"):
            return self._dense(node, tensor)
        if name == "Relu":
            return replace(tensor, layers=(*tensor.layers[:-1], replace(last, relu=True)))
        if name in ("Add", "Sub") and not last.relu:
            other = next((its for its in node.inputs if its in self._graph.constants), None)
            if other is not None and (name == "Add" or node.inputs[1] == other):
                biased = with_bias(last, self._graph.constants[other], 1 if name == "Add" else -1)
                return replace(tensor, layers=(*tensor.layers[:-1], biased))
        if name in _LINKS and node.attributes.get("axis", -1) in (-1, 1):
            return replace(tensor, link=_LINKS[name])
        if name in ("Dropout", *_LABELS):
            return replace(tensor, classes=tuple(node.classes()) or tensor.classes)
        step = "Train with ReLU, and with a logistic or softmax output at most."
        raise refused(f"uses {name[:40]} after a layer", step, field=name[:40])

    def _follow_scores(self, node: Node, tensor: _Tensor, known: list[_Tensor]) -> _Tensor:
        if node.operation == "Mul" and all((self._constant(name) == 1).all() for name in node.inputs[1:]):
            return tensor  # how one converter gives a tensor another name
        if node.operation not in _TAIL or any(its.model is not tensor.model for its in known):
            raise refused(f"uses {node.operation[:40]} on the scores", field=node.operation[:40])
        if node.operation == "Normalizer" and tensor.model is not None and tensor.model.link == "identity":
            raise refused("normalises its scores", "Convert the model without Normalizer.", field="Normalizer")
        return replace(tensor, classes=tuple(node.classes()) or tensor.classes)


def read_onnx(model: Any, features: int, options: ImportOptions | None = None) -> FloatModel:
    """Read the bytes of a file, or a ``ModelProto``.

    Parameters
    ----------
    model
        One model with one input of shape [rows, features].
    features
        Number of columns, where the file does not say.
    options
        For what ONNX does not have: a choice of iterations is refused.

    Raises
    ------
    ProgramError
        Malformed, or of operations that cannot become a program; the message names the operation.
    MissingExtra
        The onnx package is not installed.
    """
    if options is not None and options.iterations is not None:
        raise refused("has no iterations to choose from", "Leave the option out; convert fewer trees instead.")
    with reading(LIBRARY, "Hand over the whole file, as it was written."):
        graph = open_graph(model)
        tensor = _Walk(graph, features).result()
        width = graph.features or features
        names = [""] * width
        if tensor.model is not None:
            classes = list(tensor.model.classes or tensor.classes)
            return replace(tensor.model, names=names, classes=classes)
        link, scaling = tensor.link or "identity", scaling_of(tensor.steps, width)
        bits = min([tensor.value_bits, *(step.bits for step in tensor.steps)])
        if len(tensor.layers) == 1 and not tensor.layers[0].relu:
            (layer,) = tensor.layers
            linear = FloatLinear(LIBRARY, names, layer.weight, layer.bias, link, tensor.classes)
            return replace(linear, value_bits=bits, sum_bits=tensor.bits, scaling=scaling)
        mlp = FloatMlp(LIBRARY, names, tensor.layers, link, tensor.classes)
        return replace(mlp, value_bits=bits, sum_bits=tensor.bits, scaling=scaling)
