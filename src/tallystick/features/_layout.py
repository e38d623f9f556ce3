"""The engine's tables: arrays that grow, and what their words mean.

Every table is rows of fixed width in order of creation, so its content does not depend on how large
the arrays or the hash slots were, and taking back the newest rows is cutting the table.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Final

from tallystick.features._state import ACCOUNT, NARROW, WIDE, positions

__all__ = [
    "ACCOUNT_WORDS",
    "CALLED",
    "COUNT",
    "COUNTS",
    "EDGE_WORDS",
    "HEAD_WORDS",
    "HOLDERS_AT",
    "HOLDING_WORDS",
    "KIND_AT",
    "LABELS_AT",
    "NARROW_AT",
    "RING",
    "RING_COLUMNS",
    "RING_FIRST",
    "RING_TAGS",
    "SIGNED",
    "TOKEN",
    "TWIN",
    "LabelTables",
    "Tables",
]

RING: Final = 8  # transfers an account's ring remembers in each direction
RING_FIRST: Final = 2  # while it has had no more than these
RING_COLUMNS: Final = 3  # uint32 words of an entry
RING_TAGS: Final = 4_095  # tokens that an entry tells apart
NARROW_AT: Final = 2 * len(WIDE)  # first narrow column in a packed row, counted in uint32
KIND_AT: Final = NARROW_AT + ACCOUNT.kind - len(WIDE)
HOLDERS_AT: Final = NARROW_AT + ACCOUNT.holders - len(WIDE)
LABELS_AT: Final = NARROW_AT + ACCOUNT.labels - len(WIDE)
ACCOUNT_WORDS: Final = len(WIDE) + (len(NARROW) + 1) // 2  # int64 words of a packed row
EDGE_WORDS: Final = 3  # sender | receiver << 32; transfers | token transfers << 32; first time | last time << 32
HEAD_WORDS: Final = 2  # ring of income, ring of payments: place in the pool | entries ever << 32
HOLDING_WORDS: Final = 4  # account | token << 32; volume in, volume out (packed); transfers in | out << 32

# Bits of the column `kind`.
SIGNED: Final = 1
CALLED: Final = 2
TOKEN: Final = 4
TWIN: Final = 8

# Rows in use: accounts (0 is nobody), edges, holdings, uint32 words of the ring pool, taint rows (0 is none);
# and the place, plus one, of the small ring that was left last: its first word is the one before.
COUNTS: Final = ("accounts", "edges", "holdings", "ring_words", "taints", "free_ring")
COUNT: Final = positions("Count", COUNTS)

Tables = namedtuple(
    "Tables",
    (
        "counts",  # (6,) int64, see COUNTS
        "account_slots",  # (power of two,) uint32, id; 0 is empty
        "mark_slots",  # (power of two,) uint32, first account with these outer digits
        "keys",  # (accounts, 5) uint32, the address, big-endian words
        "wide",  # (accounts, ACCOUNT_WORDS) int64
        "narrow",  # the same memory as uint32
        "heads",  # (accounts, HEAD_WORDS) int64
        "pool",  # (ring_words,) uint32; a ring of n: n partners, n times, n values, see _rings.py
        "edge_slots",  # (power of two,) uint32, index + 1
        "edges",  # (edges, EDGE_WORDS) int64
        "holding_slots",  # (power of two,) uint32, index + 1
        "holdings",  # (holdings, HOLDING_WORDS) int64
        "taints",  # (taints, columns of the accounting rule) int64
    ),
)
"""The arrays of the engine, as the compiled loops take them."""

LabelTables = namedtuple("LabelTables", ("slots", "keys", "masks"))
"""Labelled addresses: slots and keys as of accounts, and the categories each has now, one bit each."""
