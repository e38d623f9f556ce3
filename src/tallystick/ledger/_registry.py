"""The ModelRegistry contract from Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from eth_abi.abi import encode

from tallystick.chain import Contract
from tallystick.errors import LedgerError
from tallystick.hashing import keccak256
from tallystick.ledger._commitment import ModelState
from tallystick.ledger._deploy import check_contract
from tallystick.ledger._sender import Sender, SendPlan
from tallystick.units import Gas, Hash, UnixSeconds, format_address, format_hash, parse_address

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["NO_HASH", "ModelEntry", "RegisteredModel", "Registration", "Registry"]

NO_HASH: Final = Hash(bytes(32))
_MAX_URI_BYTES: Final = 256


@dataclass(frozen=True)
class ModelEntry:
    """What is registered of a model; an empty hash means "not told".

    Parameters
    ----------
    program_hash
        Keccak-256 of the exact program's canonical bytes.
    feature_spec_hash
        Hash of the feature specification it was made for.
    dataset_hash
        Hash of the manifest of its training data.
    metrics_hash
        Hash of its evaluation report.
    parent
        Identifier of the model it replaces.
    uri
        Where program and card can be fetched, at most 256 bytes.
    """

    program_hash: Hash
    feature_spec_hash: Hash
    dataset_hash: Hash = NO_HASH
    metrics_hash: Hash = NO_HASH
    parent: Hash = NO_HASH
    uri: str = ""

    def model_id(self, owner: str) -> Hash:
        """Identifier that the registry derives when ``owner`` registers this; known before anything is sent."""
        kinds = ["address", "bytes32", "bytes32", "bytes32", "bytes32", "bytes32"]
        return keccak256(encode(kinds, [format_address(parse_address(owner)), *self._hashes()]))

    def _hashes(self) -> tuple[bytes, ...]:
        return (self.program_hash, self.feature_spec_hash, self.dataset_hash, self.metrics_hash, self.parent)

    def arguments(self) -> tuple[Any, ...]:
        """Arguments of the contract's ``register``."""
        if len(self.uri.encode()) > _MAX_URI_BYTES:
            raise LedgerError(f"uri is longer than {_MAX_URI_BYTES} bytes")
        return (*self._hashes(), self.uri)


@dataclass(frozen=True)
class RegisteredModel:
    """A model as it stands in the registry; ``owner`` in lower-case hexadecimal."""

    model_id: Hash
    owner: str
    state: ModelState
    registered_at: UnixSeconds
    entry: ModelEntry


@dataclass(frozen=True)
class Registration:
    """Result of registering: the model, and the gas used (0 where it was there and active already)."""

    model_id: Hash
    gas_used: Gas


class Registry:
    """One registry contract.

    Raises
    ------
    NoContract
        No code at the address.
    LedgerError
        Other code than ours.
    """

    def __init__(self, w3: Web3, address: str) -> None:
        self._contract: Contract = check_contract(w3, address, "ModelRegistry")
        self.address = self._contract.address.lower()

    def __repr__(self) -> str:
        return f"Registry({self.address})"

    def get(self, model_id: Hash) -> RegisteredModel:
        """Read one model.

        Raises
        ------
        LedgerError
            The registry does not know it.
        """
        if self.state(model_id) is ModelState.UNKNOWN:
            raise LedgerError(
                "the registry does not know the model",
                next_step="Check model and registry, or register it with `tally register`.",
                model=format_hash(model_id),
                address=self.address,
            )
        owner, state, registered_at, *hashes, uri = self._contract.call("model", model_id)
        program, spec, dataset, metrics, parent = (Hash(bytes(part)) for part in hashes)
        return RegisteredModel(
            model_id=model_id,
            owner=owner.lower(),
            state=ModelState(state),
            registered_at=UnixSeconds(registered_at),
            entry=ModelEntry(program, spec, dataset, metrics, parent, uri),
        )

    def state(self, model_id: Hash) -> ModelState:
        """State of a model; ``UNKNOWN`` where the registry does not have it."""
        return ModelState(self._contract.call("authority", model_id)[1])

    def models(self) -> list[Hash]:
        """Identifiers of all models, in the order they were registered."""
        count = self._contract.call("models_count")
        return [Hash(bytes(self._contract.call("model_at", number))) for number in range(count)]

    def plan_register(self, sender: Sender, entry: ModelEntry) -> SendPlan:
        """Plan to register a model; it is then proposed."""
        what = f"register model {format_hash(entry.model_id(sender.signer.address))}"
        return sender.plan(what, self._contract.transaction("register", *entry.arguments()))

    def plan_activate(self, sender: Sender, model_id: Hash) -> SendPlan:
        """Plan to let a proposed model commit predictions."""
        return self._plan_move(sender, "activate", model_id)

    def plan_retire(self, sender: Sender, model_id: Hash) -> SendPlan:
        """Plan to end an active model's commits; what it committed stands."""
        return self._plan_move(sender, "retire", model_id)

    def plan_revoke(self, sender: Sender, model_id: Hash) -> SendPlan:
        """Plan to declare a model not to be relied upon; this is final."""
        return self._plan_move(sender, "revoke", model_id)

    def _plan_move(self, sender: Sender, act: str, model_id: Hash) -> SendPlan:
        return sender.plan(f"{act} model {format_hash(model_id)}", self._contract.transaction(act, model_id))

    def register(self, sender: Sender, entry: ModelEntry) -> Registration:
        """Register and activate a model; whatever of it is done already is not done again.

        Raises
        ------
        LedgerError
            The model was retired or revoked.
        NotBroadcast
            Something is left to do, and it may not be sent.
        """
        model_id = entry.model_id(sender.signer.address)
        state, gas = self.state(model_id), 0
        if state is ModelState.UNKNOWN:
            gas += sender.send(self.plan_register(sender, entry))["gasUsed"]
            state = ModelState.PROPOSED
        if state is ModelState.PROPOSED:
            gas += sender.send(self.plan_activate(sender, model_id))["gasUsed"]
        elif state is not ModelState.ACTIVE:
            raise LedgerError(
                f"the model is {state.name.lower()} and does not come back",
                next_step="Train or export a new model and register it with this one as its parent.",
                model=format_hash(model_id),
                address=self.address,
            )
        return Registration(model_id, Gas(gas))
