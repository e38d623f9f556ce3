"""Chains that change while they are followed, and the oracle: a new engine on the canonical chain."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tallystick.chain import FakeNode, FakeTransaction, ManualClock, RpcClient, RpcOptions, run_sync
from tallystick.features import SPEC, Engine, FeatureRows, FollowedEngine, LabelFeed, RowsAdded, TransferBatch
from tallystick.settings import Settings
from tallystick.sources import parse_source
from tallystick.sources._from_blocks import TRANSFER_TOPIC
from tallystick.sources._rpc import RpcSource
from tallystick.store import LABELS, TRANSFERS

from ..streams import assert_same

LOCAL = "http://127.0.0.1:8545"
GENESIS = 1_700_000_000
ACCOUNTS = tuple("0x" + f"{k:02x}" * 20 for k in range(0xA0, 0xA8))
TOKEN = "0x" + "cc" * 20
APPROVE = "0x095ea7b3" + "00" * 64


class Kept:
    """A consumer: keeps what stands, cuts what is withdrawn."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.features: list[FeatureRows] = []
        self.withdrawals = 0

    def take(self, event: Any) -> None:
        if isinstance(event, RowsAdded):
            assert event.block_numbers.tolist() == np.repeat(event.table["block_number"].to_numpy(), 2).tolist()
            assert event.table.num_rows == sum(block.transfers for block in event.blocks)
            self.tables.append(event.table)
            self.features.append(event.features)
            return
        self.withdrawals += 1
        table, rows, account = self.all()
        stays = table["block_number"].to_numpy() <= event.to_block
        assert len(table) - int(stays.sum()) == event.transfers
        assert event.blocks[0].number == event.to_block + 1
        twice = np.repeat(stays, 2)
        self.tables = [table.filter(pa.array(stays))]
        self.features = [FeatureRows(rows[twice], account[twice])]

    def all(self) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        return joined(self.tables, self.features)


def joined(tables: list[pa.Table], features: list[FeatureRows]) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    none = np.zeros((0, len(SPEC.features)), np.int64), np.zeros(0, np.int64)
    rows = np.concatenate([none[0], *(one.rows for one in features)])
    account = np.concatenate([none[1], *(one.account for one in features)])
    return pa.concat_tables([TRANSFERS.schema.empty_table(), *tables]), rows, account


def check(followed: FollowedEngine, kept: Kept, labels: LabelFeed, url: str, transport: Any = None) -> None:
    """Equal to a new engine that reads the canonical chain, up to the block that was followed last."""
    start, stop = followed.start, followed.next_number
    spec = parse_source(f"rpc:{url}#{start}:{stop}")
    source = RpcSource(spec, settings=Settings(confirmations=0), transport=transport)
    fresh = Engine(labels=labels)
    tables = list(source.tables()) if stop > start else []
    features = [fresh.advance(TransferBatch.from_arrow(table)) for table in tables]
    table, rows, account = kept.all()
    want_table, want_rows, want_account = joined(tables, features)
    assert table.equals(want_table)
    assert_same(rows, want_rows, SPEC.names)
    assert np.array_equal(account, want_account)
    assert followed.engine.state_hash() == fresh.state_hash()


def labels_of(addresses: Sequence[str], first_s: int = GENESIS, step_s: int = 40) -> LabelFeed:
    """A label on each second address, some that end, known one after the other while the chain runs."""
    categories = ("mixer", "phishing", "exchange", "sanction")
    rows = [
        {
            "address": address,
            "network": "ethereum",
            "category": categories[k // 2 % 4],
            "source": "s",
            "confidence_ppm": 1_000_000,
            "valid_from": first_s,
            "valid_to": first_s + step_s * (k + 4) if k % 4 else None,
            "known_from": first_s + step_s * k,
        }
        for k, address in enumerate(addresses)
        if k % 2 == 0
    ]
    return LabelFeed.from_arrow(pa.Table.from_pylist(rows, schema=LABELS.schema))


class ShiftingNode(FakeNode):
    """A node whose blocks have times of their own, and which changes between two calls."""

    def __init__(self, seed: int = 1) -> None:
        self.draw = random.Random(seed)
        self.changes: list[tuple[int, Callable[[], None]]] = []  # calls until then, what happens
        super().__init__()

    def grow(self, blocks: int) -> None:
        for _ in range(blocks):
            self.mine(1, [self._payment() for _ in range(self.draw.choice((0, 0, 1, 1, 2, 4)))])

    def replace(self, depth: int, blocks: int) -> None:
        depth = min(depth, self.head)
        if depth:
            self.reorg(depth, blocks=0)
            self.grow(blocks)

    def _payment(self) -> FakeTransaction:
        draw = self.draw
        topics = (TRANSFER_TOPIC, *("0x" + "00" * 12 + one[2:] for one in draw.sample(ACCOUNTS, 2)))
        return FakeTransaction(
            draw.choice(ACCOUNTS),
            draw.choice((*ACCOUNTS, None)),
            draw.choice((0, 1, 10**18, draw.randrange(10**20))),
            draw.choice(("0x", "0x", APPROVE)),
            succeeds=draw.random() < 0.9,
            logs=((TOKEN, topics, f"0x{draw.randrange(10**18):064x}"),) * draw.choice((0, 0, 1, 2)),
        )

    def _append(self, transactions: Sequence[FakeTransaction]) -> None:
        super()._append(transactions)
        before = int(self._blocks[-2].header["timestamp"], 16) if len(self._blocks) > 1 else GENESIS
        self._blocks[-1].header["timestamp"] = hex(before + self.draw.choice((1, 12, 12, 60, 700)))

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        if self.changes:
            wait, change = self.changes.pop(0)
            if wait:
                self.changes.insert(0, (wait - 1, change))
            else:
                change()
        return super()._reply(call)


class EndOfScript(Exception):
    pass


class ScriptedClock(ManualClock):
    """Each pause of the follower takes the next step of a script; the script's end ends it."""

    def __init__(self, steps: list[Callable[[], None]]) -> None:
        super().__init__()
        self.steps = steps

    async def sleep(self, seconds: float) -> None:
        if not self.steps:
            raise EndOfScript
        self.steps.pop(0)()
        await super().sleep(seconds)


def run_script(followed: FollowedEngine, kept: Kept, node: FakeNode, steps: list[Callable[[], None]]) -> None:
    """Follow; at each pause the next step happens."""

    async def run() -> None:
        async with RpcClient(LOCAL, RpcOptions(batch_size=3), node, ScriptedClock(steps)) as client:
            try:
                async for event in followed.follow(client):
                    kept.take(event)
            except EndOfScript:
                pass

    run_sync(run())


def run_to_head(followed: FollowedEngine, kept: Kept, url: str) -> None:
    """Follow a real node until its head is taken."""

    async def run() -> None:
        async with RpcClient(url) as client:
            head = await client.block_number()
            async for event in followed.follow(client, stop=head + 1, poll_interval_s=0.01):
                kept.take(event)

    run_sync(run())
