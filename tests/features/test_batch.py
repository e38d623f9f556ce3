from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import FeatureError
from tallystick.features import TransferBatch
from tallystick.features._batch import APPROVES, APPROVING_METHODS, FAILED, HAS_CALL, HAS_TO, IS_TOKEN
from tallystick.features._packed import WIDE_BITS, pack
from tallystick.hashing import keccak256
from tallystick.store import TRANSFERS

from .streams import APPROVE, TOKEN, UINT64_MAX, UINT256_MAX, Transfer, random_stream, streams, to_batch, to_table

CAP = 1 << 61
ACCOUNT = bytes(range(20))
APPROVING = {bytes.fromhex(selector) for selector in APPROVING_METHODS.values()}


def words(address: bytes | None) -> list[int]:
    padded = (address or bytes(20)) + bytes(4)
    return [int.from_bytes(padded[at : at + 8]) for at in (0, 8, 16)]


def tag(value: int) -> int:
    """32 bits mixed from the low 64 of an amount."""
    return ((value & UINT64_MAX) * 0x9E3779B97F4A7C15 & UINT64_MAX) >> 32


def check(have: TransferBatch, transfers: list[Transfer]) -> None:
    """Every array against plain Python integers."""
    assert len(have) == len(transfers)
    for name in ("block", "time", "transaction", "amount", "wide", "tag", "fee", "bits"):
        assert getattr(have, name).dtype == np.int64
        assert getattr(have, name).shape == (len(transfers),)
    assert have.sender.dtype == have.receiver.dtype == have.asset.dtype == np.uint64
    assert have.sender.shape == have.receiver.shape == have.asset.shape == (len(transfers), 3)
    assert have.block.tolist() == [t.block for t in transfers]
    assert have.time.tolist() == [t.time for t in transfers]
    assert have.sender.tolist() == [words(t.sender) for t in transfers]
    assert have.receiver.tolist() == [words(t.receiver) for t in transfers]
    assert have.asset.tolist() == [words(t.erc20) for t in transfers]
    assert have.transaction.tolist() == [k if t.transaction is None else t.transaction for k, t in enumerate(transfers)]
    moves = [t.erc20 is None and t.success for t in transfers]
    assert have.amount.tolist() == [
        min(t.value // 10**9, CAP) if m else 0 for t, m in zip(transfers, moves, strict=True)
    ]
    assert have.wide.tolist() == [pack(t.value, WIDE_BITS) if t.success else 0 for t in transfers]
    assert have.tag.tolist() == [tag(t.value) for t in transfers]
    assert have.fee.tolist() == [
        -1 if t.gas is None or t.price is None else min(t.gas * t.price // 10**9, CAP) for t in transfers
    ]
    assert have.bits.tolist() == [
        (t.receiver is not None) * HAS_TO
        + (t.erc20 is not None) * IS_TOKEN
        + (t.method is not None) * HAS_CALL
        + (not t.success) * FAILED
        + (t.success and t.erc20 is None and t.method in APPROVING) * APPROVES
        for t in transfers
    ]


@given(streams(max_size=12, extreme=True))
def test_from_arrow_against_integers(transfers: list[Transfer]) -> None:
    check(to_batch(transfers), transfers)


@given(streams(max_size=12), st.data())
def test_from_arrow_of_a_slice(transfers: list[Transfer], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(transfers)))
    last = data.draw(st.integers(first, len(transfers)))
    check(TransferBatch.from_arrow(to_table(transfers).slice(first, last - first)), transfers[first:last])


@given(streams(max_size=12), st.sets(st.integers(0, 12)))
def test_from_arrow_of_chunks(transfers: list[Transfer], cuts: set[int]) -> None:
    table = to_table(transfers)
    ends = [0, *sorted(cut for cut in cuts if cut < len(transfers)), len(transfers)]
    pieces = [table.slice(a, b - a) for a, b in pairwise(ends)]  # slices, some of them empty
    check(TransferBatch.from_arrow(pa.concat_tables(pieces)), transfers)


def test_from_arrow_of_record_batches() -> None:
    transfers = random_stream(50)
    table = to_table(transfers)
    check(TransferBatch.from_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=7))), transfers)


@pytest.mark.parametrize("table", [TRANSFERS.schema.empty_table(), to_table([]), to_table(random_stream(3)).slice(3)])
def test_from_arrow_of_nothing(table: pa.Table) -> None:
    check(TransferBatch.from_arrow(table), [])


@pytest.mark.parametrize(
    "value",
    [
        *(power + step for power in (1 << 64, 1 << 90, 1 << 91, 1 << 128, 1 << 192) for step in (-1, 0, 1)),
        CAP * 10**9 - 1,
        CAP * 10**9,
        10**9 - 1,
        0,
        UINT256_MAX,
    ],
)
def test_amount_at_the_edges(value: int) -> None:
    transfers = [Transfer(1, 1, ACCOUNT, ACCOUNT, value)]
    check(to_batch(transfers), transfers)


@given(st.integers(0, 1 << 92))
def test_amount_is_the_floor(value: int) -> None:
    assert to_batch([Transfer(1, 1, ACCOUNT, None, value)]).amount[0] == min(value // 10**9, CAP)


@given(st.integers(0, UINT64_MAX), st.integers(0, UINT64_MAX), st.integers(0, 63), st.integers(0, 63))
def test_fee_is_the_floor(gas: int, price: int, drop_gas: int, drop_price: int) -> None:
    gas, price = gas >> drop_gas, price >> drop_price
    assert to_batch([Transfer(1, 1, ACCOUNT, None, gas=gas, price=price)]).fee[0] == min(gas * price // 10**9, CAP)


@pytest.mark.parametrize("transfer", [Transfer(1, 1, ACCOUNT, ACCOUNT, 10**18, erc20=TOKEN)])
def test_a_token_moves_no_coin(transfer: Transfer) -> None:
    batch = to_batch([transfer])
    assert batch.amount[0] == 0
    assert batch.tag[0] == tag(10**18)
    assert batch.wide[0] == pack(10**18, WIDE_BITS)


@pytest.mark.parametrize("signature", APPROVING_METHODS)
def test_approving_methods_have_their_selectors(signature: str) -> None:
    assert keccak256(signature.encode())[:4].hex() == APPROVING_METHODS[signature]


@pytest.mark.parametrize(
    ("changed", "approves"),
    [({}, True), ({"success": False}, False), ({"erc20": TOKEN}, False), ({"method": APPROVE[::-1]}, False)],
)
def test_approvals(changed: dict[str, Any], approves: bool) -> None:
    transfer = replace(Transfer(1, 1, ACCOUNT, TOKEN, method=APPROVE), **changed)
    assert bool(to_batch([transfer]).bits[0] & APPROVES) == approves


@pytest.mark.parametrize("column", ["from_address", "to_address", "erc20", "value_binary"])
@pytest.mark.parametrize("wrong", [0, 1, 19, 21, 31, 33, 64])
def test_invalid_width(column: str, wrong: int) -> None:
    # An address that is none, an amount above 2**256 - 1: refused, wherever in the table it stands.
    table = to_table([Transfer(k, k, ACCOUNT, ACCOUNT, 1, TOKEN) for k in range(9)])
    at = TRANSFERS.schema.get_field_index(column)
    cells = table[column].to_pylist()
    cells[5] = bytes(wrong)
    broken = table.set_column(at, TRANSFERS.schema.field(at), pa.array(cells, pa.binary()))
    pieces = pa.concat_tables([broken.slice(0, 2), broken.slice(2)])
    width = 32 if column == "value_binary" else 20
    for given_table, row in ((broken, 5), (pieces, 5), (broken.slice(3), 2)):
        with pytest.raises(FeatureError) as caught:
            TransferBatch.from_arrow(given_table)
        assert caught.value.cause == f"{column} has {wrong} bytes in row {row}, not {width}"
        assert caught.value.where["name"] == column


def test_equal_amounts_have_equal_tags() -> None:
    first, second, other = to_batch(
        [Transfer(1, 1, ACCOUNT, None, value) for value in (10**18, 10**18, 10**18 + 1)]
    ).tag
    assert first == second != other
