from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tallystick.chain import EmbeddedChain, EmbeddedOptions, connect
from tallystick.errors import ChainError, UnsupportedMethod
from tallystick.runtimes import _evm_node
from tallystick.runtimes._evm_batch import BatchCaller, batch_code
from tallystick.runtimes._limits import ChainLimits
from tallystick.targets.evm import Assembler

from ..targets.evm import machine
from .nodes import CountedCalls, put_code

TARGET = "0x" + "77" * 20
OTHER = "0x" + "88" * 20
LIMITS = ChainLimits(31_337, 24_576, 49_152, True, 60_000_000, 60_000_000)

pytestmark = pytest.mark.chain


def times_two(words: int = 1) -> bytes:
    """Loops as often as the first byte says, then returns the first word, so many times; a zero byte reverts."""
    code = Assembler(push0=False).push(0).op("CALLDATALOAD").push(248).op("SHR", "DUP1").push_label("loop").op("JUMPI")
    code.push(4).push(0).op("REVERT").label("loop").push(1).op("SWAP1", "SUB", "DUP1").push_label("loop").op("JUMPI")
    for place in range(words):
        code.push(0).op("CALLDATALOAD").push(32 * place).op("MSTORE")
    return code.push(32 * words).push(0).op("RETURN").assemble()


def reader(contract: str) -> bytes:
    """Copies another contract's code and returns its first word."""
    code = Assembler().push(32).push(0).push(0).push(int(contract, 16), 20).op("EXTCODECOPY")
    return code.push(32).push(0).op("RETURN").assemble()


def rows_of(count: int, size: int, seed: int = 0, first: range = range(1, 256)) -> list[bytes]:
    random = Random(seed)
    return [bytes([random.choice(first)]) + random.randbytes(size - 1) for _ in range(count)]


@pytest.fixture
def anvil(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.revert(name)


@pytest.fixture(params=[True, False], ids=["override", "init code"])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CountedCalls:
    counted = CountedCalls(_evm_node.ask, overrides=request.param)
    monkeypatch.setattr(_evm_node, "ask", counted)
    return counted


@pytest.mark.parametrize(("size", "words"), [(1, 1), (32, 3), (60, 1), (784, 2)])
def test_batch_equals_py_evm(anvil: EmbeddedChain, asked: CountedCalls, size: int, words: int) -> None:
    code = times_two(words)
    rows = rows_of(300, size, seed=size)
    found = BatchCaller(put_code(anvil, TARGET, code), TARGET, words, LIMITS).run(rows)
    assert len(asked.methods) < 10
    assert len(found.rows) == len(rows)
    for row, outcome in zip(rows, found.rows, strict=True):
        expected = machine.run(code, row)
        assert (expected.words(), expected.gas) == outcome
    assert found.first_gas == found.rows[0].gas


def test_batch_equals_the_nodes_own_trace(anvil: EmbeddedChain) -> None:
    w3 = put_code(anvil, TARGET, times_two())
    rows = rows_of(4, 40)
    found = BatchCaller(w3, TARGET, 1, LIMITS).run(rows)
    for row, outcome in zip(rows, found.rows, strict=True):
        assert outcome.gas == traced_gas(w3, row)


def traced_gas(w3: Any, row: bytes) -> int:
    """Gas of the instructions of one call, by ``debug_traceCall``."""
    call = {"to": TARGET, "data": "0x" + row.hex()}
    trace = _evm_node.ask(w3, "debug_traceCall", call, "latest", {"disableStorage": True, "disableMemory": True})
    return sum(step["gasCost"] for step in trace["structLogs"])


def test_batch_tells_reverts_and_wrong_lengths(anvil: EmbeddedChain, asked: CountedCalls) -> None:
    rows = rows_of(120, 40, first=range(3))
    caller = BatchCaller(put_code(anvil, TARGET, times_two()), TARGET, 1, LIMITS)
    for row, outcome in zip(rows, caller.run(rows).rows, strict=True):
        expected = machine.run(times_two(), row)
        assert outcome == (None if expected.failed else expected.words(), expected.gas)
    assert {outcome.outputs for outcome in BatchCaller(caller.w3, TARGET, 2, LIMITS).run(rows).rows} == {None}


def test_batch_shows_what_is_cold_first(anvil: EmbeddedChain, asked: CountedCalls) -> None:
    put_code(anvil, OTHER, b"\x01" * 40)
    w3 = put_code(anvil, TARGET, reader(OTHER))
    found = BatchCaller(w3, TARGET, 1, LIMITS).run(rows_of(3, 40))
    alone = machine.run(reader(OTHER), b"", {bytes.fromhex(OTHER[2:]): b"\x01" * 40})
    assert found.first_gas == alone.gas
    assert {outcome.gas for outcome in found.rows} == {alone.gas - 2_500}


def test_batch_asks_again_where_gas_was_short(tmp_path: Path) -> None:
    """A row that costs far more than the ones before it, on a node that gives little gas."""
    with EmbeddedChain(tmp_path, options=EmbeddedOptions(gas_limit=200_000)) as chain:
        code = Assembler().push(0).op("CALLDATALOAD").push(240).op("SHR").label("loop").push(1).op("SWAP1", "SUB")
        code.op("DUP1").push_label("loop").op("JUMPI").push(32).push(0).op("RETURN")
        caller = BatchCaller(put_code(chain, TARGET, code.assemble()), TARGET, 1, LIMITS)
        assert caller.has_overrides
        rows = [(1 if i % 7 else 2_000).to_bytes(2, "big") for i in range(40)]
        found = caller.run(rows).rows
        assert [outcome.outputs for outcome in found] == [(0,)] * 40
        assert [outcome.gas for outcome in found] == [machine.run(code.assemble(), row).gas for row in rows]
        with pytest.raises(ChainError, match="more than half of the gas"):
            caller.run([(4_500).to_bytes(2, "big")])


def test_batch_of_code_that_is_not_deployed(embedded_chain: EmbeddedChain) -> None:
    w3 = connect(embedded_chain.url)
    found = BatchCaller(w3, TARGET, 1, LIMITS, {TARGET: reader(OTHER), OTHER: b"\x02" * 32}).run([b"row"])
    assert found.rows[0].outputs == (int("02" * 32, 16),)


def test_invalid_undeployed_code_without_overrides(
    embedded_chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_evm_node, "ask", CountedCalls(_evm_node.ask, overrides=False))
    with pytest.raises(UnsupportedMethod, match="no state overrides"):
        BatchCaller(connect(embedded_chain.url), TARGET, 1, LIMITS, {TARGET: b""}).run([b"row"])


def test_invalid_row_larger_than_init_code(embedded_chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_evm_node, "ask", CountedCalls(_evm_node.ask, overrides=False))
    with pytest.raises(ChainError, match="do not fit into one call"):
        BatchCaller(connect(embedded_chain.url), TARGET, 1, LIMITS).run([bytes(49_000)])


def test_batch_code_never_begins_as_a_refused_contract() -> None:
    """What init code returns must not begin with 0xEF (EIP-3541): the first word is what calling costs."""
    outcome = machine.run(batch_code(TARGET, [b"a", b"b"], 1, 0), b"", {bytes.fromhex(TARGET[2:]): times_two()})
    assert outcome.words()[0] < 1_000
    assert len(outcome.output) == 32 * (2 + 2 * 2)
