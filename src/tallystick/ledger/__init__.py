"""The ledger: what is committed, the contracts that keep it, and laying the halves together."""

from __future__ import annotations

from tallystick.ledger._commit import CommitResult, Committer
from tallystick.ledger._commitment import (
    Commitment,
    LedgerClaim,
    ModelState,
    RangeRoot,
    root_of_range,
    root_of_rows,
)
from tallystick.ledger._compare import Mismatch, MismatchKind, compare_predictions, compare_transfers
from tallystick.ledger._deploy import Deployment, check_contract, deploy_contracts, load_contract
from tallystick.ledger._inclusion import (
    InclusionProof,
    LedgerPlace,
    check_inclusion,
    parse_inclusion,
    prove_inclusion,
)
from tallystick.ledger._keccak_fast import hash_rows
from tallystick.ledger._leaf import LEAF_BYTES, Leaf, decode_leaf, encode_leaf, leaf_hash
from tallystick.ledger._leaf_table import build_leaves
from tallystick.ledger._merkle import merkle_proof, merkle_root, verify_proof
from tallystick.ledger._merkle_fast import fast_proof, fast_root
from tallystick.ledger._prediction_log import PredictionLog, read_claim
from tallystick.ledger._ranges import BlockRange, RangeCutter, RangeRows, cut_ranges, rows_of_range, rows_of_ranges
from tallystick.ledger._registry import NO_HASH, ModelEntry, RegisteredModel, Registration, Registry
from tallystick.ledger._sender import Sender, SendPlan
from tallystick.ledger._verify import OurHalf, StoredHalf, VerifyReport, verify_ranges

__all__ = [
    "LEAF_BYTES",
    "NO_HASH",
    "BlockRange",
    "CommitResult",
    "Commitment",
    "Committer",
    "Deployment",
    "InclusionProof",
    "Leaf",
    "LedgerClaim",
    "LedgerPlace",
    "Mismatch",
    "MismatchKind",
    "ModelEntry",
    "ModelState",
    "OurHalf",
    "PredictionLog",
    "RangeCutter",
    "RangeRoot",
    "RangeRows",
    "RegisteredModel",
    "Registration",
    "Registry",
    "SendPlan",
    "Sender",
    "StoredHalf",
    "VerifyReport",
    "build_leaves",
    "check_contract",
    "check_inclusion",
    "compare_predictions",
    "compare_transfers",
    "cut_ranges",
    "decode_leaf",
    "deploy_contracts",
    "encode_leaf",
    "fast_proof",
    "fast_root",
    "hash_rows",
    "leaf_hash",
    "load_contract",
    "merkle_proof",
    "merkle_root",
    "parse_inclusion",
    "prove_inclusion",
    "read_claim",
    "root_of_range",
    "root_of_rows",
    "rows_of_range",
    "rows_of_ranges",
    "verify_proof",
    "verify_ranges",
]
