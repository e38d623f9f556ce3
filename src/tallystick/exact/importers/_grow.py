"""One float tree as one canonical integer tree: splits exactly, leaves rounded down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import MAX_NODES
from tallystick.exact._trees import Tree
from tallystick.exact.importers._categories import Cut
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._thresholds import integer_threshold

__all__ = ["GrownTree", "check_shape", "grow"]

_EVERYWHERE: Final[Mapping[int, tuple[int, int]]] = {}


@dataclass(frozen=True)
class GrownTree:
    """A tree in integers; ``constant`` instead of a tree where no split separates the domain."""

    tree: Tree | None
    constant: int
    rounding: Fraction  # worst leaf error, in units of the scale
    largest: Fraction  # largest |leaf| of the float model, in units of the scale


@dataclass(frozen=True)
class _Part:
    """What hangs below one side of a new node, and the values that reach it."""

    child: int  # of the float tree: a node, or the complement of a leaf
    box: Mapping[int, tuple[int, int]]  # feature: values that reach this; the domain where not named
    share: Fraction | int = 1  # of the training weight below: a copied subtree gets a part of it
    cut: Cut | None = None  # segments of the node ``child`` that are still to be told apart
    shares: tuple[Fraction | int, Fraction | int] = (1, 1)  # of one left and one right segment of the cut

    def side(self, left: bool, source: FloatTree) -> _Part:
        """The child on one side of the node."""
        side = source.left if left else source.right
        return _Part(side[self.child], self.box, self.shares[not left])

    def halves(self, feature: int, low: int, high: int) -> tuple[int, _Part, _Part]:
        """Threshold of the middle bound, and the segments on both sides of it."""
        assert self.cut is not None
        middle = len(self.cut.bounds) // 2
        threshold = self.cut.bounds[middle]
        below, above = self.cut.split(middle)
        return (
            threshold,
            _Part(self.child, {**self.box, feature: (low, threshold)}, self.share, below, self.shares),
            _Part(self.child, {**self.box, feature: (threshold + 1, high)}, self.share, above, self.shares),
        )


def check_shape(source: FloatTree, features: int, library: str, index: int) -> None:
    """Check that a tree is one: from the root each node and leaf is met once, and every number fits.

    Raises
    ------
    ProgramError
        A cycle, a shared part, an unknown child or feature, lengths that differ, or a number that is not finite.
    """
    nodes, leaves = len(source.feature), len(source.leaf)
    lengths = {len(source.threshold), len(source.left), len(source.right)}
    good = leaves == len(source.cover) and leaves > 0 and lengths == {nodes}
    seen: set[int] = set()
    waiting = [0 if nodes else -1]
    while good and waiting:
        child = waiting.pop()
        good = -leaves <= child < nodes and child not in seen
        seen.add(child)
        if good and child >= 0:
            good = 0 <= source.feature[child] < features
            waiting += (source.left[child], source.right[child])
    if not good:
        raise ProgramError(f"tree {index} of the {library} model is not a tree over {features} features", field="trees")
    for name in ("threshold", "leaf", "cover"):
        if not all(map(math.isfinite, getattr(source, name))):
            raise ProgramError(f"tree {index} holds a number that is not finite", field=name, value=index)


def grow(source: FloatTree, model: FloatTrees, features: Sequence[Feature], scale_bits: int) -> GrownTree:
    """Turn one tree into integers over these domains.

    A split that sends all values that reach it one way is left out; a membership becomes one split for each
    end of an interval, with copies of what is below where a side has several intervals.

    Raises
    ------
    ProgramError
        Too many splits, or 0 treated as missing.
    """
    exact = [Fraction(leaf) * (1 << scale_bits) for leaf in source.leaf]
    leaves = [math.floor(leaf) for leaf in exact]
    new = _Growing(source, model, features)
    root = new.settle(_Part(0 if source.feature else -1, _EVERYWHERE))
    tree = new.tree(root, leaves) if root.child >= 0 else None
    return GrownTree(
        tree=tree,
        constant=0 if tree else leaves[~root.child],
        rounding=max(leaf - floor for leaf, floor in zip(exact, leaves, strict=True)),
        largest=max(map(abs, exact)),
    )


class _Growing:
    """The new tree while its nodes are numbered: in pre-order, leaves from left to right."""

    def __init__(self, source: FloatTree, model: FloatTrees, features: Sequence[Feature]) -> None:
        self._source, self._features, self._model = source, features, model
        self._cuts = [self._cut(node) for node in range(len(source.feature))]

    def _cut(self, node: int) -> Cut:
        if node in self._source.categories:
            return Cut.of_values(self._source.categories[node])
        threshold = integer_threshold(self._source.threshold[node], self._model.value_bits, self._model.strict)
        self._check_zero(node, threshold)
        return Cut((threshold,), first_left=True)

    def _check_zero(self, node: int, threshold: int) -> None:
        """Refuse a split that sends 0 as "missing" to another side than its comparison would."""
        left = self._source.zero_left.get(node)
        if left is None or left == (threshold >= 0):
            return
        feature = self._features[self._source.feature[node]]
        if feature.low <= 0 <= feature.high:
            step = "Train with zero_as_missing=false."
            cause = f"the {self._model.library} model treats 0 as missing"
            raise ProgramError(cause, feature=feature.name, next_step=step)

    def _reach(self, part: _Part) -> tuple[int, int, int]:
        """The part's feature and the values of it that reach the part."""
        feature = self._source.feature[part.child]
        domain = self._features[feature]
        return feature, *part.box.get(feature, (domain.low, domain.high))

    def settle(self, part: _Part) -> _Part:
        """Step over nodes where all that comes goes one way; the first node to split, or leaf, that remains."""
        while part.child >= 0:
            cut, shares = part.cut, part.shares
            if cut is None:
                _, low, high = self._reach(part)
                cut = self._cuts[part.child].within(low, high)
                left, right = cut.sides
                shares = (_part_of(part.share, left), _part_of(part.share, right))
            part = _Part(part.child, part.box, part.share, cut, shares)
            if cut.bounds:
                break
            part = part.side(cut.first_left, self._source)
        return part

    def tree(self, root: _Part, leaves: Sequence[int]) -> Tree:
        """Number everything below the root."""
        splits: list[tuple[int, int]] = []  # feature, threshold
        sides: list[list[int]] = []  # left, right
        ends: list[tuple[int, Fraction | int]] = []  # leaf of the float tree, share of its weight
        waiting: list[tuple[_Part, int, int]] = [(root, 0, 0)]
        while waiting:
            part, parent, side = waiting.pop()
            if sides:
                sides[parent][side] = len(sides) if part.child >= 0 else ~len(ends)
            if part.child < 0:
                ends.append((~part.child, part.share))
                continue
            feature, low, high = self._reach(part)
            threshold, left, right = part.halves(feature, low, high)
            waiting += ((self.settle(right), len(sides), 1), (self.settle(left), len(sides), 0))
            splits.append((feature, threshold))
            sides.append([0, 0])
            self._check_size(len(sides))
        values = [leaves[leaf] for leaf, _ in ends]
        return Tree(
            feature=tuple(feature for feature, _ in splits),
            threshold=tuple(threshold for _, threshold in splits),
            left=tuple(left for left, _ in sides),
            right=tuple(right for _, right in sides),
            value=tuple(self._means(sides, values, ends)),
            leaf=tuple(values),
        )

    def _check_size(self, nodes: int) -> None:
        if nodes <= MAX_NODES:
            return
        cause = f"a tree of the {self._model.library} model needs more than {MAX_NODES:,} splits"
        step = "Train with fewer leaves in a tree."
        if self._source.categories:
            cause += ", because its categorical splits are cut into intervals of codes"
            step = "Number the categories so that similar ones are neighbours, merge rare ones, or train fewer leaves."
        raise ProgramError(cause, field="trees", next_step=step)

    def _means(
        self, sides: Sequence[Sequence[int]], values: Sequence[int], ends: Sequence[tuple[int, Fraction | int]]
    ) -> list[int]:
        """Each node's ``floor(sum(cover * leaf) / sum(cover))`` over the leaves below it, as explanations need it.

        Where no training row came, as in many leaves of CatBoost, the mean of the two sides.
        """
        covers = [_exact(self._source.cover[leaf]) * share for leaf, share in ends]
        weighted: list[Fraction | int] = [0] * len(sides)
        weight: list[Fraction | int] = [0] * len(sides)
        means = [0] * len(sides)
        for node in reversed(range(len(sides))):
            for child in sides[node]:
                weighted[node] += covers[~child] * values[~child] if child < 0 else weighted[child]
                weight[node] += covers[~child] if child < 0 else weight[child]
                means[node] += values[~child] if child < 0 else means[child]
            means[node] = means[node] // 2 if weight[node] <= 0 else int(weighted[node] // weight[node])
        return means


def _part_of(share: Fraction | int, count: int) -> Fraction | int:
    return Fraction(share, count) if count > 1 else share


def _exact(number: float) -> Fraction | int:
    return number if isinstance(number, int) else Fraction(number)
