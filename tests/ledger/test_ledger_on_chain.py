"""The whole Python side on the embedded chain: deploy, register, commit, resume, read back, prove."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tallystick.chain import EmbeddedChain, EmbeddedSigner, connect
from tallystick.errors import (
    ChainError,
    LedgerError,
    NoContract,
    NotBroadcast,
    RangeError,
    TransactionFailed,
    VerificationFailed,
)
from tallystick.hashing import keccak256
from tallystick.ledger import (
    BlockRange,
    Committer,
    Deployment,
    ModelEntry,
    ModelState,
    OurHalf,
    PredictionLog,
    RangeCutter,
    RangeRoot,
    Registry,
    Sender,
    SendPlan,
    StoredHalf,
    check_contract,
    check_inclusion,
    cut_ranges,
    deploy_contracts,
    prove_inclusion,
    read_claim,
    verify_ranges,
)
from tallystick.units import BlockNumber

pytestmark = pytest.mark.chain

Make = Callable[..., tuple[pa.Table, pa.Table]]
PROGRAM, SPEC = keccak256(b"program"), keccak256(b"spec")
ENTRY = ModelEntry(PROGRAM, SPEC, keccak256(b"dataset"), keccak256(b"metrics"), uri="file:model.tally")


@pytest.fixture
def chain(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.revert(name)


@pytest.fixture
def plans() -> list[SendPlan]:
    return []


@pytest.fixture
def sender(chain: EmbeddedChain, plans: list[SendPlan]) -> Sender:
    return Sender(connect(chain.url), EmbeddedSigner(chain.accounts[0]), is_embedded=True, announce=plans.append)


@pytest.fixture
def deployment(sender: Sender) -> Deployment:
    return deploy_contracts(sender)


@pytest.fixture
def registry(sender: Sender, deployment: Deployment) -> Registry:
    return Registry(sender.w3, deployment.registry)


@pytest.fixture
def log(sender: Sender, deployment: Deployment) -> PredictionLog:
    return PredictionLog(sender.w3, deployment.prediction_log)


def test_deploy_reports_addresses_and_gas(
    sender: Sender, deployment: Deployment, log: PredictionLog, registry: Registry, plans: list[SendPlan]
) -> None:
    assert (deployment.registry, deployment.prediction_log) == (registry.address, log.address)
    assert log.registry_address == registry.address
    assert deployment.chain_id == sender.w3.eth.chain_id
    assert 1_000_000 < deployment.gas_used < 2_500_000
    assert [(plan.what, plan.to) for plan in plans] == [("deploy ModelRegistry", None), ("deploy PredictionLog", None)]
    assert repr(registry) == f"Registry({registry.address})"
    assert repr(log) == f"PredictionLog({log.address})"


def test_register_activates_and_reads_back(sender: Sender, registry: Registry, plans: list[SendPlan]) -> None:
    done = registry.register(sender, ENTRY)
    model = registry.get(done.model_id)
    assert done.model_id == ENTRY.model_id(sender.signer.address) == model.model_id
    assert (model.owner, model.state, model.entry) == (sender.signer.address.lower(), ModelState.ACTIVE, ENTRY)
    assert 0 < model.registered_at <= sender.w3.eth.get_block("latest")["timestamp"]
    assert registry.models() == [done.model_id]
    assert 200_000 < done.gas_used < 400_000
    assert plans[-2].to_json()["what"] == f"register model 0x{done.model_id.hex()}"
    assert 0 < plans[-2].estimated_gas < 400_000


def test_register_again_does_nothing(sender: Sender, registry: Registry, plans: list[SendPlan]) -> None:
    first = registry.register(sender, ENTRY)
    count = len(plans)
    again = registry.register(sender, ENTRY)
    assert (again.model_id, again.gas_used, len(plans)) == (first.model_id, 0, count)


def test_register_resumes_after_the_first_half(sender: Sender, registry: Registry) -> None:
    sender.send(registry.plan_register(sender, ENTRY))
    model_id = ENTRY.model_id(sender.signer.address)
    assert registry.state(model_id) is ModelState.PROPOSED
    assert registry.register(sender, ENTRY).gas_used < 50_000
    assert registry.state(model_id) is ModelState.ACTIVE


@pytest.mark.parametrize("end", ["retire", "revoke"])
def test_invalid_register_of_an_ended_model(sender: Sender, registry: Registry, end: str) -> None:
    model_id = registry.register(sender, ENTRY).model_id
    sender.send(getattr(registry, f"plan_{end}")(sender, model_id))
    assert registry.state(model_id).name.lower().startswith(end)
    with pytest.raises(LedgerError, match="does not come back"):
        registry.register(sender, ENTRY)


def test_invalid_unknown_model(registry: Registry, log: PredictionLog) -> None:
    with pytest.raises(LedgerError, match="does not know the model"):
        registry.get(PROGRAM)
    with pytest.raises(TransactionFailed, match="prediction_log: no such commitment"):
        log.commitment(PROGRAM, 0)


def test_invalid_uri(sender: Sender, registry: Registry) -> None:
    with pytest.raises(LedgerError, match="uri is longer"):
        registry.plan_register(sender, replace(ENTRY, uri="x" * 257))


def test_invalid_addresses(sender: Sender, deployment: Deployment) -> None:
    with pytest.raises(NoContract):
        Registry(sender.w3, "0x" + "11" * 20)
    with pytest.raises(LedgerError, match="the code at the address is not ModelRegistry"):
        Registry(sender.w3, deployment.prediction_log)
    with pytest.raises(RangeError):
        check_contract(sender.w3, "0x12", "ModelRegistry")


def test_other_chain_needs_broadcast(sender: Sender, registry: Registry, plans: list[SendPlan]) -> None:
    careful = replace(sender, is_embedded=False)
    with pytest.raises(NotBroadcast, match="not sent to chain") as caught:
        registry.register(careful, ENTRY)
    assert caught.value.where["chain_id"] == sender.w3.eth.chain_id
    assert plans[-1].what.startswith("register model")  # it was announced before it was refused
    with pytest.raises(NotBroadcast):
        deploy_contracts(careful)
    assert registry.register(replace(careful, broadcast=True), ENTRY).gas_used > 0


def test_commit_read_verify_prove(sender: Sender, registry: Registry, log: PredictionLog, tables: Make) -> None:
    transfers, predictions = tables(200)
    model_id = registry.register(sender, ENTRY).model_id
    committer = Committer(log, sender, model_id, SPEC)
    results = [committer.commit(rows) for rows in cut_ranges(transfers, predictions, 60)]
    assert [(result.index, result.is_new) for result in results] == [(k, True) for k in range(len(results))]
    assert all(60_000 < result.gas_used < 110_000 for result in results)
    assert log.commitments_count(model_id) == len(results)
    assert log.next_block(model_id) == results[-1].committed.range.last_block

    claim = read_claim(registry, log, model_id)
    assert (claim.program_hash, claim.feature_spec_hash, claim.state) == (PROGRAM, SPEC, ModelState.ACTIVE)
    ours = OurHalf(PROGRAM, SPEC, transfers, predictions)
    assert verify_ranges(claim, ours, StoredHalf(predictions, transfers)).matches

    commitment = claim.commitments[1]
    row = claim.commitments[0].count + 5
    cells = transfers.slice(row, 1).to_pylist()[0]
    place = log.place(model_id)
    proof = prove_inclusion(
        place, commitment, transfers, predictions, cells["transaction_hash"], cells["transfer_index"]
    )
    assert check_inclusion(proof, log.commitment(model_id, proof.index)).value_binary == cells["value_binary"]
    assert log.verify_inclusion(proof)
    assert not log.verify_inclusion(replace(proof, leaf_index=proof.leaf_index + 1))


def test_commit_resumes(sender: Sender, registry: Registry, log: PredictionLog, tables: Make) -> None:
    transfers, predictions = tables(200)
    model_id = registry.register(sender, ENTRY).model_id
    cuts = cut_ranges(transfers.slice(0, 130), predictions.slice(0, 130), 60)
    first = [Committer(log, sender, model_id, SPEC).commit(rows) for rows in cuts[:2]]

    again = Committer(log, sender, model_id, SPEC)
    assert again.committed == [result.committed.range for result in first]
    cutter = RangeCutter(60, again.committed)
    results = [again.commit(rows) for rows in [*cutter.push(transfers, predictions), *cutter.finish()]]
    assert [result.is_new for result in results] == [False, False, True, *[True] * (len(results) - 3)]
    assert [result.index for result in results] == list(range(len(results)))
    assert again.commit(cuts[0]).gas_used == 0


def _one_more(predictions: pa.Table) -> pa.Table:
    rows = predictions.to_pylist()
    rows[0]["sender_ppm"] ^= 1
    return pa.Table.from_pylist(rows, schema=predictions.schema)


def test_invalid_commits(sender: Sender, registry: Registry, log: PredictionLog, tables: Make) -> None:
    transfers, predictions = tables(100)
    model_id = registry.register(sender, ENTRY).model_id
    committer = Committer(log, sender, model_id, SPEC)
    rows = cut_ranges(transfers, predictions, 60)[0]
    committer.commit(rows)
    with pytest.raises(VerificationFailed, match="is on the ledger with another root"):
        committer.commit(replace(rows, predictions=_one_more(rows.predictions)))
    with pytest.raises(LedgerError, match="begins before the end of committed range"):
        committer.commit(cut_ranges(transfers, predictions, 30)[0])


def test_invalid_commit_is_refused_before_it_is_sent(
    sender: Sender, registry: Registry, log: PredictionLog, chain: EmbeddedChain, plans: list[SendPlan], tables: Make
) -> None:
    rows = cut_ranges(*tables(10), 60)[0]
    model_id = registry.register(sender, ENTRY).model_id
    count = len(plans)
    with pytest.raises(TransactionFailed, match="prediction_log: feature spec differs"):
        Committer(log, sender, model_id, PROGRAM).commit(rows)
    stranger = replace(sender, signer=EmbeddedSigner(chain.accounts[1]))
    with pytest.raises(TransactionFailed, match="prediction_log: caller is not the owner"):
        Committer(log, stranger, model_id, SPEC).commit(rows)
    sender.send(registry.plan_retire(sender, model_id))
    with pytest.raises(TransactionFailed, match="prediction_log: model is not active"):
        Committer(log, sender, model_id, SPEC).commit(rows)
    assert len(plans) == count + 1


def test_invalid_claim_of_another_registry(sender: Sender, log: PredictionLog) -> None:
    other = Registry(sender.w3, deploy_contracts(sender).registry)
    with pytest.raises(LedgerError, match="the log is bound to registry"):
        read_claim(other, log, PROGRAM)


def test_commit_of_a_million_costs_what_commit_of_one_does(
    sender: Sender, registry: Registry, log: PredictionLog
) -> None:
    model_id = registry.register(sender, ENTRY).model_id
    gas: list[Any] = []
    for number in range(3):
        first = 5_000_000 + 10_000 * number
        blocks = BlockRange(BlockNumber(first), BlockNumber(first + 10_000))
        root = RangeRoot(blocks, 1_000_000, keccak256(bytes([number])))
        gas.append(sender.send(log.plan_commit(sender, model_id, SPEC, root))["gasUsed"])
    assert max(gas) < 105_000
    assert max(gas[1:]) < 87_000


def test_invalid_deployment_without_address(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sender, "run", lambda *_: {"contractAddress": None, "gasUsed": 1})
    with pytest.raises(LedgerError, match="the node gives no address for ModelRegistry"):
        deploy_contracts(sender)


def test_invalid_estimate_keeps_its_cause(sender: Sender, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> int:
        raise ConnectionError("gone")

    monkeypatch.setattr(sender.w3.eth, "estimate_gas", refuse)
    with pytest.raises(ChainError, match="the node does not estimate the gas: gone"):
        registry.register(sender, ENTRY)
