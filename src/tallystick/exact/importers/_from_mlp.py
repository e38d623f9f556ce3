"""Perceptrons of floats as exact programs: int8 weights, int32 accumulators, floor shifts, the error bounded.

Post-training quantisation, one power of two for each layer. Integers in a layer stand for multiples of a unit
``2**-e``; a weight times an integer is a multiple of ``2**-g``, and g is as large as int8 weights and int32
accumulators allow. A hidden layer's shift is the smallest that brings the largest accumulator met on the user's rows
(without rows: possible on the domains) into its range; half a unit is added to the bias, so that the floor rounds to
nearest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import INT32_MAX, INT32_MIN, MAX_SHIFT
from tallystick.exact._mlp import DenseLayer, Mlp
from tallystick.exact._program import Program
from tallystick.exact.importers._float_models import FloatLayer, FloatMlp
from tallystick.exact.importers._from_linear import calibration_of, facts_of
from tallystick.exact.importers._from_mlp_bound import Reached, first_reached, mlp_bound, next_reached
from tallystick.exact.importers._from_trees import check_names
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._quantiser import Quantiser
from tallystick.exact.importers._scaling import seen_values

__all__ = ["mlp_to_program"]

_WEIGHT_MAX: Final = 127
_FEWEST_BITS, _MOST_BITS = 8, 15  # of a hidden layer's outputs
_SUM_BITS: Final = 24  # what an int32 accumulator has left beside an int8 weight
_TRIES: Final = 64  # powers of two below the best one


@dataclass(frozen=True)
class _Folded:
    """A layer over integers: ``bias + sum(weight * integer)``, in units of the float model's own outputs."""

    weight: list[list[Fraction]]
    bias: list[Fraction]


@dataclass(frozen=True)
class _Inputs:
    """Integers that reach a layer: their domains, and the user's rows of them, (n, inputs) int64."""

    low: list[int]
    high: list[int]
    rows: npt.NDArray[np.int64] | None


def mlp_to_program(
    source: FloatMlp,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    options: ImportOptions | None = None,
    quantisers: Sequence[Quantiser] = (),
    calibration_rows: Any = None,
) -> Program:
    """Turn a perceptron of floats into an exact program.

    Parameters
    ----------
    source
        What a reader made of a library's model.
    features
        Names and domains, in the order of the model's columns; the names must be the model's where it has any.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    options
        Scale, metadata, calibration. The last layer has fewer scale bits than asked for where its weights need it.
    quantisers
        One for each feature, where the program's integers stand for floats.
    calibration_rows
        (n, features) integers inside the domains, such as the program will see: they decide the shifts. Without
        them no row of the domain saturates a layer, and scores are coarser.

    Returns
    -------
    Program
        ``|raws[k] / 2**scale_bits - the library's own score k before its link| <= error bound`` on every row of the
        domain. That bound is a worst case by interval arithmetic and can be far above what any row shows:
        measure on rows of your own.

    Raises
    ------
    ProgramError
        A number is not finite, or the accumulators leave int32 whatever the scale.
    SpecMismatch
        The model's features are not these.
    InputError
        The rows are not integers inside the domains.
    """
    options = options or ImportOptions()
    check_names(source.names, features)
    _check_layers(source, len(features))
    seen = seen_values(features, source.scaling, source.value_bits, quantisers)
    rows = None if calibration_rows is None else _check_rows(calibration_rows, features)
    inputs = _Inputs([its.low for its in features], [its.high for its in features], rows)
    reached = first_reached(seen, features)
    made: list[DenseLayer] = []
    for number, layer in enumerate(source.layers):
        folded = _fold(layer, reached)
        last = number == len(source.layers) - 1
        dense, unit_bits = _quantise_layer(folded, layer, inputs, options.scale_bits if last else None)
        reached = next_reached(reached, layer, dense, unit_bits, source.sum_bits)
        inputs = _run(inputs, dense)
        made.append(dense)
    calibration, threshold_ppm = calibration_of(source, options, unit_bits)
    return Program(
        features=tuple(features),
        feature_spec_hash=feature_spec_hash,
        model=Mlp(tuple(made)),
        scale_bits=unit_bits,
        error_bound=mlp_bound(source, reached, unit_bits),
        calibration=calibration,
        threshold_ppm=threshold_ppm,
        decision=options.decision,
        metadata=facts_of(source, options, quantisers),
    )


def _check_layers(source: FloatMlp, features: int) -> None:
    width = features
    for number, layer in enumerate(source.layers):
        if len(layer.weight) != len(layer.bias) or {len(row) for row in layer.weight} != {width}:
            cause = f"layer {number} of the {source.library} model does not fit the one before"
            raise ProgramError(cause, field="weight", value=number)
        if not all(all(map(math.isfinite, row)) for row in (layer.bias, *layer.weight)):
            cause = f"layer {number} of the {source.library} model holds a number that is not finite"
            raise ProgramError(cause, field="weight", next_step="Train again: the training did not converge.")
        width = len(layer.bias)
    if not source.layers or source.layers[-1].relu:
        raise ProgramError(f"the last layer of the {source.library} model must be linear", field="layers")


def _check_rows(rows: Any, features: Sequence[Feature]) -> npt.NDArray[np.int64]:
    values = np.asarray(rows)
    if values.dtype.kind not in "iu" or values.ndim != 2 or values.shape[1] != len(features) or not len(values):
        cause = f"calibration rows must be integers of shape (n, {len(features)}), n at least 1"
        step = "With quantisers, pass the rows through quantise_rows first."
        raise InputError(cause, value=(values.dtype, values.shape), next_step=step)
    for column, feature in enumerate(features):
        smallest, largest = int(values[:, column].min()), int(values[:, column].max())
        if not feature.low <= smallest <= largest <= feature.high:
            cause = f"calibration rows are outside [{feature.low}, {feature.high}]"
            raise InputError(cause, name=feature.name, value=(smallest, largest))
    return values.astype(np.int64)


def _fold(layer: FloatLayer, reached: Reached) -> _Folded:
    """Weights for integers instead of the values that they stand for."""
    weight = [[Fraction(number) for number in row] for row in layer.weight]
    shifts = [sum((w * b for w, b in zip(row, reached.shift, strict=True)), start=Fraction(0)) for row in weight]
    return _Folded(
        weight=[[number * unit for number, unit in zip(row, reached.factor, strict=True)] for row in weight],
        bias=[Fraction(number) + shift for number, shift in zip(layer.bias, shifts, strict=True)],
    )


def _quantise_layer(
    folded: _Folded, layer: FloatLayer, inputs: _Inputs, scale_bits: int | None
) -> tuple[DenseLayer, int]:
    """The finest layer that fits, and the e of its outputs' unit ``2**-e``; scale_bits is for the last layer."""
    best = min(_most_bits(folded), MAX_SHIFT - math.floor(_largest_bias(folded)).bit_length())
    for bits in range(best, best - _TRIES, -1):
        made = _try_layer(folded, layer, inputs, bits, scale_bits)
        if made is not None:
            return made
    cause = "a layer does not fit: its accumulators leave int32, or its scores are too large for int8 weights"
    step = "Quantise the inputs to fewer bits, or train on a smaller target."
    raise ProgramError(cause, field="layer.weight", next_step=step)


def _most_bits(folded: _Folded) -> int:
    """Largest g for which every ``round(weight * 2**g)`` is within ± 127."""
    largest = max(abs(number) for row in folded.weight for number in row)
    if not largest:
        return MAX_SHIFT
    bits = _WEIGHT_MAX.bit_length() - (largest.numerator.bit_length() - largest.denominator.bit_length()) + 1
    while round(largest * Fraction(2) ** bits) > _WEIGHT_MAX:
        bits -= 1
    return bits


def _largest_bias(folded: _Folded) -> Fraction:
    return max(map(abs, folded.bias))


def _try_layer(
    folded: _Folded, layer: FloatLayer, inputs: _Inputs, bits: int, scale_bits: int | None
) -> tuple[DenseLayer, int] | None:
    """The layer whose accumulators are in units of ``2**-bits``; None where it does not fit."""
    scale = Fraction(2) ** bits
    weight = tuple(tuple(round(number * scale) for number in row) for row in folded.weight)
    bias = [round(number * scale) for number in folded.bias]
    if scale_bits is None:
        high = (1 << max(_FEWEST_BITS, min(_MOST_BITS, _SUM_BITS - len(bias).bit_length()))) - 1
        shift = max(0, _largest_sum(weight, bias, inputs, layer.relu).bit_length() - high.bit_length())
        low = 0 if layer.relu else -high
    else:
        shift, low, high = max(0, bits - scale_bits), INT32_MIN, INT32_MAX
        if bits < 0:
            return None  # a score of this unit would be coarser than 1
    if shift > MAX_SHIFT:
        return None
    half = (1 << shift) >> 1
    bias = [number + half for number in bias]
    far = [max(abs(one), abs(two)) for one, two in zip(inputs.low, inputs.high, strict=True)]
    for start, row in zip(bias, weight, strict=True):
        if abs(start) + sum(abs(number) * reach for number, reach in zip(row, far, strict=True)) > INT32_MAX:
            return None
    return DenseLayer(weight, tuple(bias), shift, low, high), bits - shift


def _largest_sum(weight: Sequence[Sequence[int]], bias: Sequence[int], inputs: _Inputs, relu: bool) -> int:
    """Largest accumulator (largest absolute value, without ReLU) on the rows, or else on the domains."""
    if inputs.rows is not None:
        # Python's integers where int64 could overflow: such a layer is thrown away, but must not look small.
        wide = max(map(abs, (*inputs.low, *inputs.high))) * _WEIGHT_MAX * len(inputs.low) > 1 << 62
        kind: Any = object if wide else np.int64
        table = inputs.rows.astype(kind) @ np.array(weight, kind).T + np.array(bias, kind)
        lowest, highest = int(table.min()), int(table.max())
    else:
        sums = [_ends(row, start, inputs) for start, row in zip(bias, weight, strict=True)]
        lowest, highest = min(low for low, _ in sums), max(high for _, high in sums)
    return max(highest, 0) if relu else max(abs(lowest), abs(highest))


def _ends(row: Sequence[int], start: int, inputs: _Inputs) -> tuple[int, int]:
    low = high = start
    for number, smallest, largest in zip(row, inputs.low, inputs.high, strict=True):
        one, two = number * smallest, number * largest
        low, high = low + min(one, two), high + max(one, two)
    return low, high


def _run(inputs: _Inputs, dense: DenseLayer) -> _Inputs:
    """What the next layer gets."""
    rows = None
    if inputs.rows is not None:  # the layer was checked: int64 is wide enough
        sums = inputs.rows @ np.array(dense.weight, np.int64).T + np.array(dense.bias, np.int64)
        rows = np.clip(sums >> dense.shift, dense.low, dense.high)
    return _Inputs([dense.low] * dense.outputs, [dense.high] * dense.outputs, rows)
