"""A small labelled stream as the files that XBlock publishes: collectors of many payments, and ordinary accounts."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random
from typing import Any

START = 1_500_000_000
_BLOCK_S = 15
_COLUMNS = ("timestamp", "block", "tx_hash", "from", "to", "value_eth")
_REST = {"contract_created": "null", "input_selector": "0x", "is_error": "0"}


def write_stream(folder: Path, accounts: int = 120, seed: int = 1) -> Path:
    """Write ``transactions.csv`` and ``labels.csv``; the same in every process."""
    draw = Random(seed)
    people = [_address(draw) for _ in range(30)]
    labels: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for number in range(accounts):
        account, collects = _address(draw), draw.random() < 0.5
        labels[account] = "phishing" if collects else "normal"
        time = START + number * 40_000 + draw.randrange(20_000)
        for _ in range(draw.randint(4, 14)):
            odd = draw.random() < 0.15  # nobody is all of a kind
            rows.append(_collected(draw, account, people) if collects != odd else _lived(draw, account, people))
            rows[-1]["timestamp"] = time
            time += draw.randrange(60, 4_000) if collects else draw.randrange(10_000, 200_000)
    rows.sort(key=lambda row: row["timestamp"])
    for row in rows:
        row["block"] = 1 + (row["timestamp"] - START) // _BLOCK_S
        row["timestamp"] = START + row["block"] * _BLOCK_S
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "transactions.csv", [{**row, **_REST} for row in rows])
    write_rows(folder / "labels.csv", [{"address": name, "label": label} for name, label in labels.items()])
    return folder


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _address(draw: Random) -> str:
    return "0x" + draw.randbytes(20).hex()


def _collected(draw: Random, account: str, people: list[str]) -> dict[str, Any]:
    if draw.random() < 0.2:
        return _row(draw, account, people[0], draw.randint(1, 9))
    return _row(draw, _address(draw), account, draw.randint(1, 20) / 10)


def _lived(draw: Random, account: str, people: list[str]) -> dict[str, Any]:
    partner = draw.choice(people)
    sender, receiver = (account, partner) if draw.random() < 0.6 else (partner, account)
    return _row(draw, sender, receiver, draw.randrange(50_000) / 1000)


def _row(draw: Random, sender: str, receiver: str, ether: float) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (0, 0, "0x" + draw.randbytes(32).hex(), sender, receiver, f"{ether:.3f}"), strict=True))
