from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.runtimes.zk import Proof

HASHES = st.binary(min_size=32, max_size=32)
NUMBERS = st.lists(st.integers(-(1 << 100), 1 << 100), max_size=4).map(tuple)
PROOFS = st.builds(
    Proof,
    HASHES,
    HASHES,
    HASHES,
    HASHES,
    st.booleans(),
    st.just("ezkl 23.0.5"),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.binary(min_size=1),
)
PROOF = Proof(b"\1" * 32, b"\2" * 32, b"\3" * 32, b"\4" * 32, True, "ezkl 23.0.5", (1, -2), (3,), (3,), b"\5" * 8)


@given(PROOFS)
def test_round_trip(proof: Proof) -> None:
    text = proof.to_json()
    assert Proof.from_json(text) == proof
    assert Proof.from_json(text).to_json() == text


def test_numbers_are_text() -> None:
    """2**53 + 1 must not become 2**53 in a reader that knows doubles only."""
    assert json.loads(PROOF.to_json())["row"] == ["1", "-2"]


def test_page_names_every_field() -> None:
    page = (Path(__file__).parents[3] / "docs" / "formats" / "proof-v1.md").read_text(encoding="utf-8")
    for name in json.loads(PROOF.to_json()):
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"format": "x"}', "\x00"])
def test_invalid_file(text: str) -> None:
    with pytest.raises(InputError):
        Proof.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("program_hash", "0x" + "0" * 63),
        ("circuit_hash", "0x" + "A" * 64),
        ("key_hash", None),
        ("srs_hash", 5),
        ("test_srs", "true"),
        ("test_srs", 1),
        ("prover", ""),
        ("prover", "ezkl\n1"),
        ("row", "12"),
        ("row", [1]),
        ("row", ["01"]),
        ("row", ["-0"]),
        ("row", ["1" * 40]),
        ("outputs", ["1.0"]),
        ("sums", ["٣"]),
        ("proof", "0x"),
        ("proof", "0x0"),
        ("other", 1),
    ],
)
def test_invalid_field(name: str, value: Any) -> None:
    fields = json.loads(PROOF.to_json())
    fields[name] = value
    with pytest.raises(InputError) as caught:
        Proof.from_json(json.dumps(fields))
    assert caught.value.where["name"] == name


def test_invalid_missing_field() -> None:
    for name in json.loads(PROOF.to_json()):
        fields = json.loads(PROOF.to_json())
        del fields[name]
        with pytest.raises(InputError):
            Proof.from_json(json.dumps(fields))
