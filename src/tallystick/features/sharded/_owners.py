"""Which shard owns an address: a hash of its 20 bytes, the same everywhere and for ever."""

from __future__ import annotations

from typing import Final

import numpy as np

from tallystick.errors import RangeError

__all__ = ["MOST_SHARDS", "check_shards", "owner_of", "owners"]

MOST_SHARDS: Final = 1 << 15
_WORD: Final = (1 << 64) - 1
_MIX_1: Final = 0xBF58476D1CE4E5B9  # splitmix64's finalizer
_MIX_2: Final = 0x94D049BB133111EB


def owner_of(address: bytes, shards: int) -> int:
    """Shard of an address.

    The 20 bytes are three big-endian words of 64 bits, the last filled up with zeros. From ``h = 0``, for each word
    ``h = mix(h ^ word)`` with the finalizer of splitmix64; the shard is ``(h >> 32) * shards >> 32``. The hash is
    another than that of the engine's tables, so a shard's addresses still spread over all of its slots.

    Parameters
    ----------
    address
        20 bytes.
    shards
        1 to ``MOST_SHARDS``.

    Returns
    -------
    int
        In ``[0, shards)``.

    Raises
    ------
    RangeError
        Not 20 bytes, or a number of shards outside its domain.

    Examples
    --------
    >>> [owner_of(bytes(19) + bytes([k]), 4) for k in range(6)]
    [0, 3, 2, 2, 3, 0]
    """
    if len(address) != 20:
        raise RangeError(f"an address of {len(address)} bytes", name="address")
    check_shards(shards)
    h = 0
    padded = address + bytes(4)
    for k in range(0, 24, 8):
        h = _mixed(h ^ int.from_bytes(padded[k : k + 8], "big"))
    return (h >> 32) * shards >> 32


def check_shards(shards: int) -> None:
    """Refuse a number of shards outside its domain.

    Raises
    ------
    RangeError
        It is not in ``[1, MOST_SHARDS]``.
    """
    if not 1 <= shards <= MOST_SHARDS:
        raise RangeError(f"{shards} shards", name="shards", next_step=f"Give 1 to {MOST_SHARDS:,}.")


def _mixed(h: int) -> int:
    h = (h ^ h >> 30) * _MIX_1 & _WORD
    h = (h ^ h >> 27) * _MIX_2 & _WORD
    return h ^ h >> 31


def owners(words: np.ndarray, shards: int) -> np.ndarray:
    """:func:`owner_of` of many addresses.

    Parameters
    ----------
    words
        (n, 3) uint64, as in :class:`TransferBatch`.
    shards
        1 to ``MOST_SHARDS``.

    Returns
    -------
    ndarray
        (n,) int16.
    """
    check_shards(shards)
    h = np.zeros(len(words), np.uint64)
    for k in range(3):
        h ^= words[:, k]
        h = (h ^ h >> np.uint64(30)) * np.uint64(_MIX_1)
        h = (h ^ h >> np.uint64(27)) * np.uint64(_MIX_2)
        h ^= h >> np.uint64(31)
    high = h >> np.uint64(32)
    return (high * np.uint64(shards) >> np.uint64(32)).astype(np.int16)
