"""The PredictionLog contract from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.chain import Contract
from tallystick.errors import LedgerError
from tallystick.ledger._commitment import Commitment, LedgerClaim, RangeRoot
from tallystick.ledger._deploy import check_contract
from tallystick.ledger._inclusion import InclusionProof, LedgerPlace
from tallystick.ledger._leaf import leaf_hash
from tallystick.ledger._ranges import BlockRange
from tallystick.ledger._registry import Registry
from tallystick.ledger._sender import Sender, SendPlan
from tallystick.units import BlockNumber, Hash, UnixSeconds, format_hash, parse_address

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["PredictionLog", "read_claim"]


class PredictionLog:
    """One prediction log contract.

    Raises
    ------
    NoContract
        No code at the address.
    LedgerError
        Other code than ours.
    """

    def __init__(self, w3: Web3, address: str) -> None:
        self._contract: Contract = check_contract(w3, address, "PredictionLog")
        self.address = self._contract.address.lower()

    def __repr__(self) -> str:
        return f"PredictionLog({self.address})"

    @property
    def registry_address(self) -> str:
        """Registry that the log is bound to, lower-case hexadecimal."""
        return str(self._contract.call("REGISTRY")).lower()

    def place(self, model_id: Hash) -> LedgerPlace:
        """Where a model's commitments stand, as inclusion proofs name it."""
        return LedgerPlace(self._contract.w3.eth.chain_id, parse_address(self.address), model_id)

    def commitments_count(self, model_id: Hash) -> int:
        """How many ranges a model committed."""
        return int(self._contract.call("commitments_count", model_id))

    def next_block(self, model_id: Hash) -> BlockNumber:
        """First block that a model's next range may begin with."""
        return BlockNumber(self._contract.call("next_block", model_id))

    def commitment(self, model_id: Hash, index: int) -> Commitment:
        """Read one commitment.

        Raises
        ------
        TransactionFailed
            There is no such commitment.
        """
        root, first, last, count, committed_at = self._contract.call("commitment", model_id, index)
        blocks = BlockRange(BlockNumber(first), BlockNumber(last))
        return Commitment(blocks, count, Hash(bytes(root)), index, UnixSeconds(committed_at))

    def commitments(self, model_id: Hash) -> tuple[Commitment, ...]:
        """All commitments of a model, in the order of the ledger."""
        return tuple(self.commitment(model_id, index) for index in range(self.commitments_count(model_id)))

    def plan_commit(self, sender: Sender, model_id: Hash, feature_spec_hash: Hash, root: RangeRoot) -> SendPlan:
        """Plan to commit one range."""
        what = f"commit {root.count} predictions of blocks {root.range} for model {format_hash(model_id)}"
        blocks = (root.range.first_block, root.range.last_block)
        return sender.plan(
            what, self._contract.transaction("commit", model_id, *blocks, root.count, root.root, feature_spec_hash)
        )

    def verify_inclusion(self, proof: InclusionProof) -> bool:
        """Ask the contract whether a proof's leaf stands under the committed root."""
        leaf = leaf_hash(proof.leaf)
        arguments = (proof.model_id, proof.index, leaf, proof.leaf_index, list(proof.path))
        return bool(self._contract.call("verify_inclusion", *arguments))


def read_claim(registry: Registry, log: PredictionLog, model_id: Hash) -> LedgerClaim:
    """Read the ledger's half of a model: what it says it is, and all it committed to.

    Raises
    ------
    LedgerError
        The log is bound to another registry, or the registry does not know the model.
    """
    if log.registry_address != registry.address:
        raise LedgerError(f"the log is bound to registry {log.registry_address}", address=registry.address)
    model = registry.get(model_id)
    return LedgerClaim(
        model_id, model.state, model.entry.program_hash, model.entry.feature_spec_hash, log.commitments(model_id)
    )
