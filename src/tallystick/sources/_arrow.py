"""Columns of numpy arrays as the transfers table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tallystick.sources._cells import Values
from tallystick.sources._order import Times, chain_order, transaction_positions
from tallystick.sources._spec import BlockRange
from tallystick.store import TRANSFERS, Column

__all__ = ["in_chain_order", "select_blocks", "to_table"]

Array = Any
Columns = dict[str, Values]


def select_blocks(columns: Columns, blocks: BlockRange) -> Columns:
    """Rows whose block is in the range."""
    if blocks.is_open:
        return columns
    first, last = blocks.bounds
    numbers = columns["block_number"].data.astype(np.int64)
    keep = (numbers >= first) & (numbers < last)
    return {name: values.take(keep) for name, values in columns.items()}


def in_chain_order(columns: Columns, file: str) -> Columns:
    """Sort by block, number transactions and transfers by first appearance, and check the times.

    The publisher gives no transaction index: a transaction's is the ordinal of its hash's first
    appearance in its block, a transfer's its ordinal among the rows of its transaction.
    """
    order = chain_order(columns["block_number"].data)
    if order is not None:
        columns = {name: values.take(order) for name, values in columns.items()}
    positions = transaction_positions(columns["block_number"].data, columns["transaction_hash"].data)
    columns = columns | {
        "transaction_index": Values(positions[0]),
        "transfer_index": Values(positions[1]),
    }
    order = chain_order(columns["block_number"].data, *positions)
    if order is not None:
        columns = {name: values.take(order) for name, values in columns.items()}
    Times().check(columns["block_number"].data, columns["timestamp"].data, file)
    return columns


def to_table(columns: Mapping[str, Values], chain_id: int) -> pa.Table:
    """The transfers table; a nullable column that is not given is all null."""
    rows = len(columns["block_number"].data)
    given = dict(columns)
    given["chain_id"] = Values(np.full(rows, chain_id, np.uint64))
    if "success" not in given:
        given["success"] = Values(np.ones(rows, bool))
    arrays = [_array(column, given.get(column.name), rows) for column in TRANSFERS.columns]
    return pa.Table.from_arrays(arrays, schema=TRANSFERS.schema)


def _array(column: Column, values: Values | None, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, column.type)
    missing = None if values.valid is None or not column.nullable or values.valid.all() else ~values.valid
    if column.width is None:
        return pa.array(values.data, column.type, mask=missing)
    data = np.ascontiguousarray(values.data)
    if missing is None:
        offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(column.width)
        return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    # Null cells hold no bytes, so that equal tables are equal buffer by buffer.
    present = ~missing
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(present * np.int32(column.width), out=offsets[1:])
    bits = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(), rows, [bits, pa.py_buffer(offsets), pa.py_buffer(data[present])])
