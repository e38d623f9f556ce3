"""Cut a stream of transfers into the block ranges that are committed.

Rule: a range begins at the block of the first transfer that is not in a range yet, and closes at
the first block boundary where it holds at least ``commit_transfers`` transfers. It is the
half-open range [block of its first transfer, block of its last transfer + 1). The cuts depend on
the transfers only, not on how the stream was batched. Ranges that are on the ledger already are
kept as they are, so a stream may be cut off, committed and continued.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tallystick.errors import InputError, RangeError
from tallystick.ledger._leaf_table import check_aligned
from tallystick.units import BlockNumber

__all__ = ["BlockRange", "RangeCutter", "RangeRows", "cut_ranges", "rows_of_range", "rows_of_ranges"]


@dataclass(frozen=True, order=True)
class BlockRange:
    """Blocks [first, last), with first < last."""

    first_block: BlockNumber
    last_block: BlockNumber

    def __post_init__(self) -> None:
        if not 0 <= self.first_block < self.last_block < 1 << 64:
            raise RangeError(f"block range {self} is empty or backwards", block=self.first_block)

    def __str__(self) -> str:
        return f"[{self.first_block}, {self.last_block})"

    def __contains__(self, block: int) -> bool:
        return self.first_block <= block < self.last_block


@dataclass(frozen=True)
class RangeRows:
    """A range with its rows of both tables."""

    range: BlockRange
    transfers: pa.Table
    predictions: pa.Table


class RangeCutter:
    """Takes a stream of both tables in pieces and gives the ranges that are complete.

    Parameters
    ----------
    commit_transfers
        Transfers after which a range closes at the next block boundary, at least 1.
    committed
        Ranges already on the ledger, in order; transfers before the first of them are refused.
    """

    def __init__(self, commit_transfers: int, committed: Iterable[BlockRange] = ()) -> None:
        if commit_transfers < 1:
            raise RangeError("commit_transfers must be 1 or more", value=commit_transfers)
        self._size = commit_transfers
        self._committed = list(committed)
        self._pieces: list[tuple[pa.Table, pa.Table]] = []
        self._pending = 0
        self._block = 0  # of the last row taken

    @property
    def pending(self) -> int:
        """Transfers that wait for their range to close."""
        return self._pending

    def push(self, transfers: pa.Table, predictions: pa.Table) -> list[RangeRows]:
        """Take the next rows; return the ranges that closed, in order.

        Raises
        ------
        InputError
            The rows are not in chain order, the tables are about different transfers, or a transfer lies
            outside the committed range that comes next.
        """
        check_aligned(transfers, predictions)
        if not transfers.num_rows:
            return []
        self._check_order(transfers)
        self._pieces.append((transfers, predictions))
        self._pending += transfers.num_rows
        if not self._committed and self._pending < self._size:
            return []
        return self._cut(final=False)

    def finish(self) -> list[RangeRows]:
        """Close the last range although it may be small: the stream ends here."""
        return self._cut(final=True) if self._pending else []

    def _check_order(self, transfers: pa.Table) -> None:
        blocks = np.append(np.uint64(self._block), _blocks(transfers))
        backwards = np.flatnonzero(blocks[1:] < blocks[:-1])
        if len(backwards):
            raise InputError("transfers are not in chain order", block=int(blocks[1:][backwards[0]]))
        self._block = int(blocks[-1])

    def _cut(self, final: bool) -> list[RangeRows]:
        transfers = pa.concat_tables([piece[0] for piece in self._pieces])
        predictions = pa.concat_tables([piece[1] for piece in self._pieces])
        blocks = _blocks(transfers)
        cuts: list[RangeRows] = []
        start = 0
        while start < len(blocks):
            range, stop = self._next_cut(blocks, start)
            if stop == len(blocks) and not final:
                break  # rows of the same range may follow
            rows = stop - start
            cuts.append(RangeRows(range, transfers.slice(start, rows), predictions.slice(start, rows)))
            start = stop
            del self._committed[:1]
        self._pieces = [(transfers.slice(start), predictions.slice(start))]
        self._pending = len(blocks) - start
        return cuts

    def _next_cut(self, blocks: NDArray[np.uint64], start: int) -> tuple[BlockRange, int]:
        """Range that begins at row ``start``, and the row after its last."""
        if self._committed:
            known = self._committed[0]
            if int(blocks[start]) not in known:
                cause = f"transfer is not in the committed range {known} that comes next"
                step = "A model commits one stream: give that one again, from its start, or register another model."
                raise InputError(cause, block=int(blocks[start]), next_step=step)
            return known, int(np.searchsorted(blocks, np.uint64(known.last_block), "left"))
        full = min(start + self._size, len(blocks))
        stop = int(np.searchsorted(blocks, blocks[full - 1], "right"))
        return BlockRange(BlockNumber(int(blocks[start])), BlockNumber(int(blocks[stop - 1]) + 1)), stop


def _blocks(table: pa.Table) -> NDArray[np.uint64]:
    return np.asarray(table.column("block_number").to_numpy()).astype(np.uint64)


def cut_ranges(transfers: pa.Table, predictions: pa.Table, commit_transfers: int) -> list[RangeRows]:
    """Cut whole tables at once; the last range may be small."""
    cutter = RangeCutter(commit_transfers)
    return [*cutter.push(transfers, predictions), *cutter.finish()]


def rows_of_range(table: pa.Table, range: BlockRange) -> pa.Table:
    """Rows of a table in chain order whose block lies in a range."""
    return rows_of_ranges(table, [range])[0]


def rows_of_ranges(table: pa.Table, ranges: Sequence[BlockRange]) -> list[pa.Table]:
    """Rows of each range, from a table in chain order."""
    blocks = _blocks(table)
    starts = np.searchsorted(blocks, np.array([range.first_block for range in ranges], np.uint64), "left")
    stops = np.searchsorted(blocks, np.array([range.last_block for range in ranges], np.uint64), "left")
    return [table.slice(int(start), int(stop - start)) for start, stop in zip(starts, stops, strict=True)]
