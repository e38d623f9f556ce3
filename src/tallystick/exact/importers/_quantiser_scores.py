"""Scores of a model of floats on rows of floats: what the cost of quantisation is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTree, FloatTrees
from tallystick.exact.importers._quantiser_trees import goes_left

__all__ = ["float_scores"]

_Floats = npt.NDArray[np.float64]


def float_scores(source: FloatTrees | FloatLinear | FloatMlp, rows: _Floats) -> _Floats:
    """Scores before the link, (n, outputs), added up in float64.

    Values are rounded and compared as the library does; sums may differ from the library's in their last bits.
    """
    if isinstance(source, FloatTrees):
        scores = np.zeros((len(rows), len(source.base)))
        for tree in source.trees:
            scores[:, tree.output] += _tree_scores(source, tree, rows)
        scores /= source.divisor
        scores += np.array([float(number) for number in source.base])
        return scores
    values = _seen(source, rows)
    if isinstance(source, FloatLinear):
        return _dense(values, source.coefficient, source.intercept)
    for layer in source.layers:
        values = _dense(values, layer.weight, layer.bias)
        if layer.relu:
            np.maximum(values, 0, out=values)
    return values


def _dense(values: _Floats, weight: Sequence[Sequence[Any]], bias: Sequence[Any]) -> _Floats:
    sums: _Floats = values @ _table(weight).T
    sums += np.array([float(number) for number in bias])
    return sums


def _table(rows: Sequence[Sequence[Any]]) -> _Floats:
    return np.array([[float(number) for number in row] for row in rows])


def _seen(source: FloatLinear | FloatMlp, rows: _Floats) -> _Floats:
    if source.value_bits == 24:
        rows = rows.astype(np.float32).astype(np.float64)
    if source.scaling is None:
        return rows
    scaled: _Floats = rows * np.array([float(number) for number in source.scaling.factor])
    scaled += np.array([float(number) for number in source.scaling.shift])
    return scaled


def _tree_scores(source: FloatTrees, tree: FloatTree, rows: _Floats) -> _Floats:
    """All rows walk down the tree together, a level at a time."""
    leaves: _Floats = np.array([float(leaf) for leaf in tree.leaf])
    feature, threshold = np.array(tree.feature, np.int64), np.array(tree.threshold, np.float64)
    sides = np.array([tree.right, tree.left], np.int64)
    at = np.full(len(rows), 0 if len(feature) else -1)
    while (walking := np.flatnonzero(at >= 0)).size:
        nodes = at[walking]
        values = rows[walking, feature[nodes]]
        left = goes_left(source, values, threshold[nodes])
        for node in np.unique(nodes).tolist():
            here = nodes == node
            if node in tree.categories:
                left[here] = np.isin(values[here], sorted(tree.categories[node]))
            elif node in tree.zero_left:
                left[here & (values == 0)] = tree.zero_left[node]
        at[walking] = sides[left.astype(np.int64), nodes]
    reached: _Floats = leaves[~at]
    return reached
