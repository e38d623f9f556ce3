"""scikit-learn's decision trees, random forests, extra trees and isolation forests.

Source: scikit-learn ``sklearn/ensemble/_forest.py``, ``sklearn/ensemble/_iforest.py``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of
from tallystick.exact.importers._sklearn_trees import float_tree, shape_of

__all__ = ["read_forest", "read_isolation_forest", "read_tree"]

_FLOAT32_BITS: Final = 24


def read_tree(model: Any, names: list[str]) -> FloatTrees:
    """One tree."""
    return _averaged(model, [model], names)


def read_forest(model: Any, names: list[str]) -> FloatTrees:
    """The mean over trees, of a target or of the share of each class; of two classes the second one's."""
    return _averaged(model, model.estimators_, names)


def _averaged(model: Any, estimators: list[Any], names: list[str]) -> FloatTrees:
    if model.n_outputs_ != 1:
        step = "Train one model for each target."
        raise ProgramError(f"{LIBRARY}'s {class_of(model)} has several targets", field="n_outputs_", next_step=step)
    classes = [str(name) for name in getattr(model, "classes_", ())]
    wanted = [len(classes) - 1] if 0 < len(classes) <= 2 else list(range(max(len(classes), 1)))
    trees: list[FloatTree] = []
    for estimator in estimators:
        shape, values = shape_of(estimator.tree_), np.asarray(estimator.tree_.value, np.float64)[:, 0, :]
        trees += [float_tree(shape, values[:, column], output) for output, column in enumerate(wanted)]
    return FloatTrees(
        library=LIBRARY,
        names=names,
        trees=trees,
        base=[0] * len(wanted),
        divisor=len(estimators),
        value_bits=_FLOAT32_BITS,
        classes=classes,
        notes={"score": "share of the class"} if classes else {},
    )


def read_isolation_forest(model: Any, names: list[str]) -> FloatTrees:
    """``score = -(mean path length)``; ``score_samples = -2**(slope * score)`` with ``slope = 1 / c(max_samples)``.

    Raises
    ------
    ProgramError
        Trees of a single row, which isolate nothing.
    """
    normal = float(_average_path(np.array([model.max_samples_]))[0])
    if not normal:
        step = "Train with max_samples of at least 2."
        raise ProgramError(f"{LIBRARY}'s IsolationForest has trees of one row", field="max_samples", next_step=step)
    trees = []
    for estimator, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        tree = estimator.tree_
        # The library's own three operations in its own order, so that each leaf is its float.
        length = _depths(tree) + _average_path(np.asarray(tree.n_node_samples)) - 1
        trees.append(float_tree(shape_of(tree, columns), -length))
    return FloatTrees(
        library=LIBRARY,
        names=names,
        trees=trees,
        base=[0],
        divisor=len(trees),
        value_bits=_FLOAT32_BITS,
        link="isolation",
        slope=1 / normal,
        notes={"score": "minus the mean path length", "offset": repr(float(model.offset_))},
    )


def _depths(tree: Any) -> npt.NDArray[np.int64]:
    """Nodes on the way from the root to each node, both counted; parents come before their children."""
    depth = np.ones(tree.node_count, np.int64)
    for node, children in enumerate(zip(tree.children_left, tree.children_right, strict=True)):
        for child in children:
            if child > 0:
                depth[child] = depth[node] + 1
    return depth


def _average_path(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Mean length of an unsuccessful search in a tree of n rows: ``2 * (ln(n-1) + gamma) - 2*(n-1)/n``."""
    large = np.maximum(rows, 3)
    path = 2 * (np.log(large - np.float64(1)) + np.euler_gamma) - 2 * (large - np.float64(1)) / large
    return np.where(rows <= 1, 0, np.where(rows == 2, 1, path))
