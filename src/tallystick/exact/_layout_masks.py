"""Small trees as masks of bits.

Number a tree's leaves from left to right and give each a bit. A row that goes right at a node can reach
no leaf of the node's left side: clear those bits, for every node, in any order. The lowest bit left is the leaf
the row reaches. Bits are kept in groups of eight leaves, a byte for each row, and a node has a mask only in
the groups that its left side touches: two thirds of the nodes of a full tree clear one bit or two.

Source
------
C. Lucchese et al., "QuickScorer", SIGIR 2015, section 3; T. Ye et al., "RapidScorer", KDD 2018, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels_sections as sections
from tallystick.exact._trees import Tree

__all__ = ["lay_out_masks"]

_FULL = 255
_NEUTRAL = (0, 127, _FULL)  # no rank is above 127


def lay_out_masks(
    trees: Iterable[tuple[Tree, int]], places: Mapping[tuple[int, int], tuple[int, int]]
) -> dict[int, npt.NDArray[Any]]:
    """Sections of trees with their outputs, given each split's column and rank."""
    table, groups, masks = [], [0], []
    leaves: list[int] = []
    for tree, output in trees:
        count = -(-len(tree.leaf) // 8)
        table.append((len(groups) - 1, count, output, len(leaves)))
        leaves += tree.leaf
        for group in _groups_of(tree, count):
            kept = [(*places[tree.feature[node], tree.threshold[node]], keep) for node, keep in group]
            masks += kept or [_NEUTRAL]
            groups.append(len(masks))
    return {
        sections.TREES: np.array(table, np.int64).reshape(-1),
        sections.GROUPS: np.array(groups, np.int64),
        sections.MASK_COLUMN: np.array([column * sections.BLOCK_ROWS for column, _, _ in masks], np.uint32),
        sections.MASK_RANK: np.array([rank for _, rank, _ in masks], np.int8),
        sections.MASK_KEEP: np.array([keep for _, _, keep in masks], np.uint8),
        sections.LEAVES: np.array(leaves, np.int64),
    }


def _groups_of(tree: Tree, count: int) -> list[list[tuple[int, int]]]:
    """For each group of eight leaves the nodes that clear bits in it, and the bits each keeps."""
    groups: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for node, (begin, end) in enumerate(_left_leaves(tree)):
        for group in range(begin // 8, (end - 1) // 8 + 1):
            low, high = max(begin - group * 8, 0), min(end - group * 8, 8)
            groups[group].append((node, _FULL ^ ((1 << high) - (1 << low))))
    return groups


def _left_leaves(tree: Tree) -> list[tuple[int, int]]:
    """For each node the half-open range of leaves on its left side."""
    ranges = [(0, 0)] * len(tree.feature)
    below = list(ranges)  # leaves on either side
    for node in reversed(range(len(tree.feature))):  # children come after their parent
        left, right = tree.left[node], tree.right[node]
        ranges[node] = (~left, ~left + 1) if left < 0 else below[left]
        below[node] = (ranges[node][0], ~right + 1 if right < 0 else below[right][1])
    return ranges
