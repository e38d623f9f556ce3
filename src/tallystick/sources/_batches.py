"""Cutting a stream of tables at block boundaries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

__all__ = ["cut_at_blocks"]


def cut_at_blocks(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield pieces of at most ``rows`` rows that never split a block.

    Parameters
    ----------
    tables
        In chain order, none splitting a block.
    rows
        Most rows in a piece; a block with more makes a larger piece of its own.
    """
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        cuts = _cuts(held, rows)
        for start, stop in cuts[:-1]:
            yield held.slice(start, stop - start).combine_chunks()
        if cuts:
            start, stop = cuts[-1]
            held = held.slice(start, stop - start)
    if held is not None and held.num_rows:
        yield held.combine_chunks()


def _cuts(table: pa.Table, rows: int) -> list[tuple[int, int]]:
    """Row ranges of the pieces, greedy from the first row."""
    if not table.num_rows:
        return []
    blocks = table.column("block_number").to_numpy()
    ends = np.append(np.flatnonzero(blocks[1:] != blocks[:-1]) + 1, len(blocks))  # (blocks,) row after each block
    cuts = []
    start = 0
    while start < len(blocks):
        at = int(np.searchsorted(ends, start + rows, side="right")) - 1
        stop = int(ends[at]) if at >= 0 and ends[at] > start else int(ends[np.searchsorted(ends, start, side="right")])
        cuts.append((start, stop))
        start = stop
    return cuts
