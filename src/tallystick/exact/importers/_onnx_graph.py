"""An ONNX file as a graph of plain Python values; the onnx package only unpacks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import MissingExtra, ProgramError

__all__ = ["LIBRARY", "Graph", "Node", "open_graph", "refused"]

LIBRARY: Final = "ONNX"
_EXTERNAL: Final = 1  # TensorProto.EXTERNAL: the numbers are in another file
_KINDS: Final = ("f", "i", "u")  # of numpy: what a constant may hold
_SUPPORTED: Final = (
    "Supported are TreeEnsembleRegressor, TreeEnsembleClassifier, TreeEnsemble, LinearRegressor, LinearClassifier, and "
    "chains of Gemm or MatMul, Add and Relu, after Scaler or arithmetic with constants."
)


@dataclass(frozen=True)
class Node:
    """One operation: attributes as numbers, texts, lists of them, or arrays."""

    operation: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Any]

    def text(self, name: str, default: str) -> str:
        """An attribute that is a text."""
        value = self.attributes.get(name, default)
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)

    def numbers(self, name: str) -> list[float]:
        """Floats of an attribute, or of its twin ``name_as_tensor`` in float64; empty without either."""
        values = np.asarray(self.attributes.get(f"{name}_as_tensor", self.attributes.get(name, ())), np.float64)
        return [float(value) for value in values.ravel()]

    def whole(self, name: str) -> list[int]:
        """Integers of an attribute; empty without it."""
        return [int(value) for value in np.asarray(self.attributes.get(name, ()), np.int64).ravel()]

    def classes(self) -> list[str]:
        """Labels of classes, however the operation calls them."""
        for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
            if self.attributes.get(name):
                return [x.decode("utf-8") if isinstance(x, bytes) else str(x) for x in self.attributes[name]]
        return []


@dataclass(frozen=True)
class Graph:
    """The operations in order, the constants, and the one input."""

    nodes: list[Node]
    constants: Mapping[str, npt.NDArray[Any]]
    input: str
    input_type: int  # number of the element type in ONNX
    features: int | None  # width of the input, where the file says
    outputs: list[str]


def refused(what: str, step: str = _SUPPORTED, **where: Any) -> ProgramError:
    """The error for a model that cannot become a program."""
    return ProgramError(f"the {LIBRARY} model {what}", next_step=step, **where)


def open_graph(model: Any) -> Graph:
    """Unpack bytes, or a ``ModelProto``.

    Raises
    ------
    MissingExtra
        The onnx package is not installed.
    ProgramError
        Not an ONNX model, several inputs, or numbers that are kept elsewhere.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtra.of("onnx", "onnx") from error
    from google.protobuf.message import DecodeError, EncodeError

    try:
        proto = onnx.ModelProto.FromString(model if isinstance(model, bytes) else model.SerializeToString())
    except (DecodeError, EncodeError) as error:
        step = "Hand over the whole file, as it was written."
        raise ProgramError(f"not an {LIBRARY} model", value=repr(error)[:80], next_step=step) from error
    graph = proto.graph
    constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
    if graph.sparse_initializer:
        raise refused("holds sparse constants", "Convert the model with dense ones.")
    nodes = []
    for part in graph.node:
        attributes = {its.name: _attribute(its) for its in part.attribute}
        if part.op_type == "Constant":
            constants[part.output[0]] = np.asarray(next(iter(attributes.values())))
        else:
            nodes.append(Node(part.op_type, list(part.input), list(part.output), attributes))
    inputs = [its for its in graph.input if its.name not in constants]
    if len(inputs) != 1:
        step = "Convert the model with one input of shape [None, features]."
        raise refused(f"has {len(inputs)} inputs", step, field="input", value=len(inputs))
    tensor = inputs[0].type.tensor_type
    width = tensor.shape.dim[1].dim_value if len(tensor.shape.dim) == 2 else 0
    outputs = [its.name for its in graph.output]
    return Graph(nodes, constants, inputs[0].name, tensor.elem_type, width or None, outputs)


def _array(tensor: Any) -> npt.NDArray[Any]:
    from onnx import numpy_helper

    if tensor.data_location == _EXTERNAL:
        step = "Save the model with its numbers inside: onnx.save(model, path)."
        raise refused("keeps its numbers in another file", step, field=tensor.name[:80])
    array = np.asarray(numpy_helper.to_array(tensor))
    if array.dtype.kind in "OSU":  # texts: only labels are
        return np.empty(0)
    if array.dtype.kind not in _KINDS and array.dtype.kind != "b":
        raise refused(f"holds constants of type {array.dtype}", "Convert it to float32.", field=tensor.name[:80])
    return array


def _attribute(attribute: Any) -> Any:
    from onnx import AttributeProto, helper

    if attribute.type == AttributeProto.TENSOR:
        return _array(attribute.t)
    return helper.get_attribute_value(attribute)
