"""A program laid out for the machine: thresholds by rank, trees as bit masks.

Ranks. Only the order of a value among the thresholds of its feature matters, so each value is first
turned into its rank: how many of the feature's thresholds are below it. ``x <= t`` is then
``rank(x) <= rank(t)``.

Masks. Number a tree's leaves from left to right and give each a bit. A row that goes right at a node can reach
no leaf of the node's left side: clear those bits, for every node, in any order. The lowest bit left is the leaf
the row reaches. A word holds 32 leaves; a larger tree takes several words.

Source
------
C. Lucchese et al., "QuickScorer", SIGIR 2015, section 3.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._kernels import LEAF_STRIDE, NODE_PASS, THRESHOLD_PASS, WORD_LEAVES
from tallystick.exact._limits import INT64_MAX
from tallystick.exact._trees import Tree

__all__ = ["Columns", "Words", "lay_out", "rank_type"]

_INT32_MAX: Final = (1 << 31) - 1
_FULL: Final = (1 << WORD_LEAVES) - 1

_Array = npt.NDArray[Any]


class Columns(NamedTuple):
    """The features that trees look at, and their thresholds.

    A feature whose thresholds span less than 2**31 is *narrow*: its values are clamped to
    [first threshold, last threshold + 1], which keeps every comparison, and moved to int32.
    """

    feature: _Array  # (columns,) int64: index in a row
    narrow: _Array  # (columns,) bool
    low: _Array  # (columns,) int64: first threshold
    top: _Array  # (columns,) int64: last threshold + 1
    start: _Array  # (columns + 1,) int64: where a column's thresholds begin
    wide_threshold: _Array  # int64, rising, filled up to a multiple of THRESHOLD_PASS with the largest int64
    narrow_threshold: _Array  # int32: the same minus low


class Words(NamedTuple):
    """Trees as words of at most 32 leaves."""

    start: _Array  # (words + 1,) int64: where a word's nodes begin
    more: _Array  # (words,) bool: the tree goes on in the next word
    column: _Array  # per node: index into Columns
    rank: _Array  # per node: its threshold's index among the column's; a row with a greater rank goes right
    keep: _Array  # per node, uint32: leaves that a row which goes right can still reach
    leaf: _Array  # (words * LEAF_STRIDE,) int64


def lay_out(model: TreeEnsemble) -> tuple[Columns, Words]:
    """Arrange an ensemble's trees for the kernels."""
    splits = {(f, t) for tree in model.trees for f, t in zip(tree.feature, tree.threshold, strict=True)}
    thresholds: dict[int, list[int]] = {}
    for feature, threshold in sorted(splits):
        thresholds.setdefault(feature, []).append(threshold)
    return _lay_out_columns(thresholds), _lay_out_words(model.trees, thresholds)


def _lay_out_columns(thresholds: dict[int, list[int]]) -> Columns:
    start, wide, narrow = [0], [], []
    fits = [values[-1] + 1 - values[0] <= _INT32_MAX for values in thresholds.values()]
    for values, fit in zip(thresholds.values(), fits, strict=True):
        filling = -len(values) % THRESHOLD_PASS
        wide += values + [INT64_MAX] * filling
        narrow += [value - values[0] if fit else 0 for value in values] + [_INT32_MAX] * filling
        start.append(len(wide))
    return Columns(
        feature=np.array(list(thresholds), np.int64),
        narrow=np.array(fits, np.bool_),
        low=np.array([values[0] for values in thresholds.values()], np.int64),
        top=np.array([values[-1] + 1 for values in thresholds.values()], np.int64),
        start=np.array(start, np.int64),
        wide_threshold=np.array(wide, np.int64),
        narrow_threshold=np.array(narrow, np.int32),
    )


def _lay_out_words(trees: tuple[Tree, ...], thresholds: dict[int, list[int]]) -> Words:
    number = {feature: column for column, feature in enumerate(thresholds)}
    rank = {(f, t): index for f, values in thresholds.items() for index, t in enumerate(values)}
    start, more, nodes, leaf = [0], [], [], []
    for tree in trees:
        for word, kept in enumerate(_words_of(tree)):
            nodes += [(number[tree.feature[n]], rank[tree.feature[n], tree.threshold[n]], keep) for n, keep in kept]
            nodes += [(nodes[-1][0], 0, _FULL)] * (-len(nodes) % NODE_PASS)
            start.append(len(nodes))
            first = word * WORD_LEAVES
            more.append(first + WORD_LEAVES < len(tree.leaf))
            leaves = tree.leaf[first : first + WORD_LEAVES]
            leaf += [*leaves, *[0] * (LEAF_STRIDE - len(leaves))]
    return Words(
        start=np.array(start, np.int64),
        more=np.array(more, np.bool_),
        column=np.array([column for column, _, _ in nodes], np.int32),
        rank=np.array([index for _, index, _ in nodes], rank_type(thresholds)),
        keep=np.array([keep for _, _, keep in nodes], np.uint32),
        leaf=np.array(leaf, np.int64),
    )


def rank_type(thresholds: dict[int, list[int]]) -> type[np.unsignedinteger[Any]]:
    """Smallest type that holds the rank of every value of every feature."""
    largest = max((len(values) for values in thresholds.values()), default=0)
    return np.uint8 if largest < 1 << 8 else np.uint16 if largest < 1 << 16 else np.uint32


def _words_of(tree: Tree) -> list[list[tuple[int, int]]]:
    """For each word of leaves the nodes that clear bits in it, and the bits each keeps."""
    words: list[list[tuple[int, int]]] = [[] for _ in range(0, len(tree.leaf), WORD_LEAVES)]
    for node, (begin, end) in enumerate(_left_leaves(tree)):
        for word in range(begin // WORD_LEAVES, (end - 1) // WORD_LEAVES + 1):
            low = max(begin - word * WORD_LEAVES, 0)
            high = min(end - word * WORD_LEAVES, WORD_LEAVES)
            words[word].append((node, _FULL ^ ((1 << high) - (1 << low))))
    return words


def _left_leaves(tree: Tree) -> list[tuple[int, int]]:
    """For each node the half-open range of leaves on its left side."""
    ranges = [(0, 0)] * len(tree.feature)
    below = list(ranges)  # leaves on either side
    for node in reversed(range(len(tree.feature))):  # children come after their parent
        left, right = tree.left[node], tree.right[node]
        ranges[node] = (~left, ~left + 1) if left < 0 else below[left]
        below[node] = (ranges[node][0], ~right + 1 if right < 0 else below[right][1])
    return ranges
