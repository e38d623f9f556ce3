from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tallystick.chain import FakeNode, FakeTransaction, ManualClock, Rollback, RpcClient, RpcOptions, run_sync
from tallystick.errors import BadRow, SourceError
from tallystick.settings import Settings
from tallystick.sources import BadRows, NewBlocks, follow, parse_source
from tallystick.sources._from_blocks import TRANSFER_TOPIC
from tallystick.sources._rpc import RpcSource

from .worlds import TOKEN, A, B, word

LOCAL = "http://user:secret@127.0.0.1:1/key"
TOKEN_LOG = (TOKEN, (TRANSFER_TOPIC, word(A), word(B)), word("0x7"))
TRANSACTIONS = (FakeTransaction(logs=(TOKEN_LOG, TOKEN_LOG)), FakeTransaction(recipient=None), FakeTransaction())


class Clock(ManualClock):
    def __init__(self, steps: list[Any]) -> None:
        super().__init__()
        self.steps = steps

    async def sleep(self, seconds: float) -> None:
        self.steps.pop(0)()
        await super().sleep(seconds)


def events_of(node: FakeNode, stop: int, steps: Any = (), **options: Any) -> list[NewBlocks | Rollback]:
    async def run() -> list[NewBlocks | Rollback]:
        async with RpcClient(LOCAL, RpcOptions(batch_size=3, retries=0), node, Clock(list(steps))) as client:
            return [event async for event in follow(client, 0, stop, **options)]

    return run_sync(run())


def read(node: FakeNode, stop: int) -> pa.Table:
    spec = parse_source(f"rpc:{LOCAL}#0:{stop}")
    return RpcSource(spec, settings=Settings(confirmations=0), transport=node).read()


def test_tables_are_those_of_the_source() -> None:
    node = FakeNode(chain_id=31_337)
    node.mine(2, TRANSACTIONS)
    node.mine(4)
    node.mine(2, TRANSACTIONS)
    events = [event for event in events_of(node, 9) if isinstance(event, NewBlocks)]
    assert [[block.number for block in event.blocks] for event in events] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [block.hash_hex for event in events for block in event.blocks] == node.hashes
    assert [event.table.num_rows for event in events] == [10, 0, 10]
    assert pa.concat_tables(event.table for event in events).equals(read(node, 9))


def test_cut_at_each_rollback_they_are_those_of_the_source() -> None:
    node = FakeNode()
    node.mine(5, TRANSACTIONS)
    events = events_of(node, 8, [lambda: node.reorg(4, 7, TRANSACTIONS[1:])])
    assert [event for event in events if isinstance(event, Rollback)] == [Rollback(1, 4)]
    assert isinstance(events[0], NewBlocks)
    table = events[0].table
    for event in events[1:]:
        if isinstance(event, Rollback):
            table = table.filter(pa.compute.field("block_number") <= event.to_block)
        else:
            table = pa.concat_tables([table, event.table])
    assert table.equals(read(node, 8))


def test_invalid_transaction_is_reported_with_its_block() -> None:
    node = FakeNode()
    node.mine(2, [FakeTransaction(), FakeTransaction(sender="0x12")])
    with pytest.raises(BadRow, match="40 hexadecimal") as caught:
        events_of(node, 3)
    assert (caught.value.where["line"], caught.value.where["column"]) == (1, "transactions[1].from")
    assert "secret" not in str(caught.value)
    bad_rows = BadRows(skip=True)
    [event] = events_of(node, 3, bad_rows=bad_rows)
    assert isinstance(event, NewBlocks)
    assert (event.table.num_rows, bad_rows.count) == (2, 2)


def test_invalid_times_are_refused() -> None:
    node = FakeNode(block_time_s=1 << 32)
    node.mine(1, TRANSACTIONS)
    with pytest.raises(SourceError, match="below 2\\*\\*32"):
        events_of(node, 2)
    node = FakeNode(block_time_s=-5)
    node.mine(2, TRANSACTIONS)
    with pytest.raises(SourceError, match="go backwards"):
        events_of(node, 3)
