"""Parquet and CSV files of cryo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from tallystick.errors import SourceError
from tallystick.sources._arrow import select_blocks, to_table
from tallystick.sources._cells import AmountCell, BytesCell, Cell, CountCell, FlagCell, PrefixCell, Values
from tallystick.sources._columnar import ParquetReader, parquet_columns
from tallystick.sources._delimited import LINE, CsvReader, read_header
from tallystick.sources._join import ORDER, TOKENS_AFTER, attributes, find_keys, number_transfers, stack
from tallystick.sources._source import FileSource

__all__ = ["CryoSource"]

_MAINNET: Final = 1
_FILE = re.compile(r"(?:.*__)?(blocks|transactions|native_transfers|erc20_transfers)(?:__.*)?\.(parquet|csv)(?:\.gz)?")
_EMPTY_HASH: Final = np.zeros((0, 32), np.uint8)

_OPTIONAL: Final[Mapping[str, Cell]] = {
    "timestamp": CountCell(),
    "chain_id": CountCell(64),
    "gas_used": CountCell(64, nullable=True),
    "gas_price": CountCell(64, nullable=True),
    "input": PrefixCell(),
    "success": FlagCell(empty_is_true=True, words=True),
}
_VALUES: Final = ("value_binary", "value_string", "value_str", "value")  # exact ones, the best first

Columns = dict[str, Values]


class CryoSource(FileSource):
    """A folder of cryo's files, binary or hexadecimal: what is there of three data sets, joined.

    * ``transactions``: each is a transfer of the chain's own coin; gives gas, price, method and success to all
      rows of the transaction.
    * ``native_transfers``: internal calls too; replaces the transactions' own row, except for transactions that
      have none there, which failed. Block rewards, which have no transaction, are left out.
    * ``erc20_transfers``: follow the coin's transfers of their transaction by ``log_index``.

    Files are told by their names, ``NETWORK__DATASET__FIRST_to_LAST.parquet`` or ``.csv``. A block's time is the
    ``timestamp`` of the row where cryo was told to add it, else that of the ``blocks`` data set. Amounts come from
    ``value_binary`` or ``value_string``; ``value_f64`` is not exact and never read. A transfer's index is its ordinal
    in its transaction (cryo counts native transfers by block). Everything is read whole, to be joined. The chain id is
    the files' own; else the setting's; else mainnet's, 1.
    """

    kind: ClassVar[str] = "cryo"
    summary: ClassVar[str] = "Parquet or CSV of cryo"
    lacks: ClassVar[str] = "what the data sets that are not in the folder would give"
    has_gas: ClassVar[bool] = True
    has_success: ClassVar[bool] = True
    has_tokens: ClassVar[bool] = True

    def files(self) -> list[Path]:
        """The files that are there, by name."""
        return sorted(file for files in self._found().values() for file in files)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the one table."""
        found = self._found()
        times = self._times(found.get("blocks", []))
        transactions = self._read(found, "transactions", times)
        natives = self._read(found, "native_transfers", times)
        tokens = self._read(found, "erc20_transfers", times)
        parts = [*self._coin(transactions, natives), *([tokens] if tokens else [])]
        if not parts:
            raise SourceError("no transactions, native_transfers or erc20_transfers here", file=str(self.path))
        parts = [self._with_transaction(part, transactions) for part in parts]
        columns = stack(parts)
        chain_id = self._chain_id(columns)
        columns = number_transfers(
            {name: v for name, v in columns.items() if name not in ("chain_id", LINE)}, str(self.path)
        )
        yield to_table(select_blocks(columns, self.spec.range), chain_id)

    def _found(self) -> dict[str, list[Path]]:
        """Files by data set."""
        path = self.path
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
        found: dict[str, list[Path]] = {}
        for file in files:
            match = _FILE.fullmatch(file.name)
            if match:
                found.setdefault(match[1], []).append(file)
        if not found:
            raise SourceError("no file of cryo's here (NETWORK__DATASET__RANGE.parquet or .csv)", file=str(path))
        return found

    def _times(self, files: list[Path]) -> Columns:
        cells: dict[str, Cell] = {"block_number": CountCell(), "timestamp": CountCell()}
        parts = [self._file(file, cells) for file in files]
        return stack(parts) if parts else {}

    def _read(self, found: Mapping[str, list[Path]], dataset: str, times: Columns) -> Columns:
        """One data set's columns by our names; empty where it is not there."""
        parts = [self._part(file, dataset, times) for file in found.get(dataset, [])]
        return stack(parts) if parts else {}

    def _part(self, file: Path, dataset: str, times: Columns) -> Columns:
        have = parquet_columns(file) if ".parquet" in file.name else read_header(file)
        value = next((name for name in _VALUES if name in have), None)
        if value is None:
            cause = "no exact amounts: none of the columns value_binary, value_string"
            raise SourceError(cause, file=str(file), column="value_binary")
        rewards = dataset == "native_transfers"
        cells: dict[str, Cell] = {
            "block_number": CountCell(),
            "transaction_index": CountCell(nullable=rewards),
            "transaction_hash": BytesCell(32, nullable=rewards, empty_is_null=rewards),
            "from_address": BytesCell(20),
            "to_address": BytesCell(20, nullable=True, empty_is_null=True),
            value: AmountCell(hexadecimal=value == "value_binary"),
        }
        if dataset == "erc20_transfers":
            cells |= {"erc20": BytesCell(20), "log_index": CountCell()}
        if rewards:
            cells["transfer_index"] = CountCell()
        cells |= {name: cell for name, cell in _OPTIONAL.items() if name in have}
        columns = self._file(file, cells)
        hashes = columns["transaction_hash"]
        if hashes.valid is not None:  # block rewards
            columns = {name: values.take(hashes.valid) for name, values in columns.items()}
        columns = self._with_times(columns, times, file)
        return _renamed(columns, value, dataset)

    def _file(self, file: Path, cells: Mapping[str, Cell]) -> Columns:
        reader = ParquetReader if ".parquet" in file.name else CsvReader
        return dict(reader(file, cells, self.bad_rows).read())

    def _with_times(self, columns: Columns, times: Columns, file: Path) -> Columns:
        if "timestamp" in columns:
            return columns
        if not times:
            cause = "no timestamp column, and no blocks data set with the times"
            raise SourceError(cause, file=str(file), column="timestamp")
        rows = find_keys(columns["block_number"].data, times["block_number"].data)
        for line in columns[LINE].data[rows < 0].tolist():
            cause = "block is not in the blocks data set"
            self.bad_rows.report(cause, file=str(file), line=line, column="block_number")
        columns = {name: values.take(rows >= 0) for name, values in columns.items()}
        return columns | {"timestamp": Values(times["timestamp"].data[rows[rows >= 0]])}

    def _coin(self, transactions: Columns, natives: Columns) -> list[Columns]:
        """Transfers of the chain's own coin: the native transfers, and the transactions without any."""
        if not transactions or not natives:
            return [part for part in (transactions, natives) if part]
        alone = find_keys(transactions["transaction_hash"].data, natives["transaction_hash"].data) < 0
        return [natives, {name: values.take(alone) for name, values in transactions.items()}]

    def _with_transaction(self, part: Columns, transactions: Columns) -> Columns:
        """Give a part's rows what only the transactions data set knows."""
        hashes = transactions["transaction_hash"].data if transactions else _EMPTY_HASH
        if len(np.unique(np.ascontiguousarray(hashes).view("S32"))) != len(hashes):
            raise SourceError("a transaction is there twice", file=str(self.path), column="transaction_hash")
        rows = find_keys(part["transaction_hash"].data, hashes)
        names = [name for name in ("gas_used", "gas_price", "method", "success") if name not in part]
        return part | attributes(transactions, rows, names)

    def _chain_id(self, columns: Columns) -> int:
        default = self.settings.chain_id or _MAINNET
        if "chain_id" not in columns:
            return default
        given = columns["chain_id"]
        ids: Any = np.unique(given.data if given.valid is None else given.data[given.valid])
        if len(ids) > 1:
            raise SourceError(f"rows of chains {ids.tolist()}", file=str(self.path), column="chain_id")
        return int(ids[0]) if len(ids) else default


def _renamed(columns: Columns, value: str, dataset: str) -> Columns:
    names = {value: "value_binary", "input": "method"}
    out = {
        names.get(name, name): values for name, values in columns.items() if name not in ("log_index", "transfer_index")
    }
    out["transaction_index"] = Values(columns["transaction_index"].data)
    out["transaction_hash"] = Values(columns["transaction_hash"].data)
    if dataset == "erc20_transfers":
        order = columns["log_index"].data.astype(np.int64) + TOKENS_AFTER
    elif dataset == "native_transfers":
        order = columns["transfer_index"].data.astype(np.int64)
    else:
        order = np.zeros(len(columns["block_number"].data), np.int64)
    return out | {ORDER: Values(order)}
