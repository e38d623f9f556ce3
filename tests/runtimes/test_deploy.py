from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from eth_hash.auto import keccak

from tallystick.chain import EmbeddedChain, EmbeddedSigner, connect
from tallystick.errors import (
    ChainError,
    InputError,
    LedgerError,
    NoContract,
    NotBroadcast,
    ProgramError,
    TransactionFailed,
    VerificationFailed,
    WrongChain,
)
from tallystick.exact import Feature, Program, TreeEnsemble, score_outputs
from tallystick.runtimes import (
    FACTORY,
    BatchCaller,
    DeploymentReceipt,
    check_deployment,
    contract_address,
    deploy,
    deploy_factory,
    plan_deployment,
    probe_limits,
    probe_rows,
)
from tallystick.runtimes import _deploy as module
from tallystick.runtimes._deploy_plan import _planned
from tallystick.runtimes._evm_node import ask, code_at
from tallystick.runtimes._evm_targets import Part
from tallystick.targets.evm import RowCode

from ..exact.kinds import finished, random_linear
from ..exact.programs import program, random_tree
from .nodes import put_code, unusual_chain


@pytest.fixture
def anvil(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.revert(name)


def forest(seed: int = 1, trees: int = 30, leaves: int = 16) -> Program:
    random = Random(seed)
    features = tuple(Feature(f"u16_{index}", 0, 65_535) for index in range(8))
    return finished(
        random, features, TreeEnsemble(tuple(random_tree(random, features, leaves, 1 << 20) for _ in range(trees)))
    )


@pytest.mark.chain
def test_plan_sends_nothing_and_deploying_does_what_it_says(anvil: EmbeddedChain, tmp_path: Path) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    head = anvil.api.block_number()
    plan = plan_deployment(w3, program(), "branch")
    assert [(one.role, one.exists) for one in plan.contracts] == [("model", False)]
    assert not plan.is_split
    assert plan.address == plan.contracts[-1].address
    with pytest.raises(NotBroadcast, match=r"1 contracts, about \d\d\d,\d\d\d gas"):
        deploy(plan, w3, signer)
    assert anvil.api.block_number() == head
    receipt = deploy(plan, w3, signer, broadcast=True)
    assert anvil.api.block_number() == head + 1
    assert 0 <= plan.gas - receipt.gas_used < plan.gas // 10  # the estimate holds what is refunded or kept back
    assert receipt.address == plan.address
    assert keccak(code_at(w3, plan.address)) == bytes.fromhex(receipt.contracts[0].code_hash[2:])
    words = BatchCaller(w3, plan.address, 1, plan.limits).run([RowCode(program()).encode([7, 8])]).rows[0].outputs
    assert words == score_outputs(program(), [7, 8])
    shown = plan.to_json()
    assert shown["contracts"][0]["code_bytes"] == receipt.contracts[0].code_bytes
    assert shown["gas"] == plan.gas
    receipt.save(tmp_path / "receipt.json")
    assert DeploymentReceipt.load(tmp_path / "receipt.json") == receipt


@pytest.mark.chain
def test_deploying_again_sends_nothing(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    first = deploy(plan_deployment(w3, program(), "branch"), w3, signer, broadcast=True)
    head = anvil.api.block_number()
    again = plan_deployment(w3, program(), "branch")
    assert (again.missing, again.gas) == ((), 0)
    second = deploy(again, w3, signer)
    assert anvil.api.block_number() == head
    assert second.gas_used == 0
    assert second.contracts[0].code_hash == first.contracts[0].code_hash
    assert second.contracts[0].transaction == ""


@pytest.mark.chain
def test_split_on_a_small_chain_resumes_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = forest(trees=22)
    with unusual_chain(tmp_path, "--code-size-limit", "1100") as chain:
        w3, signer = connect(chain.url), EmbeddedSigner(chain.accounts[0])
        plan = plan_deployment(w3, model, "branch")
        assert plan.is_split
        assert len(plan.contracts) > 3
        assert [one.role for one in plan.contracts[:2]] == ["shard 0", "shard 1"]
        assert max(len(one.runtime) for one in plan.contracts) <= 1_100
        fail_at(monkeypatch, 2)
        with pytest.raises(TransactionFailed, match="the node went away"):
            deploy(plan, w3, signer, broadcast=True)
        monkeypatch.undo()
        resumed = plan_deployment(w3, model, "branch")
        assert [one.exists for one in resumed.contracts[:3]] == [True, True, False]
        receipt = deploy(resumed, w3, signer, broadcast=True)
        assert [bool(one.transaction) for one in receipt.contracts[:3]] == [False, False, True]
        rows = probe_rows(model, 200)
        calls = [RowCode(model).encode(row) for row in rows.tolist()]
        found = BatchCaller(w3, receipt.address, 1, plan.limits).run(calls)
        assert [one.outputs for one in found.rows] == [score_outputs(model, row) for row in rows.tolist()]
        assert found.first_gas - found.rows[0].gas == 2_500 * (len(receipt.contracts) - 1)


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The sending of so many transactions works, the next one fails."""
    send, sent = module.send_transaction, []

    def failing(*arguments: Any) -> Any:
        if len(sent) == number:
            raise TransactionFailed("the node went away")
        sent.append(arguments)
        return send(*arguments)

    monkeypatch.setattr(module, "send_transaction", failing)


@pytest.mark.chain
def test_chain_without_factory(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    anvil.api.call("anvil_setCode", FACTORY, "0x")
    with pytest.raises(NoContract, match="no deployment factory") as refused:
        plan_deployment(w3, program(), "branch")
    assert "deploy_factory" in refused.value.advice
    with pytest.raises(NotBroadcast):
        deploy_factory(w3, signer)
    factory = deploy_factory(w3, signer, broadcast=True)
    plan = plan_deployment(w3, program(), "branch", factory=factory)
    assert deploy(plan, w3, signer, broadcast=True).address == plan.address
    anvil.api.call("anvil_setCode", FACTORY, "0x00")
    with pytest.raises(ChainError, match="is no deployment factory"):
        plan_deployment(w3, program(), "branch")


@pytest.mark.chain
def test_address_is_the_chains(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    plan = plan_deployment(w3, program(), "branch")
    deploy(plan, w3, signer, broadcast=True)
    assert code_at(w3, contract_address(plan.contracts[0].initcode)) == plan.contracts[0].runtime


@pytest.mark.chain
def test_invalid_code_at_the_address(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    plan = plan_deployment(w3, program(), "branch")
    put_code(anvil, plan.address, b"\x00other")
    with pytest.raises(LedgerError, match="not the model that was planned"):
        plan_deployment(w3, program(), "branch")
    with pytest.raises(LedgerError, match="not the model that was planned"):
        deploy(plan, w3, signer, broadcast=True)


@pytest.mark.chain
def test_invalid_chain_kind_and_target(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    plan = plan_deployment(w3, program(), "branch")
    with pytest.raises(WrongChain):
        deploy(replace(plan, limits=replace(plan.limits, chain_id=1)), w3, signer)
    with pytest.raises(ProgramError, match="not for branch: branch code is for trees"):
        plan_deployment(w3, random_linear(1), "branch")
    with pytest.raises(InputError, match="no EVM target of this name; did you mean 'branch'"):
        plan_deployment(w3, program(), "branches")


@pytest.mark.chain
def test_invalid_program_that_does_not_fit(anvil: EmbeddedChain) -> None:
    w3 = connect(anvil.url)
    limits = probe_limits(w3)
    with pytest.raises(ProgramError, match="one transaction may use 60,000"):
        plan_deployment(w3, program(), "branch", replace(limits, transaction_gas=60_000))
    with pytest.raises(ProgramError, match="too small for this program's branch code"):
        plan_deployment(w3, program(), "branch", replace(limits, code_bytes=100))
    with pytest.raises(ProgramError, match=r"code of 8,\d\d\d bytes does not fit: the chain takes 5,000"):
        plan_deployment(w3, program(), "table", replace(limits, code_bytes=5_000))


@pytest.mark.chain
def test_contracts_of_the_same_code_are_planned_once(anvil: EmbeddedChain) -> None:
    part = Part("shard 0", b"\x00", bytes.fromhex("60016000f3"))
    w3 = connect(anvil.url)
    planned = _planned(w3, [part, replace(part, role="shard 1")], probe_limits(w3), FACTORY)
    assert [one.role for one in planned] == ["shard 0"]


@pytest.mark.chain
def test_check_of_a_deployment(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    plan = plan_deployment(w3, program(), "branch")
    receipt = deploy(plan, w3, signer, broadcast=True)
    check_deployment(receipt, program(), w3, plan.limits)
    with pytest.raises(LedgerError, match="of another program"):
        check_deployment(receipt, forest(), w3, plan.limits)
    other = program(base=-3)
    lying = replace(receipt, program_hash=other.hash)
    with pytest.raises(VerificationFailed, match="where the program gives"):
        check_deployment(lying, other, w3, plan.limits)
    put_code(anvil, receipt.address, b"\x00")
    with pytest.raises(LedgerError, match="not the receipt's model"):
        check_deployment(receipt, program(), w3, plan.limits)
    put_code(anvil, receipt.address, b"")
    with pytest.raises(LedgerError, match="there is no model"):
        check_deployment(receipt, program(), w3, plan.limits)


@pytest.mark.chain
def test_runs_from_any_account_by_plain_calls(anvil: EmbeddedChain) -> None:
    """What a contract of others would see: raw rows by ``eth_call``, and the hash."""
    w3 = connect(anvil.url)
    model = forest(2)
    plan = plan_deployment(w3, model, "branch")
    deploy(plan, w3, EmbeddedSigner(anvil.accounts[0]), broadcast=True)
    row = probe_rows(model, 3)[2].tolist()
    found = ask(w3, "eth_call", {"to": plan.address, "data": "0x" + RowCode(model).encode(row).hex()}, "latest")
    assert (int.from_bytes(bytes.fromhex(found[2:]), "big", signed=True),) == score_outputs(model, row)
    selector = "0x" + keccak(b"programHash()")[:4].hex()
    assert ask(w3, "eth_call", {"to": plan.address, "data": selector}, "latest") == "0x" + model.hash.hex()
