"""The log's rules, and its Merkle walk against the plain Python one."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tallystick.hashing import keccak256
from tallystick.ledger._merkle import merkle_proof, merkle_root, verify_proof

NONE = bytes(32)
SPEC = b"\x02" * 32
ROOT = b"\x05" * 32
STRANGER = boa.env.generate_address()


def _activate(registry: Any, program: bytes = b"\x01" * 32, **keywords: Any) -> bytes:
    model_id = bytes(registry.register(program, SPEC, NONE, NONE, NONE, "", **keywords))
    registry.activate(model_id, **keywords)
    return model_id


@pytest.fixture
def model_id(registry: Any) -> bytes:
    return _activate(registry)


def test_commit_keeps_and_tells_everything(log: Any, model_id: bytes) -> None:
    assert log.commitments_count(model_id) == log.next_block(model_id) == 0
    assert log.commit(model_id, 10, 20, 7, ROOT, SPEC) == 0
    (event,) = log.get_logs()
    assert (event.model_id, event.index, event.root) == (model_id, 0, ROOT)
    assert (event.first_block, event.last_block, event.count) == (10, 20, 7)
    committed = log.commitment(model_id, 0)
    assert (committed.root, committed.first_block, committed.last_block, committed.count) == (ROOT, 10, 20, 7)
    assert committed.committed_at == boa.env.timestamp
    assert log.commitments_count(model_id) == 1
    assert log.next_block(model_id) == 20


def test_ranges_may_touch_and_may_leave_gaps(log: Any, model_id: bytes) -> None:
    for number, (first, last) in enumerate([(0, 1), (1, 5), (9, 2**64 - 1)]):
        assert log.commit(model_id, first, last, 2**64 - 1, ROOT, SPEC) == number
        committed = log.commitment(model_id, number)
        assert (committed.first_block, committed.last_block, committed.count) == (first, last, 2**64 - 1)


def test_models_do_not_touch_each_other(log: Any, registry: Any, model_id: bytes) -> None:
    other = _activate(registry, program=b"\x09" * 32)
    log.commit(model_id, 100, 200, 1, ROOT, SPEC)
    assert log.commit(other, 10, 20, 1, ROOT, SPEC) == 0
    assert (log.next_block(model_id), log.next_block(other)) == (200, 20)


def test_log_knows_its_registry(log: Any, registry: Any) -> None:
    assert log.REGISTRY() == registry.address


def test_invalid_registry_without_code(log_deployer: Any) -> None:
    with boa.reverts(vm_error="prediction_log: registry has no code"):
        log_deployer.deploy(STRANGER)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((20, 20, 1, ROOT, SPEC), "prediction_log: range is empty"),
        ((21, 20, 1, ROOT, SPEC), "prediction_log: range is empty"),
        ((20, 21, 0, ROOT, SPEC), "prediction_log: count is zero"),
        ((20, 21, 1, NONE, SPEC), "prediction_log: root is empty"),
        ((20, 21, 1, ROOT, ROOT), "prediction_log: feature spec differs"),
        ((9, 21, 1, ROOT, SPEC), "prediction_log: range does not increase"),
        ((0, 5, 1, ROOT, SPEC), "prediction_log: range does not increase"),
    ],
)
def test_invalid_commit(log: Any, model_id: bytes, arguments: tuple[object, ...], reason: str) -> None:
    log.commit(model_id, 5, 10, 1, ROOT, SPEC)
    with boa.reverts(vm_error=reason):
        log.commit(model_id, *arguments)
    assert log.commitments_count(model_id) == 1


def test_invalid_committer(log: Any, model_id: bytes) -> None:
    with boa.reverts(vm_error="prediction_log: caller is not the owner"):
        log.commit(model_id, 5, 10, 1, ROOT, SPEC, sender=STRANGER)


def test_invalid_model_state(log: Any, registry: Any) -> None:
    proposed = bytes(registry.register(b"\x01" * 32, SPEC, NONE, NONE, NONE, ""))
    for model_id in (proposed, b"\x07" * 32):
        with boa.reverts(vm_error="prediction_log: model is not active"):
            log.commit(model_id, 5, 10, 1, ROOT, SPEC)
    registry.activate(proposed)
    log.commit(proposed, 5, 10, 1, ROOT, SPEC)
    registry.retire(proposed)
    with boa.reverts(vm_error="prediction_log: model is not active"):
        log.commit(proposed, 10, 11, 1, ROOT, SPEC)
    assert log.commitment(proposed, 0).root == ROOT


def test_invalid_commitment_index(log: Any, model_id: bytes) -> None:
    with boa.reverts(vm_error="prediction_log: no such commitment"):
        log.commitment(model_id, 0)
    with boa.reverts(vm_error="prediction_log: no such commitment"):
        log.verify_inclusion(model_id, 0, ROOT, 0, [])


def _hashes(count: int) -> list[bytes]:
    return [keccak256(number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 13])
def test_inclusion_of_every_leaf(log: Any, model_id: bytes, count: int) -> None:
    hashes = _hashes(count)
    log.commit(model_id, 0, 1, count, merkle_root(hashes), SPEC)
    for index in range(count):
        proof = merkle_proof(hashes, index)
        assert log.verify_inclusion(model_id, 0, hashes[index], index, proof)
        assert not log.verify_inclusion(model_id, 0, keccak256(hashes[index]), index, proof)
        assert not log.verify_inclusion(model_id, 0, hashes[index], index + 1, proof)
        assert not log.verify_inclusion(model_id, 0, hashes[index], index, [*proof, ROOT])


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_inclusion_equals_python_on_anything(registry_deployer: Any, log_deployer: Any, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 70), "count")
    claimed = data.draw(st.just(count) | st.integers(1, 2**64 - 1), "claimed count")
    index = data.draw(st.integers(0, count - 1) | st.integers(0, 2**64 - 1), "index")
    hashes = _hashes(count)
    honest = merkle_proof(hashes, index % count)
    proof = data.draw(st.just(honest) | st.lists(st.sampled_from([*honest, ROOT]), max_size=64), "proof")
    root = merkle_root(hashes)
    with boa.env.anchor():
        registry = registry_deployer.deploy()
        log = log_deployer.deploy(registry.address)
        model_id = _activate(registry)
        log.commit(model_id, 0, 1, claimed, root, SPEC)
        said = log.verify_inclusion(model_id, 0, hashes[index % count], index, proof)
    assert said == verify_proof(root, claimed, index, hashes[index % count], proof)


class LogMachine(RuleBasedStateMachine):
    """Whatever anybody commits: ranges of a model increase, nothing kept ever changes, only the owner adds."""

    deployers: tuple[Any, Any]

    @initialize()
    def start(self) -> None:
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        registry = self.deployers[0].deploy()
        self.log = self.deployers[1].deploy(registry.address)
        self.owners = [boa.env.generate_address() for _ in range(2)]
        self.models = [_activate(registry, sender=owner) for owner in self.owners]
        self.kept: list[list[tuple[int, int, int, bytes]]] = [[], []]

    @rule(
        model=st.integers(0, 1),
        who=st.integers(0, 1),
        first=st.integers(0, 60),
        size=st.integers(0, 9),
        count=st.integers(0, 3),
    )
    def commit(self, model: int, who: int, first: int, size: int, count: int) -> None:
        entry = (first, first + size, count, keccak256(bytes([first, size, count])))
        try:
            index = self.log.commit(self.models[model], *entry, SPEC, sender=self.owners[who])
        except boa.BoaError:
            end = self.kept[model][-1][1] if self.kept[model] else 0
            assert who != model or size == 0 or count == 0 or first < end
            return
        assert who == model
        assert index == len(self.kept[model])
        self.kept[model].append(entry)

    @invariant()
    def everything_is_kept_in_order(self) -> None:
        for model_id, entries in zip(getattr(self, "models", []), getattr(self, "kept", []), strict=True):
            assert self.log.commitments_count(model_id) == len(entries)
            for index, entry in enumerate(entries):
                have = self.log.commitment(model_id, index)
                assert (have.first_block, have.last_block, have.count, have.root) == entry
            ends = [0, *(entry[1] for entry in entries)]
            assert all(entry[0] >= end for entry, end in zip(entries, ends, strict=False))

    def teardown(self) -> None:
        if hasattr(self, "_anchor"):
            self._anchor.__exit__(None, None, None)


def test_log_machine(registry_deployer: Any, log_deployer: Any) -> None:
    machine = type("Machine", (LogMachine,), {"deployers": (registry_deployer, log_deployer)})
    run_state_machine_as_test(machine, settings=settings(max_examples=10, stateful_step_count=15, deadline=None))
