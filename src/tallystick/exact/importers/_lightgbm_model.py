"""Reads a LightGBM model, as text or as the dump's dictionary, into one plain shape.

LightGBM itself is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tallystick.errors import ProgramError

__all__ = ["LightgbmModel", "LightgbmTree", "check_plain", "read_lightgbm_model"]

_PLAIN_OBJECTIVE: Final = ["binary", "sigmoid:1"]
_MISSING: Final = ("None", "Zero", "NaN")
_CATEGORICAL_BIT: Final = 1
_DEFAULT_LEFT_BIT: Final = 2
_MISSING_SHIFT: Final = 2
_WORD_BITS: Final = 32


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
    categories: Mapping[int, frozenset[int]]  # node: values that go left, all others right


@dataclass(frozen=True)
class LightgbmKind:
    """What the header says about the trees, before they are read."""

    objective: str  # "" for one of the user's own
    classes: int  # trees of one iteration
    averaged: bool


@dataclass(frozen=True)
class LightgbmModel:
    """Feature names, kind, and the trees whose leaves add up to scores: tree i is of class ``i % classes``."""

    kind: LightgbmKind
    feature_names: Sequence[str]
    trees: Sequence[LightgbmTree]
    coded: bool = False  # categories are positions among a table's own

    def __post_init__(self) -> None:
        for index, tree in enumerate(self.trees):
            if not _is_tree(tree, len(self.feature_names)):
                raise ValueError(f"tree {index} is not a tree over {len(self.feature_names)} features")


Check = Callable[[LightgbmKind, bool], None]  # refuses a header, or a tree that is categorical


def check_plain(kind: LightgbmKind, categorical: bool) -> None:
    """Refuse all but binary classifiers with ``sigmoid=1`` whose trees are added and only compare.

    Raises
    ------
    ProgramError
        Another model.
    """
    if kind.objective.split() != _PLAIN_OBJECTIVE or kind.classes != 1:
        step = "Train with objective=binary and sigmoid=1."
        cause = "the LightGBM objective is not binary"
        raise ProgramError(cause, field="objective", value=kind.objective, next_step=step)
    if kind.averaged:
        step = "Train with boosting=gbdt."
        raise ProgramError("LightGBM random forests average their trees", field="average_output", next_step=step)
    if categorical:
        step = "Train without categorical_feature; encode categories as integer features."
        raise ProgramError("the LightGBM model has categorical splits", field="decision_type", next_step=step)


def read_lightgbm_model(model: Mapping[str, Any] | str, check: Check) -> LightgbmModel:
    """Read the result of ``Booster.model_to_string()`` or ``Booster.dump_model()``.

    Raises
    ------
    ProgramError
        Not such a model, linear leaves, or what the check refuses.
    """
    try:
        return _read_text(model, check) if isinstance(model, str) else _read_dump(model, check)
    except (AttributeError, KeyError, IndexError, OverflowError, TypeError, ValueError) as error:
        if isinstance(error, ProgramError):
            raise
        step = "Hand over the result of Booster.model_to_string() or Booster.dump_model()."
        raise ProgramError("not a LightGBM model", value=repr(error)[:80], next_step=step) from error


def _read_text(text: str, check: Check) -> LightgbmModel:
    head, *sections = text.split("\nTree=")
    header = _fields(head)
    averaged = "average_output" in head.splitlines()
    kind = LightgbmKind(header.get("objective", ""), int(header["num_tree_per_iteration"]), averaged)
    check(kind, False)
    trees = [_read_text_tree(_fields(section.split("\n\n", 1)[0]), kind, check) for section in sections]
    coded = "\npandas_categorical:[[" in text
    return LightgbmModel(kind, header["feature_names"].split(), trees, coded)


def _fields(section: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line)


def _read_text_tree(fields: Mapping[str, str], kind: LightgbmKind, check: Check) -> LightgbmTree:
    kinds = [int(number) for number in fields["decision_type"].split()]
    categorical = [node for node, bits in enumerate(kinds) if bits & _CATEGORICAL_BIT]
    check(kind, bool(categorical))
    _refuse_linear(fields.get("is_linear", "0") == "1")
    thresholds = [float(number) for number in fields["threshold"].split()]
    sets = _text_sets(fields) if categorical else []
    return LightgbmTree(
        feature=[int(number) for number in fields["split_feature"].split()],
        threshold=thresholds,
        default_left=[bool(bits & _DEFAULT_LEFT_BIT) for bits in kinds],
        missing=[_MISSING[bits >> _MISSING_SHIFT] for bits in kinds],
        left=[int(number) for number in fields["left_child"].split()],
        right=[int(number) for number in fields["right_child"].split()],
        leaf=[float(number) for number in fields["leaf_value"].split()],
        cover=[int(number) for number in fields["leaf_count"].split()],
        categories={node: sets[int(thresholds[node])] for node in categorical},
    )


def _text_sets(fields: Mapping[str, str]) -> list[frozenset[int]]:
    """The sets of values, each as 32-bit words between two boundaries."""
    boundaries = [int(number) for number in fields["cat_boundaries"].split()]
    words = [int(number) for number in fields["cat_threshold"].split()]
    if boundaries != sorted(boundaries) or boundaries[0] != 0 or boundaries[-1] > len(words):
        raise ValueError("cat_boundaries are not in cat_threshold")
    sets = []
    for start, stop in pairwise(boundaries):
        bits = sum((word % (1 << _WORD_BITS)) << _WORD_BITS * place for place, word in enumerate(words[start:stop]))
        sets.append(frozenset(value for value in range(bits.bit_length()) if bits >> value & 1))
    return sets


def _read_dump(dump: Mapping[str, Any], check: Check) -> LightgbmModel:
    kind = LightgbmKind(dump.get("objective", ""), int(dump["num_tree_per_iteration"]), bool(dump["average_output"]))
    check(kind, False)
    trees = [_read_dump_tree(info["tree_structure"], kind, check) for info in dump["tree_info"]]
    return LightgbmModel(kind, list(dump["feature_names"]), trees, bool(dump.get("pandas_categorical")))


def _read_dump_tree(root: Mapping[str, Any], kind: LightgbmKind, check: Check) -> LightgbmTree:
    nodes, leaves = _flatten(root)
    categorical = [index for index, node in enumerate(nodes) if node["decision_type"] != "<="]
    check(kind, bool(categorical))
    _refuse_linear(any("leaf_coeff" in leaf for leaf in leaves))
    number = {id(node): index for index, node in enumerate(nodes)} | {id(leaf): ~i for i, leaf in enumerate(leaves)}
    return LightgbmTree(
        feature=[int(node["split_feature"]) for node in nodes],
        threshold=[0 if index in categorical else float(node["threshold"]) for index, node in enumerate(nodes)],
        default_left=[bool(node["default_left"]) for node in nodes],
        missing=[_MISSING[_MISSING.index(node["missing_type"])] for node in nodes],
        left=[number[id(node["left_child"])] for node in nodes],
        right=[number[id(node["right_child"])] for node in nodes],
        leaf=[float(leaf["leaf_value"]) for leaf in leaves],
        cover=[int(leaf["leaf_count"]) for leaf in leaves],
        categories={index: frozenset(map(int, nodes[index]["threshold"].split("||"))) for index in categorical},
    )


def _flatten(root: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    nodes, leaves, waiting, seen = [], [], [root], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            raise ValueError("a part of a tree hangs in two places")
        seen.add(id(part))
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


def _refuse_linear(linear: bool) -> None:
    if linear:
        step = "Train with linear_tree=false."
        raise ProgramError("the LightGBM model has linear leaves", field="linear_tree", next_step=step)
