"""The leaf layout: fixed bytes, one to one, and the whole-table builder equal to the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, RangeError
from tallystick.hashing import keccak256
from tallystick.ledger._leaf import LEAF_BYTES, Leaf, decode_leaf, encode_leaf, leaf_hash
from tallystick.ledger._leaf_table import build_leaves
from tallystick.store import PREDICTIONS, TRANSFERS, check_table

_FULL = Leaf(
    block_number=0x0102,
    timestamp=0x03040506,
    transaction_index=7,
    transfer_index=8,
    transaction_hash=b"\x09" * 32,
    from_address=b"\x0a" * 20,
    to_address=b"\x0b" * 20,
    erc20=b"\x0c" * 20,
    value_binary=b"\x0d" * 32,
    gas_used=14,
    gas_price=15,
    method=b"\x10" * 4,
    success=True,
    sender_raw=-2,
    receiver_raw=18,
    sender_ppm=19,
    receiver_ppm=20,
    flag=True,
)
_BARE = replace(
    _FULL, to_address=None, erc20=None, gas_used=None, gas_price=None, method=None, success=False, receiver_raw=None,
    receiver_ppm=None, flag=False,
)  # fmt: skip

_FULL_HEX = (
    "00" "0000000000000102" "0000000003040506" "00000007" "00000008"
    + "09" * 32 + "0a" * 20 + "0b" * 20 + "0c" * 20 + "0d" * 32
    + "000000000000000e" "000000000000000f" + "10" * 4 + "0f"
    + "fffffffffffffffe" "0000000000000012" "00000013" "00000014" "00000000"
)  # fmt: skip
_BARE_HEX = (
    "00" "0000000000000102" "0000000003040506" "00000007" "00000008"
    + "09" * 32 + "0a" * 20 + "00" * 40 + "0d" * 32
    + "ff" * 16 + "00" * 4 + "00"
    + "fffffffffffffffe" "8000000000000000" "00000013" "ffffffff" "00000000"
)  # fmt: skip

_unsigned = {bits: st.integers(0, 2**bits - 1) for bits in (32, 64)}
_leaves = st.builds(
    Leaf,
    block_number=_unsigned[64],
    timestamp=_unsigned[64],
    transaction_index=_unsigned[32],
    transfer_index=_unsigned[32],
    transaction_hash=st.binary(min_size=32, max_size=32),
    from_address=st.binary(min_size=20, max_size=20),
    to_address=st.none() | st.binary(min_size=20, max_size=20),
    erc20=st.none() | st.binary(min_size=20, max_size=20).filter(any),
    value_binary=st.binary(min_size=32, max_size=32),
    gas_used=st.none() | st.integers(0, 2**64 - 2),
    gas_price=st.none() | st.integers(0, 2**64 - 2),
    method=st.none() | st.binary(min_size=4, max_size=4),
    success=st.booleans(),
    sender_raw=st.integers(-(2**63), 2**63 - 1),
    receiver_raw=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    sender_ppm=_unsigned[32],
    receiver_ppm=st.none() | st.integers(0, 2**32 - 2),
    flag=st.booleans(),
)


@pytest.mark.parametrize(("leaf", "expected"), [(_FULL, _FULL_HEX), (_BARE, _BARE_HEX)], ids=["full", "bare"])
def test_encode_writes_the_documented_bytes(leaf: Leaf, expected: str) -> None:
    data = encode_leaf(leaf)
    assert data.hex() == expected
    assert len(data) == LEAF_BYTES
    assert leaf_hash(data) == keccak256(data)


@given(_leaves)
def test_decode_gives_back_what_was_encoded(leaf: Leaf) -> None:
    assert decode_leaf(encode_leaf(leaf)) == leaf


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"gas_used": 2**64 - 1}, "gas_used is the value that stands for null"),
        ({"gas_price": 2**64 - 1}, "gas_price is the value"),
        ({"receiver_raw": -(2**63)}, "receiver_raw is the value"),
        ({"receiver_ppm": 2**32 - 1}, "receiver_ppm is the value"),
        ({"erc20": bytes(20)}, "erc20 is the zero address"),
        ({"to_address": b"\x01" * 19}, "to_address is not 20 bytes"),
        ({"block_number": -1}, "does not fit"),
        ({"sender_ppm": 2**32}, "does not fit"),
    ],
)
def test_invalid_leaf_is_refused(change: dict[str, object], match: str) -> None:
    with pytest.raises(RangeError, match=match):
        encode_leaf(replace(_FULL, **change))


@pytest.mark.parametrize(
    "data",
    [
        bytes(197),
        b"\x01" + bytes.fromhex(_FULL_HEX)[1:],
        bytes.fromhex(_FULL_HEX)[:-1] + b"\x01",
        bytes.fromhex(_FULL_HEX[: 169 * 2] + "1f" + _FULL_HEX[170 * 2 :]),
        bytes.fromhex(_FULL_HEX[: 169 * 2] + "0d" + _FULL_HEX[170 * 2 :]),
    ],
    ids=["short", "prefix", "padding", "unknown bit", "address without its bit"],
)
def test_invalid_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        decode_leaf(data)


@pytest.mark.parametrize("rows", [0, 1, 200])
def test_build_leaves_equals_reference(tables: Callable[..., tuple[pa.Table, pa.Table]], rows: int) -> None:
    transfers, predictions = tables(rows)
    check_table(transfers, TRANSFERS)
    check_table(predictions, PREDICTIONS)
    expected = [encode_leaf(Leaf.of(t, p)) for t, p in zip(transfers.to_pylist(), predictions.to_pylist(), strict=True)]
    assert [row.tobytes() for row in build_leaves(transfers, predictions)] == expected


def test_build_leaves_does_not_depend_on_chunks(tables: Callable[..., tuple[pa.Table, pa.Table]]) -> None:
    transfers, predictions = tables(50)
    whole = build_leaves(transfers, predictions)
    pieces = pa.concat_tables([transfers.slice(0, 7), transfers.slice(7, 0), transfers.slice(7)])
    assert (build_leaves(pieces, predictions) == whole).all()
    assert (build_leaves(transfers.slice(9, 20), predictions.slice(9, 20)) == whole[9:29]).all()


def test_invalid_tables_of_different_transfers(tables: Callable[..., tuple[pa.Table, pa.Table]]) -> None:
    transfers, predictions = tables(20)
    with pytest.raises(InputError, match="19 predictions for 20 transfers"):
        build_leaves(transfers, predictions.slice(1))
    other = tables(20, seed=2)[1]
    with pytest.raises(InputError, match="is about another transfer"):
        build_leaves(transfers, other)


def _replaced(table: pa.Table, name: str, row: int, value: object) -> pa.Table:
    cells = table.column(name).to_pylist()
    cells[row] = value
    position = table.schema.get_field_index(name)
    return table.set_column(position, table.schema.field(name), pa.array(cells, table.schema.field(name).type))


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("gas_used", 2**64 - 1, "gas_used holds the value that stands for null"),
        ("erc20", bytes(20), "erc20 is the zero address"),
        ("value_binary", b"\x01", "value_binary has cells that are not 32 bytes"),
    ],
)
def test_invalid_cell_in_table(
    tables: Callable[..., tuple[pa.Table, pa.Table]], name: str, value: object, match: str
) -> None:
    transfers, predictions = tables(20)
    with pytest.raises(RangeError, match=match):
        build_leaves(_replaced(transfers, name, 3, value), predictions)
