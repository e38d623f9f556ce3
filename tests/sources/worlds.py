"""A small world of every kind of source: the same five transactions, written as each publisher would."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.chain import FakeNode, FakeTransaction
from tallystick.settings import Settings
from tallystick.sources import Source, open_source, parse_source, source_class
from tallystick.sources._from_blocks import TRANSFER_TOPIC

A, B, C, TOKEN = (f"0x{letter * 40}" for letter in "abcd")
BIG = (1 << 256) - 1
SPAM = "0x" + "ee" * 32


@dataclass(frozen=True)
class Tx:
    """One transaction of the world, with what a receipt would say."""

    block: int
    index: int
    sender: str
    to: str | None
    value: int
    input: str = "0x"
    succeeds: bool = True
    tokens: tuple[tuple[str, str, int], ...] = ()  # (from, to, amount)

    @property
    def hash(self) -> str:
        return f"0x{self.block:032x}{self.index:032x}"

    @property
    def timestamp(self) -> int:
        return 1_600_000_000 + 12 * self.block

    @property
    def created(self) -> str | None:
        return C if self.to is None else None


WORLD = (
    Tx(1, 0, A, B, 10**18, "0xa9059cbb" + "00" * 64, tokens=((A, B, 5), (B, C, BIG))),
    Tx(1, 1, B, A, 0),
    Tx(2, 0, C, None, 7, "0x6001"),
    Tx(4, 0, A, B, 1, succeeds=False),
    Tx(4, 1, A, C, BIG >> 1, "0x12345678", tokens=((B, A, 1),)),
)

Opener = Callable[[str], Source]


def _write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _by_name(kind: str, path: Path) -> Opener:
    return lambda blocks="": open_source(f"{kind}:{path}{blocks}")


def xblock(folder: Path) -> Opener:
    _write_csv(
        folder / "transactions.csv",
        (
            {
                "timestamp": tx.timestamp,
                "block": tx.block,
                "tx_hash": tx.hash,
                "from": tx.sender,
                "to": tx.to or "null",
                "value_eth": f"{tx.value // 10**18}.{tx.value % 10**18:018d}",
                "contract_created": tx.created or "null",
                "input_selector": tx.input[:10],
                "is_error": 0 if tx.succeeds else 1,
            }
            for tx in WORLD
        ),
    )
    _write_csv(folder / "labels.csv", [{"address": A, "label": "phishing"}])
    return _by_name("xblock", folder)


def tedge(folder: Path) -> Opener:
    edges = [(1, 2, "16.55", 1, 300), (2, 3, "1e-18", 4, 100), (1, 3, "20.80098167", 1, 300), (7, 1, "0.0", 1, 200)]
    names = ("from", "to", "amount", "n_transactions", "timestamp")
    _write_csv(
        folder / "edges.csv", ({"": row} | dict(zip(names, edge, strict=True)) for row, edge in enumerate(edges))
    )
    _write_csv(folder / "nodes.csv", [{"": 0, "id": 1, "label": "1.0", "has_label": "True"}])
    return _by_name("tedge", folder)


def rpc_transaction(tx: Tx) -> dict[str, Any]:
    return {
        "hash": tx.hash,
        "from": tx.sender,
        "to": tx.to,
        "value": hex(tx.value),
        "input": tx.input,
        "transactionIndex": hex(tx.index),
        "gasPrice": "0x5",
        "chainId": "0x1",
    }


def rpc_blocks() -> list[dict[str, Any]]:
    blocks = []
    for number in range(6):
        inside = [tx for tx in WORLD if tx.block == number]
        blocks.append(
            {
                "number": hex(number),
                "hash": f"0x{number:064x}",
                "parentHash": f"0x{max(number - 1, 0):064x}",
                "timestamp": hex(1_600_000_000 + 12 * number),
                "transactions": [rpc_transaction(tx) for tx in inside],
            }
        )
    return blocks


def blocks(folder: Path) -> Opener:
    for block in rpc_blocks():
        (folder / f"{block['number']}.json").write_text(json.dumps(block))
    return _by_name("blocks", folder)


def etl(folder: Path) -> Opener:
    _write_csv(
        folder / "transactions.csv",
        (
            {
                "hash": tx.hash,
                "nonce": 0,
                "block_number": tx.block,
                "transaction_index": tx.index,
                "from_address": tx.sender,
                "to_address": tx.to or "",
                "value": tx.value,
                "gas": 90_000,
                "gas_price": 5,
                "input": tx.input,
            }
            for tx in WORLD
        ),
    )
    _write_csv(folder / "blocks.csv", ({"number": n, "timestamp": 1_600_000_000 + 12 * n} for n in range(6)))
    _write_csv(
        folder / "receipts.csv",
        (
            {
                "transaction_hash": tx.hash,
                "gas_used": 21_000,
                "contract_address": tx.created or "",
                "status": int(tx.succeeds),
                "effective_gas_price": 4,
            }
            for tx in WORLD
        ),
    )
    _write_csv(folder / "token_transfers.csv", token_rows())
    return _by_name("etl", folder)


def token_rows() -> list[dict[str, object]]:
    return [
        {
            "token_address": TOKEN,
            "from_address": sender,
            "to_address": recipient,
            "value": amount,
            "transaction_hash": tx.hash,
            "log_index": log,
            "block_number": tx.block,
        }
        for tx in WORLD
        for log, (sender, recipient, amount) in enumerate(tx.tokens)
    ]


def unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text[2:])


def cryo_tables() -> dict[str, pa.Table]:
    u32, u64, binary = pa.uint32(), pa.uint64(), pa.binary()
    place = [("block_number", u32), ("transaction_index", u32), ("transaction_hash", binary)]
    amount = [("from_address", binary), ("to_address", binary), ("value_binary", binary), ("chain_id", u64)]
    gas = [("input", binary), ("gas_used", u64), ("gas_price", u64), ("success", pa.bool_())]
    transactions = [
        {
            "block_number": tx.block,
            "transaction_index": tx.index,
            "transaction_hash": unhex(tx.hash),
            "from_address": unhex(tx.sender),
            "to_address": unhex(tx.to),
            "value_binary": tx.value.to_bytes(32, "big"),
            "chain_id": 1,
            "input": unhex(tx.input),
            "gas_used": 21_000,
            "gas_price": 4,
            "success": tx.succeeds,
        }
        for tx in WORLD
    ]
    natives = [
        {name: row[name] for name, _ in (*place, *amount)}
        | {"transfer_index": position, "to_address": unhex(tx.to or C)}
        for position, (row, tx) in enumerate(zip(transactions, WORLD, strict=True))
        if tx.succeeds
    ]
    natives.append(natives[0] | {"transfer_index": 9, "from_address": unhex(B), "value_binary": bytes(31) + b"\3"})
    natives.append(natives[0] | {"transfer_index": 10, "transaction_index": None, "transaction_hash": None})
    tokens = [
        {
            "block_number": tx.block,
            "transaction_index": tx.index,
            "transaction_hash": unhex(tx.hash),
            "log_index": log,
            "erc20": unhex(TOKEN),
            "from_address": unhex(sender),
            "to_address": unhex(recipient),
            "value_binary": value.to_bytes(32, "big"),
            "chain_id": 1,
        }
        for tx in WORLD
        for log, (sender, recipient, value) in enumerate(tx.tokens)
    ]
    headers = [{"block_number": n, "timestamp": 1_600_000_000 + 12 * n} for n in range(6)]
    return {
        "transactions": pa.Table.from_pylist(transactions, pa.schema([*place, *amount, *gas])),
        "native_transfers": pa.Table.from_pylist(natives, pa.schema([*place, ("transfer_index", u32), *amount])),
        "erc20_transfers": pa.Table.from_pylist(
            tokens, pa.schema([*place, ("log_index", u32), ("erc20", binary), *amount])
        ),
        "blocks": pa.Table.from_pylist(headers, pa.schema([("block_number", u32), ("timestamp", u32)])),
    }


def cryo(folder: Path) -> Opener:
    for name, table in cryo_tables().items():
        pq.write_table(table, folder / f"ethereum__{name}__00000000_to_00000005.parquet")
    return _by_name("cryo", folder)


def word(text: str) -> str:
    return "0x" + text[2:].rjust(64, "0")


def fake_node() -> FakeNode:
    node = FakeNode()
    for number in range(1, 6):
        inside = []
        for tx in WORLD:
            if tx.block != number:
                continue
            logs = [
                (TOKEN, (TRANSFER_TOPIC, word(sender), word(recipient)), word(hex(amount)))
                for sender, recipient, amount in tx.tokens
            ]
            # ERC-721 has a fourth topic; another event is none of ours.
            logs.append((TOKEN, (TRANSFER_TOPIC, word(A), word(B), word("0x1")), "0x"))
            logs.append((TOKEN, (SPAM,), "0x"))
            inside.append(FakeTransaction(tx.sender, tx.to, tx.value, tx.input, succeeds=tx.succeeds, logs=tuple(logs)))
        node.mine(1, inside)
    return node


def rpc(folder: Path) -> Opener:
    node = fake_node()
    settings = Settings(rpc_batch_size=2, confirmations=0)
    return lambda blocks="": source_class("rpc")(
        parse_source(f"rpc:http://127.0.0.1:1{blocks}"), settings=settings, transport=node
    )


def generated(folder: Path) -> Opener:
    return lambda blocks="": open_source(f"generated:600,days=1{blocks}")


WORLDS: dict[str, Callable[[Path], Opener]] = {
    "blocks": blocks,
    "cryo": cryo,
    "etl": etl,
    "generated": generated,
    "rpc": rpc,
    "tedge": tedge,
    "xblock": xblock,
}
