"""What a block changed, compiled: rows as they were, so that they can be put back.

Each record is the row's number and its words before a transfer touched it. Rows that a block created
need no record: their tables are cut. Records are put back newest first, so that of
several of one row the oldest stays.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from tallystick.compiling import inlined, looped
from tallystick.features._layout import ACCOUNT_WORDS, COUNT, EDGE_WORDS, HEAD_WORDS, HOLDING_WORDS
from tallystick.features._rings import ring_slot
from tallystick.features._stamp import STAMP
from tallystick.features._tables import copy_words

__all__ = [
    "NO_UNDO",
    "Undo",
    "keep_account",
    "keep_edge",
    "keep_entry",
    "keep_holding",
    "keep_taint",
    "new_undo",
    "restore",
]

Undo = namedtuple("Undo", ("used", "accounts", "edges", "holdings", "entries", "taints"))
"""Records of one block; ``used`` counts them, in the order of the fields that follow."""


def new_undo(transfers: int, tokens: int, taint_words: int) -> Undo:
    """Room for the records of a block; a transfer touches two accounts and perhaps a token contract."""
    return Undo(
        np.zeros(5, np.int64),
        np.empty((2 * transfers + tokens, 1 + ACCOUNT_WORDS + HEAD_WORDS), np.int64),
        np.empty((transfers, 1 + EDGE_WORDS), np.int64),
        np.empty((2 * tokens, 1 + HOLDING_WORDS), np.int64),
        np.empty((2 * transfers, 4), np.int64),
        np.empty((2 * transfers, 1 + taint_words), np.int64),
    )


@inlined
def keep_account(undo: Any, tables: Any, row: int) -> None:
    """Record an account's columns and ring heads."""
    at = undo.used[0]
    record = undo.accounts[at]
    record[0] = row
    copy_words(record, 1, tables.wide[row], 0, ACCOUNT_WORDS)
    copy_words(record, 1 + ACCOUNT_WORDS, tables.heads[row], 0, HEAD_WORDS)
    undo.used[0] = at + 1


@inlined
def _keep(used: np.ndarray, which: int, records: np.ndarray, rows: np.ndarray, row: int) -> None:
    """Record a row of a table; ``which`` counts its records."""
    at = used[which]
    records[at, 0] = row
    copy_words(records[at], 1, rows[row], 0, rows.shape[1])
    used[which] = at + 1


@inlined
def keep_edge(undo: Any, tables: Any, row: int) -> None:
    """Record an edge."""
    _keep(undo.used, 1, undo.edges, tables.edges, row)


@inlined
def keep_holding(undo: Any, tables: Any, row: int) -> None:
    """Record a holding."""
    _keep(undo.used, 2, undo.holdings, tables.holdings, row)


@inlined
def keep_entry(undo: Any, tables: Any, account: int, side: int) -> None:
    """Record the words of the pool that the next push overwrites."""
    slot, room = ring_slot(tables.heads[account, side], tables.counts[COUNT.free_ring])
    if room == 0:
        return
    at, pool = undo.used[3], tables.pool
    undo.entries[at, 0] = slot
    undo.entries[at, 1] = room
    undo.entries[at, 2] = np.int64(pool[slot]) | np.int64(pool[slot + room]) << 32
    undo.entries[at, 3] = np.int64(pool[slot + 2 * room])
    undo.used[3] = at + 1


@inlined
def keep_taint(undo: Any, tables: Any, row: int) -> None:
    """Record a taint row."""
    _keep(undo.used, 4, undo.taints, tables.taints, row)


@inlined
def _restore(tables: Any, undo: Any) -> None:
    for at in range(undo.used[0] - 1, -1, -1):
        record = undo.accounts[at]
        copy_words(tables.wide[record[0]], 0, record, 1, ACCOUNT_WORDS)
        copy_words(tables.heads[record[0]], 0, record, 1 + ACCOUNT_WORDS, HEAD_WORDS)
    for at in range(undo.used[1] - 1, -1, -1):
        copy_words(tables.edges[undo.edges[at, 0]], 0, undo.edges[at], 1, EDGE_WORDS)
    for at in range(undo.used[2] - 1, -1, -1):
        copy_words(tables.holdings[undo.holdings[at, 0]], 0, undo.holdings[at], 1, HOLDING_WORDS)
    pool = tables.pool
    for at in range(undo.used[3] - 1, -1, -1):
        slot, room = undo.entries[at, 0], undo.entries[at, 1]
        first, second = undo.entries[at, 2], undo.entries[at, 3]
        pool[slot] = np.uint32(first & 0xFFFF_FFFF)
        pool[slot + room] = np.uint32(first >> 32 & 0xFFFF_FFFF)
        pool[slot + 2 * room] = np.uint32(second)
    for at in range(undo.used[4] - 1, -1, -1):
        copy_words(tables.taints[undo.taints[at, 0]], 0, undo.taints[at], 1, tables.taints.shape[1])


def _entry_point(stamp: int) -> Any:
    @looped
    def restore(tables: Any, undo: Any) -> None:
        if stamp >= 0:  # pragma: no branch - a closure variable is part of numba's cache key
            _restore(tables, undo)

    return restore


restore = _entry_point(STAMP)
"""Put a block's records back."""

NO_UNDO = new_undo(0, 0, 1)
