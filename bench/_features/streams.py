"""The streams that both engines are given: one Arrow table each, and the same transfers as the peer's edge list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.features import TransferBatch
from tallystick.sources import Source

OURS_BATCH = 8_192  # transfers; whole blocks, so a little more or less
BLOCK = 200  # transfers of a block of today's mainnet


@dataclass(frozen=True)
class Piece:
    """Some consecutive transfers, prepared for both engines before any clock runs."""

    batches: list[TransferBatch]
    edges: np.ndarray  # (n, 6) float64: edge id, source id, target id, timestamp, amount, asset

    def __len__(self) -> int:
        return len(self.edges)


@dataclass(frozen=True)
class Stream:
    """A whole stream.

    Parameters
    ----------
    table
        Layout ``transfers``; every row has a recipient, as the peer knows no others.
    edges
        (n, 6) float64, the peer's edge list. Accounts are numbered from 1. Amounts are in units of 10**18 of
        whatever the asset counts; an asset is a number, by order of appearance.
    """

    name: str
    table: pa.Table
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.edges)

    @property
    def time(self) -> np.ndarray:
        """(n,) float64, UTC seconds."""
        return self.edges[:, 3]

    def cut(self, near: int) -> int:
        """First position at or after ``near`` where a block starts."""
        block = self.table["block_number"]
        while 0 < near < len(self) and block[near] == block[near - 1]:
            near += 1
        return min(near, len(self))

    def piece(self, first: int, stop: int) -> Piece:
        """Transfers from ``first`` up to ``stop``; both must be cuts."""
        stops = [self.cut(at) for at in range(first + OURS_BATCH, stop, OURS_BATCH)]
        starts = [first, *stops]
        ends = [*stops, stop]
        pairs = [(a, b) for a, b in zip(starts, ends, strict=True) if a < b]
        return Piece([TransferBatch.from_arrow(self.table.slice(a, b - a)) for a, b in pairs], self.edges[first:stop])

    def pieces(self, first: int, stop: int, rows: int) -> Iterator[Piece]:
        """The same in pieces of some rows."""
        while first < stop:
            end = min(self.cut(first + rows), stop)
            yield self.piece(first, end)
            first = end

    def blocks(self, first: int, stop: int) -> list[TransferBatch]:
        """The same as a node would give it: block after block, each of about ``BLOCK`` transfers.

        Consecutive blocks of quiet times are merged into one that takes the last one's number.
        """
        table = self.table.slice(first, stop - first).combine_chunks()
        number = table["block_number"].to_numpy()
        last = np.append(number[1:] != number[:-1], True)  # rows that end a block
        ends, start = [], 0
        for end in (np.flatnonzero(last) + 1).tolist():
            if end - start >= BLOCK or end == len(number):
                ends.append(end)
                start = end
        lengths = np.diff([0, *ends])
        merged = np.repeat(number[np.array(ends) - 1], lengths)
        at = table.column_names.index("block_number")
        table = table.set_column(at, table.schema.field(at), pa.array(merged, table.schema.field(at).type))
        return [
            TransferBatch.from_arrow(table.slice(end - n, n)) for end, n in zip(ends, lengths.tolist(), strict=True)
        ]


def open_stream(name: str, source: Source, transfers: int | None = None) -> Stream:
    """Read a source into memory, or its first transfers."""
    tables, rows = [], 0
    for table in source.batches():
        tables.append(table)
        rows += table.num_rows
        if transfers is not None and rows >= transfers:
            break
    return stream_of(name, pa.concat_tables(tables))


def stream_of(name: str, table: pa.Table) -> Stream:
    """Leave out what has no recipient, and number the accounts for the peer."""
    table = table.filter(pc.is_valid(table["to_address"])).combine_chunks()
    sides = pa.chunked_array(table["from_address"].chunks + table["to_address"].chunks)
    ids = sides.combine_chunks().dictionary_encode().indices.to_numpy() + 1
    rows = table.num_rows
    edges = np.empty((rows, 6))
    edges[:, 0] = np.arange(rows)
    edges[:, 1] = ids[:rows]
    edges[:, 2] = ids[rows:]
    edges[:, 3] = table["timestamp"].to_numpy()
    edges[:, 4] = coins(table["value_binary"])
    edges[:, 5] = pc.fill_null(table["erc20"], b"").combine_chunks().dictionary_encode().indices.to_numpy()
    return Stream(name, table, edges)


def coins(value: pa.ChunkedArray) -> np.ndarray:
    """Amounts in units of 10**18 as float64, of 32-byte cells."""
    cells = np.frombuffer(b"".join(value.to_pylist()), ">u8").reshape(-1, 4)
    return cells.astype(np.float64) @ (np.array([2.0**192, 2.0**128, 2.0**64, 1.0]) / 1e18)
