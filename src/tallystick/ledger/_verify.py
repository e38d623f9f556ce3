"""Lay the halves together: the ledger's roots, what was kept, and what running it again gives.

Pure: reading the ledger and recomputing happen elsewhere. The checks go from the whole to the
part, and the first one that fails is the answer: program, feature specification, order of the
ranges, inputs row by row, predictions row by row, and last each range's count and root.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from tallystick.errors import InputError, LedgerError, VerificationFailed
from tallystick.ledger._commitment import Commitment, LedgerClaim, ModelState, root_of_rows
from tallystick.ledger._compare import Mismatch, MismatchKind, compare_predictions, compare_transfers
from tallystick.ledger._ranges import BlockRange, rows_of_range, rows_of_ranges
from tallystick.units import Hash, format_hash

__all__ = ["OurHalf", "StoredHalf", "VerifyReport", "verify_ranges"]


@dataclass(frozen=True)
class OurHalf:
    """What the verifier has and computes: the program's and engine's hashes, source, and fresh predictions."""

    program_hash: Hash
    feature_spec_hash: Hash
    transfers: pa.Table
    predictions: pa.Table


@dataclass(frozen=True)
class StoredHalf:
    """What was kept by whoever made the predictions, where the verifier has it."""

    predictions: pa.Table | None = None
    transfers: pa.Table | None = None


@dataclass(frozen=True)
class VerifyReport:
    """Answer of a verification.

    Parameters
    ----------
    mismatch
        The first difference; ``None`` for MATCH.
    blocks
        From the first committed block to the last.
    ranges, transfers
        How many committed ranges and transfers were laid together.
    pending
        Recomputed predictions after the last committed block: not on the ledger yet, so not checked.
    before
        Recomputed predictions before the first committed block: never committed, so not checked.
    state
        The model's state in the registry; a revoked model's predictions should not be relied upon.
    """

    model_id: Hash
    state: ModelState
    mismatch: Mismatch | None
    blocks: BlockRange
    ranges: int
    transfers: int
    pending: int
    before: int

    @property
    def matches(self) -> bool:
        """Whether the halves match to the last bit."""
        return self.mismatch is None

    def check(self) -> None:
        """Raise the difference, if there is one.

        Raises
        ------
        VerificationFailed
            With the cause, the model and the block.
        """
        if self.mismatch is not None:
            raise VerificationFailed(self.mismatch.cause, model=format_hash(self.model_id), block=self.mismatch.block)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        return {
            "result": "MATCH" if self.matches else "MISMATCH",
            "model_id": format_hash(self.model_id),
            "state": self.state.name.lower(),
            "first_block": self.blocks.first_block,
            "last_block": self.blocks.last_block,
            "ranges": self.ranges,
            "transfers": self.transfers,
            "pending": self.pending,
            "before": self.before,
            "mismatch": None if self.mismatch is None else self.mismatch.to_json(),
        }


def verify_ranges(claim: LedgerClaim, ours: OurHalf, stored: StoredHalf | None = None) -> VerifyReport:
    """Hold a model's commitments against a fresh computation, and against what was kept if it is there.

    Parameters
    ----------
    claim
        The ledger's half.
    ours
        Source and fresh predictions, aligned row by row; they may begin before and end after the
        committed blocks.
    stored
        With it the finding names the row and field; without it, the block range.

    Raises
    ------
    LedgerError
        The model has no commitments.
    """
    if not claim.commitments:
        raise LedgerError("model has no commitments", model=format_hash(claim.model_id))
    firsts = [item.range.first_block for item in claim.commitments]
    blocks = BlockRange(min(firsts), max(item.range.last_block for item in claim.commitments))
    inside = OurHalf(
        ours.program_hash,
        ours.feature_spec_hash,
        rows_of_range(ours.transfers, blocks),
        rows_of_range(ours.predictions, blocks),
    )
    numbers = ours.predictions.column("block_number").to_numpy()
    return VerifyReport(
        model_id=claim.model_id,
        state=claim.state,
        mismatch=_find(claim, inside, stored or StoredHalf(), blocks),
        blocks=blocks,
        ranges=len(claim.commitments),
        transfers=inside.transfers.num_rows,
        pending=int(np.count_nonzero(numbers >= blocks.last_block)),
        before=int(np.count_nonzero(numbers < blocks.first_block)),
    )


def _find(claim: LedgerClaim, ours: OurHalf, stored: StoredHalf, blocks: BlockRange) -> Mismatch | None:
    found = _compare_identity(claim, ours) or _compare_order(claim.commitments)
    if found is not None:
        return found
    kept_transfers = None if stored.transfers is None else _inside(stored.transfers, blocks)
    kept = None if stored.predictions is None else _inside(stored.predictions, blocks)
    if kept_transfers is not None:
        found = compare_transfers(kept_transfers, ours.transfers)
    if found is None and kept is not None:
        found = _compare_stored_order(claim.commitments, kept) or compare_predictions(kept, ours.predictions)
    if found is not None:
        return _blame(found, claim.commitments, ours, kept, kept_transfers)
    return _compare_gaps(claim.commitments, ours.transfers) or _compare_roots(claim.commitments, ours)


def _inside(table: pa.Table, blocks: BlockRange) -> pa.Table:
    """Rows whose block lies in ``blocks``, in whatever order they stand."""
    numbers = table.column("block_number").to_numpy()
    mask = (numbers >= blocks.first_block) & (numbers < blocks.last_block)
    return table if mask.all() else table.filter(pa.array(mask))


def _compare_identity(claim: LedgerClaim, ours: OurHalf) -> Mismatch | None:
    for kind, field, words in (
        (MismatchKind.OTHER_PROGRAM, "program_hash", "program"),
        (MismatchKind.OTHER_FEATURE_SPEC, "feature_spec_hash", "feature specification"),
    ):
        registered, have = getattr(claim, field), getattr(ours, field)
        if registered != have:
            cause = f"another {words}: the registry has {format_hash(registered)}, this one is {format_hash(have)}"
            return Mismatch(kind, cause, field=field, stored=registered, recomputed=have)
    return None


def _compare_order(commitments: tuple[Commitment, ...]) -> Mismatch | None:
    for before, after in pairwise(commitments):
        if after.range.first_block < before.range.last_block:
            return _reordered(after.range, f"range {after.range} follows {before.range} on the ledger")
    return None


def _compare_stored_order(commitments: tuple[Commitment, ...], kept: pa.Table) -> Mismatch | None:
    """Find whole ranges that stand in another order in what was kept; single rows are left to the comparison."""
    starts = np.array([item.range.first_block for item in commitments], np.uint64)
    of_row = np.searchsorted(starts, kept.column("block_number").to_numpy().astype(np.uint64), "right") - 1
    runs = of_row[np.flatnonzero(np.diff(of_row, prepend=-1))]  # one per unbroken stretch of a range
    turns = np.flatnonzero(np.diff(runs) < 0)
    if not len(turns) or len(np.unique(runs)) != len(runs):
        return None
    before, after = (commitments[int(runs[turn])].range for turn in (turns[0], turns[0] + 1))
    return _reordered(after, f"the rows of range {after} were kept after those of {before}")


def _reordered(range: BlockRange, cause: str) -> Mismatch:
    return Mismatch(MismatchKind.REORDERED_RANGES, f"block ranges are re-ordered: {cause}", range=range)


def _compare_gaps(commitments: tuple[Commitment, ...], transfers: pa.Table) -> Mismatch | None:
    """Find a transfer between committed ranges: a prediction was left out of the ledger."""
    numbers = transfers.column("block_number").to_numpy().astype(np.uint64)
    starts = np.array([item.range.first_block for item in commitments], np.uint64)
    ends = np.array([item.range.last_block for item in commitments], np.uint64)
    left_out = np.flatnonzero(numbers >= ends[np.searchsorted(starts, numbers, "right") - 1])
    if not len(left_out):
        return None
    row = transfers.slice(int(left_out[0]), 1).to_pylist()[0]
    cause = f"block {row['block_number']}, transaction 0x{row['transaction_hash'].hex()}, "
    cause += f"transfer {row['transfer_index']}: no committed range holds it"
    return Mismatch(
        MismatchKind.MISSING_ROW,
        cause,
        block=row["block_number"],
        transaction_hash=row["transaction_hash"],
        transfer_index=row["transfer_index"],
    )


def _compare_roots(commitments: tuple[Commitment, ...], ours: OurHalf) -> Mismatch | None:
    ranges = [item.range for item in commitments]
    parts = zip(rows_of_ranges(ours.transfers, ranges), rows_of_ranges(ours.predictions, ranges), strict=True)
    roots = [(transfers.num_rows, root_of_rows(transfers, predictions)) for transfers, predictions in parts]
    for item, (count, root) in zip(commitments, roots, strict=True):
        if item.root != root and any(item.root == other for _, other in roots):
            return _reordered(item.range, f"range {item.range} has the root of another range")
        if item.count != count:
            cause = f"block range {item.range}: {item.count} predictions are committed, there are {count}"
            return Mismatch(
                MismatchKind.RANGE_DIFFERS, cause, field="count", stored=item.count, recomputed=count, range=item.range
            )
        if item.root != root:
            cause = f"inputs or scores differ in block range {item.range}: the ledger has another root"
            return Mismatch(
                MismatchKind.RANGE_DIFFERS,
                cause,
                block=item.range.first_block,
                field="root",
                stored=item.root,
                recomputed=root,
                range=item.range,
            )
    return None


def _blame(
    found: Mismatch,
    commitments: tuple[Commitment, ...],
    ours: OurHalf,
    kept: pa.Table | None,
    kept_transfers: pa.Table | None,
) -> Mismatch:
    """Add the range and which half the ledger agrees with: that tells an altered file from a false commitment."""
    for item in commitments:
        if found.range is None and found.block is not None and found.block in item.range:
            found = replace(found, range=item.range)
        if found.range == item.range:
            source = ours.transfers if kept_transfers is None else kept_transfers
            halves = {"recomputed": (ours.transfers, ours.predictions), "stored": (source, kept)}
            for name, (transfers, predictions) in halves.items():
                if predictions is not None and _has_root(item, transfers, predictions):
                    return replace(found, ledger_agrees_with=name)
            return replace(found, ledger_agrees_with="neither")
    return found


def _has_root(item: Commitment, transfers: pa.Table, predictions: pa.Table) -> bool:
    try:
        return root_of_rows(_inside(transfers, item.range), _inside(predictions, item.range)) == item.root
    except InputError:
        return False  # rows that do not belong together have no root
