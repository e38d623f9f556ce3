"""Writes the ONNX graph of a circuit: a few operators on vectors of integers, everything else refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tallystick.errors import MissingExtra
from tallystick.targets.zk._numbers import columns_of_parts

if TYPE_CHECKING:
    import onnx

__all__ = ["INPUT", "OUTPUT", "Graph"]

INPUT: Final = "values"
OUTPUT: Final = "outputs"
_OPSET: Final = 13
_IR: Final = 8


class Graph:
    """Nodes and constants of a graph from ``values`` (1, features) to ``outputs`` (1, outputs).

    Every tensor is of doubles that hold integers: ONNX has a floor for no other type, and the compiler that reads the
    graph mixes up its own types of integers. The circuit itself counts in the field; a double is only how it is told.

    Raises
    ------
    MissingExtra
        The package onnx is not installed.
    """

    def __init__(self) -> None:
        try:
            from onnx import TensorProto, helper, numpy_helper
        except ImportError as error:
            raise MissingExtra.of("onnx", "zk") from error
        self._helper: Any = helper
        self._to_tensor: Any = numpy_helper.from_array
        self._element = TensorProto.DOUBLE
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator; return the name of what it gives."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Sequence[int] | Sequence[Sequence[int]] | int) -> str:
        """Append a constant of numbers with at most 24 significant bits; return its name."""
        return self._constant(np.array(values, np.float64))

    def gather(self, vector: str, places: Sequence[int]) -> str:
        """Elements of a (1, n) vector, in this order."""
        return self.node("Gather", vector, self._constant(np.array(places, np.int64)), axis=1)

    def concat(self, vectors: Sequence[str]) -> str:
        """Vectors one after the other."""
        return vectors[0] if len(vectors) == 1 else self.node("Concat", *vectors, axis=1)

    def plus(self, vector: str, values: Sequence[int]) -> str:
        """Add integers of any size to a vector."""
        for column in columns_of_parts(values):
            if any(column):
                vector = self.node("Add", vector, self.constant([column]))
        return vector

    def less(self, vector: str, values: Sequence[int]) -> str:
        """1 where an element is below its integer of any size, else 0."""
        largest, *others = columns_of_parts(values)
        for column in others:
            vector = self.node("Sub", vector, self.constant([column]))
        return self.node("Cast", self.node("Less", vector, self.constant([largest])), to=self._element)

    def multiply(self, vector: str, weights: Sequence[Sequence[int]]) -> str:
        """Sums of a (1, n) vector's elements by weights of any size, (outputs, n)."""
        split = [columns_of_parts(row) for row in weights]
        count = max(map(len, split))
        zeros = [0] * len(weights[0])
        rows = [[number for k in range(count) for number in (own[k] if k < len(own) else zeros)] for own in split]
        return self.node("MatMul", self.concat([vector] * count), self.constant(list(zip(*rows, strict=True))))

    def to_bytes(self, features: int, last: str, outputs: int) -> bytes:
        """The model, as ONNX."""
        self._nodes.append(self._helper.make_node("Identity", [last], [OUTPUT]))
        model: onnx.ModelProto = self._helper.make_model(
            self._helper.make_graph(
                self._nodes,
                "circuit",
                [self._helper.make_tensor_value_info(INPUT, self._element, [1, features])],
                [self._helper.make_tensor_value_info(OUTPUT, self._element, [1, outputs])],
                self._constants,
            ),
            opset_imports=[self._helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
        )
        return bytes(model.SerializeToString(deterministic=True))

    def _constant(self, array: Any) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(self._to_tensor(array, name))
        return name
