"""The loops of linear models and multilayer perceptrons: integers only, no allocation.

A perceptron takes rows in blocks and turns them, so that the innermost loop is over rows and becomes vector
instructions however small a layer is. A single row multiplies along the inputs.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np

from tallystick.compiling import inlined, looped
from tallystick.exact._kernels_rows import first_outside, place_outside, ppm_at, write_ppm
from tallystick.exact._kernels_sections import (
    BASE,
    BIASES,
    BLOCK_ROWS,
    DECISION,
    HIGH,
    LAYER_BIAS,
    LAYER_HIGH,
    LAYER_INPUTS,
    LAYER_LOW,
    LAYER_OUTPUTS,
    LAYER_SHIFT,
    LAYER_WEIGHT,
    LAYER_WORDS,
    LAYERS,
    LOW,
    NUMBERS,
    OUTSIDE,
    WEIGHTS,
    section,
)

__all__ = ["COMPILED_IN", "run_linear", "run_linear_row", "run_mlp", "run_mlp_row"]

_jit: Any = numba.njit  # its annotations do not know all of its options

# As in _kernels.py.
COMPILED_IN: Final = "01aefa5d"


@inlined
def weighted(row: Any, words: Any, output: Any) -> Any:
    """Raw score of one output of a linear model."""
    features = row.shape[0]
    weight = section(words, WEIGHTS)[output * features : (output + 1) * features]
    total = section(words, BASE)[output]
    for feature in range(features):
        total += weight[feature] * row[feature]
    return total


@looped
def run_linear(rows: Any, words: Any, scratch: Any, totals: Any, ppm: Any) -> Any:
    """As ``run_trees``; ``scratch`` is not used."""
    place = first_outside(rows, section(words, LOW), section(words, HIGH))
    if place >= 0:
        return place
    for row in range(rows.shape[0]):
        for output in range(totals.shape[1]):
            totals[row, output] = weighted(rows[row], words, output)
    write_ppm(totals, words, ppm)
    return -1


@looped
def run_linear_row(row: Any, words: Any) -> Any:
    """As ``run_tree_row``."""
    place = place_outside(row, words)
    if place >= 0:
        return place, OUTSIDE
    raw = weighted(row, words, section(words, NUMBERS)[DECISION])
    return raw, ppm_at(raw, words)


@_jit(inline="always")
def row_of(values: Any, number: Any) -> Any:
    """One value of every row of a block."""
    return values[number * BLOCK_ROWS : (number + 1) * BLOCK_ROWS]


@inlined
def add_inputs(values: Any, weight: Any, inputs: Any, total: Any) -> None:
    """Add to one output of a block of rows all of its weighted inputs, four in each pass; all in int32."""
    whole = inputs & -4
    for i in range(0, whole, 4):
        w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        v0, v1 = row_of(values, i), row_of(values, i + 1)
        v2, v3 = row_of(values, i + 2), row_of(values, i + 3)
        for row in range(total.shape[0]):
            total[row] = np.int32(total[row] + v0[row] * w0 + v1[row] * w1 + v2[row] * w2 + v3[row] * w3)
    for i in range(whole, inputs):
        w0, v0 = weight[i], row_of(values, i)
        for row in range(total.shape[0]):
            total[row] = np.int32(total[row] + v0[row] * w0)


@inlined
def run_layer(words: Any, at: Any, values: Any, results: Any, rows: Any) -> None:
    """Write one layer's results for a block."""
    layer = section(words, LAYERS)[at : at + LAYER_WORDS]
    inputs, outputs, shift = layer[LAYER_INPUTS], layer[LAYER_OUTPUTS], layer[LAYER_SHIFT]
    low, high = layer[LAYER_LOW], layer[LAYER_HIGH]
    weights = section(words, WEIGHTS).view(np.int8)[layer[LAYER_WEIGHT] :]
    biases = section(words, BIASES).view(np.int32)[layer[LAYER_BIAS] :]
    for output in range(outputs):
        total = row_of(results, output)[:rows]
        for row in range(rows):
            total[row] = biases[output]
        add_inputs(values, weights[output * inputs : (output + 1) * inputs], inputs, total)
        for row in range(rows):
            total[row] = min(max(total[row] >> shift, low), high)


@looped
def run_mlp(rows: Any, words: Any, scratch: Any, totals: Any, ppm: Any) -> Any:
    """As ``run_trees``; ``scratch`` holds the values between two layers, twice."""
    low, high, layers = section(words, LOW), section(words, HIGH), section(words, LAYERS)
    halves = scratch.view(np.int32)
    middle = halves.shape[0] >> 1
    values, results = halves[:middle], halves[middle:]
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        block = rows[begin : begin + BLOCK_ROWS]
        place = first_outside(block, low, high)
        if place >= 0:
            return begin * rows.shape[1] + place
        for feature in range(block.shape[1]):
            turned = row_of(values, feature)
            for row in range(block.shape[0]):
                turned[row] = block[row, feature]
        for at in range(0, layers.shape[0], LAYER_WORDS):
            run_layer(words, at, values, results, block.shape[0])
            values, results = results, values
        for output in range(totals.shape[1]):
            turned = row_of(values, output)
            for row in range(block.shape[0]):
                totals[begin + row, output] = turned[row]
    write_ppm(totals, words, ppm)
    return -1


@looped
def run_mlp_row(row: Any, words: Any, scratch: Any) -> Any:
    """As ``run_tree_row``; ``scratch`` is twice as wide as the widest layer."""
    place = place_outside(row, words)
    if place >= 0:
        return place, OUTSIDE
    layers, all_weights = section(words, LAYERS), section(words, WEIGHTS).view(np.int8)
    biases = section(words, BIASES).view(np.int32)
    values, results = scratch[: scratch.shape[0] // 2], scratch[scratch.shape[0] // 2 :]
    for feature in range(row.shape[0]):
        values[feature] = row[feature]
    for at in range(0, layers.shape[0], LAYER_WORDS):
        layer = layers[at : at + LAYER_WORDS]
        inputs = layer[LAYER_INPUTS]
        for output in range(layer[LAYER_OUTPUTS]):
            first = layer[LAYER_WEIGHT] + output * inputs
            weight, total = all_weights[first : first + inputs], np.int64(biases[layer[LAYER_BIAS] + output])
            for i in range(inputs):
                total += values[i] * weight[i]
            results[output] = min(max(total >> layer[LAYER_SHIFT], layer[LAYER_LOW]), layer[LAYER_HIGH])
        values, results = results, values
    raw = values[section(words, NUMBERS)[DECISION]]
    return raw, ppm_at(raw, words)
