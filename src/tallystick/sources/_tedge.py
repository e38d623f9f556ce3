"""T-EDGE's transaction graph: numbered accounts, one row per pair of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tallystick.sources._arrow import select_blocks, to_table
from tallystick.sources._cells import Cell, CountCell, EtherCell, Values
from tallystick.sources._delimited import LINE, CsvReader
from tallystick.sources._files import find_optional, find_table
from tallystick.sources._source import FileSource
from tallystick.sources._synthetic import CHAIN_ID, edge_hashes, node_addresses
from tallystick.sources.labels._label import label_table
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._tedge import read_tedge_labels

__all__ = ["TedgeSource"]


class TedgeSource(FileSource):
    """``edges.csv[.gz]`` (``from, to, amount, n_transactions, timestamp``) with ``nodes.csv[.gz]`` beside it.

    An edge sums all transactions of one account to another and keeps the time of one of them. It is read as one
    transfer of the whole amount at that time: how it was spread over ``n_transactions`` is lost. That number is left
    out on purpose: the set joins overlapping crawls and counts an edge once for each that met it, so the number (even
    in 85 of 100 edges between two labelled accounts) tells how the crawls lay as much as what the accounts did.
    Amounts are summed as often: an account may pay more than it ever received.

    The set has no addresses, blocks or hashes. What stands in their place is made up, and says so:

    * chain id 0, which no chain has;
    * address: ``tedge node`` and two zero bytes, then the id as a 64-bit big-endian number;
    * transaction hash: ``tedge edge`` and zero bytes up to 24, then the line of the edge below the header, from 0;
    * block number: ordinal of the time among the file's distinct times, from 0;
    * transaction index: ordinal of the edge among those of one time, in the file's order; transfer index 0.

    Amounts are ether, to the nearest wei. ``#FIRST:LAST`` counts these block numbers. A malformed
    row that is left out still counts as a line, but its time does not count as a block.
    """

    kind: ClassVar[str] = "tedge"
    summary: ClassVar[str] = "T-EDGE graph of numbered Ethereum accounts, with labels"
    lacks: ClassVar[str] = "addresses; blocks; hashes; single transactions of a pair of accounts; gas; success; tokens"
    has_labels: ClassVar[bool] = True
    has_real_blocks: ClassVar[bool] = False
    is_graph: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The edges file."""
        return [find_table(self.path, "edges")]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the one table; block numbers need the whole file."""
        cells: dict[str, Cell] = {
            "from": CountCell(64),
            "to": CountCell(64),
            "amount": EtherCell(),
            "timestamp": CountCell(),
        }
        found = CsvReader(self.files()[0], cells, self.bad_rows).read()
        order = np.argsort(found["timestamp"].data, kind="stable")
        times = found["timestamp"].data[order]
        blocks = np.zeros(len(times), np.int64)
        blocks[1:] = np.cumsum(times[1:] != times[:-1])
        firsts = np.searchsorted(blocks, blocks)
        columns = {
            "block_number": Values(blocks.astype(np.uint32)),
            "timestamp": Values(times),
            "transaction_index": Values((np.arange(len(times)) - firsts).astype(np.uint32)),
            "transfer_index": Values(np.zeros(len(times), np.uint32)),
            "transaction_hash": Values(edge_hashes(found[LINE].data[order] - 2)),
            "from_address": Values(node_addresses(found["from"].data[order])),
            "to_address": Values(node_addresses(found["to"].data[order])),
            "value_binary": found["amount"].take(order),
        }
        yield to_table(select_blocks(columns, self.spec.range), CHAIN_ID)

    def labels(self) -> pa.Table | None:
        """Labels of the folder's ``nodes.csv[.gz]``, or ``None`` where it has none."""
        file = find_optional(self.path if self.path.is_dir() else self.path.parent, "nodes")
        if file is None:
            return None
        return label_table(read_tedge_labels(LabelRequest(file, self.bad_rows)))
