"""Files of ``eth_getBlockByNumber(…, true)`` JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import msgspec
import pyarrow as pa

from tallystick.errors import RangeError, SourceError
from tallystick.sources._arrow import to_table
from tallystick.sources._block_files import (
    BlockFile,
    ChainTransaction,
    FullBlock,
    RawBlock,
    find_block_files,
    index_blocks,
    raw_blocks,
)
from tallystick.sources._from_blocks import BlockRow, block_columns, block_head
from tallystick.sources._order import Times
from tallystick.sources._source import FileSource

__all__ = ["BlocksSource"]

_MAINNET: Final = 1


class BlocksSource(FileSource):
    """A folder or file of blocks with full transactions, plain or gzip.

    A file holds one block, a list of blocks, or one block a line, bare or as the node's answer
    (``{"jsonrpc": …, "result": …}``). Files are read in the order of their blocks, one at a time.

    Each top-level transaction is one transfer of the chain's own coin, of zero value too. There are no
    receipts: gas used is null, success is true, there are no token transfers, the recipient of a
    contract creation is null, and the gas price is the transaction's ``gasPrice`` field.

    The chain id is the setting's; else what the transactions say (``chainId``, EIP-155); else mainnet's, 1.
    """

    kind: ClassVar[str] = "blocks"
    summary: ClassVar[str] = "JSON of eth_getBlockByNumber with full transactions"
    lacks: ClassVar[str] = "gas used; success; token transfers; addresses of created contracts; internal calls"

    def files(self) -> list[Path]:
        """The files with a block in the range, in the order of their blocks."""
        return [item.path for item in self._index()]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the transfers of one file at a time."""
        times = Times()
        chain_id = self.settings.chain_id
        for item in self._index():
            rows, stated = self._read_file(item.path)
            chain_id = chain_id or stated or _MAINNET
            if stated and stated != chain_id:
                cause = f"transactions are of chain {stated}, earlier ones of chain {chain_id}"
                step = "Set chain_id, or keep the blocks of each chain in a folder of their own."
                raise SourceError(cause, next_step=step, file=str(item.path))
            columns = block_columns([row for _, row in rows], _Reporter(self, item.path, rows))
            times.check(columns["block_number"].data, columns["timestamp"].data, str(item.path))
            yield to_table(columns, chain_id)

    def _index(self) -> list[BlockFile]:
        first, last = self.spec.range.bounds
        items = index_blocks(find_block_files(self.path))
        return [item for item in items if item.first < last and first < item.last and first < last]

    def _read_file(self, file: Path) -> tuple[list[tuple[int, BlockRow]], int]:
        """Line and transaction, in chain order, and the chain id that some transaction states, or 0."""
        stated: set[int] = set()
        found: dict[int, list[tuple[int, BlockRow]]] = {}
        for raw in raw_blocks(file):
            block = self._block(raw, file)
            if block is None:
                continue
            number, timestamp = block_head(block)
            if number in found:
                raise SourceError("the block is there twice", file=str(file), line=raw.line, block=number)
            rows = found[number] = []
            for index, data in enumerate(block.transactions):
                one = self._transaction(data, index, raw, file)
                if one is None:
                    continue
                if one.chain_id_hex is not None:
                    stated.add(self._chain_id(one.chain_id_hex, file, raw.line))
                if number in self.spec.range:
                    rows.append((raw.line, BlockRow(number, timestamp, index, one)))
        if len(stated) > 1:
            raise SourceError(f"transactions are of chains {sorted(stated)}", file=str(file))
        return [row for number in sorted(found) for row in found[number]], max(stated, default=0)

    def _block(self, raw: RawBlock, file: Path) -> FullBlock | None:
        try:
            block = msgspec.json.decode(raw.data, type=FullBlock)
            block_head(block)
        except msgspec.DecodeError as error:
            self.bad_rows.report(f"not a block: {error}", file=str(file), line=raw.line, column=None, error=error)
            return None
        except RangeError as error:
            self._report(file, raw.line, str(error.where["name"]), error)
            return None
        return block

    def _transaction(self, data: msgspec.Raw, index: int, raw: RawBlock, file: Path) -> ChainTransaction | None:
        column = f"transactions[{index}]"
        if bytes(data)[:1] == b'"':
            cause = "the block holds hashes only"
            step = "Export blocks with full transactions: the second parameter of eth_getBlockByNumber is true."
            raise SourceError(cause, next_step=step, file=str(file), line=raw.line, column=column)
        try:
            return msgspec.json.decode(data, type=ChainTransaction)
        except msgspec.DecodeError as error:
            cause = f"not a transaction: {error}"
            self.bad_rows.report(cause, file=str(file), line=raw.line, column=column, error=error)
            return None

    def _chain_id(self, text: str, file: Path, line: int) -> int:
        try:
            return int(text, 16)
        except ValueError as error:
            raise SourceError(f"chain id {text[:40]!r} is not hexadecimal", file=str(file), line=line) from error

    def _report(self, file: Path, line: int, column: str, error: RangeError) -> None:
        cause = f"{error.cause}: {error.where.get('value')!r}"
        self.bad_rows.report(cause, file=str(file), line=line, column=column, error=error)


class _Reporter:
    """Tells where a malformed transaction stands."""

    def __init__(self, source: BlocksSource, file: Path, rows: list[tuple[int, BlockRow]]) -> None:
        self._source = source
        self._file = file
        self._lines = {id(row): line for line, row in rows}

    def __call__(self, row: BlockRow, error: RangeError) -> None:
        column = f"transactions[{row.index}].{error.where['name']}"
        self._source._report(self._file, self._lines[id(row)], column, error)
