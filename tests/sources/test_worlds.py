"""The same transactions, whoever published them, give the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .worlds import BIG, WORLD, WORLDS, A, B, C, unhex

FACTS = ("block_number", "timestamp", "from_address", "to_address", "value_binary", "method")


def rows_of(kind: str, folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = WORLDS[kind](folder)("").read().to_pylist()
    return rows


@pytest.mark.parametrize("kind", ["blocks", "etl", "xblock", "cryo", "rpc"])
def test_coin_rows_are_the_transactions(kind: str, tmp_path: Path) -> None:
    rows = [row for row in rows_of(kind, tmp_path) if row["erc20"] is None and row["transfer_index"] == 0]
    want = [
        {
            "block_number": tx.block,
            "timestamp": tx.timestamp if kind != "rpc" else 1_700_000_000 + 12 * tx.block,
            "from_address": unhex(tx.sender),
            "to_address": unhex(tx.to or (None if kind == "blocks" else C)),
            "value_binary": tx.value.to_bytes(32, "big"),
            "method": unhex(tx.input[:10]) if len(tx.input) >= 10 else None,
        }
        for tx in WORLD
    ]
    if kind == "rpc":  # the fake node makes its own contract address
        assert all(row["to_address"] for row in rows)
        for row in (*rows, *want):
            row["to_address"] = row["to_address"] if row["value_binary"][-1] != 7 else None
    assert [{name: row[name] for name in FACTS} for row in rows] == want


@pytest.mark.parametrize("kind", ["etl", "cryo", "rpc"])
def test_token_rows_follow_their_transaction(kind: str, tmp_path: Path) -> None:
    rows = [row for row in rows_of(kind, tmp_path) if row["erc20"] is not None]
    assert [(row["from_address"], row["to_address"], int.from_bytes(row["value_binary"], "big")) for row in rows] == [
        (unhex(A), unhex(B), 5),
        (unhex(B), unhex(C), BIG),
        (unhex(B), unhex(A), 1),
    ]
    assert [row["method"] for row in rows] == [bytes.fromhex("a9059cbb")] * 2 + [bytes.fromhex("12345678")]
    first = 2 if kind == "cryo" else 1  # its first transaction has an internal call too
    assert [row["transfer_index"] for row in rows] == [first, first + 1, 1]


@pytest.mark.parametrize("kind", ["etl", "cryo", "rpc", "xblock"])
def test_success_is_the_receipts(kind: str, tmp_path: Path) -> None:
    failed = [(row["block_number"], row["transaction_index"]) for row in rows_of(kind, tmp_path) if not row["success"]]
    assert failed == [(4, 0)]


def test_gas_is_the_receipts(tmp_path: Path) -> None:
    for kind, price in (("etl", 4), ("cryo", 4), ("rpc", 10**9)):
        folder = tmp_path / kind
        folder.mkdir()
        rows = rows_of(kind, folder)
        assert {(row["gas_used"], row["gas_price"]) for row in rows} == {(21_000, price)}
    folder = tmp_path / "blocks"
    folder.mkdir()
    assert {(row["gas_used"], row["gas_price"]) for row in rows_of("blocks", folder)} == {(None, 5)}
