"""Prove one prediction: its leaf, and the Merkle path to a root on the ledger, as a small JSON file.

``docs/formats/prediction-log-v1.md`` describes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tallystick.errors import InputError, VerificationFailed
from tallystick.ledger._commitment import Commitment, RangeRoot
from tallystick.ledger._leaf import Leaf, decode_leaf, leaf_hash
from tallystick.ledger._leaf_table import build_leaves
from tallystick.ledger._merkle import verify_proof
from tallystick.ledger._merkle_fast import fast_proof, fast_root
from tallystick.ledger._ranges import BlockRange, rows_of_range
from tallystick.parsing import parse_json
from tallystick.units import Address, BlockNumber, Hash, format_address, format_hash, parse_address, parse_hash

__all__ = ["InclusionProof", "LedgerPlace", "check_inclusion", "parse_inclusion", "prove_inclusion"]

_FORMAT: Final = "tallystick-inclusion"
_VERSION: Final = 1
_MAX_PATH: Final = 64


@dataclass(frozen=True)
class InclusionProof:
    """One leaf, its place, and the siblings up to the root of a commitment.

    Parameters
    ----------
    chain_id, prediction_log
        Where the commitment is: chain of the ledger and address of the log.
    model_id, index, committed
        Which commitment, and what it says.
    leaf_index, leaf, path
        LedgerPlace of the leaf in its range, its 198 bytes, siblings from the leaf up.
    """

    chain_id: int
    prediction_log: Address
    model_id: Hash
    index: int
    committed: RangeRoot
    leaf_index: int
    leaf: bytes
    path: tuple[Hash, ...]

    def to_json(self) -> str:
        """Write the file's text."""
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "chain_id": self.chain_id,
            "prediction_log": format_address(self.prediction_log),
            "model_id": format_hash(self.model_id),
            "index": self.index,
            "first_block": self.committed.range.first_block,
            "last_block": self.committed.range.last_block,
            "count": self.committed.count,
            "root": format_hash(self.committed.root),
            "leaf_index": self.leaf_index,
            "leaf": "0x" + self.leaf.hex(),
            "path": [format_hash(sibling) for sibling in self.path],
        }
        return json.dumps(content, indent=1) + "\n"


@dataclass(frozen=True)
class LedgerPlace:
    """Where on the ledger a commitment stands."""

    chain_id: int
    prediction_log: Address
    model_id: Hash


def prove_inclusion(
    place: LedgerPlace,
    commitment: Commitment,
    transfers: pa.Table,
    predictions: pa.Table,
    transaction_hash: bytes,
    transfer_index: int = 0,
) -> InclusionProof:
    """Build the proof of one prediction.

    Parameters
    ----------
    commitment
        The committed range that holds the transfer.
    transfers, predictions
        Both tables, aligned; rows outside the range are left aside.

    Raises
    ------
    InputError
        The range has no such transfer.
    VerificationFailed
        The rows are not what is committed.
    """
    transfers, predictions = rows_of_range(transfers, commitment.range), rows_of_range(predictions, commitment.range)
    row = _find_row(transfers, commitment.range, transaction_hash, transfer_index)
    leaves = build_leaves(transfers, predictions)
    if len(leaves) != commitment.count or fast_root(leaves) != commitment.root:
        raise VerificationFailed(
            f"inputs or scores differ in block range {commitment.range}: the ledger has another root",
            model=format_hash(place.model_id),
            block=commitment.range.first_block,
        )
    return InclusionProof(
        chain_id=place.chain_id,
        prediction_log=place.prediction_log,
        model_id=place.model_id,
        index=commitment.index,
        committed=RangeRoot(commitment.range, commitment.count, commitment.root),
        leaf_index=row,
        leaf=leaves[row].tobytes(),
        path=tuple(fast_proof(leaves, row)),
    )


def _find_row(transfers: pa.Table, range: BlockRange, transaction_hash: bytes, transfer_index: int) -> int:
    wanted = pc.and_(
        pc.equal(transfers.column("transaction_hash"), pa.scalar(transaction_hash, pa.binary())),
        pc.equal(transfers.column("transfer_index"), pa.scalar(transfer_index, pa.uint32())),
    )
    row = int(pc.index(wanted, True).as_py())
    if row < 0:
        cause = f"no transfer {transfer_index} of transaction 0x{transaction_hash.hex()} in block range {range}"
        raise InputError(cause, name="transaction_hash")
    return row


def parse_inclusion(text: str, file: Path | None = None) -> InclusionProof:
    """Read a proof back from its file's text.

    Raises
    ------
    InputError
        It is not a proof of this format.
    """
    try:
        content: dict[str, Any] = parse_json(text)
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise InputError(f"not a {_FORMAT} file of version {_VERSION}", file=file)
        for name in ("chain_id", "index", "count", "leaf_index"):
            if not 0 <= int(content[name]) < 1 << 64:
                raise InputError(f"{name} of the proof is out of range", file=file, value=content[name])
        range = BlockRange(BlockNumber(content["first_block"]), BlockNumber(content["last_block"]))
        return InclusionProof(
            chain_id=int(content["chain_id"]),
            prediction_log=parse_address(content["prediction_log"]),
            model_id=parse_hash(content["model_id"]),
            index=int(content["index"]),
            committed=RangeRoot(range, int(content["count"]), parse_hash(content["root"])),
            leaf_index=int(content["leaf_index"]),
            leaf=bytes.fromhex(content["leaf"].removeprefix("0x")),
            path=tuple(parse_hash(sibling) for sibling in content["path"][: _MAX_PATH + 1]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not an inclusion proof: {error!r}", file=file) from error


def check_inclusion(proof: InclusionProof, commitment: Commitment, recomputed: Leaf | None = None) -> Leaf:
    """Check a proof against the commitment as it stands on the ledger; return what the leaf says.

    Parameters
    ----------
    commitment
        Read from the ledger by the checker, not taken from the proof.
    recomputed
        The same prediction computed again, to lay it beside the leaf; the path alone is checked without it.

    Raises
    ------
    VerificationFailed
        Names what does not match.
    """
    leaf = decode_leaf(proof.leaf)
    where: dict[str, Any] = {"model": format_hash(proof.model_id), "block": leaf.block_number}
    said = RangeRoot(commitment.range, commitment.count, commitment.root)
    if (proof.index, proof.committed) != (commitment.index, said):
        cause = f"commitment {proof.index} on the ledger is not the one that the proof names"
        raise VerificationFailed(cause, **where)
    if leaf.block_number not in commitment.range:
        cause = f"block {leaf.block_number} of the leaf is outside the committed range {commitment.range}"
        raise VerificationFailed(cause, **where)
    if not verify_proof(commitment.root, commitment.count, proof.leaf_index, leaf_hash(proof.leaf), proof.path):
        raise VerificationFailed("the path does not lead from the leaf to the committed root", **where)
    for field in fields(Leaf) if recomputed is not None else ():
        theirs, mine = getattr(leaf, field.name), getattr(recomputed, field.name)
        if theirs != mine:
            raise VerificationFailed(f"{field.name} is {theirs!r} in the leaf and {mine!r} recomputed", **where)
    return leaf
