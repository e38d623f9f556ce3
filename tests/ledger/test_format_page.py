"""The format's page says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tallystick.hashing import keccak256
from tallystick.ledger import (
    BlockRange,
    InclusionProof,
    RangeRoot,
    decode_leaf,
    encode_leaf,
    leaf_hash,
    merkle_root,
)
from tallystick.ledger import _leaf as leaf_module
from tallystick.units import Address, BlockNumber

_PAGE = (Path(__file__).parents[2] / "docs/formats/prediction-log-v1.md").read_text(encoding="utf-8")


def test_example_holds() -> None:
    leaves, hashes, root = (block.split() for block in re.findall(r"```text\n(.*?)```", _PAGE, re.DOTALL))
    full, bare = map(bytes.fromhex, leaves)
    assert [leaf_hash(full).hex(), leaf_hash(bare).hex()] == hashes
    assert merkle_root([leaf_hash(full), leaf_hash(bare), leaf_hash(full)]).hex() == root[0]
    assert encode_leaf(decode_leaf(full)) == full
    said = decode_leaf(bare)
    nulls = {name for name, value in vars(said).items() if value is None}
    assert nulls == {"to_address", "erc20", "gas_used", "gas_price", "method", "receiver_raw", "receiver_ppm"}


def test_table_of_offsets_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\w+)", _PAGE, re.MULTILINE)
    in_code = re.findall(r"^(\d+) +(\d+) +(\w+)", leaf_module.__doc__ or "", re.MULTILINE)
    assert [row[:2] for row in rows] == [row[:2] for row in in_code]
    assert [row[2] for row in rows[1:-1]] == [row[2] for row in in_code[1:-1]]
    ends = [int(offset) + int(size) for offset, size, _ in rows]
    assert ends == [*(int(row[0]) for row in rows[1:]), leaf_module.LEAF_BYTES]


def test_every_key_of_the_proof_file_is_told() -> None:
    zero = keccak256(b"")
    committed = RangeRoot(BlockRange(BlockNumber(1), BlockNumber(2)), 1, zero)
    proof = InclusionProof(1, Address(bytes(20)), zero, 0, committed, 0, bytes(198), ())
    section = _PAGE.split("## Inclusion proof file")[1].split("## Example")[0]
    told = [key for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", line)]
    assert told == list(json.loads(proof.to_json()))
