"""Transfers as the engine takes them: one NumPy array per column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.errors import FeatureError
from tallystick.features._packed_fast import pack_words
from tallystick.features._rules import AMOUNT_CAP
from tallystick.units import WEI_PER_GWEI

__all__ = ["APPROVES", "APPROVING_METHODS", "FAILED", "HAS_CALL", "HAS_TO", "IS_TOKEN", "TransferBatch"]

# Bits of TransferBatch.bits.
HAS_TO: Final = 1
IS_TOKEN: Final = 2
HAS_CALL: Final = 4
FAILED: Final = 8
APPROVES: Final = 16

APPROVING_METHODS: Final = {
    "approve(address,uint256)": "095ea7b3",
    "increaseAllowance(address,uint256)": "39509351",
    "setApprovalForAll(address,bool)": "a22cb465",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": "d505accf",
    "approve(address,address,uint160,uint48)": "87517c45",  # Uniswap's Permit2
}
"""Methods by which an account lets another spend its tokens, with their selectors."""

_TAG_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_TAG_SHIFT: Final = np.uint64(32)


@dataclass(frozen=True)
class TransferBatch:
    """A run of transfers in chain order; every array has one entry a transfer.

    Parameters
    ----------
    block
        int64, block number, never falling.
    time
        int64, UTC seconds, never falling.
    transaction
        int64, position of the transaction in its block: transfers of one transaction share it.
    sender, receiver, asset
        (n, 3) uint64: the 20 address bytes, big-endian, in two and a half words; a receiver
        counts only where ``HAS_TO`` is set, an asset only where ``IS_TOKEN`` is.
    amount
        int64, gwei rounded down, held at 2**61; 0 for tokens and failed transfers.
    wide
        int64, packed (``_packed.py``): the amount in the asset's own smallest units; 0 for failed transfers.
    tag
        int64, 32 bits mixed from the low 64 of the amount: equal amounts have equal tags, others rarely.
    fee
        int64, gwei rounded down, held at 2**61; -1 where unknown.
    bits
        int64, ``HAS_TO | IS_TOKEN | HAS_CALL | FAILED | APPROVES``.
    """

    block: np.ndarray
    time: np.ndarray
    transaction: np.ndarray
    sender: np.ndarray
    receiver: np.ndarray
    asset: np.ndarray
    amount: np.ndarray
    wide: np.ndarray
    tag: np.ndarray
    fee: np.ndarray
    bits: np.ndarray

    def __len__(self) -> int:
        return len(self.block)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> TransferBatch:
        """Convert a table of layout :data:`tallystick.store.TRANSFERS`.

        Raises
        ------
        FeatureError
            A cell of another width than its column has: no address, or an amount above 2**256 - 1.
        """
        table = table.combine_chunks()
        has_to = _valid(table["to_address"])
        token = _valid(table["erc20"])
        failed = ~table["success"].to_numpy()
        value = _words(table, "value_binary", 32)  # (n, 4) uint64, most significant first
        amount = np.where(token | failed, 0, _gwei(value))
        wide = np.zeros(len(value), np.int64)
        pack_words(value, wide)
        bits = has_to * HAS_TO + token * IS_TOKEN + _valid(table["method"]) * HAS_CALL + failed * FAILED
        bits = bits + (_approves(table["method"]) & ~token & ~failed) * APPROVES
        return cls(
            block=table["block_number"].to_numpy().astype(np.int64),
            time=table["timestamp"].to_numpy().astype(np.int64),
            transaction=table["transaction_index"].to_numpy().astype(np.int64),
            sender=_words(table, "from_address", 20),
            receiver=_words(table, "to_address", 20),
            asset=_words(table, "erc20", 20),
            amount=amount.astype(np.int64),
            wide=np.where(failed, 0, wide),
            tag=(value[:, 3] * _TAG_MIX >> _TAG_SHIFT).astype(np.int64),
            fee=_fee(table),
            bits=bits.astype(np.int64),
        )


def _valid(column: pa.ChunkedArray) -> np.ndarray:
    valid: np.ndarray = pc.is_valid(column).to_numpy()
    return valid


def _approves(column: pa.ChunkedArray) -> np.ndarray:
    methods = pa.array([bytes.fromhex(text) for text in APPROVING_METHODS.values()])
    found: np.ndarray = pc.fill_null(pc.is_in(column, value_set=methods), False).to_numpy()
    return found


def _words(table: pa.Table, name: str, width: int) -> np.ndarray:
    """Fixed-width binary cells as (n, ceil(width / 8)) uint64, big-endian, padded at the end; nulls are zero."""
    column = table[name]
    rows = len(column)
    padded = np.zeros((rows, -(-width // 8) * 8), np.uint8)
    if column.null_count:
        column = pc.fill_null(column, bytes(width))
    for start, chunk in _chunks(column):
        offset = np.frombuffer(chunk.buffers()[1], np.int32, len(chunk) + 1, chunk.offset * 4)
        wrong = np.flatnonzero(np.diff(offset) != width)
        if len(wrong):
            cause = f"{name} has {len(chunk[int(wrong[0])].as_py())} bytes in row {start + int(wrong[0])}, not {width}"
            raise FeatureError(cause, name=name, next_step="Correct the source of the transfers.")
        data = np.frombuffer(chunk.buffers()[2], np.uint8, len(chunk) * width, int(offset[0])) if len(chunk) else b""
        padded[start : start + len(chunk), :width] = np.reshape(data, (len(chunk), width)) if len(chunk) else 0
    return padded.view(">u8").astype(np.uint64)


def _chunks(column: pa.ChunkedArray) -> list[tuple[int, pa.Array]]:
    starts, at = [], 0
    for chunk in column.chunks:
        starts.append((at, chunk))
        at += len(chunk)
    return starts


def _gwei(value: np.ndarray) -> np.ndarray:
    """``min(floor(value / 10**9), 2**61)`` of 256-bit words, exactly."""
    low, next_low = value[:, 3], value[:, 2]
    gwei = low // np.uint64(WEI_PER_GWEI)
    # 2**64 = 18_446_744_073 * 10**9 + 709_551_616: the second word adds quotient and remainder.
    carried = low % np.uint64(WEI_PER_GWEI)
    large = (value[:, 0] | value[:, 1]) != 0
    small = next_low < np.uint64(1 << 27)  # from here on above the cap; below, nothing leaves 64 bits
    word = np.where(small, next_low, np.uint64(0))
    total = (
        gwei + word * np.uint64(18_446_744_073) + (carried + word * np.uint64(709_551_616)) // np.uint64(WEI_PER_GWEI)
    )
    return np.minimum(np.where(large | ~small, np.uint64(AMOUNT_CAP), total), np.uint64(AMOUNT_CAP)).astype(np.int64)


def _fee(table: pa.Table) -> np.ndarray:
    """``min(floor(gas * price / 10**9), 2**61)``, exactly; -1 where gas or price is unknown."""
    giga, cap = np.uint64(WEI_PER_GWEI), np.uint64(AMOUNT_CAP)
    known = _valid(table["gas_used"]) & _valid(table["gas_price"])
    gas = pc.fill_null(table["gas_used"], 0).to_numpy().astype(np.uint64)
    price = pc.fill_null(table["gas_price"], 0).to_numpy().astype(np.uint64)
    quotient, rest = price // giga, price % giga
    # gas * price / giga = gas * quotient + (gas // giga) * rest + (gas % giga) * rest / giga; only the first
    # can leave 64 bits, and the floor falls on the last alone.
    large = (quotient > 0) & (gas > cap // np.maximum(quotient, np.uint64(1)))
    first = np.where(large, cap, gas * quotient)
    others = (gas // giga) * rest + (gas % giga) * rest // giga
    fee = np.minimum(first + np.minimum(others, cap), cap)
    return np.where(known, fee.astype(np.int64), -1)
