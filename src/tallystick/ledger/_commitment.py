"""What the ledger holds about a range, and what we compute to hold against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa

from tallystick.ledger._leaf_table import build_leaves
from tallystick.ledger._merkle_fast import fast_root
from tallystick.ledger._ranges import BlockRange, RangeRows
from tallystick.units import Hash, UnixSeconds

__all__ = ["Commitment", "LedgerClaim", "ModelState", "RangeRoot", "root_of_range", "root_of_rows"]


class ModelState(IntEnum):
    """State of a model in the registry; the numbers are the contract's."""

    UNKNOWN = 0
    PROPOSED = 1
    ACTIVE = 2
    RETIRED = 3
    REVOKED = 4


@dataclass(frozen=True)
class RangeRoot:
    """Root over the predictions of a range, and how many they are."""

    range: BlockRange
    count: int
    root: Hash


@dataclass(frozen=True)
class Commitment(RangeRoot):
    """A range's root as it stands on the ledger: its number there and the time it was committed."""

    index: int
    committed_at: UnixSeconds


@dataclass(frozen=True)
class LedgerClaim:
    """The ledger's half: what a model says it is, and what it committed to, in the order of the ledger."""

    model_id: Hash
    state: ModelState
    program_hash: Hash
    feature_spec_hash: Hash
    commitments: tuple[Commitment, ...]


def root_of_rows(transfers: pa.Table, predictions: pa.Table) -> Hash:
    """Merkle root over the leaves of both tables' rows."""
    return fast_root(build_leaves(transfers, predictions))


def root_of_range(rows: RangeRows) -> RangeRoot:
    """Compute what is to be committed for a range."""
    return RangeRoot(rows.range, rows.transfers.num_rows, root_of_rows(rows.transfers, rows.predictions))
