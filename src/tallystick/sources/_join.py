"""Joining tables by transaction, and numbering the transfers of what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from tallystick.sources._cells import Values
from tallystick.sources._order import Times, chain_order
from tallystick.store import TRANSFERS

__all__ = ["ORDER", "TOKENS_AFTER", "attributes", "find_keys", "number_transfers", "stack"]

ORDER: Final = "order"
"""Helper column: order of a transfer within its transaction."""
TOKENS_AFTER: Final = 1 << 40
"""Added to a log's index, so that token transfers follow the chain's own coin."""

_KINDS: Final = {"success": np.dtype(bool), ORDER: np.dtype(np.int64)}

Array = Any
Columns = dict[str, Values]


def find_keys(keys: Array, table: Array) -> Array:
    """Row of each key in a table of distinct keys, or -1. (rows,) int64

    Parameters
    ----------
    keys, table
        Fixed-width bytes, (rows, width) uint8, or numbers, (rows,).
    """
    if not len(table) or not len(keys):
        return np.full(len(keys), -1, np.int64)
    wanted, known = _flat(keys), _flat(table)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    found = order[at]
    return np.where(known[found] == wanted, found, -1)


def _flat(keys: Array) -> Array:
    """Bytes as one sortable item each: equal widths make numpy's zero padding harmless."""
    if keys.ndim == 1:
        return keys.astype(np.int64)
    return np.ascontiguousarray(keys).view(f"S{keys.shape[1]}").ravel()


def attributes(source: Mapping[str, Values], rows: Array, names: Iterable[str]) -> Columns:
    """Columns of the source at these rows; null, or true for ``success``, where the row is -1."""
    known = rows >= 0
    out = {}
    for name in names:
        if name not in source:
            continue
        values = source[name].take(np.maximum(rows, 0)) if len(source[name].data) else _blank(name, len(rows))
        valid = known if values.valid is None else known & values.valid
        if name == "success":
            out[name] = Values(np.where(known, values.data, True))
        else:
            out[name] = Values(values.data, valid)
    return out


def stack(parts: list[Columns]) -> Columns:
    """Rows of all parts; a column that a part does not have is null there, or true for ``success``."""
    names = dict.fromkeys(name for part in parts for name in part)
    out = {}
    for name in names:
        cells = [part[name] if name in part else _blank(name, len(part["block_number"].data)) for part in parts]
        if any(values.valid is not None for values in cells):
            cells = [Values(v.data, np.ones(len(v.data), bool) if v.valid is None else v.valid) for v in cells]
        out[name] = Values.join(cells)
    return out


def _blank(name: str, rows: int) -> Values:
    """All null; all true for ``success``."""
    layout = {column.name: column for column in TRANSFERS.columns}
    column = layout.get(name)
    if column is not None and column.width is not None:
        return Values(np.zeros((rows, column.width), np.uint8), np.zeros(rows, bool))
    if name in _KINDS:
        return Values(np.ones(rows, _KINDS[name]))
    return Values(np.zeros(rows, np.uint64), np.zeros(rows, bool))


def number_transfers(columns: Columns, file: str) -> Columns:
    """Sort by block, transaction and :data:`ORDER`; a transfer's index is its ordinal in its transaction."""
    keys = [columns[name].data for name in ("block_number", "transaction_index", ORDER)]
    order = chain_order(*keys)
    if order is not None:
        columns = {name: values.take(order) for name, values in columns.items()}
    blocks, transactions = (columns[name].data for name in ("block_number", "transaction_index"))
    rows = np.arange(len(blocks))
    first = np.ones(len(blocks), bool)
    first[1:] = (blocks[1:] != blocks[:-1]) | (transactions[1:] != transactions[:-1])
    start = np.maximum.accumulate(np.where(first, rows, 0)) if len(rows) else rows
    columns["transfer_index"] = Values((rows - start).astype(np.uint32))
    Times().check(blocks, columns["timestamp"].data, file)
    return {name: values for name, values in columns.items() if name != ORDER}
