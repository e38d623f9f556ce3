"""ONNX tree ensembles as trees of floats: every comparison, sums and averages, one or several outputs.

A node compares ``float32(x)`` with a float32; with ``*_as_tensor`` attributes and float64 inputs in float64. Sums are
float32.

Source: ONNX ``docs/Operators-ml.md`` (TreeEnsembleClassifier, TreeEnsembleRegressor 1 to 3, TreeEnsemble 5) and ONNX
Runtime ``tree_ensemble_common.h``, ``tree_ensemble_aggregator.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._onnx_graph import LIBRARY, Node, refused

__all__ = ["LINKS", "read_tree_ensemble", "read_trees"]

LINKS: Final = {"NONE": "identity", "LOGISTIC": "logistic", "SOFTMAX": "softmax"}
_TRANSFORMS: Final = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")  # by number in TreeEnsemble
_AGGREGATES: Final = ("AVERAGE", "SUM", "MIN", "MAX")
_MODES: Final = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
_EQUAL: Final = ("BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
_SWAPPED: Final = ("BRANCH_GTE", "BRANCH_GT", "BRANCH_NEQ")
_STRICT: Final = ("BRANCH_LT", "BRANCH_GTE")  # the last value that is not above is the one before the number
_CONVERT: Final = "Convert the model with one base value and one weight in each leaf for each class."
_LARGEST: Final = float(np.finfo(np.float32).max)


class _Split(NamedTuple):
    """A node: what it asks, and where yes and no go."""

    mode: str
    feature: int
    value: float
    true: _Place
    false: _Place
    members: tuple[float, ...] = ()


class _Kind(NamedTuple):
    """How an ensemble makes scores of its trees."""

    aggregate: str
    transform: str
    trees: int


class _Grown(NamedTuple):
    """One tree, once for each output; the outputs that every leaf has a weight for; and how many nodes it has."""

    trees: list[FloatTree]
    always: set[int]
    nodes: int


class _Ends(NamedTuple):
    """A leaf: its weight for each output."""

    weights: Mapping[int, float]


_Place = tuple[int, int]  # tree and node; or whether a leaf, and its number
_Look = Callable[[_Place], _Split | _Ends]


def read_trees(node: Node, bits: int) -> FloatTrees:
    """``TreeEnsembleClassifier`` or ``TreeEnsembleRegressor``; ``bits`` is the significand of their input's type.

    Raises
    ------
    ProgramError
        MIN, MAX, PROBIT, SOFTMAX_ZERO, an unknown comparison, or no trees.
    """
    prefix = "class" if node.operation == "TreeEnsembleClassifier" else "target"
    classes = node.classes()
    ids = node.whole(f"{prefix}_ids")
    outputs = len(classes) if prefix == "class" else int(node.attributes.get("n_targets", 1))
    base = node.numbers("base_values")
    column = set(ids)
    if prefix == "class" and len(classes) == 2 and len(column) == 1:
        # Two classes and one column of weights: the score of the second class.
        if len(base) > 1 - column.pop():
            raise refused("has base values that runtimes read in different ways", _CONVERT, field="base_values")
        ids, outputs = [0] * len(ids), 1
    base = base or [0.0] * outputs
    if len(base) != outputs or not outputs or not all(0 <= number < outputs for number in ids):
        raise refused(f"has {len(base)} base values for {outputs} outputs", field="base_values")
    looks = _looks_of(node, ids, prefix)
    grown = [_float_trees(look, root, bits) for look, root in looks]
    needed = {number for number in range(outputs) if base[number] and outputs > 1}
    if prefix == "class" and outputs == 2:
        needed.add(1)
    if sum(made.nodes for made in grown) != len(node.whole("nodes_nodeids")):
        raise refused("has nodes that no root leads to", field="nodes_nodeids")
    if not needed <= {output for made in grown for output in made.always}:
        # ONNX Runtime leaves such an output's base value out, or writes another class's score there.
        raise refused("has outputs that a row may get no weight for", _CONVERT, field=f"{prefix}_ids")
    trees = [tree for made in grown for tree in made.trees]
    kind = _Kind(node.text("aggregate_function", "SUM"), node.text("post_transform", "NONE"), len(looks))
    return replace(_ensemble(kind, trees, base, bits), classes=classes)


def _looks_of(node: Node, ids: list[int], prefix: str) -> list[tuple[_Look, _Place]]:
    """For each tree how its nodes are looked up, and its root."""
    ends: dict[_Place, dict[int, float]] = {}
    keys = zip(node.whole(f"{prefix}_treeids"), node.whole(f"{prefix}_nodeids"), strict=True)
    for key, number, weight in zip(keys, ids, node.numbers(f"{prefix}_weights"), strict=True):
        if number in ends.setdefault(key, {}):
            raise refused("has a leaf with two weights for one output", field=f"{prefix}_ids", value=key)
        ends[key][number] = weight
    nodes: dict[_Place, _Split | _Ends] = {}
    children: list[_Place] = []
    columns = (
        node.whole("nodes_treeids"),
        node.whole("nodes_nodeids"),
        [mode.decode("utf-8") for mode in node.attributes["nodes_modes"]],
        node.whole("nodes_featureids"),
        node.numbers("nodes_values"),
        node.whole("nodes_truenodeids"),
        node.whole("nodes_falsenodeids"),
    )
    for tree, number, mode, feature, value, true, false in zip(*columns, strict=True):
        if (tree, number) in nodes:
            raise refused("names a node twice", field="nodes_nodeids", value=(tree, number))
        if mode == "LEAF":
            nodes[tree, number] = _Ends(ends.get((tree, number), {}))
            continue
        nodes[tree, number] = _Split(mode, feature, value, (tree, true), (tree, false))
        children += ((tree, true), (tree, false))
    inner = set(children)
    roots = [key for key in nodes if key not in inner]
    if len(inner) != len(children) or not inner <= set(nodes) or len(roots) != len({tree for tree, _ in nodes}):
        raise refused("has nodes without one parent, or trees without one root", field="nodes_nodeids")
    return [(nodes.__getitem__, root) for root in roots]


def read_tree_ensemble(node: Node, bits: int) -> FloatTrees:
    """``TreeEnsemble`` of version 5.

    Raises
    ------
    ProgramError
        As :func:`read_trees`.
    """
    outputs = int(node.attributes.get("n_targets", 1))
    modes = node.whole("nodes_modes")
    values, features = node.numbers("nodes_splits"), node.whole("nodes_featureids")
    leaves = [_Ends({target: weight}) for target, weight in _pairs(node)]
    members = iter(_members(node.numbers("membership_values"), modes))
    sides = [
        list(zip(node.whole(f"nodes_{side}leafs"), node.whole(f"nodes_{side}nodeids"), strict=True))
        for side in ("true", "false")
    ]
    splits = [
        _Split(_MODES[mode], feature, value, true, false, next(members) if _MODES[mode] == "BRANCH_MEMBER" else ())
        for mode, feature, value, true, false in zip(modes, features, values, *sides, strict=True)
    ]

    def look(place: _Place) -> _Split | _Ends:
        is_leaf, number = place
        if number < 0:
            raise IndexError(number)
        return leaves[number] if is_leaf else splits[number]

    if not all(0 <= target < outputs for end in leaves for target in end.weights):
        raise refused("has a leaf of no output", field="leaf_targetids")
    roots = node.whole("tree_roots")
    trees = [tree for root in roots for tree in _float_trees(look, (0, root), bits).trees]
    kind = _Kind(
        _AGGREGATES[int(node.attributes.get("aggregate_function", 1))],
        _TRANSFORMS[int(node.attributes.get("post_transform", 0))],
        len(roots),
    )
    return replace(_ensemble(kind, trees, [0.0] * outputs, bits), sum_bits=bits)


def _pairs(node: Node) -> zip[tuple[int, float]]:
    return zip(node.whole("leaf_targetids"), node.numbers("leaf_weights"), strict=True)


def _members(values: list[float], modes: list[int]) -> list[tuple[float, ...]]:
    """Sets of values, each ended by a NaN, one for each node that asks for membership."""
    sets: list[tuple[float, ...]] = []
    members: list[float] = []
    for value in values:
        if math.isnan(value):
            sets.append(tuple(members))
            members = []
        else:
            members.append(value)
    if members:
        sets.append(tuple(members))
    if len(sets) != modes.count(_MODES.index("BRANCH_MEMBER")):
        raise refused("has another number of sets than of nodes that ask for membership", field="membership_values")
    return sets


def _float_trees(look: _Look, root: _Place, bits: int) -> _Grown:
    """One tree as a float tree for each output that it has weights for."""
    feature: list[int] = []
    threshold: list[float] = []
    sides: list[list[int]] = []
    ends: list[Mapping[int, float]] = []
    categories: dict[int, frozenset[int]] = {}
    met: set[_Place] = set()
    waiting: list[tuple[_Place, int, int]] = [(root, 0, 0)]
    while waiting:
        place, parent, side = waiting.pop()
        found = look(place)
        if sides:
            sides[parent][side] = ~len(ends) if isinstance(found, _Ends) else len(sides)
        if isinstance(found, _Ends):
            ends.append(found.weights)
            continue
        if place in met:
            raise refused("has a node with two parents", field="nodes", value=repr(place)[:40])
        met.add(place)
        if found.mode not in _MODES:
            raise refused(f"compares by {found.mode[:40]}", field="nodes_modes")
        if found.mode in _EQUAL:
            categories[len(sides)] = _equal(found, bits)
        threshold.append(0 if found.mode in _EQUAL else _last(found, bits))
        left, right = (found.false, found.true) if found.mode in _SWAPPED else (found.true, found.false)
        waiting += ((right, len(sides), 1), (left, len(sides), 0))
        feature.append(found.feature)
        sides.append([0, 0])
    lefts, rights = ([pair[side] for pair in sides] for side in (0, 1))
    cover = [1] * len(ends)
    targets = sorted({target for end in ends for target in end})
    trees = [
        FloatTree(feature, threshold, lefts, rights, [end.get(target, 0) for end in ends], cover, target, categories)
        for target in targets
    ]
    always = {target for target in targets if all(target in end for end in ends)}
    return _Grown(trees, always, len(sides) + len(ends))


def _last(split: _Split, bits: int) -> float:
    """The largest float that goes to the side of small values."""
    value = split.value
    if split.mode in _STRICT:
        value = math.nextafter(value, -math.inf) if bits > 24 else float(np.nextafter(np.float32(value), -np.inf))
    return min(max(value, -_LARGEST), _LARGEST) if math.isinf(value) else value


def _equal(split: _Split, bits: int) -> frozenset[int]:
    """The integers that are equal to a number, or to one of a set."""
    values = split.members if split.mode == "BRANCH_MEMBER" else (split.value,)
    if not all(abs(value) < 1 << bits for value in values):  # NaN, too
        step = "Number the categories with smaller codes, and train again."
        raise refused(f"tests equality with a number that float{bits // 24 * 32} rounds others to", step)
    return frozenset(int(value) for value in values if value == int(value))


def _ensemble(kind: _Kind, trees: list[FloatTree], base: list[float], bits: int) -> FloatTrees:
    if kind.aggregate not in ("SUM", "AVERAGE"):
        step = "Only sums and averages of trees are scores; convert another model."
        raise refused(f"takes the {kind.aggregate[:20]} of its trees", step, field="aggregate_function")
    if kind.transform not in LINKS:
        step = "Convert the model with post_transform NONE, LOGISTIC or SOFTMAX."
        raise refused(f"ends in {kind.transform[:20]}", step, field="post_transform")
    if not kind.trees:
        raise refused("has no trees", field="trees")
    return FloatTrees(
        library=LIBRARY,
        names=(),
        trees=trees,
        base=base,
        divisor=kind.trees if kind.aggregate == "AVERAGE" else 1,
        value_bits=bits,
        sum_bits=24,
        link=LINKS[kind.transform],
    )
