"""Linear models and perceptrons as words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels_sections as sections
from tallystick.exact._linear import Linear
from tallystick.exact._mlp import Mlp

__all__ = ["lay_out_linear", "lay_out_mlp", "width_of"]


def lay_out_linear(model: Linear) -> dict[int, npt.NDArray[Any]]:
    """Section of the weights."""
    return {sections.WEIGHTS: np.array(model.weight, np.int64).reshape(-1)}


def lay_out_mlp(model: Mlp) -> dict[int, npt.NDArray[Any]]:
    """Sections of the layers, their weights and biases."""
    table: list[tuple[int, ...]] = []
    weights: list[int] = []
    biases: list[int] = []
    for layer in model.layers:
        numbers = (len(weights), len(biases), layer.shift, layer.low, layer.high)
        table.append((layer.inputs, layer.outputs, *numbers))
        weights += [number for row in layer.weight for number in row]
        biases += layer.bias
    return {
        sections.LAYERS: np.array(table, np.int64).reshape(-1),
        sections.WEIGHTS: np.array(weights, np.int8),
        sections.BIASES: np.array(biases, np.int32),
    }


def width_of(model: Mlp) -> int:
    """Most values between two layers, the inputs included."""
    return max(max(layer.inputs, layer.outputs) for layer in model.layers)
