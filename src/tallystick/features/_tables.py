"""Open-addressing tables of the compiled engine: addresses to ids, pairs of ids to edges.

Slots hold ``id + 1`` (0 is empty); keys stay in insertion order in their own arrays, so the
content never depends on how large the slots were.
"""

from __future__ import annotations

import numpy as np

from tallystick.compiling import compiled, inlined

__all__ = ["edge_slot", "find_account", "find_edge", "rehash_accounts", "rehash_edges"]

_MIX_1 = np.uint64(0x9E3779B97F4A7C15)  # odd constants of splitmix64
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(31)


@inlined
def _mix(a: np.uint64, b: np.uint64, c: np.uint64) -> np.uint64:
    h = (a ^ (a >> _SHIFT)) * _MIX_1
    h = (h ^ b ^ (h >> _SHIFT)) * _MIX_2
    h = (h ^ c ^ (h >> _SHIFT)) * _MIX_1
    return h ^ (h >> _SHIFT)


@inlined
def find_account(slots: np.ndarray, keys: np.ndarray, count: int, key: np.ndarray) -> int:
    """Id of an address; ``count`` (the next free id, now taken) where it is new."""
    mask = len(slots) - 1
    at = np.int64(_mix(key[0], key[1], key[2]) & np.uint64(mask))
    while True:
        found: int = slots[at] - 1
        if found < 0:
            slots[at] = count + 1
            keys[count, 0] = key[0]
            keys[count, 1] = key[1]
            keys[count, 2] = key[2]
            return count
        if keys[found, 0] == key[0] and keys[found, 1] == key[1] and keys[found, 2] == key[2]:
            return found
        at = (at + 1) & mask


@inlined
def edge_slot(slots: np.ndarray, keys: np.ndarray, key: int) -> np.int64:
    """Slot that holds an edge's key, or the empty one where it belongs."""
    mask = len(slots) - 1
    at = np.int64(_mix(np.uint64(key), _MIX_1, _MIX_2) & np.uint64(mask))
    while True:
        found = slots[at] - 1
        if found < 0 or keys[found] == key:
            return at
        at = (at + 1) & mask


@inlined
def find_edge(slots: np.ndarray, keys: np.ndarray, key: int) -> int:
    """Index of an edge, -1 where there is none."""
    found: int = slots[edge_slot(slots, keys, key)] - 1
    return found


@compiled
def rehash_accounts(slots: np.ndarray, keys: np.ndarray, count: int) -> None:
    """Fill larger, empty slots with the first ``count`` keys; id 0 is nobody and has no key."""
    mask = len(slots) - 1
    for i in range(1, count):
        at = np.int64(_mix(keys[i, 0], keys[i, 1], keys[i, 2]) & np.uint64(mask))
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = i + 1


@compiled
def rehash_edges(slots: np.ndarray, keys: np.ndarray, count: int) -> None:
    """Fill larger, empty slots with the first ``count`` edge keys."""
    for i in range(count):
        slots[edge_slot(slots, keys, keys[i])] = i + 1
