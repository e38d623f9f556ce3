from __future__ import annotations

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.features import FAMILIES, SPEC, Engine, EngineOptions

from .streams import (
    TOKEN,
    UINT32_MAX,
    Transfer,
    assert_same,
    cut,
    engine_rows,
    labels_of,
    random_labels,
    random_stream,
    reference_rows,
    slice_batch,
    streams,
    to_batch,
    to_feed,
)

A, B = b"\xaa" * 20, b"\xbb" * 20
RULES = ("haircut", "fifo", "poison")
DULL = {"hub_share_in", "hub_share_out"}  # hubs pay 128 accounts
WINDOWS_S = (1, 3_600, 259_200, UINT32_MAX)


@settings(max_examples=150, deadline=None)
@given(streams(), st.sampled_from(RULES), st.sampled_from(WINDOWS_S), st.data())
def test_engine_equals_reference(transfers: list[Transfer], rule: str, window_s: int, data: st.DataObject) -> None:
    feed = to_feed(data.draw(labels_of(transfers)))
    options = EngineOptions(window_s=window_s, exposure=rule)
    assert_same(engine_rows(transfers, options, feed), reference_rows(transfers, options, feed), SPEC.names)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("accounts", [6, 12])
def test_engine_equals_reference_on_a_long_stream(rule: str, accounts: int) -> None:
    transfers = random_stream(1_500, accounts=accounts)
    feed, options = to_feed(random_labels(transfers, 12)), EngineOptions(exposure=rule)
    rows = engine_rows(transfers, options, feed)
    assert_same(rows, reference_rows(transfers, options, feed), SPEC.names)
    # The stream is worth the name: nearly every feature takes more than one value.
    dull = {name for name, column in zip(SPEC.names, rows.T, strict=True) if len(np.unique(column)) == 1}
    assert {name for name in dull if name.rpartition("_")[2] not in ("hack", "exchange", "gambling")} <= DULL


@settings(max_examples=40, deadline=None)
@given(streams(), st.sets(st.sampled_from(list(FAMILIES)), min_size=1), st.data())
def test_some_families_are_columns_of_all(transfers: list[Transfer], families: set[str], data: st.DataObject) -> None:
    feed = to_feed(data.draw(labels_of(transfers)))
    some = EngineOptions(families=tuple(families))
    columns = [SPEC.names.index(name) for name in some.spec.names]
    have = engine_rows(transfers, some, feed)
    assert_same(have, engine_rows(transfers, None, feed)[:, columns], some.spec.names)
    assert_same(have, reference_rows(transfers, some, feed), some.spec.names)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_alone(family: str) -> None:
    transfers = random_stream(400)
    feed, alone = to_feed(random_labels(transfers)), EngineOptions(families=(family,))
    columns = [SPEC.names.index(name) for name in alone.spec.names]
    assert_same(engine_rows(transfers, alone, feed), engine_rows(transfers, None, feed)[:, columns], alone.spec.names)


def test_a_diamond_of_nine_counts_as_eight() -> None:
    # Eight accounts have passed money on from A to B, as many as a ring tells: the ninth is beyond the range.
    between = [bytes([7, k]) + bytes(18) for k in range(9)]
    stream = [Transfer(k, k, A, name, 10**18) for k, name in enumerate(between[8:] + between[:8])]
    stream += [Transfer(9 + k, 9 + k, name, B, 10**18) for k, name in enumerate(between)]
    rows = engine_rows(stream)
    assert_same(rows, reference_rows(stream), SPEC.names)
    assert rows[::2, SPEC.names.index("diamond")].tolist() == [0] * 10 + [2, 3, 4, 5, 6, 7, 8, 8]


def test_a_token_that_pays_and_is_paid() -> None:
    # The contract is a party of its own token's transfers: both ways of counting it meet in one row.
    moves = [(TOKEN, A), (A, TOKEN), (TOKEN, TOKEN), (B, A), (TOKEN, B)]
    transfers = [Transfer(k, k, *pair, 10**18, TOKEN) for k, pair in enumerate(moves)]
    transfers.append(Transfer(9, 9, TOKEN, A, 10**18))
    rows = engine_rows(transfers)
    assert_same(rows, reference_rows(transfers), SPEC.names)
    assert rows[8:10, SPEC.names.index("asset_holders")].tolist() == [3, 3]
    assert rows[10, SPEC.names.index("is_token")] == 1


def test_engine_equals_reference_where_hubs_are_met() -> None:
    # 200 accounts paid by one, which then pays a last: only then is it a hub to anybody.
    payees = [bytes([k // 256, k % 256]) + bytes(18) for k in range(1, 200)]
    transfers = [Transfer(k, 10 * k, A, payee, 10**18) for k, payee in enumerate(payees)]
    rows = engine_rows(transfers)
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
        Transfer(t.block, t.time, renamed(t.sender) or A, renamed(t.receiver), t.value, transaction=k)
        for k, t in enumerate(others)
        if renamed(t.sender) not in names and (t.receiver is None or renamed(t.receiver) not in names)
    ]
    merged = sorted([(t.time, 0, t) for t in transfers] + [(t.time, 1, t) for t in foreign], key=lambda item: item[:2])
    numbers: dict[tuple[int, int, int | None], int] = {}
    stream = [
        replace(t, block=1, transaction=numbers.setdefault((kind, t.block, t.transaction), len(numbers)))
        for _, kind, t in merged
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


def test_empty_batch_changes_nothing() -> None:
    engine = Engine()
    engine.advance(to_batch([Transfer(5, 50, A, B)]))
    before = engine.state_hash()
    result = engine.advance(to_batch([]))
    assert result.rows.shape == (0, len(SPEC.features))
    assert result.account.shape == (0,)
    assert engine.state_hash() == before


def test_block_zero_and_time_zero_are_accepted() -> None:
    assert len(Engine().advance(to_batch([Transfer(0, 0, A, B)])).rows) == 2
