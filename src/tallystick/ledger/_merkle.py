"""Merkle trees of RFC 6962 with keccak-256: the plain reference.

The tree over n leaf hashes splits at the largest power of two below n; a node is
``keccak256(0x01 ‖ left ‖ right)`` and the empty tree ``keccak256("")``. Leaf hashes are made with
prefix 0x00 (:mod:`tallystick.ledger._leaf`), so a node can never be passed off as a leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tallystick.errors import RangeError
from tallystick.hashing import keccak256
from tallystick.units import Hash

__all__ = ["NODE_PREFIX", "hash_node", "merkle_proof", "merkle_root", "verify_proof"]

NODE_PREFIX: Final = b"\x01"


def hash_node(left: bytes, right: bytes) -> Hash:
    """Hash two children into their parent."""
    return keccak256(NODE_PREFIX + left + right)


def merkle_root(hashes: Sequence[bytes]) -> Hash:
    """Root over leaf hashes, by the recursive definition.

    Source: RFC 6962 §2.1.

    Examples
    --------
    >>> a, b, c = (bytes([k]) * 32 for k in range(3))
    >>> merkle_root([a, b, c]) == hash_node(hash_node(a, b), c)
    True
    """
    if not hashes:
        return keccak256(b"")
    if len(hashes) == 1:
        return Hash(bytes(hashes[0]))
    split = _split(len(hashes))
    return hash_node(merkle_root(hashes[:split]), merkle_root(hashes[split:]))


def merkle_proof(hashes: Sequence[bytes], index: int) -> list[Hash]:
    """Siblings from leaf ``index`` up to the root.

    Source: RFC 6962 §2.1.1.

    Raises
    ------
    RangeError
        There is no such leaf.
    """
    if not 0 <= index < len(hashes):
        raise RangeError(f"leaf index must be in [0, {len(hashes)})", value=index)
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*merkle_proof(hashes[:split], index), merkle_root(hashes[split:])]
    return [*merkle_proof(hashes[split:], index - split), merkle_root(hashes[:split])]


def verify_proof(root: bytes, count: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether ``leaf`` is leaf ``index`` of the tree of ``count`` leaves under ``root``.

    The contract's ``verify_inclusion`` is the same walk.

    Source: RFC 9162 §2.1.3.2.

    Parameters
    ----------
    leaf
        Leaf hash, 32 bytes.
    proof
        Siblings from the leaf up; a path that is too long or too short is refused.
    """
    if not 0 <= index < count:
        return False
    node, last, result = index, count - 1, bytes(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = hash_node(sibling, result)
            while not node & 1 and node:  # the last node rises alone until it has a left sibling
                node, last = node >> 1, last >> 1
        else:
            result = hash_node(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == bytes(root)


def _split(count: int) -> int:
    """Largest power of two below ``count``, for two leaves or more."""
    return 1 << (count - 1).bit_length() - 1
