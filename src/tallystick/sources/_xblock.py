"""XBlock's CSV of raw Ethereum transactions around labelled accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from tallystick.sources._arrow import in_chain_order, select_blocks, to_table
from tallystick.sources._cells import BytesCell, Cell, CountCell, EtherCell, FlagCell, PrefixCell, Values
from tallystick.sources._delimited import CsvReader
from tallystick.sources._files import find_optional, find_table
from tallystick.sources._source import FileSource
from tallystick.sources.labels._label import label_table
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._xblock import read_xblock_labels

__all__ = ["XblockSource"]

_MAINNET: Final = 1


class XblockSource(FileSource):
    """``transactions.csv[.gz]`` with ``labels.csv[.gz]`` beside it; the path is the folder or the file.

    Columns read: ``timestamp, block, tx_hash, from, to, value_eth, contract_created,
    input_selector, is_error``; others are ignored.

    * ``value_eth`` is decimal text that passed through binary floats: a row's value is the exact
      decimal text times 10**18, rounded to the nearest wei, half upward.
    * A created contract (``contract_created`` not ``null``) is the recipient.
    * Internal calls share their transaction's hash, and there is no transaction index: a transaction's
      index is the ordinal of its hash's first appearance in its block, a transfer's its ordinal among
      the rows of its transaction, both in the file's order.
    * ``input_selector`` is a method where it is exactly four bytes; data of one to three bytes
      calls nothing and gives null, as ``0x`` does; so does ``NULL``, which stands in some rows.
    """

    kind: ClassVar[str] = "xblock"
    summary: ClassVar[str] = "XBlock CSV of raw Ethereum transactions, with labels"
    lacks: ClassVar[str] = "gas; tokens; true transaction indexes; transactions that touch no crawled account"
    has_success: ClassVar[bool] = True
    has_labels: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The transactions file."""
        return [find_table(self.path, "transactions")]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the one table; the file is read whole, since nothing says that it is sorted."""
        file = self.files()[0]
        cells: dict[str, Cell] = {
            "timestamp": CountCell(),
            "block": CountCell(),
            "tx_hash": BytesCell(32),
            "from": BytesCell(20),
            "to": BytesCell(20, nullable=True),
            "value_eth": EtherCell(),
            "contract_created": BytesCell(20, nullable=True),
            "input_selector": PrefixCell(exact=True),
            "is_error": FlagCell(negate=True),
        }
        found = CsvReader(file, cells, self.bad_rows).read()
        columns = {
            "timestamp": found["timestamp"],
            "block_number": found["block"],
            "transaction_hash": found["tx_hash"],
            "from_address": found["from"],
            "to_address": _recipient(found["to"], found["contract_created"]),
            "value_binary": found["value_eth"],
            "method": found["input_selector"],
            "success": found["is_error"],
        }
        columns = in_chain_order(columns, str(file))
        yield to_table(select_blocks(columns, self.spec.range), _MAINNET)

    def labels(self) -> pa.Table | None:
        """Labels of the folder's ``labels.csv[.gz]``, or ``None`` where it has none."""
        file = find_optional(self.path if self.path.is_dir() else self.path.parent, "labels")
        if file is None:
            return None
        return label_table(read_xblock_labels(LabelRequest(file, self.bad_rows)))


def _recipient(to: Values, created: Values) -> Values:
    """The created contract where there is one, else the recipient."""
    assert created.valid is not None
    assert to.valid is not None
    if not created.valid.any():
        return to
    data: Any = np.where(created.valid[:, None], created.data, to.data)
    return Values(data, to.valid | created.valid)
