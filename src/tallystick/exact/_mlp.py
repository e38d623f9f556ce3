"""Small multilayer perceptrons: int8 weights, int32 accumulators, floor shift, clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import INT32_MAX, INT32_MIN, MAX_LAYERS, MAX_OUTPUTS, MAX_SHIFT, check_integer

__all__ = ["KIND_MLP", "DenseLayer", "Mlp"]

KIND_MLP: Final = 4


@dataclass(frozen=True)
class DenseLayer:
    """One layer.

    ``y[j] = min(max(floor((bias[j] + sum(weight[j][i] * x[i])) / 2**shift), low), high)``

    ``low = 0`` is a ReLU; ``low, high = -2**31, 2**31 - 1`` does nothing.

    Parameters
    ----------
    weight
        int8, (outputs, inputs).
    bias
        int32, for each output.
    shift
        [0, 31].
    low, high
        int32, smallest and largest output; low is below high.

    Raises
    ------
    ProgramError
        A number is out of range, or lengths differ.
    """

    weight: tuple[tuple[int, ...], ...]
    bias: tuple[int, ...]
    shift: int
    low: int
    high: int

    def __post_init__(self) -> None:
        check_integer(len(self.bias), 1, MAX_OUTPUTS, "layer.outputs")
        if len(self.weight) != len(self.bias) or len({len(row) for row in self.weight}) != 1:
            raise ProgramError("a layer needs a weight for each output and input", field="layer.weight")
        for row in self.weight:
            for number in row:
                check_integer(number, -128, 127, "layer.weight")
        for number in self.bias:
            check_integer(number, INT32_MIN, INT32_MAX, "layer.bias")
        check_integer(self.shift, 0, MAX_SHIFT, "layer.shift")
        check_integer(self.low, INT32_MIN, INT32_MAX - 1, "layer.low")
        check_integer(self.high, self.low + 1, INT32_MAX, "layer.high")

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.weight[0])

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.bias)

    def check(self, reach: Sequence[int]) -> None:
        """Check that no partial sum leaves int32, in any order.

        Parameters
        ----------
        reach
            Largest absolute value of each input.

        Raises
        ------
        ProgramError
            Another number of inputs, or ``|bias| + sum(|weight| * reach)`` above 2**31 - 1.
        """
        if len(reach) != self.inputs:
            cause = f"a layer takes {self.inputs} inputs and gets {len(reach)}"
            raise ProgramError(cause, field="layer.weight")
        for bias, row in zip(self.bias, self.weight, strict=True):
            if abs(bias) + sum(abs(weight) * far for weight, far in zip(row, reach, strict=True)) > INT32_MAX:
                cause = "an accumulator could leave int32"
                step = "Quantise the inputs to fewer bits, or clip the layer before to a smaller range."
                raise ProgramError(cause, field="layer.weight", next_step=step)


@dataclass(frozen=True)
class Mlp:
    """Layers, each fed by the one before; the last one's outputs are the raw scores.

    Raises
    ------
    ProgramError
        No layers, or more than 255.
    """

    layers: tuple[DenseLayer, ...]

    kind: ClassVar[int] = KIND_MLP

    def __post_init__(self) -> None:
        check_integer(len(self.layers), 1, MAX_LAYERS, "layers")

    @property
    def outputs(self) -> int:
        """Number of raw scores for a row."""
        return self.layers[-1].outputs

    def check(self, features: Sequence[Feature]) -> None:
        """Check every accumulator against the domains.

        Raises
        ------
        ProgramError
            As :meth:`DenseLayer.check`.
        """
        reach = [max(abs(feature.low), abs(feature.high)) for feature in features]
        for layer in self.layers:
            layer.check(reach)
            reach = [max(abs(layer.low), abs(layer.high))] * layer.outputs
