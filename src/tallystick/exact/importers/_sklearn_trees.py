"""scikit-learn's ``tree_`` arrays as trees of floats: what forests and gradient boosting share.

A tree compares ``float32(x) <= threshold`` with a float64 threshold.

Source: scikit-learn ``sklearn/tree/_tree.pyx`` (``_apply_dense``), ``sklearn/tree/_classes.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.exact.importers._float_models import FloatTree

__all__ = ["Shape", "float_tree", "shape_of"]

_LEAF: Final = -1  # both children of a leaf


class Shape(NamedTuple):
    """The splits of a tree, and where its leaves are among its nodes."""

    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    leaves: npt.NDArray[np.int64]  # node numbers
    cover: list[float]


def shape_of(tree: Any, columns: Sequence[int] | None = None) -> Shape:
    """Splits of a ``tree_``; ``columns`` says which of the model's columns the tree's own are."""
    left, right = (np.asarray(side, np.int64) for side in (tree.children_left, tree.children_right))
    is_leaf = left == _LEAF
    splits, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    number = np.empty(len(left), np.int64)
    number[splits], number[leaves] = np.arange(len(splits)), ~np.arange(len(leaves))
    feature = np.asarray(tree.feature, np.int64)[splits]
    if columns is not None:
        feature = np.asarray(columns, np.int64)[feature]
    return Shape(
        feature=feature.tolist(),
        threshold=np.asarray(tree.threshold, np.float64)[splits].tolist(),
        left=number[left[splits]].tolist(),
        right=number[right[splits]].tolist(),
        leaves=leaves,
        cover=np.asarray(tree.weighted_n_node_samples, np.float64)[leaves].tolist(),
    )


def float_tree(shape: Shape, values: npt.NDArray[np.float64], output: int = 0) -> FloatTree:
    """A tree with these values of all nodes, of which the leaves' are taken."""
    leaf = values[shape.leaves].tolist()
    return FloatTree(shape.feature, shape.threshold, shape.left, shape.right, leaf, shape.cover, output)
