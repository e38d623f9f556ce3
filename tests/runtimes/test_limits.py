from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import EmbeddedChain, connect
from tallystick.errors import ChainError, TransactionFailed, Unreachable
from tallystick.runtimes import _evm_node, _limits
from tallystick.runtimes._limits import MOST_BYTES, MOST_GAS, ChainLimits, probe_limits

from .nodes import CountedCalls, unusual_chain


@pytest.mark.chain
def test_limits_of_a_usual_chain(embedded_chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = CountedCalls(_evm_node.ask)
    monkeypatch.setattr(_evm_node, "ask", asked)
    monkeypatch.setattr(_limits, "ask", asked)
    found = probe_limits(connect(embedded_chain.url))
    assert found == ChainLimits(31_337, 24_576, 49_152, True, 60_000_000, 60_000_000)
    assert found.to_json()["code_bytes"] == 24_576
    assert len(asked.methods) < 20
    assert not {name for name in asked.methods if not name.startswith("eth_") or "send" in name}


@pytest.mark.chain
def test_limits_of_a_small_chain_of_today(tmp_path: Path) -> None:
    with unusual_chain(tmp_path, "--code-size-limit", "5000", hardfork="osaka") as chain:
        found = probe_limits(connect(chain.url))
    assert found == ChainLimits(31_337, 5_000, 10_000, True, 16_777_216, 60_000_000)


@pytest.mark.chain
def test_limits_of_an_old_chain_without_limits(tmp_path: Path) -> None:
    with unusual_chain(tmp_path, "--code-size-limit", str(1 << 20), hardfork="london") as chain:
        found = probe_limits(connect(chain.url))
    assert found == ChainLimits(31_337, MOST_BYTES, MOST_BYTES, False, 60_000_000, 60_000_000)


class Node:
    """A node with given limits, at the level of :func:`tallystick.runtimes._evm_node.ask`."""

    def __init__(self, code: int = 24_576, gas: int = 30_000_000, block: int = 30_000_000, clz: bool = False) -> None:
        self.code, self.gas, self.block, self.clz = code, gas, block, clz
        self.asked = 0

    def __call__(self, w3: Any, method: str, *params: Any) -> Any:
        self.asked += 1
        return getattr(self, method)(*params)

    def eth_chainId(self) -> str:  # noqa: N802
        return "0x5"

    def eth_getBlockByNumber(self, *params: Any) -> dict[str, str]:  # noqa: N802
        return {"gasLimit": hex(self.block)}

    def eth_call(self, transaction: dict[str, str], *params: Any) -> str:
        data = bytes.fromhex(transaction["data"][2:])
        size = int.from_bytes(data[1:4], "big") if data[0] == 0x62 else len(data) // 2
        if size > self.code or (data[:3] == bytes.fromhex("60001e") and not self.clz):
            raise TransactionFailed("no")
        return "0x"

    def eth_estimateGas(self, transaction: dict[str, str]) -> str:  # noqa: N802
        words = int.from_bytes(bytes.fromhex(transaction["data"][2:])[1:4], "big") // 32 + 1
        gas = 53_000 + 3 * words + words * words // 512
        if gas > self.gas:
            raise TransactionFailed("gas required exceeds allowance")
        return hex(gas)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Node], ChainLimits]:
    def run(node: Node) -> ChainLimits:
        monkeypatch.setattr(_evm_node, "ask", node)
        monkeypatch.setattr(_limits, "ask", node)
        return probe_limits(None)

    return run


@pytest.mark.parametrize("size", [1, 2, 24_575, 24_577, 32_768, 65_536, 65_537, 131_072, MOST_BYTES - 1, MOST_BYTES])
def test_code_limits_are_found_exactly(probe: Callable[[Node], ChainLimits], size: int) -> None:
    node = Node(code=size)
    assert probe(node).code_bytes == size
    assert node.asked < 60


@pytest.mark.parametrize(
    ("gas", "block", "clz", "expected"),
    [
        (1 << 24, 30_000_000, False, 1 << 24),
        (30_000_000, 30_000_000, False, 30_000_000),
        (60_000_000, 60_000_000, True, 1 << 24),
        (10_000_000, 10_000_000, False, 10_000_000),
        (40_000, 30_000_000, True, 0),
        (1 << 40, 1 << 50, False, MOST_GAS),
    ],
)
def test_transaction_gas_of_usual_limits(
    probe: Callable[[Node], ChainLimits], gas: int, block: int, clz: bool, expected: int
) -> None:
    found = probe(Node(gas=gas, block=block, clz=clz)).transaction_gas
    assert found == expected or (gas < 53_000 and found < 300_000)


@pytest.mark.parametrize("gas", [5_000_000, 12_345_678, 25_000_000])
def test_transaction_gas_of_an_unusual_limit_is_close_below(probe: Callable[[Node], ChainLimits], gas: int) -> None:
    found = probe(Node(gas=gas)).transaction_gas
    assert gas - 30_000_000 // 64 - (1 << 14) <= found <= gas + (1 << 14)


def test_invalid_node_that_tries_nothing_out(probe: Callable[[Node], ChainLimits]) -> None:
    with pytest.raises(ChainError, match="does not try contract creations out"):
        probe(Node(code=0))


def test_invalid_node_that_does_not_answer() -> None:
    from web3 import Web3

    with pytest.raises(Unreachable):
        probe_limits(Web3(Web3.HTTPProvider("http://127.0.0.1:1")))
