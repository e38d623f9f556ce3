"""Merkle roots and proofs over many leaf hashes, equal to :mod:`tallystick.ledger._merkle`.

Level by level: neighbours are hashed in pairs and a last node without neighbour rises as it is.
That is the recursive tree of RFC 6962, because its split leaves a full binary tree on the left.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.compiling import compiled
from tallystick.errors import RangeError
from tallystick.hashing import keccak256
from tallystick.ledger._keccak_fast import RATE_BYTES, absorb_byte, hash_rows, permute
from tallystick.units import Hash

__all__ = ["fast_proof", "fast_root"]

_NODE_BYTES: Final = 65  # 0x01, left, right: one permutation


@compiled
def _rise(nodes: NDArray[np.uint8], count: int, state: NDArray[np.uint64]) -> int:
    """Overwrite the first rows of ``nodes`` with the parents of the first ``count``; return how many there are."""
    for pair in range(count // 2):
        state[:] = np.uint64(0)
        absorb_byte(state, 0, 0x01)
        for place in range(32):
            absorb_byte(state, 1 + place, nodes[2 * pair, place])
            absorb_byte(state, 33 + place, nodes[2 * pair + 1, place])
        absorb_byte(state, _NODE_BYTES, 0x01)
        absorb_byte(state, RATE_BYTES - 1, 0x80)
        permute(state)
        for place in range(32):
            nodes[pair, place] = np.uint8(state[place >> 3] >> np.uint64((place & 7) << 3))
    if count & 1:
        nodes[count // 2] = nodes[count - 1]
    return (count + 1) // 2


@compiled
def _climb(nodes: NDArray[np.uint8], index: int, siblings: NDArray[np.uint8]) -> int:
    """Reduce ``nodes`` to the root in row 0, noting the siblings on the way of leaf ``index``; return how many."""
    state = np.empty(25, np.uint64)
    count = nodes.shape[0]
    found = 0
    while count > 1:
        if index ^ 1 < count:
            siblings[found] = nodes[index ^ 1]
            found += 1
        count = _rise(nodes, count, state)
        index >>= 1
    return found


def fast_root(leaves: NDArray[np.uint8]) -> Hash:
    """Root over leaves given as their bytes.

    Parameters
    ----------
    leaves
        (rows, 198) uint8 as :func:`build_leaves` makes them; any other equal length works too.
    """
    if not len(leaves):
        return keccak256(b"")
    nodes = hash_rows(leaves)  # (rows, 32)
    _climb(nodes, 0, np.empty((64, 32), np.uint8))
    return Hash(nodes[0].tobytes())


def fast_proof(leaves: NDArray[np.uint8], index: int) -> list[Hash]:
    """Siblings from leaf ``index`` up to the root, over leaves given as their bytes.

    Raises
    ------
    RangeError
        There is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise RangeError(f"leaf index must be in [0, {len(leaves)})", value=index)
    siblings = np.empty((64, 32), np.uint8)
    found = _climb(hash_rows(leaves), index, siblings)
    return [Hash(row.tobytes()) for row in siblings[:found]]
