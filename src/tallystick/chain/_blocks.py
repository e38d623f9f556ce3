"""Blocks, transactions, receipts and logs as a node sends them.

Fields ending in ``_hex`` are the node's own text, kept as it is: bulk readers convert whole columns
at once. The properties convert one value. Fields we have no use for are not decoded.
"""

from __future__ import annotations

import msgspec

from tallystick.units import Address, BlockNumber, Hash, UnixSeconds, Wei

__all__ = ["Block", "Log", "Receipt", "Transaction"]


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One transaction of a block; ``to_hex`` is ``None`` where a contract is created."""

    hash_hex: str = msgspec.field(name="hash")
    from_hex: str = msgspec.field(name="from")
    value_hex: str = msgspec.field(name="value")
    input_hex: str = msgspec.field(name="input")
    index_hex: str = msgspec.field(name="transactionIndex")
    to_hex: str | None = msgspec.field(name="to", default=None)
    gas_price_hex: str | None = msgspec.field(name="gasPrice", default=None)

    @property
    def hash(self) -> Hash:
        """Hash of the transaction."""
        return Hash(bytes.fromhex(self.hash_hex[2:]))

    @property
    def sender(self) -> Address:
        """Account that signed it."""
        return Address(bytes.fromhex(self.from_hex[2:]))

    @property
    def recipient(self) -> Address | None:
        """Account it goes to; ``None`` where a contract is created."""
        return None if self.to_hex is None else Address(bytes.fromhex(self.to_hex[2:]))

    @property
    def value(self) -> Wei:
        """Amount, in wei."""
        return Wei(int(self.value_hex, 16))

    @property
    def index(self) -> int:
        """Position in its block."""
        return int(self.index_hex, 16)


class Block(msgspec.Struct, frozen=True):
    """One block; ``transactions`` holds full transactions, or hashes where only those were asked for."""

    number_hex: str = msgspec.field(name="number")
    hash_hex: str = msgspec.field(name="hash")
    parent_hash_hex: str = msgspec.field(name="parentHash")
    timestamp_hex: str = msgspec.field(name="timestamp")
    transactions: tuple[Transaction | str, ...] = ()
    base_fee_hex: str | None = msgspec.field(name="baseFeePerGas", default=None)

    @property
    def number(self) -> BlockNumber:
        """Height."""
        return BlockNumber(int(self.number_hex, 16))

    @property
    def hash(self) -> Hash:
        """Hash of the block."""
        return Hash(bytes.fromhex(self.hash_hex[2:]))

    @property
    def parent_hash(self) -> Hash:
        """Hash of the block before it."""
        return Hash(bytes.fromhex(self.parent_hash_hex[2:]))

    @property
    def timestamp(self) -> UnixSeconds:
        """Time, UTC seconds."""
        return UnixSeconds(int(self.timestamp_hex, 16))

    @property
    def full_transactions(self) -> tuple[Transaction, ...]:
        """The transactions, of a block that was asked for with them."""
        assert all(isinstance(one, Transaction) for one in self.transactions), "block was asked for without them"
        # The assertion above is what mypy cannot follow through a tuple.
        return self.transactions  # type: ignore[return-value]

    @property
    def transaction_hashes(self) -> tuple[str, ...]:
        """Hashes of the transactions, as text."""
        return tuple(one if isinstance(one, str) else one.hash_hex for one in self.transactions)


class Log(msgspec.Struct, frozen=True, gc=False):
    """One event."""

    address_hex: str = msgspec.field(name="address")
    topics: tuple[str, ...]
    data_hex: str = msgspec.field(name="data")
    block_number_hex: str = msgspec.field(name="blockNumber")
    transaction_hash_hex: str = msgspec.field(name="transactionHash")
    transaction_index_hex: str = msgspec.field(name="transactionIndex")
    log_index_hex: str = msgspec.field(name="logIndex")

    @property
    def block_number(self) -> BlockNumber:
        """Block that holds it."""
        return BlockNumber(int(self.block_number_hex, 16))

    @property
    def index(self) -> int:
        """Position in its block."""
        return int(self.log_index_hex, 16)


class Receipt(msgspec.Struct, frozen=True):
    """What came of one transaction; ``status_hex`` is ``None`` before Byzantium."""

    transaction_hash_hex: str = msgspec.field(name="transactionHash")
    transaction_index_hex: str = msgspec.field(name="transactionIndex")
    block_hash_hex: str = msgspec.field(name="blockHash")
    gas_used_hex: str = msgspec.field(name="gasUsed")
    status_hex: str | None = msgspec.field(name="status", default=None)
    gas_price_hex: str | None = msgspec.field(name="effectiveGasPrice", default=None)
    contract_hex: str | None = msgspec.field(name="contractAddress", default=None)
    logs: tuple[Log, ...] = ()

    @property
    def index(self) -> int:
        """Position of the transaction in its block."""
        return int(self.transaction_index_hex, 16)

    @property
    def succeeded(self) -> bool:
        """Whether it was carried out."""
        return self.status_hex is None or int(self.status_hex, 16) == 1

    @property
    def gas_used(self) -> int:
        """Gas it used."""
        return int(self.gas_used_hex, 16)
