"""An independent, slow reader of the XBlock layout: csv, fractions and dictionaries only."""

from __future__ import annotations

import csv
import gzip
import math
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from tallystick.store import TRANSFERS


def wei_of(text: str) -> int:
    return math.floor(Fraction(text) * 10**18 + Fraction(1, 2))


def bytes_of(text: str) -> bytes | None:
    return None if text in ("null", "NULL") else bytes.fromhex(text[2:])


def read_xblock(path: Path) -> pa.Table:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: int(row["block"]))
    seen: dict[tuple[str, str], int] = {}
    in_block: dict[str, int] = {}
    transfers: dict[tuple[str, str], int] = {}
    out = []
    for row in rows:
        key = (row["block"], row["tx_hash"].lower())
        if key not in seen:
            seen[key] = in_block.get(row["block"], 0)
            in_block[row["block"]] = seen[key] + 1
        transfers[key] = transfers.get(key, -1) + 1
        method = bytes_of(row["input_selector"])
        out.append(
            {
                "chain_id": 1,
                "block_number": int(row["block"]),
                "timestamp": int(row["timestamp"]),
                "transaction_index": seen[key],
                "transfer_index": transfers[key],
                "transaction_hash": bytes_of(row["tx_hash"]),
                "from_address": bytes_of(row["from"]),
                "to_address": bytes_of(row["contract_created"]) or bytes_of(row["to"]),
                "value_binary": wei_of(row["value_eth"]).to_bytes(32, "big"),
                "method": method if method is not None and len(method) == 4 else None,
                "success": row["is_error"] == "0",
            }
        )
    out.sort(key=lambda row: (row["block_number"], row["transaction_index"], row["transfer_index"]))
    return pa.Table.from_pylist(out, schema=TRANSFERS.schema)
