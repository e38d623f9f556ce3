"""Trees as branch code sees them: sequences of tests and a constant, with equal tests made once.

A sum of trees does not depend on their order. So trees that begin with the same test are entered together: the test
is made once, behind it all their left sides are a sequence of their own, or all their right sides. Leaves that meet in
a sequence are one constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.exact import Tree

__all__ = ["SHARE_ONE", "Sequel", "Split", "join", "listing", "sequel_of"]

SHARE_ONE: Final = 1 << 16  # a share of rows of 1


@dataclass(slots=True, eq=False)
class Sequel:
    """What is still to be added at some place of the code: a constant, and the outcome of tests."""

    constant: int
    splits: list[Split] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Split:
    """Where the packed value of ``feature`` is at most ``threshold``, go on with ``left``, else with ``right``."""

    feature: int
    threshold: int
    share: int  # of rows that go left, in units of 1 / SHARE_ONE, estimated
    left: Sequel
    right: Sequel


def sequel_of(tree: Tree, lows: Sequence[int]) -> Sequel:
    """A tree as a sequence of one test.

    Parameters
    ----------
    tree
        Tree of an ensemble.
    lows
        Smallest value of each feature: a packed value is what is above it.
    """
    parts: dict[int, Sequel] = {~number: Sequel(leaf) for number, leaf in enumerate(tree.leaf)}
    for node in reversed(range(len(tree.feature))):  # children come after their parent
        sides = (tree.left[node], tree.right[node])
        left, right = (tree.leaf[~side] if side < 0 else tree.value[side] for side in sides)
        feature = tree.feature[node]
        split = Split(
            feature=feature,
            threshold=tree.threshold[node] - lows[feature],
            share=_share(tree.value[node], left, right),
            left=parts[sides[0]],
            right=parts[sides[1]],
        )
        parts[node] = Sequel(0, [split])
    return parts[0]


def _share(value: int, left: int, right: int) -> int:
    """Share of the rows that went left in training: a node's value is the mean of its sides, weighted by them."""
    if left == right:
        return SHARE_ONE // 2
    share = (value - right) * SHARE_ONE // (left - right)
    return min(max(share, SHARE_ONE >> 10), SHARE_ONE - (SHARE_ONE >> 10))  # rounding may put it at or beyond an end


@dataclass(slots=True)
class _Todo:
    """A sequence to fill from parts, where some features are known to be in [low, high]."""

    target: Sequel
    parts: list[Sequel]
    known: dict[int, tuple[int, int]]


def join(parts: Sequence[Sequel]) -> Sequel:
    """One sequence that adds what all of these add; they stay as they are."""
    result = Sequel(0)
    waiting = [_Todo(result, list(parts), {})]
    while waiting:
        waiting += _fill(waiting.pop())
    _drop_idle(result)
    return result


def _fill(todo: _Todo) -> list[_Todo]:
    """Put the constant and one test of each kind into the sequence; what is behind the tests is left to do."""
    groups: dict[tuple[int, int], list[Split]] = {}
    stack = list(reversed(todo.parts))
    while stack:
        part = stack.pop()
        todo.target.constant += part.constant
        for split in part.splits:
            low, high = todo.known.get(split.feature, (0, 1 << 64))
            if high <= split.threshold:
                stack.append(split.left)
            elif low > split.threshold:
                stack.append(split.right)
            else:
                groups.setdefault((split.feature, split.threshold), []).append(split)
    more = []
    for (feature, threshold), splits in groups.items():
        share = sum(split.share for split in splits) // len(splits)
        joined = Split(feature, threshold, share, Sequel(0), Sequel(0))
        todo.target.splits.append(joined)
        low, high = todo.known.get(feature, (0, 1 << 64))
        left, right = {feature: (low, threshold)}, {feature: (threshold + 1, high)}
        more.append(_Todo(joined.left, [split.left for split in splits], todo.known | left))
        more.append(_Todo(joined.right, [split.right for split in splits], todo.known | right))
    return more


def _drop_idle(root: Sequel) -> None:
    """Take out tests with the same constant on both sides."""
    for sequel in reversed(listing(root)):
        kept = []
        for split in sequel.splits:
            if split.left.splits or split.right.splits or split.left.constant != split.right.constant:
                kept.append(split)
            else:
                sequel.constant += split.left.constant
        sequel.splits = kept


def listing(root: Sequel) -> list[Sequel]:
    """Every sequence below and with ``root``, each before what is behind its tests."""
    found = [root]
    for sequel in found:
        for split in sequel.splits:
            found += (split.left, split.right)
    return found
