"""The registry's rules: who may do what in which state, and events that tell all of it."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tallystick.hashing import keccak256

NONE = bytes(32)
UNKNOWN, PROPOSED, ACTIVE, RETIRED, REVOKED = range(5)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


PROGRAM, SPEC, DATASET, METRICS = map(_word, range(1, 5))
STRANGER = boa.env.generate_address()


def _register(registry: Any, program: bytes = PROGRAM, parent: bytes = NONE, **keywords: Any) -> bytes:
    return bytes(registry.register(program, SPEC, DATASET, METRICS, parent, "file:model.tally", **keywords))


def _events(registry: Any, name: str) -> list[Any]:
    return [event for event in registry.get_logs() if type(event).__name__ == name]


def test_register_keeps_everything(registry: Any) -> None:
    model_id = _register(registry)
    (event,) = _events(registry, "ModelRegistered")
    model = registry.model(model_id)
    assert model.owner == boa.env.eoa
    assert model.state == PROPOSED
    assert model.registered_at == boa.env.timestamp
    assert (model.program_hash, model.feature_spec_hash) == (PROGRAM, SPEC)
    assert (model.dataset_hash, model.metrics_hash, model.parent) == (DATASET, METRICS, NONE)
    assert model.uri == "file:model.tally"
    assert (event.model_id, event.owner, event.program_hash) == (model_id, boa.env.eoa, PROGRAM)
    assert (event.feature_spec_hash, event.dataset_hash, event.metrics_hash) == (SPEC, DATASET, METRICS)
    assert (event.parent, event.uri) == (NONE, model.uri)
    assert registry.models_count() == 1
    assert registry.model_at(0) == model_id


def test_identifier_is_the_hash_of_owner_and_contents(registry: Any) -> None:
    contents = encode(
        ["address", "bytes32", "bytes32", "bytes32", "bytes32", "bytes32"],
        [boa.env.eoa, PROGRAM, SPEC, DATASET, METRICS, NONE],
    )
    expected = keccak256(contents)
    assert registry.derive_id(boa.env.eoa, PROGRAM, SPEC, DATASET, METRICS, NONE) == expected
    assert _register(registry) == expected


def test_two_owners_may_register_the_same_program(registry: Any) -> None:
    assert _register(registry) != _register(registry, sender=STRANGER)


def test_life_cycle(registry: Any) -> None:
    model_id = _register(registry)
    for act, before, after in (("activate", 1, 2), ("retire", 2, 3), ("revoke", 3, 4)):
        getattr(registry, act)(model_id)
        (event,) = _events(registry, "ModelStateChanged")
        assert (event.model_id, event.previous_state, event.new_state) == (model_id, before, after)
        assert registry.authority(model_id) == (boa.env.eoa, after, SPEC)


def test_child_names_its_parent(registry: Any) -> None:
    parent = _register(registry)
    child = _register(registry, program=_word(9), parent=parent)
    assert registry.model(child).parent == parent


def test_erc_7992_view(registry: Any) -> None:
    model_id = _register(registry)
    commitment, deprecated, owner = registry.getModel(int.from_bytes(model_id, "big"))
    assert (commitment.modelHash, commitment.circuitHash, commitment.vkHash) == (PROGRAM, NONE, NONE)
    assert commitment.proofSystemId == keccak256(b"re-execution-v1")[:4] == registry.PROOF_SYSTEM_ID()
    assert (commitment.uri, deprecated, owner) == ("file:model.tally", False, boa.env.eoa)
    registry.revoke(model_id)
    assert registry.getModel(int.from_bytes(model_id, "big"))[1]


def test_authority_of_an_unknown_model_is_nobody(registry: Any) -> None:
    owner, state, spec = registry.authority(_word(7))
    assert (int(owner, 16), state, spec) == (0, UNKNOWN, NONE)


def test_public_constants_are_the_states(registry: Any) -> None:
    names = ("UNKNOWN", "PROPOSED", "ACTIVE", "RETIRED", "REVOKED")
    assert [getattr(registry, name)() for name in names] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((NONE, SPEC, DATASET, METRICS, NONE, ""), "model_registry: program hash is empty"),
        ((PROGRAM, NONE, DATASET, METRICS, NONE, ""), "model_registry: feature spec hash is empty"),
        ((PROGRAM, SPEC, DATASET, METRICS, _word(5), ""), "model_registry: parent is unknown"),
    ],
)
def test_invalid_registration(registry: Any, arguments: tuple[object, ...], reason: str) -> None:
    with boa.reverts(vm_error=reason):
        registry.register(*arguments)


def test_invalid_second_registration(registry: Any) -> None:
    _register(registry)
    with boa.reverts(vm_error="model_registry: model is already registered"):
        _register(registry)


@pytest.mark.parametrize("act", ["activate", "retire", "revoke"])
def test_invalid_caller_or_model(registry: Any, act: str) -> None:
    model_id = _register(registry)
    with boa.reverts(vm_error="model_registry: caller is not the owner"):
        getattr(registry, act)(model_id, sender=STRANGER)
    with boa.reverts(vm_error="model_registry: model is unknown"):
        getattr(registry, act)(_word(7))


def test_invalid_views_of_an_unknown_model(registry: Any) -> None:
    with boa.reverts(vm_error="model_registry: model is unknown"):
        registry.model(_word(7))
    with boa.reverts(vm_error="model_registry: model is unknown"):
        registry.getModel(7)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(["activate", "retire", "revoke"]), max_size=6))
def test_no_sequence_leaves_the_state_machine(registry_deployer: Any, acts: list[str]) -> None:
    moves = {("activate", 1): 2, ("retire", 2): 3, ("revoke", 1): 4, ("revoke", 2): 4, ("revoke", 3): 4}
    refusals = {
        "activate": "model is not proposed",
        "retire": "model is not active",
        "revoke": "model is already revoked",
    }
    with boa.env.anchor():
        registry = registry_deployer.deploy()
        model_id, state = _register(registry), PROPOSED
        for act in acts:
            if (act, state) in moves:
                getattr(registry, act)(model_id)
                state = moves[act, state]
            else:
                with boa.reverts(vm_error=f"model_registry: {refusals[act]}"):
                    getattr(registry, act)(model_id)
            assert registry.model(model_id).state == state


class RegistryMachine(RuleBasedStateMachine):
    """Anybody calls anything; what the events say is what the registry holds, and only owners move models."""

    deployer: Any

    @initialize()
    def start(self) -> None:
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self.registry = self.deployer.deploy()
        self.people = [boa.env.generate_address() for _ in range(2)]
        self.told: dict[bytes, tuple[str, int]] = {}

    def _listen(self) -> None:
        for event in self.registry.get_logs():
            if type(event).__name__ == "ModelRegistered":
                self.told[bytes(event.model_id)] = (event.owner, PROPOSED)
            else:
                owner, state = self.told[bytes(event.model_id)]
                assert state == event.previous_state
                self.told[bytes(event.model_id)] = (owner, event.new_state)

    @rule(who=st.integers(0, 1), program=st.integers(1, 3))
    def register(self, who: int, program: int) -> None:
        try:
            _register(self.registry, _word(program), sender=self.people[who])
        except boa.BoaError:
            return
        self._listen()

    @rule(who=st.integers(0, 1), pick=st.integers(0, 5), act=st.sampled_from(["activate", "retire", "revoke"]))
    def move(self, who: int, pick: int, act: str) -> None:
        model_id = list(self.told)[pick] if pick < len(self.told) else _word(pick)
        try:
            getattr(self.registry, act)(model_id, sender=self.people[who])
        except boa.BoaError:
            return
        assert self.told[model_id][0] == self.people[who]
        self._listen()

    @invariant()
    def events_tell_the_state(self) -> None:
        if not hasattr(self, "registry"):
            return
        assert self.registry.models_count() == len(self.told)
        for number, (model_id, (owner, state)) in enumerate(self.told.items()):
            assert self.registry.model_at(number) == model_id
            assert self.registry.authority(model_id)[:2] == (owner, state)

    def teardown(self) -> None:
        if hasattr(self, "_anchor"):
            self._anchor.__exit__(None, None, None)


def test_registry_machine(registry_deployer: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (RegistryMachine,), {"deployer": registry_deployer})
    run_state_machine_as_test(machine, settings=settings(max_examples=10, stateful_step_count=15, deadline=None))
