"""Chain order: positions of transfers in transactions and of transactions in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import compiled
from tallystick.errors import SourceError

__all__ = ["Times", "chain_order", "transaction_positions"]

Array = Any


@compiled
def transaction_positions(
    blocks: Array, hashes: Array
) -> tuple[Array, Array]:  # pragma: no cover - compiled; tested against a dictionary
    """Number transactions by first appearance of their hash in the block, transfers within them.

    Parameters
    ----------
    blocks
        Ascending. (rows,)
    hashes
        Transaction hashes. (rows, 32) uint8

    Returns
    -------
    tuple of arrays
        Transaction index and transfer index. (rows,) uint32 each
    """
    rows = len(blocks)
    transactions = np.zeros(rows, np.uint32)
    transfers = np.zeros(rows, np.uint32)
    firsts = np.zeros(rows, np.int64)  # first row of each transaction of this block
    counts = np.zeros(rows, np.uint32)
    known = 0
    for row in range(rows):
        if row == 0 or blocks[row] != blocks[row - 1]:
            known = 0
        found = known
        for back in range(known):  # the last one first: transfers of one transaction mostly stand together
            at = known - 1 - back
            same = True
            for k in range(32):
                if hashes[firsts[at], k] != hashes[row, k]:
                    same = False
                    break
            if same:
                found = at
                break
        if found == known:
            firsts[known] = row
            counts[known] = 0
            known += 1
        transactions[row] = found
        transfers[row] = counts[found]
        counts[found] += 1
    return transactions, transfers


def chain_order(*keys: Array) -> Array | None:
    """Stable order of rows by the keys, most significant first; ``None`` where they stand in it already."""
    ascending = np.ones(max(len(keys[0]) - 1, 0), bool)
    tied = ascending.copy()
    for key in keys:
        ascending &= ~tied | (key[1:] >= key[:-1])
        tied &= key[1:] == key[:-1]
    return None if ascending.all() else np.lexsort(keys[::-1])


class Times:
    """Checks, piece by piece, that time never goes backwards and that a block has one time."""

    def __init__(self) -> None:
        self._block = -1
        self._time = 0

    def check(self, blocks: Array, times: Array, file: str) -> None:
        """Check the next rows.

        Raises
        ------
        SourceError
            Names the first block that is wrong.
        """
        if not len(blocks):
            return
        blocks = np.concatenate(([self._block], blocks.astype(np.int64)))
        times = np.concatenate(([self._time], times.astype(np.int64)))
        wrong = (times[1:] < times[:-1]) | ((blocks[1:] == blocks[:-1]) & (times[1:] != times[:-1]))
        if wrong.any():
            block = int(blocks[1:][wrong][0])
            raise SourceError("timestamps go backwards, or differ within one block", file=file, block=block)
        self._block, self._time = int(blocks[-1]), int(times[-1])
