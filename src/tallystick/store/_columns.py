"""The column dictionary: one name, one type, one unit in every table.

Names and types follow cryo's schemas where cryo has the column. Binary columns have a
fixed width, stated here and checked by :func:`check_table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from tallystick.errors import StoreError

__all__ = ["LABELS", "PREDICTIONS", "TABLES", "TRANSFERS", "Column", "TableLayout", "check_table"]


@dataclass(frozen=True)
class Column:
    """One column: Arrow type, unit, and what it holds; ``width`` is the size of binary cells in bytes."""

    name: str
    type: Any
    unit: str
    help: str
    width: int | None = None
    nullable: bool = False


@dataclass(frozen=True)
class TableLayout:
    """A table's name, what one row is, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])


_CHAIN_ID = Column("chain_id", pa.uint64(), "", "EIP-155 chain id.")
_BLOCK = Column("block_number", pa.uint32(), "block", "Block that holds the transaction.")
_TIME = Column("timestamp", pa.uint32(), "s", "Time of the block, UTC seconds.")
_TX_INDEX = Column("transaction_index", pa.uint32(), "", "Position of the transaction in its block.")
_TRANSFER_INDEX = Column("transfer_index", pa.uint32(), "", "Position of the transfer in its transaction.")
_TX_HASH = Column("transaction_hash", pa.binary(), "", "Hash of the transaction.", width=32)
_FROM = Column("from_address", pa.binary(), "", "Account the value left.", width=20)
_TO = Column(
    "to_address",
    pa.binary(),
    "",
    "Account the value reached; the new contract where one was created, null where that is unknown.",
    width=20,
    nullable=True,
)

TRANSFERS: Final = TableLayout(
    "transfers",
    "one movement of one asset between two accounts, in chain order",
    (
        _CHAIN_ID,
        _BLOCK,
        _TIME,
        _TX_INDEX,
        _TRANSFER_INDEX,
        _TX_HASH,
        _FROM,
        _TO,
        Column("erc20", pa.binary(), "", "Token contract; null for the chain's own coin.", width=20, nullable=True),
        Column("value_binary", pa.binary(), "wei or token units", "Amount, unsigned 256 bit, big-endian.", width=32),
        Column("gas_used", pa.uint64(), "gas", "Gas the transaction used; null where unknown.", nullable=True),
        Column("gas_price", pa.uint64(), "wei", "Effective price of one gas; null where unknown.", nullable=True),
        Column("method", pa.binary(), "", "First four bytes of the input; null for none.", width=4, nullable=True),
        Column("success", pa.bool_(), "", "False where the transaction failed."),
    ),
)

PREDICTIONS: Final = TableLayout(
    "predictions",
    "the scores of one transfer's two sides under one model",
    (
        _BLOCK,
        _TIME,
        _TX_INDEX,
        _TRANSFER_INDEX,
        _TX_HASH,
        _FROM,
        _TO,
        Column("sender_raw", pa.int64(), "program output", "Raw score of the sender."),
        Column("receiver_raw", pa.int64(), "program output", "Raw score of the receiver.", nullable=True),
        Column("sender_ppm", pa.uint32(), "ppm", "Calibrated score of the sender."),
        Column("receiver_ppm", pa.uint32(), "ppm", "Calibrated score of the receiver.", nullable=True),
        Column("flag", pa.bool_(), "", "True where the worse side reaches the program's decision threshold."),
    ),
)

LABELS: Final = TableLayout(
    "labels",
    "one statement by one source about one address",
    (
        Column("address", pa.string(), "", "Address as text; EVM addresses in lower-case hexadecimal."),
        Column("network", pa.string(), "", "Network of the address, lower case: ethereum, bitcoin, …"),
        Column("category", pa.string(), "", "What is said: phishing, sanction, mixer, exchange, normal, …"),
        Column("source", pa.string(), "", "Who says it: list name and file."),
        Column("detail", pa.string(), "", "The source's own words.", nullable=True),
        Column("confidence_ppm", pa.uint32(), "ppm", "How sure the source is."),
        Column("valid_from", pa.uint32(), "s", "First second at which it holds; null for always.", nullable=True),
        Column("valid_to", pa.uint32(), "s", "First second at which it no longer holds; null for open.", nullable=True),
        Column(
            "known_from",
            pa.uint32(),
            "s",
            "First second at which the source had said it for certain; null where it states no date.",
            nullable=True,
        ),
    ),
)

TABLES: Final = {layout.name: layout for layout in (TRANSFERS, PREDICTIONS, LABELS)}


def check_table(table: pa.Table, layout: TableLayout) -> pa.Table:
    """Return the table if it has exactly the layout's columns, types, widths and nulls.

    Raises
    ------
    StoreError
        Names the first column that differs.
    """
    for have, want in zip(table.schema, layout.columns, strict=False):
        if have.name != want.name or have.type != want.type:
            cause = f"column {have.name}: {have.type} where {want.name}: {want.type} belongs"
            raise StoreError(cause, table=layout.name)
    if table.num_columns != len(layout.columns):
        raise StoreError(f"{table.num_columns} columns where {len(layout.columns)} belong", table=layout.name)
    for column in layout.columns:
        _check_cells(table.column(column.name), column, layout.name)
    return table


def _check_cells(cells: pa.ChunkedArray, column: Column, table: str) -> None:
    if cells.null_count and not column.nullable:
        raise StoreError(f"column {column.name} holds {cells.null_count} nulls", table=table)
    if column.width is None:
        return
    import pyarrow.compute as pc

    bounds = pc.min_max(pc.binary_length(cells)).as_py()
    if bounds["min"] is not None and (bounds["min"], bounds["max"]) != (column.width, column.width):
        raise StoreError(f"column {column.name} has cells that are not {column.width} bytes", table=table)
