"""Decision trees with integer thresholds, and the checks that make each one canonical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.errors import ProgramError
from tallystick.exact._limits import INT64_MAX, INT64_MIN, MAX_NODES, check_integer

__all__ = ["Tree"]


@dataclass(frozen=True)
class Tree:
    """One binary decision tree.

    At node ``i`` a row goes to ``left[i]`` where ``row[feature[i]] <= threshold[i]``, else to
    ``right[i]``. A child of 0 or more is a node; a negative child is the leaf ``~child``.
    Nodes are numbered in pre-order (a node, its left side, its right side) and leaves from
    left to right, so a tree has one numbering.

    Parameters
    ----------
    feature
        Index of the feature that each node looks at.
    threshold
        Largest value that goes left, int64.
    left, right
        Children.
    value
        Each node's own value, int64, in units of the program's scale: the mean of the leaves below it
        weighted by how much training data they hold, rounded down. Explanations are made of its changes along a path.
    leaf
        Each leaf's value, int64, in units of the program's scale.

    Raises
    ------
    ProgramError
        Lengths differ, no nodes, a number out of range, not in canonical order, or a node's value is not between
        the smallest and the largest leaf below it.

    Examples
    --------
    >>> Tree(feature=(0,), threshold=(10,), left=(-1,), right=(-2,), value=(3,), leaf=(0, 7)).depth
    1
    """

    feature: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[int, ...]
    leaf: tuple[int, ...]

    def __post_init__(self) -> None:
        nodes = len(self.feature)
        check_integer(nodes, 1, MAX_NODES, "tree.nodes")
        lengths = {len(self.threshold), len(self.left), len(self.right), len(self.value), len(self.leaf) - 1}
        if lengths != {nodes}:
            raise ProgramError("a tree of n nodes needs n of everything and n + 1 leaves", field="tree", value=nodes)
        for number in (*self.threshold, *self.value, *self.leaf):
            check_integer(number, INT64_MIN, INT64_MAX, "tree numbers")
        self._check_order()
        self._check_values()

    def _check_order(self) -> None:
        next_node, next_leaf = 0, 0
        waiting = [0]
        while waiting:
            child = waiting.pop()
            expected = next_node if child >= 0 else ~next_leaf
            if child != expected or child >= len(self.feature) or ~child >= len(self.leaf):
                cause = "nodes must be in pre-order and leaves from left to right"
                raise ProgramError(cause, field="tree", value=child)
            if child < 0:
                next_leaf += 1
                continue
            next_node += 1
            waiting += (self.right[child], self.left[child])
        if next_node != len(self.feature):
            raise ProgramError("a node of the tree cannot be reached", field="tree", value=next_node)

    def _check_values(self) -> None:
        low, high = list(self.value), list(self.value)
        for node in reversed(range(len(self.feature))):  # children come after their parent
            children = (self.left[node], self.right[node])
            low[node] = min(self.leaf[~child] if child < 0 else low[child] for child in children)
            high[node] = max(self.leaf[~child] if child < 0 else high[child] for child in children)
            if not low[node] <= self.value[node] <= high[node]:
                cause = "a node's value must lie between the leaves below it"
                raise ProgramError(cause, field="tree.value", value=self.value[node])

    @property
    def depth(self) -> int:
        """Most comparisons that a row can meet."""
        level = [0] * len(self.feature)
        for node, children in enumerate(zip(self.left, self.right, strict=True)):
            for child in children:
                if child >= 0:
                    level[child] = level[node] + 1
        return max(level) + 1

    def leaf_of(self, row: Sequence[int]) -> int:
        """Index of the leaf that a row reaches."""
        at = 0
        while at >= 0:
            at = self.left[at] if row[self.feature[at]] <= self.threshold[at] else self.right[at]
        return ~at
