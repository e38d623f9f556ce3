"""Commit ranges of predictions, once each: what is on the ledger already is compared, not sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.errors import LedgerError, VerificationFailed
from tallystick.ledger._commitment import RangeRoot, root_of_range
from tallystick.ledger._prediction_log import PredictionLog
from tallystick.ledger._ranges import BlockRange, RangeRows
from tallystick.ledger._sender import Sender
from tallystick.units import Gas, Hash, format_hash

__all__ = ["CommitResult", "Committer"]


@dataclass(frozen=True)
class CommitResult:
    """One range on the ledger; ``is_new`` is false and ``gas_used`` 0 where it was there before."""

    committed: RangeRoot
    index: int
    gas_used: Gas
    is_new: bool


class Committer:
    """Commits one model's ranges, in order, and resumes after whatever stopped it.

    Parameters
    ----------
    log
        Where to.
    sender
        The model's owner.
    model_id, feature_spec_hash
        Whose predictions, and what they were computed with.
    """

    def __init__(self, log: PredictionLog, sender: Sender, model_id: Hash, feature_spec_hash: Hash) -> None:
        self._log = log
        self._sender = sender
        self._model_id = model_id
        self._feature_spec_hash = feature_spec_hash
        self._there: dict[BlockRange, RangeRoot] = {item.range: item for item in log.commitments(model_id)}

    @property
    def committed(self) -> list[BlockRange]:
        """Ranges on the ledger, in order; a :class:`RangeCutter` takes them."""
        return list(self._there)

    def commit(self, rows: RangeRows) -> CommitResult:
        """Commit one range, or find it committed.

        Raises
        ------
        VerificationFailed
            The range is on the ledger with another root or count.
        LedgerError
            It overlaps a range on the ledger.
        NotBroadcast
            It may not be sent.
        """
        root = root_of_range(rows)
        if root.range in self._there:
            return self._compare(root)
        if self._there and root.range.first_block < self.committed[-1].last_block:
            cause = f"block range {root.range} begins before the end of committed range {self.committed[-1]}"
            raise LedgerError(cause, next_step="Cut the stream with the committed ranges.", **self._where(root.range))
        plan = self._log.plan_commit(self._sender, self._model_id, self._feature_spec_hash, root)
        receipt = self._sender.send(plan)
        self._there[root.range] = root
        return CommitResult(root, len(self._there) - 1, Gas(receipt["gasUsed"]), is_new=True)

    def _compare(self, root: RangeRoot) -> CommitResult:
        there = self._there[root.range]
        if (there.count, there.root) != (root.count, root.root):
            cause = f"block range {root.range} is on the ledger with another root: inputs or scores differ"
            raise VerificationFailed(cause, **self._where(root.range))
        return CommitResult(root, self.committed.index(root.range), Gas(0), is_new=False)

    def _where(self, blocks: BlockRange) -> dict[str, Any]:
        return {"model": format_hash(self._model_id), "address": self._log.address, "block": blocks.first_block}
