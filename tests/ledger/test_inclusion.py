"""One prediction proved by its path, in a file that survives nothing but the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from tallystick.errors import InputError, VerificationFailed
from tallystick.hashing import keccak256
from tallystick.ledger._commitment import Commitment, RangeRoot, root_of_range
from tallystick.ledger._inclusion import (
    InclusionProof,
    LedgerPlace,
    check_inclusion,
    parse_inclusion,
    prove_inclusion,
)
from tallystick.ledger._leaf import Leaf
from tallystick.ledger._ranges import BlockRange, cut_ranges
from tallystick.units import Address, BlockNumber, UnixSeconds

Make = Callable[..., tuple[pa.Table, pa.Table]]
PLACE = LedgerPlace(31_337, Address(b"\x0a" * 20), keccak256(b"model"))


@pytest.fixture
def commitment(tables: Make) -> Commitment:
    root = root_of_range(cut_ranges(*tables(100), 30)[1])
    return Commitment(root.range, root.count, root.root, 1, UnixSeconds(1))


def _prove(tables: Make, commitment: Commitment, row: int = 40) -> InclusionProof:
    transfers, predictions = tables(100)
    cells = transfers.slice(row, 1).to_pylist()[0]
    return prove_inclusion(
        PLACE, commitment, transfers, predictions, cells["transaction_hash"], cells["transfer_index"]
    )


def test_proof_holds_and_survives_its_file(tables: Make, commitment: Commitment) -> None:
    transfers, predictions = tables(100)
    proof = _prove(tables, commitment)
    text = proof.to_json()
    assert parse_inclusion(text) == proof
    assert len(text) < 2_000
    recomputed = Leaf.of(transfers.slice(40, 1).to_pylist()[0], predictions.slice(40, 1).to_pylist()[0])
    assert check_inclusion(proof, commitment) == recomputed
    assert check_inclusion(proof, commitment, recomputed) == recomputed


def test_invalid_recomputed_value_is_named(tables: Make, commitment: Commitment) -> None:
    proof = _prove(tables, commitment)
    said = check_inclusion(proof, commitment)
    other = replace(said, sender_ppm=said.sender_ppm ^ 1)
    with pytest.raises(VerificationFailed, match=f"sender_ppm is {said.sender_ppm} in the leaf"):
        check_inclusion(proof, commitment, other)


def test_invalid_parts_of_a_proof(tables: Make, commitment: Commitment) -> None:
    proof = _prove(tables, commitment)
    altered = bytearray(proof.leaf)
    altered[189] ^= 1
    wrong_path = "does not lead"
    for changes, match in (
        ({"leaf": bytes(altered)}, wrong_path),
        ({"leaf_index": proof.leaf_index + 1}, wrong_path),
        ({"path": proof.path[:-1]}, wrong_path),
        ({"path": (*proof.path, proof.path[0])}, wrong_path),
        ({"index": 0}, "is not the one that the proof names"),
        ({"committed": replace(proof.committed, count=1)}, "is not the one that the proof names"),
    ):
        with pytest.raises(VerificationFailed, match=match):
            check_inclusion(replace(proof, **changes), commitment)


def test_invalid_block_outside_the_range(tables: Make, commitment: Commitment) -> None:
    proof = _prove(tables, commitment)
    elsewhere = BlockRange(BlockNumber(0), BlockNumber(1))
    moved = replace(commitment, range=elsewhere)
    claimed = replace(proof, committed=RangeRoot(elsewhere, commitment.count, commitment.root))
    with pytest.raises(VerificationFailed, match="outside the committed range"):
        check_inclusion(claimed, moved)


def test_invalid_rows_cannot_be_proved(tables: Make, commitment: Commitment) -> None:
    with pytest.raises(VerificationFailed, match="the ledger has another root"):
        _prove(tables, replace(commitment, root=keccak256(b"")))
    with pytest.raises(InputError, match="no transfer"):
        _prove(tables, commitment, row=0)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"leaf": "0xzz"},
        {"leaf": 5},
        {"root": "0x00"},
        {"path": None},
        {"first_block": "1"},
        {"last_block": 0},
        {"count": None},
    ],
)
def test_invalid_file(tables: Make, commitment: Commitment, change: dict[str, object]) -> None:
    content = json.loads(_prove(tables, commitment).to_json())
    with pytest.raises(InputError):
        parse_inclusion(json.dumps({**content, **change}))


@pytest.mark.parametrize("name", ["chain_id", "index", "count", "leaf_index"])
@pytest.mark.parametrize("value", [-1, 1 << 64, 1 << 300])
def test_invalid_number_is_out_of_range(tables: Make, commitment: Commitment, name: str, value: int) -> None:
    content = json.loads(_prove(tables, commitment).to_json())
    with pytest.raises(InputError, match=f"{name} of the proof is out of range"):
        parse_inclusion(json.dumps({**content, name: value}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_invalid_text(text: str) -> None:
    with pytest.raises(InputError, match="not an inclusion proof"):
        parse_inclusion(text)
