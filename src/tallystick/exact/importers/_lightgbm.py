"""LightGBM models as trees of floats: objectives, classes, averages, categorical splits.

LightGBM compares ``float64(x) <= t`` and adds leaves in float64. A categorical split looks for ``int(x)`` in a set:
members go left, all others right, unseen and negative ones among them.

Source: LightGBM ``src/io/tree.cpp``, ``include/LightGBM/tree.h`` (``CategoricalDecision``), ``src/objective/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact._limits import MAX_OUTPUTS
from tallystick.exact.importers._float_models import CODES_NOTE, FloatTree, FloatTrees
from tallystick.exact.importers._lightgbm_model import (
    LightgbmKind,
    LightgbmModel,
    LightgbmTree,
    read_lightgbm_model,
)
from tallystick.exact.importers._options import ImportOptions

__all__ = ["float_trees", "read_lightgbm"]

_LINKS: Final = {
    "": "identity",  # an objective of the user's own
    "binary": "logistic",
    "cross_entropy": "logistic",
    "fair": "identity",
    "gamma": "exp",
    "huber": "identity",
    "lambdarank": "identity",
    "mape": "identity",
    "multiclass": "softmax",
    "multiclassova": "logistic",
    "none": "identity",
    "poisson": "exp",
    "quantile": "identity",
    "rank_xendcg": "identity",
    "regression": "identity",
    "regression_l1": "identity",
    "tweedie": "exp",
}
_INSTEAD: Final = {"cross_entropy_lambda": "Train with objective=cross_entropy."}


def read_lightgbm(model: Mapping[str, Any] | str, options: ImportOptions) -> FloatTrees:
    """Read the result of ``Booster.model_to_string()`` or ``Booster.dump_model()``.

    Both hold the best iteration only where training stopped early, unless they were asked for all.

    Raises
    ------
    ProgramError
        Not such a model, or one that cannot be expressed; the message says what to do instead.
    """
    source = float_trees(read_lightgbm_model(model, _check), options.iterations)
    placeholders = [f"Column_{column}" for column in range(len(source.names))]
    return replace(source, names=[""] * len(source.names)) if source.names == placeholders else source


def float_trees(model: LightgbmModel, iterations: int | None = None) -> FloatTrees:
    """The model's first iterations, or all of them."""
    classes = model.kind.classes
    if iterations is not None and iterations * classes > len(model.trees):
        cause = f"the LightGBM model has {len(model.trees) // classes} iterations"
        raise ProgramError(cause, field="iterations", value=iterations, next_step="Ask for at most so many.")
    trees = model.trees if iterations is None else model.trees[: iterations * classes]
    for tree in trees:
        _check_cover(tree)
    link, slope = _link(model.kind)
    missing = any(missing == "NaN" for tree in trees for missing in tree.missing)
    return FloatTrees(
        library="LightGBM",
        names=model.feature_names,
        trees=[_float_tree(tree, index % classes) for index, tree in enumerate(trees)],
        base=[0] * classes,
        divisor=max(1, len(trees) // classes) if model.kind.averaged else 1,
        link=link,
        slope=slope,
        notes=({"missing_values": "in training only: integers are never missing"} if missing else {})
        | (CODES_NOTE if model.coded else {}),
    )


def _check_cover(tree: LightgbmTree) -> None:
    """Refuse trees with a node that no training row reached; children come after their parent."""
    total = [0] * len(tree.feature)
    for node in reversed(range(len(total))):
        for child in (tree.left[node], tree.right[node]):
            total[node] += tree.cover[~child] if child < 0 else total[child]
        if total[node] <= 0:
            step = "Train again: the model has no counts of training rows."
            cause = "a node of the LightGBM model covers no training row"
            raise ProgramError(cause, field="leaf_count", next_step=step)


def _check(kind: LightgbmKind, _categorical: bool) -> None:
    """Refuse objectives whose link is unknown, and numbers of classes that do not belong to them."""
    name, *parameters = kind.objective.split() or [""]
    if name not in _LINKS:
        step = _INSTEAD.get(name, f"Train with one of {', '.join(filter(None, _LINKS))}.")
        cause = "the LightGBM objective is not supported"
        raise ProgramError(cause, field="objective", value=kind.objective, next_step=step)
    if "sqrt" in parameters:
        raise ProgramError(
            "the LightGBM model squares its score", field="objective", next_step="Train with reg_sqrt=false."
        )
    if not 1 <= kind.classes <= MAX_OUTPUTS:
        raise ValueError(f"{kind.classes} trees in an iteration")
    _link(kind)


def _link(kind: LightgbmKind) -> tuple[str, float]:
    name, *parameters = kind.objective.split() or [""]
    slope: float = 1
    for parameter in parameters:
        key, _, value = parameter.partition(":")
        slope = float(value) if key == "sigmoid" else slope
    return _LINKS[name], slope


def _float_tree(tree: LightgbmTree, output: int) -> FloatTree:
    return FloatTree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.left,
        right=tree.right,
        leaf=tree.leaf,
        cover=tree.cover,
        output=output,
        categories=tree.categories,
        zero_left={
            node: left
            for node, (missing, left) in enumerate(zip(tree.missing, tree.default_left, strict=True))
            if missing == "Zero" and node not in tree.categories
        },
    )
