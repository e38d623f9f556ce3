"""CSV files of ethereum-etl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from tallystick.errors import SourceError
from tallystick.sources._arrow import select_blocks, to_table
from tallystick.sources._cells import AmountCell, BytesCell, Cell, CountCell, FlagCell, PrefixCell, Values
from tallystick.sources._delimited import LINE, CsvReader, read_header
from tallystick.sources._files import find_optional, find_table
from tallystick.sources._join import ORDER, TOKENS_AFTER, attributes, find_keys, number_transfers, stack
from tallystick.sources._source import FileSource

__all__ = ["EtlSource"]

_MAINNET: Final = 1
_OF_TRANSACTION: Final = ("timestamp", "transaction_index", "method", "gas_used", "gas_price", "success")

Columns = dict[str, Values]


class EtlSource(FileSource):
    """A folder with ``transactions.csv[.gz]`` and, where there are any, ``token_transfers``, ``blocks``, ``receipts``.

    Each transaction is one transfer of the chain's own coin (``transfer_index`` 0); its rows of
    ``token_transfers`` follow by ``log_index``. A block's time is ``block_timestamp`` of the transactions, or the
    ``timestamp`` of ``blocks``. Gas used, the price that was paid, success and created contracts come from
    ``receipts``; without it gas used is null, the price is the transaction's ``gas_price``, success is true and
    the recipient of a contract creation is null. The path may also be the transactions file alone.

    ethereum-etl writes ERC-721 transfers into the same file as ERC-20 ones, the token's id as the value; they
    cannot be told apart. The chain id is the setting's; else mainnet's, 1: the files do not say it.
    """

    kind: ClassVar[str] = "etl"
    summary: ClassVar[str] = "CSV of ethereum-etl"
    lacks: ClassVar[str] = "internal calls; without receipts.csv gas used, success and created contracts"
    has_gas: ClassVar[bool] = True
    has_success: ClassVar[bool] = True
    has_tokens: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The files that are there, transactions first."""
        others = [self._beside(name) for name in ("token_transfers", "blocks", "receipts")]
        return [find_table(self.path, "transactions"), *(file for file in others if file is not None)]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the one table; the files are read whole, to be joined."""
        transactions = self._transactions()
        parts = [transactions]
        if (file := self._beside("token_transfers")) is not None:
            parts.append(self._tokens(file, transactions))
        columns = number_transfers(stack(parts), str(self.path))
        yield to_table(select_blocks(columns, self.spec.range), self.settings.chain_id or _MAINNET)

    def _beside(self, name: str) -> Path | None:
        return find_optional(self.path, name) if self.path.is_dir() else None

    def _transactions(self) -> Columns:
        file = find_table(self.path, "transactions")
        cells: dict[str, Cell] = {
            "block_number": CountCell(),
            "transaction_index": CountCell(),
            "hash": BytesCell(32),
            "from_address": BytesCell(20),
            "to_address": BytesCell(20, nullable=True, empty_is_null=True),
            "value": AmountCell(),
            "gas_price": CountCell(64, nullable=True),
            "input": PrefixCell(),
        }
        timed = "block_timestamp" in read_header(file)
        if timed:
            cells["block_timestamp"] = CountCell()
        found = dict(CsvReader(file, cells, self.bad_rows).read())
        self._refuse_repeats(found["hash"].data, file)
        if not timed:
            found = self._with_times(found, file)
        columns = {
            "block_number": found["block_number"],
            "timestamp": found["block_timestamp"],
            "transaction_index": found["transaction_index"],
            "transaction_hash": found["hash"],
            "from_address": found["from_address"],
            "to_address": found["to_address"],
            "value_binary": found["value"],
            "gas_price": found["gas_price"],
            "method": found["input"],
            ORDER: Values(np.zeros(len(found["hash"].data), np.int64)),
        }
        return self._with_receipts(columns)

    def _with_times(self, found: Columns, file: Path) -> Columns:
        """Add the times of ``blocks``; a row whose block is not there is malformed."""
        blocks = self._beside("blocks")
        if blocks is None:
            cause = "no column block_timestamp, and no blocks.csv with the times"
            raise SourceError(cause, file=str(file), line=1, column="block_timestamp")
        times = CsvReader(blocks, {"number": CountCell(), "timestamp": CountCell()}, self.bad_rows).read()
        rows = find_keys(found["block_number"].data, times["number"].data)
        found = self._leave_out(found, rows < 0, file, "block_number", "block is not in blocks.csv")
        rows = rows[rows >= 0]
        return found | {"block_timestamp": times["timestamp"].take(rows)}

    def _with_receipts(self, columns: Columns) -> Columns:
        file = self._beside("receipts")
        if file is None:
            return columns
        cells: dict[str, Cell] = {
            "transaction_hash": BytesCell(32),
            "gas_used": CountCell(64),
            "contract_address": BytesCell(20, nullable=True, empty_is_null=True),
            "status": FlagCell(empty_is_true=True),  # empty before Byzantium
            "effective_gas_price": CountCell(64, nullable=True),
        }
        found = CsvReader(file, cells, self.bad_rows).read()
        receipts = {
            "gas_used": found["gas_used"],
            "gas_price": found["effective_gas_price"],
            "to_address": found["contract_address"],
            "success": found["status"],
        }
        rows = find_keys(columns["transaction_hash"].data, found["transaction_hash"].data)
        given = attributes(receipts, rows, receipts)
        merged = {name: _first(given[name], columns[name]) for name in ("gas_price",)}
        merged["to_address"] = _first(columns["to_address"], given["to_address"])
        return columns | {"gas_used": given["gas_used"], "success": given["success"]} | merged

    def _tokens(self, file: Path, transactions: Columns) -> Columns:
        cells: dict[str, Cell] = {
            "token_address": BytesCell(20),
            "from_address": BytesCell(20),
            "to_address": BytesCell(20),
            "value": AmountCell(),
            "transaction_hash": BytesCell(32),
            "log_index": CountCell(),
            "block_number": CountCell(),
        }
        found = dict(CsvReader(file, cells, self.bad_rows).read())
        rows = find_keys(found["transaction_hash"].data, transactions["transaction_hash"].data)
        cause = "transaction is not in transactions.csv"
        found = self._leave_out(found, rows < 0, file, "transaction_hash", cause)
        rows = rows[rows >= 0]
        given = attributes(transactions, rows, _OF_TRANSACTION)
        elsewhere = transactions["block_number"].data[rows] != found["block_number"].data
        if elsewhere.any():
            line = int(found[LINE].data[elsewhere][0])
            cause = "block differs from that of its transaction"
            raise SourceError(cause, file=str(file), line=line, column="block_number")
        return given | {
            "block_number": found["block_number"],
            "transaction_hash": found["transaction_hash"],
            "from_address": found["from_address"],
            "to_address": found["to_address"],
            "erc20": found["token_address"],
            "value_binary": found["value"],
            ORDER: Values(found["log_index"].data.astype(np.int64) + TOKENS_AFTER),
        }

    def _leave_out(self, found: Columns, wrong: Any, file: Path, column: str, cause: str) -> Columns:
        """Report the rows that are wrong and keep the others."""
        if not wrong.any():
            return found
        for line in found[LINE].data[wrong].tolist():
            self.bad_rows.report(cause, file=str(file), line=line, column=column)
        return {name: values.take(~wrong) for name, values in found.items()}

    def _refuse_repeats(self, hashes: Any, file: Path) -> None:
        if len(np.unique(np.ascontiguousarray(hashes).view("S32"))) != len(hashes):
            raise SourceError("a transaction is there twice", file=str(file), column="hash")


def _first(wanted: Values, other: Values) -> Values:
    """The wanted value where there is one, else the other."""
    assert wanted.valid is not None
    assert other.valid is not None
    mask = wanted.valid if wanted.data.ndim == 1 else wanted.valid[:, None]
    return Values(np.where(mask, wanted.data, other.data), wanted.valid | other.valid)
