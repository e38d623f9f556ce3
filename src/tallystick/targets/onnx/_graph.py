"""Writes an ONNX graph: operators, constants, and the model around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tallystick.errors import MissingExtra, ProgramError

__all__ = ["MAX_NUMBERS", "Graph"]

# GreaterOrEqual on int64, and ReduceMin with its axes as an input, are in this version and all after it.
_OPSET: Final = 18
_IR: Final = 9
# A protocol buffer ends at 2**31 bytes; a constant takes eight.
MAX_NUMBERS: Final = 1 << 27


class Graph:
    """Operators on int64 tensors (and booleans); each method appends one and returns the name of what it gives.

    Parameters
    ----------
    room
        Most numbers in all constants.

    Raises
    ------
    MissingExtra
        The package onnx is not installed.
    """

    def __init__(self, room: int = MAX_NUMBERS) -> None:
        try:
            from onnx import TensorProto, helper, numpy_helper
        except ImportError as error:
            raise MissingExtra.of("onnx", "onnx") from error
        self._helper: Any = helper
        self._to_tensor: Any = numpy_helper.from_array
        self._types = {"int64": TensorProto.INT64, "bool": TensorProto.BOOL}
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._named: dict[tuple[Any, ...], str] = {}
        self._room = room

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append an operator."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        """An int64 tensor; equal ones are kept once.

        Raises
        ------
        ProgramError
            The model would be too large for a file.
        """
        array = np.array(values, np.int64)
        key = (array.shape, array.tobytes())
        if key not in self._named:
            self._room -= array.size
            if self._room < 0:
                step = "Use fewer trees; other runtimes have no such bound."
                raise ProgramError("the program is too large for an ONNX file", field="model", next_step=step)
            self._named[key] = f"c{len(self._constants)}"
            self._constants.append(self._to_tensor(array, self._named[key]))
        return self._named[key]

    def integer(self, condition: str) -> str:
        """A condition as 0 or 1."""
        return self.op("Cast", condition, to=self._types["int64"])

    def condition(self, number: str) -> str:
        """Whether a number is not 0."""
        return self.op("Cast", number, to=self._types["bool"])

    def floor_divide(self, number: str, divisor: int) -> str:
        """``floor(number / divisor)``; the divisor is positive.

        ``Div`` rounds toward zero. The remainder then has the number's sign; where that is below zero, one is taken
        off. Nothing here can overflow, whatever the number.
        """
        if divisor == 1:
            return number
        by = self.constant(divisor)
        quotient = self.op("Div", number, by)
        remainder = self.op("Sub", number, self.op("Mul", quotient, by))
        return self.op("Sub", quotient, self.integer(self.op("Less", remainder, self.constant(0))))

    def give(self, name: str, value: str) -> None:
        """Name an output."""
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any], metadata: Mapping[str, str]) -> bytes:
        """The model's bytes: the same for the same operators.

        Parameters
        ----------
        inputs, outputs
            (name, "int64" or "bool", shape) of each; a dimension is a number or the name of an open one.
        metadata
            Key to text.
        """
        declared = [
            [self._helper.make_tensor_value_info(name, self._types[kind], shape) for name, kind, shape in part]
            for part in (inputs, outputs)
        ]
        graph = self._helper.make_graph(self._nodes, "program", *declared, initializer=self._constants)
        opset = self._helper.make_opsetid("", _OPSET)
        model = self._helper.make_model(graph, producer_name="tallystick", opset_imports=[opset], ir_version=_IR)
        self._helper.set_model_props(model, dict(metadata))
        return bytes(model.SerializeToString(deterministic=True))
