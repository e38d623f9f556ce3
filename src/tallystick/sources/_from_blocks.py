"""Blocks, as nodes send them, to columns of transfers; whole columns of hexadecimal at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

import numpy as np

from tallystick.chain import Block, Log, Receipt, Transaction
from tallystick.errors import RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._cells import Values

__all__ = [
    "TRANSFER_TOPIC",
    "BlockRow",
    "Report",
    "block_columns",
    "block_head",
    "block_rows",
    "node_rows",
    "report_to",
]

TRANSFER_TOPIC: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Keccak-256 of ``Transfer(address,address,uint256)``."""

_WORD: Final = 66  # characters of 32 bytes with prefix
_U64: Final = 1 << 64

Array = Any


@dataclass(frozen=True)
class BlockRow:
    """One transaction in its block, with its receipt where there are receipts."""

    number: int
    timestamp: int
    index: int
    transaction: Transaction
    receipt: Receipt | None = None

    @property
    def transfers(self) -> list[Log]:
        """ERC-20 transfers in log order: three topics and one word of data.

        ERC-721 has the same event with a fourth topic; it moves no amount and is left out.
        """
        logs = () if self.receipt is None else self.receipt.logs
        return [log for log in logs if _is_transfer(log)]


class Report(Protocol):
    """Told of a malformed transaction; raises, or counts it."""

    def __call__(self, row: BlockRow, error: RangeError) -> None:
        """Tell."""


def block_head(block: Block) -> tuple[int, int]:
    """Number and time of a block.

    Raises
    ------
    RangeError
        Either is not a quantity below 2**32; the field is in ``name``.
    """
    return _quantity(block.number_hex, "number", 1 << 32), _quantity(block.timestamp_hex, "timestamp", 1 << 32)


def block_rows(block: Block, receipts: Sequence[Receipt] | None = None) -> list[BlockRow]:
    """The block's transactions; it must have them in full."""
    number, timestamp = block_head(block)
    given: Sequence[Receipt | None] = [None] * len(block.transactions) if receipts is None else receipts
    pairs = zip(block.full_transactions, given, strict=True)
    return [BlockRow(number, timestamp, index, one, receipt) for index, (one, receipt) in enumerate(pairs)]


def node_rows(block: Block, receipts: Sequence[Receipt], place: str) -> list[BlockRow]:
    """The transactions of a block that a node sent.

    Raises
    ------
    SourceError
        Number or time of the block is malformed.
    """
    try:
        return block_rows(block, receipts)
    except RangeError as error:
        cause = f"block {error.cause}: {error.where['value']!r}"
        raise SourceError(cause, file=place, column=str(error.where["name"])) from error


def report_to(bad_rows: BadRows, place: str) -> Report:
    """Report malformed transactions of a node, with the block as their line."""

    def report(row: BlockRow, error: RangeError) -> None:
        cause = f"{error.cause}: {error.where.get('value')!r}"
        column = f"transactions[{row.index}].{error.where['name']}"
        bad_rows.report(cause, file=place, line=row.number, column=column, error=error)

    return report


def block_columns(rows: Sequence[BlockRow], report: Report) -> dict[str, Values]:
    """Columns of the transfers table: each transaction's own coin first, then its ERC-20 transfers.

    Parameters
    ----------
    rows
        Transactions in chain order.
    report
        Told of each malformed transaction, which is left out if it returns.
    """
    try:
        return _convert(rows)
    except RangeError:
        return _convert([row for row in rows if _is_good(row, report)])


def _is_good(row: BlockRow, report: Report) -> bool:
    try:
        _convert([row])
    except RangeError as error:
        report(row, error)
        return False
    return True


def _convert(rows: Sequence[BlockRow]) -> dict[str, Values]:
    transactions = [row.transaction for row in rows]
    for row in rows:
        if _quantity(row.transaction.index_hex, "transactionIndex", 1 << 32) != row.index:
            raise RangeError("not its position in the block", name="transactionIndex", value=row.transaction.index_hex)
    logs = [row.transfers for row in rows]
    counts = np.array([1 + len(some) for some in logs], np.int64)
    starts = np.cumsum(counts) - counts
    at = np.repeat(np.arange(len(rows)), counts)  # (transfers,) position of each transfer's transaction
    columns = {
        "block_number": Values(np.array([row.number for row in rows], np.uint32)),
        "timestamp": Values(np.array([row.timestamp for row in rows], np.uint32)),
        "transaction_index": Values(np.array([row.index for row in rows], np.uint32)),
        "transaction_hash": _bytes([one.hash_hex for one in transactions], 32, "hash"),
        "from_address": _bytes([one.from_hex for one in transactions], 20, "from"),
        "to_address": _recipients(rows),
        "value_binary": _words([one.value_hex for one in transactions], "value"),
        "method": _methods([one.input_hex for one in transactions]),
        "gas_price": _counts([_gas_price(row) for row in rows], "gasPrice"),
        "gas_used": _counts([row.receipt.gas_used_hex if row.receipt else None for row in rows], "gasUsed"),
        "success": Values(np.array([row.receipt is None or row.receipt.succeeded for row in rows], bool)),
    }
    columns = {name: values.take(at) for name, values in columns.items()}
    columns["transfer_index"] = Values((np.arange(len(at)) - starts[at]).astype(np.uint32))
    return _with_tokens(columns, list(chain.from_iterable(logs)))


def _with_tokens(columns: dict[str, Values], logs: list[Log]) -> dict[str, Values]:
    """Overwrite the rows of token transfers, which are those past each transaction's first."""
    tokens = columns["transfer_index"].data > 0
    erc20 = Values(np.zeros((len(tokens), 20), np.uint8), tokens)
    erc20.data[tokens] = _bytes([log.address_hex for log in logs], 20, "logs.address").data
    columns["from_address"].data[tokens] = _bytes([log.topics[1] for log in logs], 32, "logs.topics").data[:, 12:]
    columns["value_binary"].data[tokens] = _bytes([log.data_hex for log in logs], 32, "logs.data").data
    recipients = columns["to_address"]
    recipients.data[tokens] = _bytes([log.topics[2] for log in logs], 32, "logs.topics").data[:, 12:]
    assert recipients.valid is not None
    recipients.valid[tokens] = True
    return columns | {"erc20": erc20}


def _is_transfer(log: Log) -> bool:
    return len(log.topics) == 3 and log.topics[0] == TRANSFER_TOPIC and len(log.data_hex) == _WORD


def _recipients(rows: Sequence[BlockRow]) -> Values:
    """Recipient, or created contract where there is a receipt that names it."""
    texts = [
        row.transaction.to_hex or (row.receipt.contract_hex if row.receipt and row.receipt.succeeded else None)
        for row in rows
    ]
    found = _bytes([text or "0x" + "00" * 20 for text in texts], 20, "to")
    return Values(found.data, np.array([text is not None for text in texts], bool))


def _gas_price(row: BlockRow) -> str | None:
    """Price that was paid, where there is a receipt that says it, else the transaction's own."""
    paid = row.receipt.gas_price_hex if row.receipt else None
    return paid or row.transaction.gas_price_hex


def _bytes(texts: Sequence[str], width: int, name: str) -> Values:
    size = 2 + 2 * width
    if any(len(text) != size or text[:2] != "0x" for text in texts):
        wrong = next(text for text in texts if len(text) != size or text[:2] != "0x")
        raise RangeError(f"not {2 * width} hexadecimal digits", name=name, value=wrong[:80])
    return Values(_unhex([text[2:] for text in texts], width, name))


def _words(texts: Sequence[str], name: str) -> Values:
    """Quantities as 256-bit numbers."""
    for text in texts:
        if text[:2] != "0x" or not len(text) >= 3:
            raise RangeError("not a quantity", name=name, value=text[:80])
        if len(text) > _WORD:
            raise RangeError("2**256 or more", name=name, value=text[:80])
    return Values(_unhex([text[2:].zfill(64) for text in texts], 32, name))


def _methods(texts: Sequence[str]) -> Values:
    for text in texts:
        if text[:2] != "0x" or len(text) % 2:
            raise RangeError("not hexadecimal bytes", name="input", value=text[:80])
    some = np.array([len(text) >= 10 for text in texts], bool)
    return Values(_unhex([text[2:10] if len(text) >= 10 else "00000000" for text in texts], 4, "input"), some)


def _counts(texts: Sequence[str | None], name: str) -> Values:
    """Quantities of 64 bit, where there are any."""
    numbers = [0 if text is None else _quantity(text, name, _U64) for text in texts]
    return Values(np.array(numbers, np.uint64), np.array([text is not None for text in texts], bool))


def _unhex(digits: list[str], width: int, name: str) -> Array:
    joined = "".join(digits)
    try:
        data = bytes.fromhex(joined)
    except ValueError as error:
        raise RangeError("not hexadecimal digits", name=name, value=joined[:80]) from error
    if len(data) != len(digits) * width:  # fromhex skips spaces
        raise RangeError("not hexadecimal digits", name=name, value=joined[:80])
    return np.frombuffer(bytearray(data), np.uint8).reshape(len(digits), width)


def _quantity(text: str, name: str, limit: int) -> int:
    try:
        number = int(text, 16) if text[:2] == "0x" else -1
    except ValueError:
        number = -1
    if not 0 <= number < limit:
        raise RangeError(f"not a quantity below 2**{limit.bit_length() - 1}", name=name, value=text[:80])
    return number
