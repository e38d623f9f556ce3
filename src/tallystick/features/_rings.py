"""Rings of recent transfers, compiled: what an account last received and last sent.

An account's head word holds where its ring lies in the pool and how many entries it ever got. The
first :data:`RING_FIRST` entries lie in a small ring, so the many accounts with hardly a transfer stay small;
then a ring of :data:`RING` takes over. Entries are partner, time and value, columns side by side; a value is
``tag of the asset << 20 | amount`` packed to ``RING_BITS``, see ``_packed.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined
from tallystick.features._layout import COUNT, RING, RING_COLUMNS, RING_FIRST, RING_TAGS
from tallystick.features._packed_fast import to_ring

__all__ = ["AMOUNT_MASK", "TAG_SHIFT", "fill", "place", "push", "ring_slot", "size", "value_of"]

_LOW = (1 << 32) - 1
_SMALL_WORDS = RING_COLUMNS * RING_FIRST
_WORDS = RING_COLUMNS * RING

TAG_SHIFT = 20
AMOUNT_MASK = (1 << TAG_SHIFT) - 1


@inlined
def value_of(wide: int, asset: int) -> Any:
    """Value of an entry: the asset's tag is 0 for the chain's own coin, else 1 to 4,095 by its account id."""
    tag = 1 + asset % RING_TAGS if asset else 0
    return tag << TAG_SHIFT | to_ring(wide)


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
def ring_slot(head: int, left: int) -> tuple[int, int]:
    """Where old words will be overwritten, and the distance between them; 0, 0 for none.

    ``left`` is the count of that name: the small ring a first entry goes into, plus one.
    """
    ever = head >> 32
    if ever == 0:
        return (left - 1, RING_FIRST) if left else (0, 0)
    if ever == RING_FIRST:
        return head & _LOW, RING_FIRST  # left for a larger one
    room = RING_FIRST if ever < RING_FIRST else RING
    return (head & _LOW) + (ever & (room - 1)), room


@inlined
def _small_ring(pool: np.ndarray, counts: np.ndarray) -> Any:
    """Place of a small ring: one that an account has left, else new words."""
    left = counts[COUNT.free_ring]
    if left:
        counts[COUNT.free_ring] = np.int64(pool[left - 1])
        return left - 1
    at = counts[COUNT.ring_words]
    counts[COUNT.ring_words] += _SMALL_WORDS
    return at


@inlined
def push(tables: Any, account: int, side: int, partner: int, time: int, value: int) -> None:
    """Put a transfer into an account's ring of income (side 0) or payments (side 1)."""
    head = tables.heads[account, side]
    ever = head >> 32
    at = head & _LOW
    pool, counts = tables.pool, tables.counts
    if ever == 0:
        at = _small_ring(pool, counts)
    elif ever == RING_FIRST:
        small, at = at, counts[COUNT.ring_words]
        counts[COUNT.ring_words] += _WORDS
        for column in range(RING_COLUMNS):
            for k in range(RING_FIRST):
                pool[at + column * RING + k] = pool[small + column * RING_FIRST + k]
        pool[small] = np.uint32(counts[COUNT.free_ring])
        counts[COUNT.free_ring] = small + 1
    room = RING_FIRST if ever < RING_FIRST else RING
    slot = at + (ever & (room - 1))
    pool[slot] = np.uint32(partner)
    pool[slot + room] = np.uint32(time)
    pool[slot + 2 * room] = np.uint32(value)
    # The count stops short of the sign, at a multiple of the ring: 2**30 entries on it continues from 2**30 - 8.
    ever = ever + 1 if ever + 1 < 1 << 30 else (1 << 30) - RING
    tables.heads[account, side] = ever << 32 | at
