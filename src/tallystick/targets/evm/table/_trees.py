"""Trees as bytes of a table: of fixed depth, as linked blocks, as records of wide nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.exact import Feature, Tree
from tallystick.targets.evm.table._layout import BLOCK, BLOCK_SHIFTS, BUFFER, UNIT, FixedKind

__all__ = ["Slots", "block_count", "blocks", "fixed_tree", "nodes", "nodes_size"]

_TIE: Final = b"\xff"  # a feature's lane has 0 there: equal to the threshold is not above it
_NEVER: Final = b"\x00\xff\xff"  # slot 0 above the largest value: stands for a node where the tree has none
_NODE: Final = 16  # bytes of a wide node
_LEAF: Final = 8


@dataclass(frozen=True)
class Slots:
    """Where the interpreter finds each feature: addresses of lanes in its memory."""

    features: tuple[Feature, ...]
    address: Mapping[int, int]

    def narrow(self, tree: Tree, child: int) -> tuple[bytes, int, int]:
        """A node as slot and threshold in three bytes, and its children; a leaf stands for both of its own."""
        if child < 0:
            return _NEVER, child, child
        slot, threshold = self._of(tree, child)
        return bytes([slot]) + threshold.to_bytes(2, "big"), tree.left[child], tree.right[child]

    def wide(self, tree: Tree, node: int) -> bytes:
        """A node as slot and threshold in ten bytes."""
        slot, threshold = self._of(tree, node)
        return slot.to_bytes(2, "big") + threshold.to_bytes(8, "big")

    def _of(self, tree: Tree, node: int) -> tuple[int, int]:
        feature = tree.feature[node]
        return self.address[feature], tree.threshold[node] - self.features[feature].low


def fixed_tree(slots: Slots, tree: Tree, kind: FixedKind) -> bytes:
    """A tree in the shape of its kind; shallow leaves are repeated."""
    bottoms: list[int] = []
    top = _top(slots, tree, (0, kind.levels, kind.bottom), bottoms) if kind.levels else b""
    if not kind.levels:
        bottoms.append(0)
    parts = [(_unit if kind.bottom == UNIT else _block_of_leaves)(slots, tree, child) for child in bottoms]
    return top.ljust(kind.head, b"\x00") + b"".join(parts)


def _top(slots: Slots, tree: Tree, at: tuple[int, int, int], bottoms: list[int]) -> bytes:
    """Nodes in pre-order. Those of the last level name their two bottoms: by offset, plus one, as a tie is not 0."""
    child, levels, bottom = at
    node, left, right = slots.narrow(tree, child)
    if levels == 1:
        place = 1 + bottom * len(bottoms)
        bottoms += (left, right)
        return node + bytes([place, place + bottom])
    sides = (_top(slots, tree, (side, levels - 1, bottom), bottoms) for side in (left, right))
    return node + _TIE + b"".join(sides)


def _unit(slots: Slots, tree: Tree, child: int) -> bytes:
    node, left, right = slots.narrow(tree, child)
    return node + _TIE + b"".join(_leaf32(tree.leaf[~side]) for side in (left, right))


def _block_of_leaves(slots: Slots, tree: Tree, child: int) -> bytes:
    nodes, outcomes = _three(slots, tree, child)
    return _block(nodes, [[tree.leaf[~side] for side in pair] for pair in outcomes])


def _three(slots: Slots, tree: Tree, child: int) -> tuple[bytes, list[tuple[int, int]]]:
    """A node with its two children, and the four children of those."""
    node, *sides = slots.narrow(tree, child)
    below = [slots.narrow(tree, side) for side in sides]
    nodes = b"".join(part + _TIE for part in (node, *(side[0] for side in below)))
    return nodes, [(left, right) for _, left, right in below]


def _block(nodes: bytes, outcomes: Sequence[Sequence[int]]) -> bytes:
    low = sum(
        outcomes[first][second] % (1 << 32) << BLOCK_SHIFTS[first][second] for first in (0, 1) for second in (0, 1)
    )
    return nodes + low.to_bytes(BLOCK - len(nodes), "big")


def _leaf32(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def block_count(tree: Tree) -> int:
    """Blocks of a tree in two levels each."""
    return len(_block_roots(tree))


def _block_roots(tree: Tree) -> list[int]:
    """Nodes at even depth, in pre-order: each begins a block."""
    depth = [0] * len(tree.feature)
    for node, sides in enumerate(zip(tree.left, tree.right, strict=True)):
        for side in sides:
            if side >= 0:
                depth[side] = depth[node] + 1
    return [node for node, level in enumerate(depth) if level % 2 == 0]


def blocks(slots: Slots, trees: Sequence[Tree]) -> bytes:
    """Trees as blocks that name each other by their address in the interpreter's memory; the roots come first.

    An outcome is an address, which is even, or a leaf: twice its value plus one.
    """
    places = [(number, root) for number, tree in enumerate(trees) for root in _block_roots(tree)]
    places.sort(key=lambda place: place[1] != 0)  # stable
    address = {place: BUFFER + BLOCK * index for index, place in enumerate(places)}
    made = []
    for number, root in places:
        tree = trees[number]
        nodes, children = _three(slots, tree, root)
        outcomes = [
            [address[number, side] if side >= 0 else 2 * tree.leaf[~side] + 1 for side in pair] for pair in children
        ]
        made.append(_block(nodes, outcomes))
    return b"".join(made)


def nodes_size(tree: Tree) -> int:
    """Bytes of a tree as records of wide nodes."""
    return _NODE * len(tree.feature) + _LEAF * len(tree.leaf)


def nodes(slots: Slots, trees: Sequence[Tree]) -> bytes:
    """Trees as records of 16 bytes; the roots come first, leaves of 8 bytes last, at odd addresses."""
    places = [(number, node) for number, tree in enumerate(trees) for node in range(len(tree.feature))]
    places.sort(key=lambda place: place[1] != 0)
    address = {place: BUFFER + _NODE * index for index, place in enumerate(places)}
    leaves = BUFFER + _NODE * len(places) + 1
    for number, tree in enumerate(trees):
        address |= {(number, ~leaf): leaves + _LEAF * leaf for leaf in range(len(tree.leaf))}
        leaves += _LEAF * len(tree.leaf)
    records = []
    for number, node in places:
        tree = trees[number]
        sides = (address[number, side].to_bytes(2, "big") for side in (tree.right[node], tree.left[node]))
        records.append(slots.wide(tree, node) + _TIE + b"\x00" + b"".join(sides))
    values = (leaf.to_bytes(_LEAF, "big", signed=True) for tree in trees for leaf in tree.leaf)
    return b"".join(records) + b"\x00" + b"".join(values)
