"""Cost of a transfer and of an account as the number of accounts grows, in one engine that keeps growing."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import pyarrow as pa

from _features.engines import make_engine
from tallystick.features import TransferBatch
from tallystick.store import TRANSFERS

MILLIONS = (1, 2, 5, 10, 20)
ROWS = 1 << 13
PER_BLOCK = 200
BLOCK_S = 12


class Chain:
    """Made-up transfers in chain order, made as they are needed.

    While it grows, each transfer brings one new account, paid by one that is there. While it is steady, both sides
    are there already: one is anyone, the other follows a power law, so that a few accounts are busy.
    """

    def __init__(self, seed: int = 1, block: int = 1) -> None:
        self.accounts = 1
        self.transfers = 0
        self._block = block
        self._random = np.random.default_rng(seed)

    def grow(self, rows: int) -> TransferBatch:
        """So many transfers and new accounts."""
        receiver = np.arange(self.accounts, self.accounts + rows)
        sender = self._busy(rows)
        self.accounts += rows
        return self._batch(sender, receiver)

    def steady(self, rows: int) -> TransferBatch:
        """So many transfers between accounts that are there."""
        anyone, busy = self._random.integers(0, self.accounts, rows), self._busy(rows)
        swap = self._random.random(rows) < 0.5
        return self._batch(np.where(swap, busy, anyone), np.where(swap, anyone, busy))

    def _busy(self, rows: int) -> np.ndarray:
        # The k-th of n accounts with density k^(-3/4): the first 0.01 % are a tenth of this side.
        return (self.accounts * self._random.random(rows) ** 4).astype(np.int64)

    def _batch(self, sender: np.ndarray, receiver: np.ndarray) -> TransferBatch:
        rows = len(sender)
        at = np.arange(rows) + self.transfers
        block = self._block + np.arange(rows) // PER_BLOCK
        self.transfers += rows
        self._block = int(block[-1]) + 1
        amount = np.zeros((rows, 4), np.uint64)
        amount[:, 3] = (self._random.lognormal(0, 2, rows) * 1e17).clip(1, 1e19).astype(np.uint64)
        columns = {
            "chain_id": np.ones(rows),
            "block_number": block,
            "timestamp": 1_500_000_000 + block * BLOCK_S,
            "transaction_index": np.arange(rows) % PER_BLOCK,
            "transfer_index": np.zeros(rows),
            "transaction_hash": words(np.stack([mixed(at)] * 4, 1), 32),
            "from_address": addresses(sender),
            "to_address": addresses(receiver),
            "value_binary": words(amount, 32),
            "success": np.ones(rows, bool),
        }
        arrays = []
        for field in TRANSFERS.schema:
            column = columns.get(field.name)
            if isinstance(column, np.ndarray):
                column = pa.array(column.astype(field.type.to_pandas_dtype()), field.type)
            arrays.append(pa.nulls(rows, field.type) if column is None else column)
        return TransferBatch.from_arrow(pa.Table.from_arrays(arrays, schema=TRANSFERS.schema))


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers to numbers that look random, one to one (the finaliser of splitmix64)."""
    x = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def addresses(ids: np.ndarray) -> pa.Array:
    first = mixed(ids)
    return words(np.stack([first, mixed(first), mixed(~first)], 1), 20)


def words(numbers: np.ndarray, width: int) -> pa.Array:
    """Big-endian bytes of (n, k) uint64, the first ``width`` of each row."""
    cells = np.ascontiguousarray(numbers.astype(">u8").view(np.uint8).reshape(len(numbers), -1)[:, :width])
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(pa.binary(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(cells)])


def measure_scale(million: int, runs: int, rows: int) -> list[dict[str, Any]]:
    """Entries of ``scale``; ``million`` is less than a million in quick runs.

    Everything on. At each size, some runs of steady transfers are timed, and the median is taken.
    """
    engine, chain = make_engine(journal=False), Chain()
    curve = []
    for size in MILLIONS:
        while chain.accounts < size * million:
            engine.advance(chain.grow(min(ROWS, size * million - chain.accounts)))
        chain_runs = [timed(engine, chain, rows) for _ in range(runs)]
        curve.append(
            {
                "accounts": engine.accounts_known,
                "transfers": chain.transfers,
                "ns_per_transfer": round(statistics.median(chain_runs)),
                "bytes_per_account": round(engine.state_bytes / engine.accounts_known),
            }
        )
    return curve


def timed(engine: Any, chain: Chain, rows: int) -> float:
    """Nanoseconds a transfer over so many steady transfers."""
    spent = 0
    for _ in range(max(1, rows // ROWS)):
        batch = chain.steady(min(ROWS, rows))
        start = time.perf_counter_ns()
        engine.advance(batch)
        spent += time.perf_counter_ns() - start
    return spent / (max(1, rows // ROWS) * min(ROWS, rows))
