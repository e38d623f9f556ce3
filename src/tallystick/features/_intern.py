"""First loop over a run of transfers: every address and pair gets its row, new ones in order of appearance.

Nothing here depends on amounts or times, so the second loop (``_kernel.py``) knows early which rows
it will need and can ask the memory for them in advance.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.compiling import inlined, prefetch
from tallystick.features._batch import HAS_TO, IS_TOKEN
from tallystick.features._layout import COUNT, KIND_AT, LABELS_AT, TWIN
from tallystick.features._state import positions
from tallystick.features._tables import (
    add_account,
    address_home,
    find_account,
    find_pair,
    pair_home,
    pair_slot,
)

__all__ = ["PLACE", "PLACES", "intern"]

# Rows that a transfer needs; 0 for nobody, -1 for a pair that is not there.
PLACES: Final = ("sender", "receiver", "asset", "edge", "reverse", "paying", "paid")
PLACE: Final = positions("Place", PLACES)
_NEAR, _NEARER = 16, 8  # transfers ahead


@inlined
def _account(tables: Any, labels: Any, address: np.ndarray) -> Any:
    found, slot = find_account(tables.account_slots, tables.keys, address)
    if found == 0:
        found = tables.counts[COUNT.accounts]
        tables.counts[COUNT.accounts] += 1
        tables.account_slots[slot] = found
        if add_account(tables.keys, tables.mark_slots, found, address):
            tables.narrow[found, KIND_AT] = TWIN
        if len(labels.masks) > 1:
            row, _ = find_account(labels.slots, labels.keys, address)
            tables.narrow[found, LABELS_AT] = labels.masks[row]
    return found


@inlined
def _pair(slots: np.ndarray, rows: np.ndarray, counts: np.ndarray, which: int, key: int) -> Any:
    """Row of a pair; ``which`` is the count of its table."""
    slot = pair_slot(slots, rows, key)
    row = np.int64(slots[slot]) - 1
    if row < 0:
        row = counts[which]
        counts[which] += 1
        slots[slot] = row + 1
        rows[row, 0] = key
    return row


@inlined
def _edge(tables: Any, key: int) -> Any:
    return _pair(tables.edge_slots, tables.edges, tables.counts, COUNT.edges, key)


@inlined
def _holding(tables: Any, account: int, asset: int) -> Any:
    return _pair(tables.holding_slots, tables.holdings, tables.counts, COUNT.holdings, account | asset << 32)


@inlined
def _ask_accounts(batch: Any, tables: Any, i: int) -> None:
    """Ask the memory for the slots of accounts ahead, and for the keys that nearer ones point at."""
    n = len(batch.time)
    slots, keys = tables.account_slots, tables.keys
    if i + _NEAR < n:
        prefetch(slots, address_home(slots, batch.sender[i + _NEAR]), 0)
        prefetch(slots, address_home(slots, batch.receiver[i + _NEAR]), 0)
    if i + _NEARER < n:
        prefetch(keys, np.int64(slots[address_home(slots, batch.sender[i + _NEARER])]), 0)
        prefetch(keys, np.int64(slots[address_home(slots, batch.receiver[i + _NEARER])]), 0)


@inlined
def _ask_edges(tables: Any, places: np.ndarray, i: int) -> None:
    """The same for edges, once the accounts have their rows."""
    n = len(places)
    slots, edges = tables.edge_slots, tables.edges
    if i + _NEAR < n:
        sender, receiver = places[i + _NEAR, PLACE.sender], places[i + _NEAR, PLACE.receiver]
        prefetch(slots, pair_home(slots, sender | receiver << 32), 0)
        prefetch(slots, pair_home(slots, receiver | sender << 32), 0)
    if i + _NEARER < n:
        sender, receiver = places[i + _NEARER, PLACE.sender], places[i + _NEARER, PLACE.receiver]
        prefetch(edges, np.int64(slots[pair_home(slots, sender | receiver << 32)]) - 1, 0)
        prefetch(edges, np.int64(slots[pair_home(slots, receiver | sender << 32)]) - 1, 0)


@inlined
def intern(batch: Any, tables: Any, labels: Any, places: np.ndarray) -> None:
    """Write the rows of each transfer into ``places``, (n, PLACES) int64."""
    n = len(batch.time)
    for i in range(n):
        _ask_accounts(batch, tables, i)
        bits = batch.bits[i]
        for role in (PLACE.sender, PLACE.receiver, PLACE.asset):
            named = role == PLACE.sender or bits & (HAS_TO if role == PLACE.receiver else IS_TOKEN)
            others = batch.receiver if role == PLACE.receiver else batch.asset
            address = batch.sender[i] if role == PLACE.sender else others[i]
            places[i, role] = _account(tables, labels, address) if named else 0
    for i in range(n):
        _ask_edges(tables, places, i)
        sender, receiver, asset = places[i, PLACE.sender], places[i, PLACE.receiver], places[i, PLACE.asset]
        places[i, PLACE.edge] = _edge(tables, sender | receiver << 32)
        places[i, PLACE.reverse] = find_pair(tables.edge_slots, tables.edges, receiver | sender << 32)
        places[i, PLACE.paying] = _holding(tables, sender, asset) if asset else -1
        places[i, PLACE.paid] = _holding(tables, receiver, asset) if asset and receiver else -1
