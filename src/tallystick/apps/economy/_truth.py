"""What really happened, and what every account truly is."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.apps.economy._model import Account, Category
from tallystick.errors import Corrupt
from tallystick.store import LABELS, check_table
from tallystick.units import PPM_ONE, Hash, Wei, format_address, format_hash, parse_address, parse_hash

__all__ = ["LABEL_NETWORK", "LABEL_SOURCE", "Truth", "read_truth", "write_truth"]

LABEL_NETWORK: Final = "embedded"
LABEL_SOURCE: Final = "economy plan"
_VERSION: Final = 1


@dataclass(frozen=True)
class Truth:
    """An economy that was carried out.

    Parameters
    ----------
    plan_digest
        Digest of the plan.
    time_shift_s
        Added to every planned time, where the chain's head was later than the plan's start.
    first_block, last_block
        Blocks of the first and the last action, both included.
    first_hash, last_hash
        Their hashes.
    transactions
        Transactions on the chain: all that were planned.
    reverted
        How many of them reverted, planned or not.
    unexpected
        One line for each transaction that reverted though planned to succeed, or the reverse.
    gas_used
        Sum over all transactions.
    accounts
        Every account of the plan, with its category.
    """

    plan_digest: Hash
    time_shift_s: int
    first_block: int
    last_block: int
    first_hash: Hash
    last_hash: Hash
    transactions: int
    reverted: int
    unexpected: tuple[str, ...]
    gas_used: int
    accounts: tuple[Account, ...]

    def address_of(self, name: str) -> str:
        """Address of an account, by its planned name, as hexadecimal text."""
        return next(format_address(account.address) for account in self.accounts if account.name == name)

    def counts(self) -> dict[str, int]:
        """Count the accounts of each category."""
        return dict(sorted(Counter(account.category.value for account in self.accounts).items()))

    def labels(self) -> pa.Table:
        """One label per account, as a table of the layout ``labels``: role and name stand in ``detail``."""
        rows = [
            {
                "address": format_address(account.address),
                "network": LABEL_NETWORK,
                "category": account.category.value,
                "source": LABEL_SOURCE,
                "detail": f"{account.role}: {account.name}",
                "confidence_ppm": PPM_ONE,
                "valid_from": None,
                "valid_to": None,
            }
            for account in sorted(self.accounts, key=lambda account: account.address)
        ]
        schema = pa.schema([pa.field(column.name, column.type) for column in LABELS.columns])
        return check_table(pa.Table.from_pylist(rows, schema=schema), LABELS)

    def to_json(self) -> bytes:
        """Write as JSON that :func:`read_truth` reads; the same truth gives the same bytes."""
        record = {
            "version": _VERSION,
            "plan_digest": format_hash(self.plan_digest),
            "time_shift_s": self.time_shift_s,
            "first_block": self.first_block,
            "last_block": self.last_block,
            "first_hash": format_hash(self.first_hash),
            "last_hash": format_hash(self.last_hash),
            "transactions": self.transactions,
            "reverted": self.reverted,
            "unexpected": list(self.unexpected),
            "gas_used": self.gas_used,
            "accounts": [
                {
                    "name": account.name,
                    "address": format_address(account.address),
                    "category": account.category.value,
                    "role": account.role,
                    "start_wei": str(account.start_wei),
                    "is_contract": account.is_contract,
                }
                for account in self.accounts
            ],
        }
        return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def write_truth(truth: Truth, directory: Path) -> tuple[Path, Path]:
    """Write ``truth.json`` and ``labels.parquet`` into a folder, each at once or not at all; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    record, table = directory / "truth.json", directory / "labels.parquet"
    unfinished = directory / f".truth-{os.getpid()}"
    unfinished.write_bytes(truth.to_json())
    unfinished.replace(record)
    pq.write_table(truth.labels(), unfinished)
    unfinished.replace(table)
    return record, table


def read_truth(path: Path) -> Truth:
    """Read what :func:`write_truth` wrote.

    Raises
    ------
    Corrupt
        The file is not such JSON, or of another version.
    """
    try:
        record: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if record.pop("version") != _VERSION:
            raise Corrupt("truth is of another version", path=str(path))
        record |= {name: parse_hash(record[name]) for name in ("plan_digest", "first_hash", "last_hash")}
        record |= {"accounts": tuple(map(_account, record["accounts"])), "unexpected": tuple(record["unexpected"])}
        return Truth(**record)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"truth cannot be read: {error}", path=str(path)) from error


def _account(row: dict[str, Any]) -> Account:
    return Account(
        row["name"],
        parse_address(row["address"]),
        Category(row["category"]),
        row["role"],
        Wei(int(row["start_wei"])),
        row["is_contract"],
    )
