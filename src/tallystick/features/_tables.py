"""Open-addressing tables of the compiled engine: addresses to ids, pairs of ids to rows.

Slots hold numbers of rows; rows stay in order of creation in their own tables, so the content never
depends on how large the slots were. Account 0 is nobody, so a slot of 0 is empty; other tables
store the row plus one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined, looped

__all__ = [
    "add_account",
    "address_home",
    "copy_words",
    "find_account",
    "find_pair",
    "forget_accounts",
    "forget_pairs",
    "pair_home",
    "pair_slot",
    "rehash_accounts",
    "rehash_pairs",
    "same_mark",
]

_MIX_1 = np.uint64(0x9E3779B97F4A7C15)  # odd constants of splitmix64
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(31)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFF_FFFF)


@inlined
def copy_words(target: np.ndarray, at: int, source: np.ndarray, start: int, count: int) -> None:
    """``target[at : at + count] = source[start : start + count]``, without the copy that numba makes in between."""
    for k in range(count):
        target[at + k] = source[start + k]


@inlined
def _mix(a: np.uint64, b: np.uint64, c: np.uint64) -> Any:
    h = (a ^ (a >> _SHIFT)) * _MIX_1
    h = (h ^ b ^ (h >> _SHIFT)) * _MIX_2
    h = (h ^ c ^ (h >> _SHIFT)) * _MIX_1
    return h ^ (h >> _SHIFT)


@inlined
def _home(keys: np.ndarray, row: int) -> Any:
    key = keys[row]
    first = np.uint64(key[0]) << _HALF | np.uint64(key[1])
    second = np.uint64(key[2]) << _HALF | np.uint64(key[3])
    return _mix(first, second, np.uint64(key[4]) << _HALF)


@inlined
def _mark(keys: np.ndarray, row: int) -> Any:
    """First and last four hexadecimal digits of an address: what people compare."""
    return np.int64(keys[row, 0] >> np.uint32(16)) << 16 | np.int64(keys[row, 4] & np.uint32(0xFFFF))


@inlined
def same_mark(keys: np.ndarray, a: int, b: int) -> Any:
    """Whether two accounts show the same outer digits."""
    return _mark(keys, a) == _mark(keys, b)


@inlined
def address_home(slots: np.ndarray, address: np.ndarray) -> Any:
    """Slot where the search for an address begins; ``address`` is (3,) uint64."""
    return np.int64(_mix(address[0], address[1], address[2]) & np.uint64(len(slots) - 1))


@inlined
def find_account(slots: np.ndarray, keys: np.ndarray, address: np.ndarray) -> Any:
    """Id of an address, 0 where it is new, and the slot where it is or belongs; ``address`` is (3,) uint64."""
    mask = len(slots) - 1
    at = address_home(slots, address)
    while True:
        found = np.int64(slots[at])
        if found == 0:
            return 0, at
        key = keys[found]
        if (
            np.uint64(key[0]) << _HALF | np.uint64(key[1]) == address[0]
            and np.uint64(key[2]) << _HALF | np.uint64(key[3]) == address[1]
            and np.uint64(key[4]) << _HALF == address[2]
        ):
            return found, at
        at = (at + 1) & mask


@inlined
def add_account(keys: np.ndarray, mark_slots: np.ndarray, row: int, address: np.ndarray) -> bool:
    """Write a new account's key; True where an older account has the same outer digits."""
    keys[row, 0] = np.uint32(address[0] >> _HALF)
    keys[row, 1] = np.uint32(address[0] & _LOW)
    keys[row, 2] = np.uint32(address[1] >> _HALF)
    keys[row, 3] = np.uint32(address[1] & _LOW)
    keys[row, 4] = np.uint32(address[2] >> _HALF)
    at = _mark_slot(mark_slots, keys, row)
    if mark_slots[at]:
        return True
    mark_slots[at] = row
    return False


@inlined
def _mark_slot(slots: np.ndarray, keys: np.ndarray, row: int) -> Any:
    mask = len(slots) - 1
    mark = _mark(keys, row)
    at = np.int64(_mix(np.uint64(mark), _MIX_1, _MIX_2) & np.uint64(mask))
    while slots[at] and _mark(keys, np.int64(slots[at])) != mark:
        at = (at + 1) & mask
    return at


@inlined
def pair_home(slots: np.ndarray, key: int) -> Any:
    """Slot where the search for a pair begins."""
    return np.int64(_mix(np.uint64(key), _MIX_1, _MIX_2) & np.uint64(len(slots) - 1))


@inlined
def pair_slot(slots: np.ndarray, rows: np.ndarray, key: int) -> Any:
    """Slot of the row whose first word is the key, or the empty one where it belongs."""
    mask = len(slots) - 1
    at = pair_home(slots, key)
    while True:
        found = np.int64(slots[at]) - 1
        if found < 0 or rows[found, 0] == key:
            return at
        at = (at + 1) & mask


@inlined
def find_pair(slots: np.ndarray, rows: np.ndarray, key: int) -> Any:
    """Row of a pair, -1 where there is none."""
    return np.int64(slots[pair_slot(slots, rows, key)]) - 1


@looped
def rehash_accounts(slots: np.ndarray, mark_slots: np.ndarray, keys: np.ndarray, count: int) -> None:
    """Fill larger, empty slots with the accounts below ``count``."""
    mask = len(slots) - 1
    for row in range(1, count):
        at = np.int64(_home(keys, row) & np.uint64(mask))
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = row
        mark = _mark_slot(mark_slots, keys, row)
        if mark_slots[mark] == 0:
            mark_slots[mark] = row


@looped
def rehash_pairs(slots: np.ndarray, rows: np.ndarray, count: int) -> None:
    """Fill larger, empty slots with the rows below ``count``."""
    for row in range(count):
        slots[pair_slot(slots, rows, rows[row, 0])] = row + 1


@looped
def forget_accounts(slots: np.ndarray, mark_slots: np.ndarray, keys: np.ndarray, keep: int, count: int) -> None:
    """Empty the slots of accounts ``keep`` to ``count``, newest first: each was the last put into its run of slots."""
    mask = len(slots) - 1
    for row in range(count - 1, keep - 1, -1):
        at = np.int64(_home(keys, row) & np.uint64(mask))
        while slots[at] != row:
            at = (at + 1) & mask
        slots[at] = 0
        mark = _mark_slot(mark_slots, keys, row)
        if mark_slots[mark] == row:
            mark_slots[mark] = 0


@looped
def forget_pairs(slots: np.ndarray, rows: np.ndarray, keep: int, count: int) -> None:
    """Empty the slots of rows ``keep`` to ``count``, newest first."""
    for row in range(count - 1, keep - 1, -1):
        slots[pair_slot(slots, rows, rows[row, 0])] = 0
