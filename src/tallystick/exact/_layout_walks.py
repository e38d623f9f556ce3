"""Trees as nodes to walk down: for single rows, and for trees with many leaves.

A node is two words: its threshold, and the place of its left child's words above sixteen bits of feature. The right
child's words come next, so a step is one comparison and no jump. A leaf is its own left child and nothing is above
its threshold: whoever is there stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels_sections as sections
from tallystick.exact._limits import INT64_MAX
from tallystick.exact._trees import Tree

__all__ = ["lay_out_walks"]


def lay_out_walks(trees: Sequence[tuple[Tree, int]], decision: int, small: int) -> dict[int, npt.NDArray[Any]]:
    """Sections of trees with their outputs; those of more than ``small`` leaves are walked in blocks of rows, too."""
    nodes, values = [(INT64_MAX, 0)], [0]  # the first is a tree of one leaf, 0, to fill up with
    walks, alone = [], []
    for tree, output in trees:
        root = 2 * len(nodes)
        _add_nodes(tree, nodes, values)
        if len(tree.leaf) > small:
            walks.append((root, tree.depth, output))
        if output == decision:
            alone.append((tree.depth, root))
    return {
        sections.WALKS: np.array(walks, np.int64).reshape(-1),
        sections.ORDER: np.array(_abreast(sorted(alone)), np.int64).reshape(-1),
        sections.NODES: np.array(nodes, np.int64).reshape(-1),
        sections.VALUES: np.array(values, np.int64),
    }


def _abreast(alone: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Roots of trees of about the same depth side by side, and the largest depth among them."""
    groups = []
    for first in range(0, len(alone), sections.ABREAST):
        group = alone[first : first + sections.ABREAST]
        roots = [root for _, root in group] + [0] * (sections.ABREAST - len(group))
        groups.append((*roots, group[-1][0]))
    return groups


def _add_nodes(tree: Tree, nodes: list[tuple[int, int]], values: list[int]) -> None:
    """Number nodes and leaves level by level, the two children of a node side by side."""
    level, following = [0], len(nodes) + 1
    while level:
        below: list[int] = []
        for child in level:
            if child < 0:
                nodes.append((INT64_MAX, 2 * len(nodes) << 16))
                values.append(tree.leaf[~child])
                continue
            nodes.append((tree.threshold[child], 2 * following << 16 | tree.feature[child]))
            values.append(0)
            following += 2
            below += (tree.left[child], tree.right[child])
        level = below
