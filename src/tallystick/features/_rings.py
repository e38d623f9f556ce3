"""Rings of recent transfers, compiled: what an account last received and last sent.

An account's head word holds where its ring lies in the pool and how many entries it ever got. The
first :data:`RING_FIRST` entries lie in a small ring, so the many accounts with hardly a transfer stay small;
then a ring of :data:`RING` takes over. Entries are partner, time, amount (packed) and asset, columns side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined
from tallystick.features._layout import RING, RING_FIRST

__all__ = ["fill", "place", "push", "ring_slot", "size"]

_LOW = (1 << 32) - 1
_SMALL_WORDS = 4 * RING_FIRST
_WORDS = 4 * RING


@inlined
def place(head: int) -> int:
    """First word of the ring in the pool."""
    return head & _LOW


@inlined
def fill(head: int) -> int:
    """Entries there are."""
    ever = head >> 32
    return ever if ever < RING else RING


@inlined
def size(head: int) -> int:
    """Entries there is room for: the distance between the columns."""
    return RING_FIRST if head >> 32 <= RING_FIRST else RING


@inlined
def ring_slot(head: int) -> tuple[int, int]:
    """Where the next entry goes, and the distance between its columns; 0, 0 where it goes into new words."""
    ever = head >> 32
    if ever in (0, RING_FIRST):
        return 0, 0
    room = RING_FIRST if ever < RING_FIRST else RING
    return (head & _LOW) + (ever & (room - 1)), room


@inlined
def push(tables: Any, account: int, side: int, partner: int, time: int, amount: int, asset: int) -> None:
    """Put a transfer into an account's ring of income (side 0) or payments (side 1)."""
    head = tables.heads[account, side]
    ever = head >> 32
    at = head & _LOW
    pool, counts = tables.pool, tables.counts
    if ever == 0:
        at = counts[3]
        counts[3] += _SMALL_WORDS
    elif ever == RING_FIRST:
        small, at = at, counts[3]
        counts[3] += _WORDS
        for column in range(4):
            for k in range(RING_FIRST):
                pool[at + column * RING + k] = pool[small + column * RING_FIRST + k]
    room = RING_FIRST if ever < RING_FIRST else RING
    slot = at + (ever & (room - 1))
    pool[slot] = np.uint32(partner)
    pool[slot + room] = np.uint32(time)
    pool[slot + 2 * room] = np.uint32(amount)
    pool[slot + 3 * room] = np.uint32(asset)
    # The count stops short of the sign, at a multiple of the ring: 2**30 entries on it continues from 2**30 - 8.
    ever = ever + 1 if ever + 1 < 1 << 30 else (1 << 30) - RING
    tables.heads[account, side] = ever << 32 | at
