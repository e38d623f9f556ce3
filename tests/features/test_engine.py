from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import FeatureError
from tallystick.features import SPEC, Engine, ReferenceEngine

from .streams import Transfer, assert_same, cut, random_stream, slice_batch, streams, to_batch

A, B = b"\xaa" * 20, b"\xbb" * 20


def reference_rows(transfers: list[Transfer]) -> np.ndarray:
    return np.array(ReferenceEngine().advance(to_batch(transfers)), np.int64).reshape(-1, len(SPEC.features))


@settings(max_examples=150, deadline=None)
@given(streams())
def test_engine_equals_reference(transfers: list[Transfer]) -> None:
    assert_same(Engine().advance(to_batch(transfers)).rows, reference_rows(transfers), SPEC.names)


def test_engine_equals_reference_on_a_long_stream() -> None:
    transfers = random_stream(1_500)
    assert_same(Engine().advance(to_batch(transfers)).rows, reference_rows(transfers), SPEC.names)


def test_engine_equals_reference_where_hubs_are_met() -> None:
    # 200 accounts paid by one, which then pays a last: only then is it a hub to anybody.
    payees = [bytes([k // 256, k % 256]) + bytes(18) for k in range(1, 200)]
    transfers = [Transfer(k, 10 * k, A, payee, 10**18) for k, payee in enumerate(payees)]
    rows = Engine().advance(to_batch(transfers)).rows
    assert_same(rows, reference_rows(transfers), SPEC.names)
    hub_share = rows[1::2, SPEC.names.index("hub_share_in")]
    assert hub_share.tolist() == [0] * 128 + [1_000_000] * 71


@settings(deadline=None)
@given(streams(), st.sets(st.integers(1, 40)))
def test_batches_do_not_matter(transfers: list[Transfer], wanted: set[int]) -> None:
    whole, pieces = Engine(), Engine()
    at_once = whole.advance(to_batch(transfers))
    parts = [pieces.advance(to_batch(piece)) for piece in cut(transfers, wanted)]
    assert_same(np.concatenate([part.rows for part in parts]), at_once.rows, SPEC.names)
    assert np.array_equal(np.concatenate([part.account for part in parts]), at_once.account)
    assert pieces.state_hash() == whole.state_hash()
    assert pieces.accounts_known == whole.accounts_known


@settings(deadline=None)
@given(streams(), st.integers(0, 40))
def test_rows_do_not_see_ahead(transfers: list[Transfer], length: int) -> None:
    # Cut anywhere, even inside a block: what comes later must not change a row.
    whole = Engine().advance(to_batch(transfers)).rows
    prefix = Engine().advance(to_batch(transfers[:length])).rows
    assert_same(prefix, whole[: len(prefix)], SPEC.names)


@settings(deadline=None)
@given(streams(), streams())
def test_rows_do_not_see_other_accounts(transfers: list[Transfer], others: list[Transfer]) -> None:
    # A second stream among accounts of its own, merged in, changes no row of the first.
    def renamed(address: bytes | None) -> bytes | None:
        return None if address is None else b"\x77" + address[1:8] + bytes([address[0]]) + address[9:]

    names = {t.sender for t in transfers} | {t.receiver for t in transfers}
    foreign = [
        Transfer(t.block, t.time, renamed(t.sender) or A, renamed(t.receiver), t.value)
        for t in others
        if renamed(t.sender) not in names and (t.receiver is None or renamed(t.receiver) not in names)
    ]
    merged = sorted([(t.time, 0, t) for t in transfers] + [(t.time, 1, t) for t in foreign], key=lambda item: item[:2])
    stream = [
        Transfer(k, t.time, t.sender, t.receiver, t.value, t.erc20, t.gas, t.price, t.method, t.success)
        for k, (_, _, t) in enumerate(merged)
    ]
    ours = np.repeat([kind == 0 for _, kind, _ in merged], 2)
    have = Engine().advance(to_batch(stream)).rows[ours]
    assert_same(have, Engine().advance(to_batch(transfers)).rows, SPEC.names)


def test_state_hash_tells_streams_apart() -> None:
    stream = random_stream(30)
    hashes = set()
    for length in range(31):
        engine = Engine()
        engine.advance(to_batch(stream[:length]))
        hashes.add(engine.state_hash())
    assert len(hashes) == 31


def test_two_threads_do_not_disturb_each_other() -> None:
    batch = to_batch(random_stream(3_000))
    want = Engine()
    want.advance(batch)
    engines = [Engine() for _ in range(2)]
    threads = [Thread(target=engine.advance, args=(batch,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {engine.state_hash() for engine in engines} == {want.state_hash()}


def test_a_batch_is_left_as_it_was() -> None:
    batch = to_batch(random_stream(100))
    before = {name: getattr(batch, name).copy() for name in batch.__dataclass_fields__}
    Engine().advance(batch)
    for name, column in before.items():
        assert np.array_equal(getattr(batch, name), column)


def test_strided_columns_are_read_right() -> None:
    stream = random_stream(200)
    batch = to_batch(stream)
    twice = {name: np.repeat(getattr(batch, name), 2, axis=0) for name in batch.__dataclass_fields__}
    strided = slice_batch(batch, 0, 0).__class__(**{name: column[::2] for name, column in twice.items()})
    assert np.array_equal(Engine().advance(strided).rows, Engine().advance(batch).rows)


def test_no_receiver_gives_zeros_and_nobody() -> None:
    result = Engine().advance(to_batch([Transfer(1, 1, A, None, 10**18)]))
    assert result.account.tolist() == [1, 0]
    assert not result.rows[1].any()


def test_empty_batch_changes_nothing() -> None:
    engine = Engine()
    engine.advance(to_batch([Transfer(5, 50, A, B)]))
    before = engine.state_hash()
    result = engine.advance(to_batch([]))
    assert result.rows.shape == (0, len(SPEC.features))
    assert result.account.shape == (0,)
    assert engine.state_hash() == before


@pytest.mark.parametrize(
    ("blocks", "times", "cause"),
    [
        ([6, 5], [60, 60], "block runs backwards at transfer 1 of the batch"),
        ([6, 7, 7, 6], [60, 60, 60, 60], "block runs backwards at transfer 3 of the batch"),
        ([6, 7], [60, 59], "time runs backwards at transfer 1 of the batch"),
        ([6], [49], "time runs backwards at transfer 0 of the batch"),
        ([5], [50], "block 5 comes after block 5 was finished"),
        ([5, 6], [50, 60], "block 5 comes after block 5 was finished"),
        ([4], [60], "block 4 comes after block 5 was finished"),
        ([0], [0], "block 0 comes after block 5 was finished"),
    ],
)
def test_invalid_order(blocks: list[int], times: list[int], cause: str) -> None:
    engine = Engine()
    engine.advance(to_batch([Transfer(5, 50, A, B, 10**18)]))
    before, bytes_before = engine.state_hash(), engine.state_bytes
    bad = [Transfer(block, time, B, A) for block, time in zip(blocks, times, strict=True)]
    with pytest.raises(FeatureError) as caught:
        engine.advance(to_batch(bad))
    assert caught.value.cause == cause
    assert caught.value.where["block"] in blocks
    assert "order" in caught.value.advice
    # Nothing was taken in, and the engine goes on with a right batch.
    assert (engine.state_hash(), engine.state_bytes) == (before, bytes_before)
    assert len(engine.advance(to_batch([Transfer(6, 50, B, A)])).rows) == 2


def test_block_zero_and_time_zero_are_accepted() -> None:
    assert len(Engine().advance(to_batch([Transfer(0, 0, A, B)])).rows) == 2
