from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tallystick.chain import (
    Artefact,
    Contract,
    EmbeddedChain,
    EmbeddedSigner,
    KeySigner,
    SendOptions,
    connect,
    load_artefact,
    send_transaction,
    simulate,
)
from tallystick.chain import _transactions as transactions
from tallystick.errors import (
    ChainError,
    InputError,
    NoContract,
    RateLimited,
    TransactionFailed,
    Unreachable,
    UnsupportedMethod,
    WrongChain,
)

SOURCE = """
event Stored:
    who: indexed(address)
    value: uint256

value: public(uint256)

@deploy
def __init__(first: uint256):
    assert first != 13, "counter: unlucky"
    self.value = first

@external
@payable
def store(new: uint256):
    assert new > self.value, "counter: must grow"
    self.value = new
    log Stored(who=msg.sender, value=new)

@external
def silent():
    raise

@external
def burn():
    for i: uint256 in range(1000000):
        self.value = i

@external
@view
def minus(other: uint256) -> uint256:
    return self.value - other
"""
RICH = KeySigner("0x" + "4d" * 32)


@pytest.fixture(scope="session")
def counter() -> Artefact:
    from vyper import compile_code

    output = compile_code(SOURCE, output_formats=["abi", "bytecode"])
    return Artefact("counter", output["abi"], output["bytecode"])


@pytest.fixture
def signer(anvil: EmbeddedChain) -> EmbeddedSigner:
    return EmbeddedSigner(anvil.accounts[0])


@pytest.mark.chain
def test_contract_deploy_send_call_events(anvil: EmbeddedChain, signer: EmbeddedSigner, counter: Artefact) -> None:
    w3 = connect(anvil.url, chain_id=anvil.chain_id)
    contract = Contract.deploy(w3, signer, counter, 5)
    assert contract.call("value") == 5
    receipt = contract.send(signer, "store", 7, value=3)
    assert contract.call("value") == 7
    assert contract.call("value", block=receipt["blockNumber"] - 1) == 5
    assert contract.call("minus", 2, sender=signer.address.lower()) == 5
    assert w3.eth.get_balance(contract.address) == 3
    [event] = contract.events("Stored", receipt["blockNumber"])
    assert (event["args"]["who"], event["args"]["value"]) == (signer.address, 7)
    assert list(contract.events("Stored", 0, receipt["blockNumber"])) == []
    assert list(contract.events("Stored", 0, who=contract.address)) == []
    assert [one["args"]["value"] for one in contract.events_of(receipt, "Stored")] == [7]
    again = Contract.at(w3, counter, contract.address.lower())
    assert again.call("value") == 7
    assert repr(again) == f"Contract(counter at {contract.address})"
    assert again.simulate(signer.address, "store", 8) == b""


@pytest.mark.chain
def test_invalid_reverts_carry_the_reason(anvil: EmbeddedChain, signer: EmbeddedSigner, counter: Artefact) -> None:
    w3 = connect(anvil.url)
    with pytest.raises(TransactionFailed, match=r"^T308 counter: unlucky") as caught:
        Contract.deploy(w3, signer, counter, 13)
    assert caught.value.where["account"] == signer.address
    contract = Contract.deploy(w3, signer, counter, 5)
    for refuse in (
        lambda: contract.send(signer, "store", 1),
        lambda: contract.simulate(signer.address, "store", 1),
        lambda: contract.send(signer, "store", 1, options=SendOptions()),
    ):
        with pytest.raises(TransactionFailed, match=r"^T308 counter: must grow"):
            refuse()
    with pytest.raises(TransactionFailed, match="without a reason"):
        contract.simulate(signer.address, "silent")
    with pytest.raises(TransactionFailed):
        contract.call("minus", 6)


@pytest.mark.chain
def test_invalid_reverts_that_were_mined(anvil: EmbeddedChain, signer: EmbeddedSigner, counter: Artefact) -> None:
    w3 = connect(anvil.url)
    contract = Contract.deploy(w3, signer, counter, 5)
    transaction = contract.transaction("store", 1) | {"gas": 100_000}
    with pytest.raises(TransactionFailed, match="counter: must grow") as caught:
        send_transaction(w3, signer, transaction)
    assert caught.value.where["tx"].startswith("0x")
    assert caught.value.where["block"] == w3.eth.block_number
    with pytest.raises(TransactionFailed, match="out of gas"):
        send_transaction(w3, signer, contract.transaction("burn") | {"gas": 100_000})


@pytest.mark.chain
def test_invalid_revert_that_the_block_before_does_not_show(
    anvil: EmbeddedChain, signer: EmbeddedSigner, counter: Artefact
) -> None:
    w3 = connect(anvil.url)
    contract = Contract.deploy(w3, signer, counter, 5)
    anvil.api.set_automine(False)
    nonce = w3.eth.get_transaction_count(signer.address)
    first: Any = transactions._complete(w3, signer.address, contract.transaction("store", 9), SendOptions())
    w3.eth.send_raw_transaction(signer.sign_transaction(first))
    miner = Thread(target=lambda: (anvil.api.call("eth_chainId"), _mine_when_two_wait(anvil)))
    miner.start()
    with pytest.raises(TransactionFailed, match="without a reason"):
        send_transaction(w3, signer, contract.transaction("store", 9) | {"gas": 100_000, "nonce": nonce + 1})
    miner.join()


def _mine_when_two_wait(anvil: EmbeddedChain) -> None:
    import time

    from tallystick.chain import AnvilApi

    with AnvilApi(anvil.url) as api:
        for _ in range(500):
            if int(api.call("txpool_status")["pending"], 16) == 2:
                break
            time.sleep(0.01)
        api.mine()


@pytest.mark.chain
def test_send_keeps_what_is_given_and_legacy_fees(anvil: EmbeddedChain, signer: EmbeddedSigner) -> None:
    w3 = connect(anvil.url)
    stranger = "0x" + "ab" * 20
    receipt = send_transaction(w3, signer, {"to": stranger, "value": 5, "gas": 30_000, "gasPrice": 2 * 10**9})
    assert receipt["effectiveGasPrice"] == 2 * 10**9
    receipt = send_transaction(w3, signer, {"to": stranger, "value": 6})
    assert w3.eth.get_transaction(receipt["transactionHash"])["type"] == 2
    assert w3.eth.get_balance(w3.to_checksum_address(stranger)) == 11
    assert simulate(w3, signer.address, {"to": stranger}) == b""


@pytest.mark.chain
def test_fees_where_the_node_is_old(anvil: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    from web3.exceptions import Web3RPCError

    w3 = connect(anvil.url)
    assert transactions._fees(w3, None, SendOptions()) == {"gasPrice": w3.eth.gas_price}

    def refuse(self: Any) -> int:
        raise Web3RPCError("method not found")

    monkeypatch.setattr(type(w3.eth), "max_priority_fee", property(refuse))
    assert transactions._fees(w3, 10, SendOptions(priority_fee_wei=3)) == {
        "maxPriorityFeePerGas": 3,
        "maxFeePerGas": 23,
    }


@pytest.mark.chain
def test_invalid_refused_by_the_node(anvil: EmbeddedChain) -> None:
    w3 = connect(anvil.url)
    with pytest.raises(TransactionFailed, match=r"(?i)insufficient funds"):
        send_transaction(w3, RICH, {"to": "0x" + "ab" * 20, "value": 10**30, "gas": 21_000})
    with pytest.raises(UnsupportedMethod), transactions.translated(w3):
        w3.manager.request_blocking("eth_noSuchThing", [])


@pytest.mark.chain
def test_invalid_not_mined_in_time(anvil: EmbeddedChain, signer: EmbeddedSigner) -> None:
    w3 = connect(anvil.url)
    anvil.api.set_automine(False)
    with pytest.raises(ChainError, match=r"not mined in 0\.1 s") as caught:
        send_transaction(w3, signer, {"to": "0x" + "ab" * 20, "value": 1}, SendOptions(timeout_s=0.1, poll_s=0.02))
    assert str(caught.value.where["tx"]).startswith("0x")
    anvil.api.mine()


@pytest.mark.chain
def test_invalid_address_without_code(anvil: EmbeddedChain, counter: Artefact) -> None:
    with pytest.raises(NoContract) as caught:
        Contract.at(connect(anvil.url), counter, "0x" + "ab" * 20)
    assert caught.value.where["chain_id"] == anvil.chain_id


@pytest.mark.chain
def test_invalid_chain_id(anvil: EmbeddedChain) -> None:
    with pytest.raises(WrongChain):
        connect(anvil.url, chain_id=1)


def test_invalid_node_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        connect("http://127.0.0.1:1/secret-path")
    assert caught.value.where["url"] == "http://127.0.0.1:1/…"


def test_invalid_node_says_429() -> None:
    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(429)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(RateLimited):
                connect(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


class _Reverted(Exception):
    def __init__(self, message: str | None, data: Any) -> None:
        self.message = message
        self.data = data


@pytest.mark.parametrize(
    ("message", "data", "expected"),
    [
        ("execution reverted: a: b", None, "a: b"),
        ("execution reverted", "0x", "reverted without a reason"),
        (None, {"odd": "shape"}, "reverted without a reason"),
        ("execution reverted", "0x12345678", "reverted without a reason, data 0x12345678"),
    ],
)
def test_reason(message: str | None, data: Any, expected: str) -> None:
    assert transactions._reason(_Reverted(message, data)) == expected


def test_load_artefact(tmp_path: Path) -> None:
    path = tmp_path / "Counter.json"
    path.write_text(json.dumps({"abi": [], "bytecode": "0x6000", "compiler": "x"}))
    assert load_artefact(path) == Artefact("Counter", [], "0x6000")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"abi": [], "bytecode": "0xzz"}', '{"abi": [], "bytecode": 5}'])
def test_invalid_artefact(tmp_path: Path, content: str) -> None:
    path = tmp_path / "Counter.json"
    path.write_text(content)
    with pytest.raises(InputError, match="not a compiled contract"):
        load_artefact(path)


def test_invalid_artefact_absent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_artefact(tmp_path / "none.json")
