from __future__ import annotations

import numpy as np
import pytest

from tallystick.errors import FeatureError
from tallystick.features import EngineOptions, owner_of
from tallystick.features._batch import HAS_TO, IS_TOKEN
from tallystick.features._memory import Memory
from tallystick.features.sharded import _cells, _numbers
from tallystick.features.sharded._numbers import AccountNumbers
from tallystick.features.sharded._shard import Shard, pack_met, unpack_met
from tallystick.features.sharded._split import split

from ..streams import Transfer, to_batch
from .shards import grouped, token_stream

SHARDS = 3


def name(shard: int, skip: int = 0) -> bytes:
    """An address that a shard owns."""
    found = (bytes([k]) * 20 for k in range(256) if owner_of(bytes([k]) * 20, SHARDS) == shard)
    return [next(found) for _ in range(skip + 1)][-1]


A, B, C, TOKEN = name(0), name(1), name(2), name(2, 1)


def indexes(transfers: list[Transfer], size: int = 1) -> list[list[int]]:
    return [at.tolist() for _, at in split(grouped(transfers, size), SHARDS)]


def test_split_gives_a_transfer_to_the_owners_of_both_sides() -> None:
    transfers = [Transfer(1, 1, A, B), Transfer(1, 1, B, B), Transfer(1, 1, C, None), Transfer(1, 1, A, A)]
    assert indexes(transfers) == [[0, 3], [0, 1], [2]]


def test_split_gives_a_token_transfer_to_the_owner_of_the_token_too() -> None:
    assert indexes([Transfer(1, 1, A, B, 1, erc20=TOKEN)]) == [[0], [0], [0]]


def test_split_adds_the_transfer_that_says_who_signed() -> None:
    # C calls the token contract; A's tokens go to A. The token's own shard does not need to know the signer.
    token = name(1, 1)
    transfers = [Transfer(1, 1, C, C), Transfer(1, 1, A, A, 1, erc20=token), Transfer(1, 1, B, B)]
    assert indexes(transfers, size=2) == [[0, 1], [1, 2], [0]]


def test_split_adds_nothing_where_the_signer_comes_later_or_from_another_transaction() -> None:
    transfers = [Transfer(1, 1, C, C), Transfer(2, 2, A, A, 1, erc20=TOKEN), Transfer(2, 2, B, B)]
    assert indexes(transfers, size=3) == [[1], [2], [0, 1]]


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_every_row_has_one_shard_for_each_scope(shards: int) -> None:
    batch = grouped(token_stream(500, accounts=25, seed=shards), 3)
    n = len(batch)
    subjects, counterparties, assets = (np.zeros(size, np.int64) for size in (2 * n, 2 * n, n))
    for shard, (part, at) in enumerate(split(batch, shards)):
        assert np.array_equal(part.batch.time, batch.time[at])
        places = (2 * at[:, None] + (0, 1)).reshape(-1)
        np.add.at(subjects, places[part.subjects(shard)], 1)
        np.add.at(counterparties, places[part.counterparties(shard)], 1)
        np.add.at(assets, at[part.assets(shard)], 1)
    there = np.stack((np.ones(n, bool), batch.bits & HAS_TO != 0), axis=1).reshape(-1)
    assert np.array_equal(subjects, there)
    assert np.array_equal(counterparties, there)
    assert np.array_equal(assets, batch.bits & IS_TOKEN != 0)


def test_both_shards_find_the_same_transfers_between_them() -> None:
    batch = grouped(token_stream(500, accounts=25, seed=2), 2)
    parts = split(batch, SHARDS)
    for a in range(SHARDS):
        for b in range(SHARDS):
            sent, received = parts[a][0].between(a, b)
            met, paid = parts[b][0].between(b, a)
            assert np.array_equal(parts[a][1][sent], parts[b][1][paid])
            assert np.array_equal(parts[a][1][received], parts[b][1][met])


def test_part_copies_what_others_share() -> None:
    part, _ = split(to_batch([Transfer(1, 1, A, A)]), SHARDS)[0]
    part.batch.time.flags.writeable = False
    assert part.writable().batch.time.flags.writeable
    assert part.writable().batch.sender is part.batch.sender
    assert part.bytes == len(part) * (8 * 17 + 6)


def test_looks_come_back_from_one_integer() -> None:
    met = np.array([[1_023, 0, 1_023, 1, 1], [0, 1_007, 512, 1_023, 0], [0, 0, 0, 0, 0]])
    assert np.array_equal(unpack_met(pack_met(met)), met)


def test_numbers_are_in_order_of_appearance_however_many() -> None:
    names = [k.to_bytes(20, "big") for k in range(5_000)]
    numbers = AccountNumbers()
    for start in range(0, 5_000, 1_000):
        transfers = [
            Transfer(start + k, 1, names[start + k], names[start + k - 1] if k % 2 else None) for k in range(1_000)
        ]
        ids = numbers.advance(to_batch(transfers))
        assert ids[::2].tolist() == list(range(start + 1, start + 1_001))
        assert ids[1::2].tolist() == [start + k if k % 2 else 0 for k in range(1_000)]
    assert numbers.accounts_known == 5_000


def test_invalid_more_accounts_than_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_numbers, "CAPACITY", 3)
    with pytest.raises(FeatureError, match="more than 3 accounts"):
        AccountNumbers().advance(to_batch([Transfer(1, 1, A, B)]))


def test_invalid_more_rows_in_a_shard_than_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "capacity", 3)
    (part, _), *_ = split(to_batch([Transfer(1, 1, A, B), Transfer(1, 1, A, C)]), SHARDS)
    with pytest.raises(FeatureError, match="more than 3 accounts"):
        Shard(0, SHARDS, EngineOptions()).look(part)


def test_loops_run_plain_as_compiled() -> None:
    batch = to_batch([Transfer(1, 1, A, B), Transfer(1, 1, B, None), Transfer(1, 1, A, C, 1, erc20=TOKEN)])
    columns = (batch.sender, batch.receiver, batch.asset, batch.bits)
    slots = [np.zeros(64, np.uint32) for _ in range(4)]
    ids, count, keys = np.zeros((2, 6), np.int64), np.ones((2, 1), np.int64), np.zeros((2, 16, 5), np.uint32)
    _numbers._number(*columns, count[0], slots[0], slots[1], keys[0], ids[0])
    _numbers._number.py_func(*columns, count[1], slots[2], slots[3], keys[1], ids[1])
    assert ids[0].tolist() == ids[1].tolist() == [1, 2, 2, 0, 1, 3]
    assert count.tolist() == [[5], [5]]
    assert np.array_equal(keys[0], keys[1])
    rows, places, chosen = np.arange(12).reshape(3, 4), np.array([2, 0]), np.array([3, 1])
    cells = np.zeros((2, 2), np.int64)
    _cells._pick.py_func(rows, places, chosen, cells)
    assert np.array_equal(cells, rows[np.ix_(places, chosen)])
    back = np.zeros_like(rows)
    _cells._put.py_func(back, places, chosen, cells)
    assert np.array_equal(back, np.where(np.isin(rows, cells), rows, 0))
