"""Slices of the stream as the transfers table: addresses, amounts, gas and hashes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from tallystick.sources._arrow import to_table
from tallystick.sources._cells import Values
from tallystick.sources._generated._clock import BLOCK_S, START_S
from tallystick.sources._generated._draws import Draws, below
from tallystick.sources._generated._people import TOKENS
from tallystick.sources._generated._stream import Stream

__all__ = ["CHAIN_ID", "Tabulator"]

Array = Any  # numpy array

CHAIN_ID: Final = 0  # no chain has it (EIP-155 ids start at 1): nothing here can be looked up on one

_TRANSFER: Final = 0xA9059CBB  # transfer(address,uint256)
_METHODS: Final = np.array([0x38ED1739, 0x7FF36AB5, 0xD0E30DB0, 0xA694FC3A, 0xB6F9DE95, 0x2E1A7D4D], np.uint32)
_WHOLE_UNITS: Final = 1_000  # tokens 1 to 3 have six decimals, the others, like the coin, eighteen
_SIX_DECIMALS: Final = 3
_PRICE_STEPS: Final = 300  # blocks between two knots of the gas price: an hour


class Tabulator:
    """Makes tables of row ranges of one stream.

    Parameters
    ----------
    stream
        What to tabulate.
    """

    def __init__(self, stream: Stream) -> None:
        plan, self._draws = stream.people.plan, stream.people.draws
        self._stream = stream
        self._exchanges, self._services = plan.exchanges, plan.services
        self.addresses = _addresses(self._draws, "addresses", plan.accounts)
        """Address of each account. (accounts, 20) uint8"""
        self._tokens = np.concatenate([np.zeros((1, 20), np.uint8), _addresses(self._draws, "tokens", TOKENS)])
        knots = 24 * plan.days + 2
        self._knots = 8 * 10**9 + below(self._draws.words("gas prices", knots), 30 * 10**9 >> 3) * 8  # (knots,) wei

    def table(self, start: int, stop: int) -> pa.Table:
        """Rows ``start`` up to ``stop`` as a transfers table."""
        rows = self._stream.rows.take(slice(start, stop))
        count = stop - start
        blocks = self._stream.blocks[start:stop]
        words = self._draws.words("transactions", count, start)
        is_token = rows.assets > 0
        is_call = ~is_token & (rows.receivers >= self._exchanges) & (rows.receivers < self._services)
        # A service offers two functions.
        method = _METHODS[(rows.receivers + (words & np.uint64(1)).astype(np.int64)) % len(_METHODS)]
        method = np.where(is_token, np.uint32(_TRANSFER), method).astype(">u4").view(np.uint8).reshape(-1, 4)
        hashes = self._draws.words("hashes", 4 * count, 4 * start).astype("<u8").view(np.uint8).reshape(-1, 32)
        columns = {
            "block_number": Values(blocks),
            "timestamp": Values(START_S + BLOCK_S * blocks.astype(np.uint32)),
            "transaction_index": Values(self._stream.positions[start:stop]),
            "transfer_index": Values(np.zeros(count, np.uint32)),
            "transaction_hash": Values(hashes),
            "from_address": Values(self.addresses[rows.senders]),
            "to_address": Values(self.addresses[rows.receivers]),
            "erc20": Values(self._tokens[rows.assets], is_token),
            "value_binary": Values(_amounts(rows.amounts, rows.assets)),
            "gas_used": Values(_gas(is_token, is_call, words)),
            "gas_price": Values(self._prices(blocks, words)),
            "method": Values(method, is_token | is_call),
            "success": Values(~rows.failed),
        }
        return to_table(columns, CHAIN_ID)

    def _prices(self, blocks: Array, words: Array) -> Array:
        """The hour's price, straight between knots, and up to 2 gwei for the one who includes it."""
        at, part = np.divmod(blocks.astype(np.int64), _PRICE_STEPS)
        low, high = self._knots[at], self._knots[at + 1]
        base = low + (high - low) * part // _PRICE_STEPS
        return (base + below(words, 2 * 10**9)).astype(np.uint64)


def _addresses(draws: Draws, purpose: str, count: int) -> Array:
    words = draws.words(purpose, 3 * count).astype("<u8").view(np.uint8).reshape(-1, 24)
    return np.ascontiguousarray(words[:, :20])


def _amounts(amounts: Array, assets: Array) -> Array:
    """Amounts of 10**-9 units as 256-bit numbers of each asset's smallest unit. (rows, 32) uint8"""
    low32, shift, giga = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(10**9)
    value = amounts.astype(np.uint64)
    low = (value & low32) * giga
    high = (value >> shift) * giga + (low >> shift)  # below 2**63: amounts are below 2**51
    words = np.zeros((len(value), 4), ">u8")
    words[:, 2] = high >> shift
    words[:, 3] = ((high & low32) << shift) | (low & low32)
    short = (assets > 0) & (assets <= _SIX_DECIMALS)
    words[short, 2] = 0
    words[short, 3] = np.maximum(value[short] // np.uint64(_WHOLE_UNITS), np.uint64(1))
    return words.view(np.uint8).reshape(-1, 32)


def _gas(is_token: Array, is_call: Array, words: Array) -> Array:
    """21,000 for plain transfers, more for tokens, most for calls."""
    spread = below(words << np.uint64(16), 1 << 16)
    token = 34_000 + 300 * (spread >> 9) + (spread & 1) * 17_100  # the second half pays for a new balance
    gas = np.where(is_token, token, np.where(is_call, 60_000 + 2 * spread, 21_000))
    return gas.astype(np.uint64)
