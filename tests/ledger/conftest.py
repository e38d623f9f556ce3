"""Small tables of transfers and predictions, all columns in use, nulls included."""

from __future__ import annotations

import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from tallystick.store import PREDICTIONS, TRANSFERS

Tables = tuple[pa.Table, pa.Table]


def _maybe(chance: random.Random, cell: object) -> object:
    return cell if chance.random() < 0.7 else None


def _transfer(chance: random.Random, block: int, transaction: int, transfer: int) -> dict[str, object]:
    return {
        "chain_id": 1,
        "block_number": block,
        "timestamp": 1_600_000_000 + 12 * block,
        "transaction_index": transaction,
        "transfer_index": transfer,
        "transaction_hash": chance.randbytes(32),
        "from_address": chance.randbytes(20),
        "to_address": _maybe(chance, chance.randbytes(20)),
        "erc20": _maybe(chance, chance.randbytes(20)),
        "value_binary": chance.randbytes(32),
        "gas_used": _maybe(chance, chance.randrange(2**64 - 1)),
        "gas_price": _maybe(chance, chance.randrange(2**64 - 1)),
        "method": _maybe(chance, chance.randbytes(4)),
        "success": chance.random() < 0.9,
    }


def _prediction(chance: random.Random, transfer: dict[str, object]) -> dict[str, object]:
    there = transfer["to_address"] is not None
    return {
        **{column.name: transfer[column.name] for column in PREDICTIONS.columns[:7]},
        "sender_raw": chance.randrange(-(2**63), 2**63),
        "receiver_raw": chance.randrange(-(2**63) + 1, 2**63) if there else None,
        "sender_ppm": chance.randrange(1_000_001),
        "receiver_ppm": chance.randrange(1_000_001) if there else None,
        "flag": chance.random() < 0.1,
    }


def make_tables(rows: int, seed: int = 1, first_block: int = 10, per_block: int = 5) -> Tables:
    """Tables of ``rows`` transfers; blocks hold one to ``per_block`` of them and some blocks hold none."""
    chance = random.Random(seed)
    transfers: list[dict[str, object]] = []
    block = first_block
    while len(transfers) < rows:
        for position in range(min(chance.randint(1, per_block), rows - len(transfers))):
            transfers.append(_transfer(chance, block, position // 2, position % 2))
        block += chance.randint(1, 3)
    predictions = [_prediction(chance, row) for row in transfers]
    return (
        pa.Table.from_pylist(transfers, schema=TRANSFERS.schema),
        pa.Table.from_pylist(predictions, schema=PREDICTIONS.schema),
    )


@pytest.fixture(scope="session")
def tables() -> Callable[..., Tables]:
    return make_tables
