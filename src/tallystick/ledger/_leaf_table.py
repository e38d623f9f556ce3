"""All leaves of a table at once: the vectorised twin of :func:`encode_leaf`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tallystick.errors import InputError, RangeError
from tallystick.ledger._leaf import LEAF_BYTES, NO_GAS, NO_PPM, NO_RAW

__all__ = ["SHARED_COLUMNS", "build_leaves", "check_aligned"]

SHARED_COLUMNS: Final = (
    "block_number",
    "timestamp",
    "transaction_index",
    "transfer_index",
    "transaction_hash",
    "from_address",
    "to_address",
)
"""Columns that stand in both tables; they say which transfer a prediction is about."""


def build_leaves(transfers: pa.Table, predictions: pa.Table) -> NDArray[np.uint8]:
    """Encode row k of both tables as leaf k.

    Parameters
    ----------
    transfers
        Layout ``store.TRANSFERS``.
    predictions
        Layout ``store.PREDICTIONS``, same rows in the same order.

    Returns
    -------
    NDArray[np.uint8]
        (rows, 198), equal to :func:`encode_leaf` row by row.

    Raises
    ------
    InputError
        The tables are not about the same transfers.
    RangeError
        A present value equals its column's null form.
    """
    check_aligned(transfers, predictions)
    leaves = np.zeros((transfers.num_rows, LEAF_BYTES), np.uint8)
    _put_integer(leaves, 1, 8, transfers, "block_number")
    _put_integer(leaves, 9, 8, transfers, "timestamp")
    _put_integer(leaves, 17, 4, transfers, "transaction_index")
    _put_integer(leaves, 21, 4, transfers, "transfer_index")
    _put_bytes(leaves, 25, 32, transfers, "transaction_hash")
    _put_bytes(leaves, 57, 20, transfers, "from_address")
    _put_bytes(leaves, 77, 20, transfers, "to_address")
    _put_bytes(leaves, 97, 20, transfers, "erc20")
    _put_bytes(leaves, 117, 32, transfers, "value_binary")
    _put_integer(leaves, 149, 8, transfers, "gas_used", NO_GAS)
    _put_integer(leaves, 157, 8, transfers, "gas_price", NO_GAS)
    _put_bytes(leaves, 165, 4, transfers, "method")
    leaves[:, 169] = _bits(transfers, predictions)
    _put_integer(leaves, 170, 8, predictions, "sender_raw")
    _put_integer(leaves, 178, 8, predictions, "receiver_raw", NO_RAW)
    _put_integer(leaves, 186, 4, predictions, "sender_ppm")
    _put_integer(leaves, 190, 4, predictions, "receiver_ppm", NO_PPM)
    _refuse_zero_token(transfers)
    return leaves


def check_aligned(transfers: pa.Table, predictions: pa.Table) -> None:
    """Check that row k of both tables is about the same transfer, for every k.

    Raises
    ------
    InputError
        Names the first row and column that differ.
    """
    if transfers.num_rows != predictions.num_rows:
        raise InputError(f"{predictions.num_rows} predictions for {transfers.num_rows} transfers")
    for name in SHARED_COLUMNS:
        ours, theirs = transfers.column(name), predictions.column(name)
        if ours.equals(theirs):
            continue
        row = next(k for k in range(len(ours)) if ours[k] != theirs[k])
        block = transfers.column("block_number")[row].as_py()
        raise InputError(f"prediction {row} is about another transfer: {name} differs", block=block, column=name)


def _put_integer(
    leaves: NDArray[np.uint8], start: int, size: int, table: pa.Table, name: str, null: int | None = None
) -> None:
    column = table.column(name)
    if null is not None and pc.any(pc.equal(column, pa.scalar(null, column.type))).as_py():
        raise RangeError(f"{name} holds the value that stands for null", name=name)
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(null, column.type))
    kind = "i" if pa.types.is_signed_integer(column.type) else "u"
    wide = np.asarray(column.to_numpy()).astype(f">{kind}{size}")  # (rows,)
    leaves[:, start : start + size] = wide.view(np.uint8).reshape(-1, size)


def _put_bytes(leaves: NDArray[np.uint8], start: int, size: int, table: pa.Table, name: str) -> None:
    column = table.column(name)
    if column.null_count:
        column = pc.fill_null(column, bytes(size))
    done = 0
    for chunk in column.chunks:
        if len(chunk):
            leaves[done : done + len(chunk), start : start + size] = _cells(chunk, size, name)
        done += len(chunk)


def _cells(chunk: Any, size: int, name: str) -> NDArray[np.uint8]:
    """View a chunk of fixed-width cells without nulls as a (rows, size) matrix."""
    _, offsets, data = chunk.buffers()
    ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
    if np.any(np.diff(ends) != size):
        raise RangeError(f"{name} has cells that are not {size} bytes", name=name)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].reshape(-1, size)


def _bits(transfers: pa.Table, predictions: pa.Table) -> NDArray[np.uint8]:
    success = transfers.column("success").to_numpy().astype(np.uint8)
    to = pc.is_valid(transfers.column("to_address")).to_numpy().astype(np.uint8)
    method = pc.is_valid(transfers.column("method")).to_numpy().astype(np.uint8)
    flag = predictions.column("flag").to_numpy().astype(np.uint8)
    return np.asarray(success | to << 1 | method << 2 | flag << 3, dtype=np.uint8)


def _refuse_zero_token(transfers: pa.Table) -> None:
    tokens = transfers.column("erc20")
    if pc.any(pc.equal(tokens, pa.scalar(bytes(20), tokens.type))).as_py():
        raise RangeError("erc20 is the zero address, which stands for null", name="erc20")
