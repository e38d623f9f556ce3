from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from tallystick.chain import (
    Advance,
    BlockId,
    BlockStream,
    EmbeddedChain,
    Event,
    FakeNode,
    FakeTransaction,
    ManualClock,
    Rollback,
    RpcClient,
    RpcOptions,
    StreamOptions,
    WebsocketTransport,
    iterate_sync,
    run_sync,
)
from tallystick.errors import PrunedHistory, ReorgTooDeep, Unreachable

LOCAL = "http://127.0.0.1:8545"


class ScriptedClock(ManualClock):
    """Each pause of the stream takes the next step of a script; the script's end ends the stream."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__()
        self.steps = steps

    async def sleep(self, seconds: float) -> None:
        if not self.steps:
            raise EndOfScript
        self.steps.pop(0)()
        await super().sleep(seconds)


class EndOfScript(Exception):
    pass


def replay(chain: list[str], event: Event, start: int) -> None:
    if isinstance(event, Advance):
        assert event.block.number == start + len(chain)
        chain.append(event.block.hash_hex)
    else:
        assert 0 < event.blocks_removed <= len(chain)
        del chain[-event.blocks_removed :]
        assert event.to_block == start + len(chain) - 1


def follow(
    node: FakeNode, steps: list[Any], start: int = 0, known: tuple[BlockId, ...] = (), **options: Any
) -> tuple[list[Event], BlockStream]:
    events: list[Event] = []
    streams: list[BlockStream] = []

    async def run() -> None:
        async with RpcClient(LOCAL, RpcOptions(batch_size=3), node, ScriptedClock(steps)) as client:
            streams.append(BlockStream(client, start, known=known, options=StreamOptions(**options)))
            try:
                async for event in streams[0]:
                    events.append(event)
            except EndOfScript:
                pass

    run_sync(run())
    return events, streams[0]


def test_stream_delivers_then_rolls_back() -> None:
    node = FakeNode()
    node.mine(4)
    events, stream = follow(node, [lambda: node.reorg(2, blocks=3)], start=1)
    assert [e.block.number if isinstance(e, Advance) else e for e in events] == [1, 2, 3, 4, Rollback(2, 2), 3, 4, 5]
    assert [one.hash_hex for one in stream.known] == node.hashes[1:]
    assert stream.next_number == 6


def test_stream_waits_for_its_first_block() -> None:
    node = FakeNode()
    events, _ = follow(node, [node.mine, node.mine, node.mine], start=3)
    assert [event.block.number for event in events if isinstance(event, Advance)] == [3]


def test_stream_shorter_chain() -> None:
    node = FakeNode()
    node.mine(5)
    events, _ = follow(node, [lambda: node.reorg(3, blocks=1), node.mine])
    assert events[6] == Rollback(2, 3)
    assert len(events) == 9


def test_stream_stops_where_told() -> None:
    node = FakeNode()
    node.mine(9)

    async def run() -> list[int]:
        async with RpcClient(LOCAL, RpcOptions(batch_size=2), node) as client:
            return [e.block.number async for e in BlockStream(client, 2, stop=7) if isinstance(e, Advance)]

    assert run_sync(run()) == [2, 3, 4, 5, 6]


def test_stream_everything_delivered_is_taken_back() -> None:
    node = FakeNode()
    node.mine(5)
    events, _ = follow(node, [lambda: node.reorg(4)], start=3)
    assert [e.block.number if isinstance(e, Advance) else e for e in events] == [3, 4, 5, Rollback(2, 3), 3, 4, 5]


def test_stream_continues_from_known() -> None:
    node = FakeNode()
    node.mine(6)
    _, stream = follow(node, [], start=1)
    node.reorg(2, blocks=3)
    events, _ = follow(node, [], start=1, known=stream.known)
    assert [e.block.number if isinstance(e, Advance) else e for e in events] == [Rollback(4, 2), 5, 6, 7]


def test_stream_flips_back_between_two_looks() -> None:
    node = FakeNode()
    node.mine(3)
    other = FakeNode()
    other.mine(3)
    other.reorg(1)

    class Flipping(FakeNode):
        looks = 0

        def _do_eth_getBlockByNumber(self, name: str, full: bool) -> Any:  # noqa: N802
            self.looks += 1
            return (other if self.looks == 5 else node)._do_eth_getBlockByNumber(name, full)

    flipping = Flipping()
    flipping.mine(3)
    events, _ = follow(flipping, [lambda: None, lambda: None])
    assert len(events) == 4
    assert flipping.looks > 5


def test_stream_reorg_between_look_and_fetch() -> None:
    node = FakeNode()
    node.mine(2)

    class Shrinking(FakeNode):
        def _do_eth_blockNumber(self) -> str:  # noqa: N802
            return hex(self.head + 1)  # it was there a moment ago

    shrinking = Shrinking()
    shrinking.mine(2)
    events, _ = follow(shrinking, [lambda: None])
    assert len(events) == 3


@pytest.mark.parametrize("start", [0, 5])
def test_invalid_reorg_too_deep(start: int) -> None:
    node = FakeNode()
    node.mine(20)
    with pytest.raises(ReorgTooDeep) as caught:
        follow(node, [lambda: node.reorg(5)], start=start, reorg_depth=4)
    assert caught.value.where["block"] == 16


def test_stream_reorg_exactly_as_deep_as_allowed() -> None:
    node = FakeNode()
    node.mine(20)
    events, _ = follow(node, [lambda: node.reorg(4)], reorg_depth=4)
    assert Rollback(16, 4) in events


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(1, 6)),
        st.tuples(st.just("reorg"), st.integers(1, 9), st.integers(0, 12)),
        st.just(("rest",)),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.integers(0, 6))
def test_stream_replay_is_the_canonical_chain(script: list[Any], start: int) -> None:
    node = FakeNode()
    mirror: list[str] = []
    events: list[Event] = []

    def check_then(step: Any) -> Any:
        def take() -> None:
            while events:
                replay(mirror, events.pop(0), start)
            if node.head + 1 >= start + len(mirror):  # the stream does not rest while it has blocks too many
                assert mirror == node.hashes[start:]
            if step[0] == "mine":
                node.mine(step[1])
            elif step[0] == "reorg" and node.head > 0:
                node.reorg(min(step[1], node.head), blocks=step[2])

        return take

    async def run() -> None:
        steps = [check_then(step) for step in [*script, ("mine", 1), ("rest",)]]
        async with RpcClient(LOCAL, RpcOptions(batch_size=3), node, ScriptedClock(steps)) as client:
            try:
                async for event in BlockStream(client, start):
                    events.append(event)
            except EndOfScript:
                pass

    run_sync(run())
    for event in events:
        replay(mirror, event, start)
    assert mirror == node.hashes[start:]


def test_iterate_sync_closes_early() -> None:
    node = FakeNode()
    node.mine(3)

    async def stream() -> Any:
        async with RpcClient(LOCAL, transport=node) as client:
            async for event in BlockStream(client, 0):
                yield event

    for event in iterate_sync(stream()):
        assert isinstance(event, Advance)
        break


@pytest.mark.chain
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_stream_against_anvil(anvil: EmbeddedChain, scheme: str) -> None:
    api, start = anvil.api, anvil.api.block_number() + 1
    mirror: list[str] = []

    def pay() -> None:
        api.call("eth_sendTransaction", {"from": anvil.accounts[0].address, "to": "0x" + "77" * 20, "value": "0x1"})

    def canonical() -> list[str]:
        numbers = range(start, api.block_number() + 1)
        return [api.call("eth_getBlockByNumber", hex(number), False)["hash"] for number in numbers]

    async def until_equal(stream: Any) -> list[Event]:
        seen: list[Event] = []
        while mirror != canonical():
            event = await asyncio.wait_for(anext(stream), 20)
            replay(mirror, event, start)
            seen.append(event)
        return seen

    async def run() -> None:
        url = anvil.url if scheme == "http" else anvil.websocket_url
        async with RpcClient(url) as client:
            stream = aiter(BlockStream(client, start, options=StreamOptions(poll_interval_s=0.02)))
            for _ in range(4):
                pay()
            assert len(await until_equal(stream)) == 4
            api.reorg(2)
            pay()
            assert Rollback(start + 1, 2) in await until_equal(stream)
            name = api.snapshot()
            api.mine(2)
            await until_equal(stream)
            api.revert(name)
            pay()
            assert any(isinstance(event, Rollback) for event in await until_equal(stream))
            await stream.aclose()

    run_sync(run())


def test_websocket_lost_and_found_again() -> None:
    node = FakeNode()
    asked: list[str] = []

    async def handle(socket: ServerConnection) -> None:
        async with httpx.AsyncClient(transport=node) as http:
            async for message in socket:
                asked.append(str(message))
                if len(asked) == 2:
                    await socket.close()
                    return
                if "eth_subscribe" in str(message):
                    await socket.send('{"jsonrpc":"2.0","id":"heads","result":"0x1"}')
                    await socket.send('{"jsonrpc":"2.0","method":"eth_subscription","params":{}}')
                    continue
                await socket.send((await http.post("http://node", content=str(message))).text)

    async def run() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with RpcClient(f"ws://127.0.0.1:{port}", RpcOptions(backoff_s=0.01)) as client:
                assert await client.block_number() == 0
                assert await client.block_number() == 0  # lost, connected again
                assert client.websocket is not None
                assert await client.websocket.wait_for_head(5)
                node.mine()
                assert await client.batch([("eth_blockNumber", ()), ("eth_chainId", ())]) == ["0x1", "0x1"]

    run_sync(run())
    assert len(asked) == 5


def test_websocket_silent_and_refusing() -> None:
    async def handle(socket: ServerConnection) -> None:
        async for message in socket:
            if "refuse" in str(message):
                await socket.send(b'{"id":null,"error":{"code":-32600,"message":"invalid request"}}')

    async def run() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            transport = WebsocketTransport(f"ws://127.0.0.1:{port}", timeout_s=0.2)
            async with RpcClient("ws://127.0.0.1", RpcOptions(retries=0), transport) as client:
                with pytest.raises(Exception, match="no answer on the websocket"):
                    await client.call("silence")
                with pytest.raises(Exception, match="invalid request"):
                    await client.call("refuse")
                assert not await transport.wait_for_head(0.05)
        assert not await transport.wait_for_head(0.05)
        await transport.aclose()
        await WebsocketTransport("ws://127.0.0.1:1").aclose()

    run_sync(run())


class Changing(FakeNode):
    """Something happens before each of the next questions for receipts."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Any] = []
        self.wrong: set[int] = set()  # numbers whose receipts are not there

    def _do_eth_getBlockReceipts(self, name: str) -> Any:  # noqa: N802
        if self.changes:
            self.changes.pop(0)()
        return None if int(name, 16) in self.wrong else super()._do_eth_getBlockReceipts(name)


PAYMENTS = (FakeTransaction(), FakeTransaction(succeeds=False))


def test_stream_with_receipts() -> None:
    node = FakeNode()
    node.mine(5, PAYMENTS)
    node.mine(2)
    events, _ = follow(node, [], start=1, receipts=True)
    advances = [event for event in events if isinstance(event, Advance)]
    assert [len(event.receipts or ()) for event in advances] == [2] * 5 + [0] * 2
    for event in advances:
        assert [one.transaction_hash_hex for one in event.receipts or ()] == list(event.block.transaction_hashes)
    without, _ = follow(node, [], start=1)
    assert [event.receipts for event in without if isinstance(event, Advance)] == [None] * 7


@pytest.mark.parametrize("singly", [False, True])
def test_stream_block_vanishes_before_its_receipts(singly: bool) -> None:
    node = Changing()
    node.mine(4, PAYMENTS)
    node.changes = [lambda: node.reorg(2, 3, PAYMENTS)]
    if singly:
        node.unsupported.add("eth_getBlockReceipts")
    events, stream = follow(node, [lambda: None] * 3, receipts=True)
    mirror: list[str] = []
    for event in events:
        replay(mirror, event, 0)
    assert mirror == node.hashes
    assert stream.at_hand == 0


def test_stream_newest_block_vanishes_before_its_receipts() -> None:
    node = Changing()
    node.mine(1, PAYMENTS)
    node.changes = [lambda: node.reorg(1, 1, PAYMENTS)] * 7  # more often than a canonical block is asked for
    events, _ = follow(node, [lambda: None] * 9, start=1, receipts=True)
    assert [event.block.hash_hex for event in events if isinstance(event, Advance)] == node.hashes[1:]
    assert len(events) == 1


def test_stream_receipts_that_come_late() -> None:
    node = Changing()
    node.mine(3, PAYMENTS)
    node.wrong = {2}
    events, _ = follow(node, [lambda: None, lambda: None, node.wrong.clear], receipts=True)
    assert [event.block.number for event in events if isinstance(event, Advance)] == [0, 1, 2, 3]


def test_invalid_receipts_that_never_come() -> None:
    node = Changing()
    node.mine(3, PAYMENTS)
    node.wrong = {2}
    with pytest.raises(PrunedHistory, match="does not have the receipts") as caught:
        follow(node, [lambda: None] * 9, receipts=True)
    assert caught.value.where["block"] == 2


def test_invalid_node_that_is_gone_while_receipts_are_asked_for() -> None:
    node = Changing()
    node.mine(3, PAYMENTS)

    def refuse() -> None:
        raise httpx.ConnectError("connection refused")

    node.changes = [refuse] * 100
    with pytest.raises(Unreachable):
        follow(node, [lambda: None] * 9, receipts=True)


def test_stream_says_how_much_is_at_hand() -> None:
    node = FakeNode()
    node.mine(7)

    async def run() -> list[int]:
        async with RpcClient(LOCAL, RpcOptions(batch_size=3), node) as client:
            stream = BlockStream(client, 0, stop=8, options=StreamOptions(receipts=True))
            return [stream.at_hand async for _ in stream]

    assert run_sync(run()) == [2, 1, 0, 2, 1, 0, 1, 0]
