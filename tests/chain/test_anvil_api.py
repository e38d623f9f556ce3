from __future__ import annotations

import httpx
import pytest

from tallystick.chain import AnvilApi, EmbeddedChain
from tallystick.errors import ChainError, Unreachable

STRANGER = "0x00000000000000000000000000000000000000aa"


@pytest.mark.chain
def test_api_time_fee_coinbase_and_mining(anvil: EmbeddedChain) -> None:
    api, head = anvil.api, anvil.api.block_number()
    now = int(api.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    api.set_automine(False)
    api.set_next_block_timestamp(now + 100)
    api.set_next_block_base_fee(7)
    api.set_coinbase(STRANGER)
    api.mine()
    block = api.call("eth_getBlockByNumber", "latest", False)
    assert (int(block["timestamp"], 16), int(block["baseFeePerGas"], 16), block["miner"]) == (now + 100, 7, STRANGER)
    api.mine(3, interval_s=50)
    assert api.block_number() == head + 4
    api.set_coinbase("0x" + "00" * 20)


@pytest.mark.chain
def test_api_impersonation(anvil: EmbeddedChain) -> None:
    api = anvil.api
    api.set_balance(STRANGER, 10**18)
    payment = {"from": STRANGER, "to": anvil.accounts[0].address, "value": "0x1"}
    with pytest.raises(ChainError):
        api.call("eth_sendTransaction", payment)
    api.impersonate(STRANGER)
    assert api.call("eth_sendTransaction", payment).startswith("0x")
    api.stop_impersonating(STRANGER)
    with pytest.raises(ChainError):
        api.call("eth_sendTransaction", payment)


@pytest.mark.chain
def test_api_snapshot_revert_and_reorg(anvil: EmbeddedChain) -> None:
    api, head = anvil.api, anvil.api.block_number()
    name = api.snapshot()
    for account in anvil.accounts[:3]:  # a transaction in each block, or the empty replacements are the same blocks
        api.call("eth_sendTransaction", {"from": account.address, "to": STRANGER, "value": "0x1"})
    before = api.call("eth_getBlockByNumber", hex(head + 3), False)["hash"]
    api.reorg(2)
    assert api.call("eth_getBlockByNumber", hex(head + 3), False)["hash"] != before
    api.revert(name)
    assert api.block_number() == head
    with pytest.raises(ChainError, match="snapshot"):
        api.revert(name)


@pytest.mark.chain
def test_api_batch_keeps_order(anvil: EmbeddedChain) -> None:
    assert anvil.api.batch([]) == []
    said = anvil.api.batch([("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])])
    assert said[0] == hex(anvil.chain_id)
    assert said[1]["number"] == "0x0"


def api_saying(content: bytes) -> AnvilApi:
    return AnvilApi("http://node", httpx.MockTransport(lambda request: httpx.Response(200, content=content)))


def test_invalid_method_names_it() -> None:
    content = b'[{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"Method not found"}}]'
    with api_saying(content) as api, pytest.raises(ChainError, match="Method not found") as caught:
        api.call("no_such")
    assert caught.value.where == {"url": "http://node", "method": "no_such", "rpc_code": -32601}


def test_invalid_method_without_id() -> None:
    content = b'[{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}]'
    with api_saying(content) as api, pytest.raises(ChainError, match="Parse error") as caught:
        api.call("no_such")
    assert "method" not in caught.value.where


def test_invalid_answer_is_not_json() -> None:
    with api_saying(b"<html>") as api, pytest.raises(ChainError, match="HTTP 200"):
        api.block_number()


def test_invalid_nobody_there() -> None:
    with AnvilApi("http://127.0.0.1:1") as api, pytest.raises(Unreachable):
        api.block_number()
