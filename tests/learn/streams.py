"""A small labelled stream with two habits: collectors of many small payments, and ordinary accounts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import pyarrow as pa

from tallystick.learn import AccountRows, account_rows
from tallystick.sources import Source, SourceSpec
from tallystick.sources.labels import Label, label_table
from tallystick.store import TRANSFERS

START = 1_500_000_000
_BLOCK_S = 600
_ETHER = 10**18


@dataclass(frozen=True)
class World:
    """Transfers in chain order, and which accounts are collectors (1) or ordinary (0)."""

    table: pa.Table
    labels: dict[bytes, int]

    def label_table(self) -> pa.Table:
        names = ("normal", "phishing")
        return label_table(
            Label("0x" + address.hex(), "ethereum", names[label], "made up") for address, label in self.labels.items()
        )

    def source(self, **changes: Any) -> TableSource:
        """The world as a source; what is given takes its place."""
        return TableSource(**{"table": self.table, "labelled": self.label_table(), **changes})

    def rows(self, batch_rows: int = 500) -> AccountRows:
        return account_rows(self.source().batches(batch_rows), self.labels)


class TableSource(Source):
    """A table in memory as a source."""

    kind: ClassVar[str] = "table"
    summary: ClassVar[str] = "A table in memory."
    lacks: ClassVar[str] = ""
    has_labels: ClassVar[bool] = True

    def __init__(
        self, table: pa.Table, labelled: pa.Table | None, spec: SourceSpec | None = None, most_rows: int = 1 << 20
    ) -> None:
        super().__init__(spec or SourceSpec("table", "memory"))
        self._table, self._labelled, self._most_rows = table, labelled, most_rows

    def tables(self) -> Iterator[pa.Table]:
        yield self._table

    def batches(self, rows: int = 65_536) -> Iterator[pa.Table]:
        return super().batches(min(rows, self._most_rows))

    def labels(self) -> pa.Table | None:
        return self._labelled

    def content_hash(self) -> str:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._table.schema) as writer:
            writer.write_table(self._table.combine_chunks())
        return hashlib.sha256(sink.getvalue()).hexdigest()


def make_world(accounts: int = 120, seed: int = 1) -> World:
    """Build a world; the same in every process."""
    draw = Random(seed)
    people = [draw.randbytes(20) for _ in range(30)]
    labels: dict[bytes, int] = {}
    events: list[dict[str, Any]] = []
    for number in range(accounts):
        account, label = draw.randbytes(20), int(draw.random() < 0.45)
        labels[account] = label
        time = START + number * 40_000 + draw.randrange(20_000)
        for _ in range(draw.randint(4, 14)):
            collects = bool(label) != (draw.random() < 0.15)  # nobody is all of a kind
            events.append(_collect(draw, account, people) if collects else _live(draw, account, people))
            events[-1]["timestamp"] = time
            time += draw.randrange(60, 4_000) if collects else draw.randrange(10_000, 200_000)
    return World(_table(events), labels)


def _collect(draw: Random, account: bytes, people: list[bytes]) -> dict[str, Any]:
    if draw.random() < 0.2:
        return _event(draw, account, people[0], draw.randrange(_ETHER, 9 * _ETHER))
    return _event(draw, draw.randbytes(20), account, draw.randint(1, 20) * _ETHER // 10)


def _live(draw: Random, account: bytes, people: list[bytes]) -> dict[str, Any]:
    partner: bytes | None = draw.choice(people)
    sender, receiver = (account, partner) if draw.random() < 0.6 else (partner, account)
    if draw.random() < 0.06:
        sender, receiver = account, draw.choice((account, None))  # to itself, or to nobody
    event = _event(draw, sender, receiver, draw.randrange(50 * _ETHER))
    if draw.random() < 0.06:
        event["erc20"] = people[1]
    return event


def _event(draw: Random, sender: bytes | None, receiver: bytes | None, value: int) -> dict[str, Any]:
    return {
        "chain_id": 1,
        "from_address": sender,
        "to_address": receiver,
        "erc20": None,
        "value_binary": value.to_bytes(32),
        "gas_used": draw.choice((21_000, 90_000, None)),
        "gas_price": draw.randrange(10**9, 10**11),
        "method": draw.choice((None, None, b"\xa9\x05\x9c\xbb")),
        "success": draw.random() < 0.97,
        "transaction_hash": draw.randbytes(32),
        "transfer_index": 0,
    }


def _table(events: list[dict[str, Any]]) -> pa.Table:
    events.sort(key=lambda event: event["timestamp"])
    block = index = 0
    for event in events:
        before, block = block, 1 + (event["timestamp"] - START) // _BLOCK_S
        index = index + 1 if block == before else 0
        event |= {"block_number": block, "timestamp": START + block * _BLOCK_S, "transaction_index": index}
    return pa.Table.from_pylist(events, schema=TRANSFERS.schema)
