"""Reads a LightGBM model, as text or as the dump's dictionary, into one plain shape.

LightGBM itself is not needed. What this layer cannot express exactly is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.errors import ProgramError

__all__ = ["LightgbmModel", "LightgbmTree", "read_lightgbm"]

_OBJECTIVE: Final = ["binary", "sigmoid:1"]
_MISSING: Final = ("None", "Zero", "NaN")
_CATEGORICAL_BIT: Final = 1
_DEFAULT_LEFT_BIT: Final = 2
_MISSING_SHIFT: Final = 2


@dataclass(frozen=True)
class LightgbmTree:
    """One tree as LightGBM holds it; a negative child is the leaf ``~child``."""

    feature: Sequence[int]
    threshold: Sequence[float]
    default_left: Sequence[bool]
    missing: Sequence[str]  # "None", "Zero" or "NaN"
    left: Sequence[int]
    right: Sequence[int]
    leaf: Sequence[float]
    cover: Sequence[int]  # training rows in each leaf


@dataclass(frozen=True)
class LightgbmModel:
    """A binary classifier: feature names and the trees whose leaves add up to log-odds."""

    feature_names: Sequence[str]
    trees: Sequence[LightgbmTree]

    def __post_init__(self) -> None:
        for index, tree in enumerate(self.trees):
            if not _is_tree(tree, len(self.feature_names)):
                raise ValueError(f"tree {index} is not a tree over {len(self.feature_names)} features")


def read_lightgbm(model: Mapping[str, Any] | str) -> LightgbmModel:
    """Read the result of ``Booster.model_to_string()`` or ``Booster.dump_model()``.

    Raises
    ------
    ProgramError
        Not such a model, or one that cannot be expressed exactly: another objective than plain ``binary``,
        averaged trees, linear leaves, categorical splits.
    """
    try:
        return _read_text(model) if isinstance(model, str) else _read_dump(model)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        if isinstance(error, ProgramError):
            raise
        step = "Hand over the result of Booster.model_to_string() or Booster.dump_model()."
        raise ProgramError("not a LightGBM model", value=repr(error)[:80], next_step=step) from error


def _read_text(text: str) -> LightgbmModel:
    head, *sections = text.split("\nTree=")
    header = _fields(head)
    averaged = "average_output" in head.splitlines()
    _check_kind(header["objective"], int(header["num_class"]), averaged)
    trees = [_read_text_tree(_fields(section.split("\n\n", 1)[0])) for section in sections]
    return LightgbmModel(header["feature_names"].split(), trees)


def _fields(section: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line)


def _read_text_tree(fields: Mapping[str, str]) -> LightgbmTree:
    kinds = [int(number) for number in fields["decision_type"].split()]
    _check_tree(any(kind & _CATEGORICAL_BIT for kind in kinds), fields.get("is_linear", "0") == "1")
    return LightgbmTree(
        feature=[int(number) for number in fields["split_feature"].split()],
        threshold=[float(number) for number in fields["threshold"].split()],
        default_left=[bool(kind & _DEFAULT_LEFT_BIT) for kind in kinds],
        missing=[_MISSING[kind >> _MISSING_SHIFT] for kind in kinds],
        left=[int(number) for number in fields["left_child"].split()],
        right=[int(number) for number in fields["right_child"].split()],
        leaf=[float(number) for number in fields["leaf_value"].split()],
        cover=[int(number) for number in fields["leaf_count"].split()],
    )


def _read_dump(dump: Mapping[str, Any]) -> LightgbmModel:
    _check_kind(dump["objective"], int(dump["num_class"]), bool(dump["average_output"]))
    trees = [_read_dump_tree(info["tree_structure"]) for info in dump["tree_info"]]
    return LightgbmModel(list(dump["feature_names"]), trees)


def _read_dump_tree(root: Mapping[str, Any]) -> LightgbmTree:
    nodes, leaves = _flatten(root)
    _check_tree(any(node["decision_type"] != "<=" for node in nodes), any("leaf_coeff" in leaf for leaf in leaves))
    number = {id(node): index for index, node in enumerate(nodes)} | {id(leaf): ~i for i, leaf in enumerate(leaves)}
    return LightgbmTree(
        feature=[int(node["split_feature"]) for node in nodes],
        threshold=[float(node["threshold"]) for node in nodes],
        default_left=[bool(node["default_left"]) for node in nodes],
        missing=[_MISSING[_MISSING.index(node["missing_type"])] for node in nodes],
        left=[number[id(node["left_child"])] for node in nodes],
        right=[number[id(node["right_child"])] for node in nodes],
        leaf=[float(leaf["leaf_value"]) for leaf in leaves],
        cover=[int(leaf["leaf_count"]) for leaf in leaves],
    )


def _flatten(root: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    nodes, leaves, waiting = [], [], [root]
    while waiting:
        part = waiting.pop()
        if "left_child" in part:
            nodes.append(part)
            waiting += (part["right_child"], part["left_child"])
        else:
            leaves.append(part)
    return nodes, leaves


def _is_tree(tree: LightgbmTree, features: int) -> bool:
    """Every node but the root and every leaf is a child once, of a node before it; every feature exists."""
    nodes, leaves = len(tree.feature), len(tree.leaf)
    lengths = {len(tree.threshold), len(tree.default_left), len(tree.missing), len(tree.left), len(tree.right)}
    if (lengths, leaves, len(tree.cover)) != ({nodes}, nodes + 1, nodes + 1):
        return False
    children = sorted((*tree.left, *tree.right))
    expected = [*range(-leaves, 0), *range(1, nodes)] if nodes else []
    later = all(child < 0 or child > node for side in (tree.left, tree.right) for node, child in enumerate(side))
    return children == expected and later and all(0 <= feature < features for feature in tree.feature)


def _check_kind(objective: str, classes: int, averaged: bool) -> None:
    if objective.split() != _OBJECTIVE or classes != 1:
        step = "Train with objective=binary and sigmoid=1."
        raise ProgramError("the LightGBM objective is not binary", field="objective", value=objective, next_step=step)
    if averaged:
        step = "Train with boosting=gbdt."
        raise ProgramError("LightGBM random forests average their trees", field="average_output", next_step=step)


def _check_tree(categorical: bool, linear: bool) -> None:
    if categorical:
        step = "Train without categorical_feature; encode categories as integer features."
        raise ProgramError("the LightGBM model has categorical splits", field="decision_type", next_step=step)
    if linear:
        step = "Train with linear_tree=false."
        raise ProgramError("the LightGBM model has linear leaves", field="linear_tree", next_step=step)
