"""Trees as branch code sees them: sequences of a constant and tests, with a sequence behind each side of a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.exact import Tree

__all__ = ["SHARE_ONE", "Sequel", "Split", "listing", "sequel_of"]

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


def listing(root: Sequel) -> list[Sequel]:
    """Every sequence below and with ``root``, each before what is behind its tests."""
    found = [root]
    for sequel in found:
        for split in sequel.splits:
            found += (split.left, split.right)
    return found
