from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact import Program
from tallystick.hashing import keccak256

from .programs import program, programs

SMALL = program()
DATA = SMALL.to_bytes()
METADATA = b'{"name":"sm\\u00e1ll","rows":12}'


def with_metadata(metadata: bytes) -> bytes:
    old = struct.pack(">I", len(METADATA)) + METADATA
    assert DATA.count(old) == 1
    return DATA.replace(old, struct.pack(">I", len(metadata)) + metadata)


@given(made=programs())
def test_round_trip(made: Program) -> None:
    data = made.to_bytes()
    again = Program.from_bytes(data)
    assert again == made
    assert again.to_bytes() == data
    assert again.hash == made.hash == keccak256(data)


def test_layout_by_hand() -> None:
    """The first fields, written down again from the specification."""
    start = b"TALLYPRG" + bytes.fromhex("0001 0001") + bytes(range(32)) + b"\x08"
    start += (-2).to_bytes(8, "big", signed=True) + (400_000).to_bytes(4, "big") + (2).to_bytes(8, "big")
    start += b"\x00\x07by hand" + b"\x00\x02" + b"\x05age_s" + bytes(8) + (1000).to_bytes(8, "big")
    assert DATA.startswith(start)
    last = [(0, 2), (1, 2), (0, 8), (-1, 2), (-2, 2), (-1, 8), (-7, 8), (3, 8)][1:]
    assert DATA.endswith(b"\x00\x01" + b"".join(value.to_bytes(size, "big", signed=True) for value, size in last))


def test_size_is_what_the_specification_says() -> None:
    names = sum(len(feature.name) for feature in SMALL.features)
    head = 8 + 2 + 2 + 32 + 1 + 8 + 4 + 8 + (2 + len("by hand")) + 2 + 2 * (1 + 16) + names
    middle = 4 + 3 * 12 + 4 + len(METADATA) + 4
    assert len(DATA) == head + middle + sum(2 + 22 * len(t.feature) + 8 * len(t.leaf) for t in SMALL.model.trees)


@pytest.mark.parametrize("size", range(len(DATA)))
def test_invalid_truncated(size: int) -> None:
    with pytest.raises(ProgramError, match="cut short") as caught:
        Program.from_bytes(DATA[:size])
    assert caught.value.where["offset"] <= size


@pytest.mark.parametrize("data", [b"tree", b"tree\nversion=v4\n"])
def test_invalid_file_of_another_kind(data: bytes) -> None:
    with pytest.raises(ProgramError, match="not a Tallystick program") as caught:
        Program.from_bytes(data)
    assert "tally program import MODEL" in caught.value.advice


def test_invalid_trailing() -> None:
    with pytest.raises(ProgramError, match="1 bytes after the end") as caught:
        Program.from_bytes(DATA + b"\x00")
    assert caught.value.where["offset"] == len(DATA)


@pytest.mark.parametrize(
    ("offset", "value", "cause"),
    [
        (0, 0, "not a Tallystick program"),
        (9, 2, "program format 2; this release reads format 1"),
        (11, 9, "unknown kind of program 9"),
        (44, 63, "scale_bits must be in"),
        (67, 0xFF, "error_bound.derivation is not ASCII"),
        (67, 0x0A, "printable ASCII"),
        (77, 0xFF, "feature.name is not ASCII"),
        (77, 0x20, "without space"),
        (82, 0x7F, "feature.high must be in"),
    ],
)
def test_invalid_byte(offset: int, value: int, cause: str) -> None:
    with pytest.raises(ProgramError, match=cause):
        Program.from_bytes(DATA[:offset] + bytes([value]) + DATA[offset + 1 :])


def test_invalid_tree_without_nodes() -> None:
    bare = program(trees=()).to_bytes()
    with pytest.raises(ProgramError, match=r"tree\.nodes must be in"):
        Program.from_bytes(bare[:-4] + struct.pack(">IHq", 1, 0, 5))


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"[]",
        b"{",
        b"{} ",
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":01}',
        b'{"a":-0}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":null}',
        b'{"a":true}',
        b'{"a":{}}',
        b'{"a":[1]}',
        b'{"a":"\xc3\xa9"}',
        b'{"a":"\\u00E9"}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\x41"}',
        b'{"a":9223372036854775808}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"":1}',
        b"[" * 100_000,
    ],
)
def test_invalid_metadata(metadata: bytes) -> None:
    with pytest.raises(ProgramError, match="metadata"):
        Program.from_bytes(with_metadata(metadata))


def test_metadata_holds_any_text() -> None:
    metadata = {"a": '\ud800 \x7f\n\U0001f600"\\', "b": -(1 << 63), "c": "\udc00\ud800\U0001f600\udc00"}
    assert Program.from_bytes(program(metadata=metadata).to_bytes()).metadata == metadata


@settings(max_examples=400)
@given(data=st.data(), made=programs(max_leaves=6))
def test_mutated_bytes_are_refused_or_canonical(data: st.DataObject, made: Program) -> None:
    mutated = bytearray(made.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        match data.draw(st.sampled_from(("set", "flip", "delete", "insert"))):
            case "set":
                mutated[place] = data.draw(st.integers(0, 255))
            case "flip":
                mutated[place] ^= 1 << data.draw(st.integers(0, 7))
            case "delete":
                del mutated[place : place + data.draw(st.integers(1, 9))]
            case _:
                mutated[place:place] = data.draw(st.binary(min_size=1, max_size=9))
    accept_or_refuse(bytes(mutated))


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_or_canonical(data: bytes) -> None:
    accept_or_refuse(data)
    accept_or_refuse(DATA[:12] + data)


@pytest.mark.parametrize("offset", range(len(DATA)))
def test_each_byte_counts(offset: int) -> None:
    for flip in (1, 0x80, 0xFF):
        accept_or_refuse(DATA[:offset] + bytes([DATA[offset] ^ flip]) + DATA[offset + 1 :])


def accept_or_refuse(data: bytes) -> None:
    try:
        made = Program.from_bytes(data)
    except ProgramError as error:
        place = error.where.get("offset")
    else:
        place = len(data)
        assert made.to_bytes() == data
        assert made != SMALL
    assert isinstance(place, int)
    assert place <= len(data)
