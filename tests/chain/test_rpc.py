from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import (
    Block,
    EmbeddedChain,
    FakeNode,
    FakeTransaction,
    ManualClock,
    RpcClient,
    RpcOptions,
    run_sync,
)
from tallystick.chain._rate_limit import RateLimit
from tallystick.chain._rpc_errors import Refusal, RpcError, classify
from tallystick.errors import (
    ChainError,
    PrunedHistory,
    RangeError,
    RateLimited,
    Unreachable,
    UnsupportedMethod,
    WrongChain,
)
from tallystick.settings import Settings

REMOTE = "https://node.example/v3/key-0123456789"
LOCAL = "http://127.0.0.1:8545"
TRANSFER = FakeTransaction(logs=(("0x" + "aa" * 20, ("0x" + "01" * 32,), "0x05"),))
CREATION = FakeTransaction(recipient=None, value=0, input="0x6000", succeeds=False)


def ask(
    node: httpx.AsyncBaseTransport,
    work: Callable[[RpcClient], Awaitable[Any]],
    url: str = LOCAL,
    clock: ManualClock | None = None,
    **options: Any,
) -> Any:
    async def run() -> Any:
        async with RpcClient(url, RpcOptions(**options), node, clock or ManualClock()) as client:
            return await work(client)

    return run_sync(run())


async def gather(items: AsyncIterator[Block]) -> list[Block]:
    return [item async for item in items]


def test_options_follow_settings() -> None:
    settings = Settings(rpc_batch_size=7, rpc_concurrency=2, rpc_requests_per_s=3, rpc_retries=1, chain_id=9)
    assert RpcOptions.of(settings) == RpcOptions(7, 2, 3, 1, 30, 9)


def test_call_chain_id_and_head() -> None:
    node = FakeNode(chain_id=5)
    node.mine(3)

    async def work(client: RpcClient) -> tuple[Any, ...]:
        return await client.call("eth_chainId"), await client.chain_id(), await client.chain_id(), client.requests_per_s

    assert ask(node, work) == ("0x5", 5, 5, None)
    assert ask(node, lambda client: client.block_number()) == 3
    assert len(node.requests) == 3


def test_batch_splits_and_keeps_order() -> None:
    node = FakeNode()
    node.mine(10)
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in (7, 3, 9, 0, 1)]
    blocks = ask(node, lambda client: client.batch(calls, Block), batch_size=2)
    assert [block.number for block in blocks] == [7, 3, 9, 0, 1]
    assert [len(request) for request in node.requests] == [2, 2, 1]


def test_batch_empty() -> None:
    assert ask(FakeNode(), lambda client: client.batch([])) == []


def test_batch_answers_in_any_order() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls = msgspec.json.decode(request.content)
        return httpx.Response(200, json=[{"id": call["id"], "result": call["method"]} for call in reversed(calls)])

    assert ask(httpx.MockTransport(answer), lambda client: client.batch([("a", ()), ("b", ())])) == ["a", "b"]


def test_batch_too_large_is_halved() -> None:
    node = FakeNode()
    node.mine(9)
    node.max_batch = 3
    blocks = ask(node, lambda client: client.fetch_block_list(range(10)))
    assert [block.number for block in blocks] == list(range(10))
    assert max(len(request) for request in node.requests[1:]) == 5


def test_batch_refused_as_a_whole_is_halved() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls = msgspec.json.decode(request.content)
        if isinstance(calls, list):
            return httpx.Response(
                200, json={"id": None, "error": {"code": -32600, "message": "batch requests are not supported"}}
            )
        return httpx.Response(200, json={"id": calls["id"], "result": calls["method"]})

    assert ask(httpx.MockTransport(answer), lambda client: client.batch([("a", ()), ("b", ())])) == ["a", "b"]


def test_batch_answer_too_large_keeps_what_came() -> None:
    node = FakeNode()
    node.mine(3)
    node.fail_call(-32003, "response too large", times=1)
    assert [b.number for b in ask(node, lambda client: client.fetch_block_list([1, 2, 3]))] == [1, 2, 3]
    assert [len(request) for request in node.requests] == [3, 1]


def test_invalid_single_answer_too_large() -> None:
    node = FakeNode()
    node.fail_call(-32003, "response too large", times=9)
    with pytest.raises(ChainError, match="too large"):
        ask(node, lambda client: client.block_number())


def test_rate_limit_halves_grows_and_waits() -> None:
    node, clock = FakeNode(), ManualClock()
    node.fail_http(429, times=2, headers={"retry-after": "7"})

    async def work(client: RpcClient) -> Any:
        await client.block_number()
        slow = client.requests_per_s
        for _ in range(10):
            await client.block_number()
        return slow, client.requests_per_s

    slow, later = ask(node, work, REMOTE, clock, requests_per_s=16)
    assert slow == pytest.approx(16 / 4 + 0.1)
    assert later == pytest.approx(slow + 1.0)
    assert clock.sleeps[:2] == [7.0, 7.0]


def test_rate_limit_by_error_code_retries_only_what_was_refused() -> None:
    node, clock = FakeNode(), ManualClock()
    node.mine(2)
    node.fail_call(-32005, "daily request count exceeded, request rate limited", times=1)
    blocks = ask(node, lambda client: client.fetch_block_list([0, 1, 2]), REMOTE, clock)
    assert [block.number for block in blocks] == [0, 1, 2]
    assert [len(request) for request in node.requests] == [3, 1]
    assert 0.25 in clock.sleeps


def test_rate_limit_loopback_is_not_slowed() -> None:
    node, clock = FakeNode(), ManualClock()

    async def work(client: RpcClient) -> None:
        for _ in range(50):
            await client.block_number()

    ask(node, work, LOCAL, clock)
    assert clock.sleeps == []


def test_rate_limit_spaces_requests() -> None:
    clock = ManualClock()

    async def work(client: RpcClient) -> None:
        for _ in range(11):
            await client.block_number()

    ask(FakeNode(), work, REMOTE, clock, requests_per_s=10)
    assert 0.8 < clock.now() <= 1.0


def test_rate_limit_requests_under_way_together_halve_once() -> None:
    rate = RateLimit(16, ManualClock())
    tickets = [run_sync(rate.acquire()) for _ in range(4)]
    for ticket in tickets:
        rate.refused(ticket)
    assert rate.requests_per_s == 8
    for _ in range(20):
        rate.refused(run_sync(rate.acquire()))
    assert rate.requests_per_s == 0.1


def test_invalid_rate_limit_for_ever() -> None:
    node, clock = FakeNode(), ManualClock()
    node.fail_http(429, times=99)
    with pytest.raises(RateLimited) as caught:
        ask(node, lambda client: client.block_number(), REMOTE, clock, retries=3)
    assert caught.value.where["url"] == "https://node.example/…"
    assert len(node.requests) == 4
    assert [wait for wait in clock.sleeps if wait in (0.25, 0.5, 1.0)] == [0.25, 0.5, 1.0]


def test_invalid_rate_limit_of_the_whole_batch() -> None:
    refuse = {"id": None, "error": {"code": -32005, "message": "too many requests"}}
    node = httpx.MockTransport(lambda request: httpx.Response(200, json=refuse))
    with pytest.raises(RateLimited):
        ask(node, lambda client: client.batch([("a", ()), ("b", ())]), REMOTE, retries=1)


def test_retry_after_connection_lost() -> None:
    node, clock = FakeNode(), ManualClock()

    async def work(client: RpcClient) -> int:
        await client.block_number()
        node.drop(times=3)
        return await client.block_number()

    assert ask(node, work, clock=clock) == 0
    assert clock.sleeps == [0.25, 0.5, 1.0]


def test_retry_after_server_error() -> None:
    node, clock = FakeNode(), ManualClock()
    node.fail_http(503, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, text="<html>")
    assert ask(node, lambda client: client.block_number(), clock=clock) == 0
    assert clock.sleeps == [0.25]


def test_retry_when_a_call_is_left_unanswered() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls = msgspec.json.decode(request.content)
        calls = calls if isinstance(calls, list) else [calls]
        asked.append(len(calls))
        return httpx.Response(200, json=[{"id": calls[0]["id"], "result": 1}, {"id": "strange"}, {"id": 10**9}])

    assert ask(httpx.MockTransport(answer), lambda client: client.batch([("a", ()), ("b", ())])) == [1, 1]
    assert asked == [2, 1]


def test_invalid_unreachable_at_once_when_never_seen() -> None:
    node, clock = FakeNode(), ManualClock()
    node.drop(times=99)
    with pytest.raises(Unreachable, match="connection refused"):
        ask(node, lambda client: client.block_number(), clock=clock)
    assert clock.sleeps == []


def test_invalid_unreachable_after_retries() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    with pytest.raises(Unreachable, match="ReadTimeout"):
        ask(httpx.MockTransport(answer), lambda client: client.block_number(), retries=2)


def test_invalid_url_really_unreachable() -> None:
    async def run(url: str) -> None:
        async with RpcClient(url) as client:
            await client.block_number()

    for url in ("http://127.0.0.1:1", "ftp://127.0.0.1", "ws://127.0.0.1:1"):
        with pytest.raises(Unreachable):
            run_sync(run(url))


@pytest.mark.parametrize("status", [200, 401, 404])
def test_invalid_answer_is_not_json(status: int) -> None:
    node = FakeNode()
    node.fail_http(status, text="<html>")
    with pytest.raises(ChainError, match=f"HTTP {status}"):
        ask(node, lambda client: client.block_number())


def test_invalid_result_has_another_shape() -> None:
    node = httpx.MockTransport(lambda r: httpx.Response(200, json={"id": 1, "result": {"number": 5}}))
    with pytest.raises(ChainError, match="cannot be read") as caught:
        ask(node, lambda client: client.fetch_block(5))
    assert caught.value.where["method"] == "eth_getBlockByNumber"


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (-32601, "the method eth_foo does not exist/is not available", UnsupportedMethod),
        (-32000, "method eth_foo not found", UnsupportedMethod),
        (-32000, "missing trie node 5ac1 (path )", PrunedHistory),
        (-32000, "history has been pruned for this block", PrunedHistory),
        (-32000, "block #17 not found", PrunedHistory),
        (-32001, "resource not available", PrunedHistory),
        (4444, "gone", PrunedHistory),
        (-32000, "required historical state unavailable (reexec=128)", PrunedHistory),
        (-32000, "old data not available due to pruning", PrunedHistory),
        (3, "execution reverted", ChainError),
        (-32603, "", ChainError),
        (-32005, "query returned more than 10000 results", ChainError),
    ],
)
def test_invalid_refusals_are_told_apart(code: int, message: str, expected: type[ChainError]) -> None:
    node = FakeNode()
    node.fail_call(code, message)
    with pytest.raises(ChainError) as caught:
        ask(node, lambda client: client.call("eth_foo"))
    assert type(caught.value) is expected
    assert caught.value.where["rpc_code"] == code
    assert len(node.requests) == 1


@given(st.integers(-40_000, 1_000), st.text(max_size=80))
def test_classify_any_text(code: int, message: str) -> None:
    refusal, error = classify(RpcError(code, message), "m", LOCAL)
    assert refusal in Refusal
    assert "\n" not in error.cause


def test_chain_is_checked_once_before_anything_else() -> None:
    node = FakeNode(chain_id=10)

    async def work(client: RpcClient) -> None:
        await asyncio.gather(client.block_number(), client.call("eth_chainId"), client.chain_id())

    ask(node, work, chain_id=10)
    assert [request[0] for request in node.requests].count("eth_chainId") == 2  # the check, and the call


def test_invalid_wrong_chain() -> None:
    with pytest.raises(WrongChain) as caught:
        ask(FakeNode(chain_id=10), lambda client: client.block_number(), chain_id=1)
    assert (caught.value.where["chain_id"], caught.value.where["expected"]) == (10, 1)


def test_fetch_blocks_in_order_with_transactions() -> None:
    node = FakeNode()
    node.mine(20, [TRANSFER, CREATION])
    blocks = ask(node, lambda client: gather(client.fetch_blocks(3, 21)), batch_size=4, concurrency=3)
    assert [block.number for block in blocks] == list(range(3, 21))
    assert [block.hash_hex for block in blocks] == node.hashes[3:21]
    first, second = blocks[0].full_transactions
    assert (first.value, first.index, first.recipient, first.sender) == (1, 0, b"\x22" * 20, b"\x11" * 20)
    assert (second.recipient, second.input_hex) == (None, "0x6000")
    assert blocks[0].transaction_hashes == ("0x" + first.hash.hex(), "0x" + second.hash.hex())
    assert (blocks[1].parent_hash, blocks[1].timestamp) == (blocks[0].hash, 1_700_000_048)
    assert max(len(request) for request in node.requests) == 4


def test_fetch_blocks_stopped_early() -> None:
    node = FakeNode()
    node.mine(50)

    async def work(client: RpcClient) -> int:
        async for block in client.fetch_blocks(0, 51, full=False):
            if block.number == 2:
                return 2
        return 0

    assert ask(node, work, batch_size=2) == 2


def test_fetch_blocks_empty_range() -> None:
    assert ask(FakeNode(), lambda client: gather(client.fetch_blocks(5, 5))) == []


def test_invalid_fetch_blocks_backwards() -> None:
    with pytest.raises(RangeError, match="backwards"):
        ask(FakeNode(), lambda client: gather(client.fetch_blocks(5, 4)))


def test_invalid_fetch_blocks_beyond_head() -> None:
    with pytest.raises(ChainError, match="head is at block 0") as caught:
        ask(FakeNode(), lambda client: gather(client.fetch_blocks(0, 3)))
    assert caught.value.where["block"] == 1


def test_invalid_fetch_blocks_pruned() -> None:
    node = FakeNode()
    node.mine(5)
    node.pruned_below = 3
    with pytest.raises(PrunedHistory):
        ask(node, lambda client: gather(client.fetch_blocks(0, 3)))


def test_invalid_fetch_blocks_missing_below_head() -> None:
    answers = {"eth_getBlockByNumber": None, "eth_blockNumber": "0x9"}

    def answer(request: httpx.Request) -> httpx.Response:
        call = msgspec.json.decode(request.content)
        return httpx.Response(200, json={"id": call["id"], "result": answers[call["method"]]})

    with pytest.raises(PrunedHistory, match="does not have the block"):
        ask(httpx.MockTransport(answer), lambda client: gather(client.fetch_blocks(0, 1)))


def test_invalid_fetch_blocks_reorganised_meanwhile() -> None:
    node = FakeNode()
    node.mine(10)

    async def work(client: RpcClient) -> None:
        async for block in client.fetch_blocks(0, 11):
            if block.number == 1:
                node.reorg(10)

    with pytest.raises(ChainError, match="reorganised"):
        ask(node, work, batch_size=2, concurrency=1)


def test_fetch_receipts() -> None:
    node = FakeNode()
    node.mine(2, [TRANSFER, CREATION, TRANSFER])
    receipts = ask(node, lambda client: client.fetch_receipts(2))
    assert [(one.index, one.succeeded, one.gas_used) for one in receipts] == [
        (0, True, 21_000),
        (1, False, 21_000),
        (2, True, 21_000),
    ]
    assert receipts[1].contract_hex is not None
    assert [log.index for one in receipts for log in one.logs] == [0, 1]


def test_fetch_receipts_one_by_one_where_needed() -> None:
    node = FakeNode()
    node.mine(2, [TRANSFER, CREATION])
    want = ask(node, lambda client: client.fetch_receipts(1))
    node.unsupported.add("eth_getBlockReceipts")
    node.requests.clear()

    async def work(client: RpcClient) -> Any:
        blocks = await gather(client.fetch_blocks(1, 3))
        return await client.fetch_receipt_lists(blocks), await client.fetch_receipts(blocks[0])

    lists, again = ask(node, work)
    assert lists[0] == again == want
    assert len(lists) == 2
    assert [set(request) for request in node.requests].count({"eth_getBlockReceipts"}) == 1


def test_invalid_receipts_missing_or_of_another_block() -> None:
    node = FakeNode()
    node.mine(2, [TRANSFER])

    async def work(client: RpcClient) -> None:
        block = await client.fetch_block(2)
        assert block is not None
        node.reorg(1, transactions=[TRANSFER])
        with pytest.raises(ChainError, match="another block"):
            await client.fetch_receipts(block)
        node.reorg(2, blocks=1)
        with pytest.raises(PrunedHistory):
            await client.fetch_receipts(block)

    ask(node, work)


def test_get_logs_filters_and_splits() -> None:
    node = FakeNode()
    node.mine(10, [TRANSFER])
    topic = "0x" + "01" * 32
    everything = ask(node, lambda client: client.get_logs(0, 11))
    assert [log.block_number for log in everything] == list(range(1, 11))
    node.max_log_range = 3
    assert ask(node, lambda client: client.get_logs(0, 11, "0x" + "aa" * 20, [[topic]])) == everything
    assert ask(node, lambda client: client.get_logs(0, 11, ["0x" + "bb" * 20])) == []
    assert ask(node, lambda client: client.get_logs(0, 11, topics=["0x" + "02" * 32])) == []
    assert ask(node, lambda client: client.get_logs(0, 11, topics=[None, topic])) == []
    assert ask(node, lambda client: client.get_logs(5, 5)) == []


def test_invalid_get_logs() -> None:
    node = FakeNode()
    node.max_log_range = 0
    with pytest.raises(ChainError, match="range"):
        ask(node, lambda client: client.get_logs(0, 1))
    node.fail_call(-32000, "boom")
    with pytest.raises(ChainError, match="boom"):
        ask(node, lambda client: client.get_logs(0, 9))


def test_fake_node_serves_synchronous_clients() -> None:
    with httpx.Client(transport=FakeNode()) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        assert http.post("http://node", json=body).json()["result"] == "0x1"


@pytest.mark.chain
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_rpc_against_anvil(anvil: EmbeddedChain, scheme: str) -> None:
    sender, other = anvil.accounts[:2]
    first = anvil.api.block_number() + 1
    for value in (5, 6):
        payment = {"from": sender.address, "to": other.address, "value": hex(value)}
        anvil.api.call("eth_sendTransaction", payment)

    async def run() -> None:
        url = anvil.url if scheme == "http" else anvil.websocket_url
        async with RpcClient(url, RpcOptions(chain_id=anvil.chain_id)) as client:
            assert await client.block_number() == first + 1
            blocks = await gather(client.fetch_blocks(first, first + 2))
            assert [block.full_transactions[0].value for block in blocks] == [5, 6]
            receipts = await client.fetch_receipt_lists(blocks)
            assert [one[0].gas_used for one in receipts] == [21_000, 21_000]
            assert await client.get_logs(first, first + 2) == []
            assert await client.fetch_block(10**6) is None
            with pytest.raises(UnsupportedMethod):
                await client.call("eth_noSuchThing")

    run_sync(run())
