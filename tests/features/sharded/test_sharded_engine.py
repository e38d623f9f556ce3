from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import FeatureError, RangeError, SpecMismatch
from tallystick.features import (
    CATEGORIES,
    FAMILIES,
    SCOPES,
    Engine,
    EngineOptions,
    FeatureRows,
    LabelFeed,
    LocalShards,
    ShardedEngine,
    TransferBatch,
)
from tallystick.features.sharded._shard import Shard
from tallystick.sources import open_source
from tallystick.store import LABELS

from ..streams import Transfer, assert_same, random_stream, slice_batch, streams, to_batch
from .shards import grouped, pieces, token_stream

LOCAL = tuple(name for name, scope in SCOPES.items() if scope.name != "global")


def joined(answers: Iterator[FeatureRows]) -> tuple[np.ndarray, np.ndarray]:
    found = list(answers)
    return np.concatenate([answer.rows for answer in found]), np.concatenate([answer.account for answer in found])


def check_equal(
    batches: list[TransferBatch], shards: int, options: EngineOptions, ahead: int = 1, labels: LabelFeed | None = None
) -> ShardedEngine:
    """The sharded engine gives what one engine gives, row by row and id by id."""
    one = Engine(options, labels, journal_blocks=0)
    want_rows, want_ids = joined(one.advance(batch) for batch in batches)
    sharded = ShardedEngine(LocalShards(shards, options), labels)
    rows, ids = joined(sharded.stream(iter(batches), ahead))
    assert_same(rows, want_rows, options.spec.names)
    assert np.array_equal(ids, want_ids)
    assert sharded.accounts_known == one.accounts_known
    assert sharded.spec == one.spec
    return sharded


@settings(deadline=None)
@given(streams(), st.integers(1, 5), st.integers(1, 4), st.sets(st.integers(1, 40)), st.integers(0, 2))
def test_rows_are_those_of_one_engine(
    transfers: list[Transfer], shards: int, size: int, wanted: set[int], ahead: int
) -> None:
    check_equal(pieces(grouped(transfers, size), wanted), shards, EngineOptions(), ahead)


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("accounts", [3, 12, 200])
def test_rows_of_long_streams_are_those_of_one_engine(shards: int, accounts: int) -> None:
    draw = random.Random(shards * accounts)
    batch = grouped(token_stream(2_500, accounts=accounts, seed=shards), draw.choice((1, 2, 5)))
    sharded = check_equal(pieces(batch, set(draw.sample(range(2_500), 9))), shards, EngineOptions())
    assert (sharded.shuffle.between_shards > 0) == (shards > 1)
    assert sharded.shuffle.total > sharded.shuffle.to_driver > sharded.shuffle.to_shards > 0


@pytest.mark.parametrize(
    "families", [LOCAL, ("partner",), ("assets",), ("approvals", "kind"), ("counterparties", "motifs"), ("fees",)]
)
def test_some_families(families: tuple[str, ...]) -> None:
    batch = grouped(token_stream(1_000, accounts=30, seed=4), 3)
    check_equal(pieces(batch, {333, 334, 335, 336}), 3, EngineOptions(families))


@pytest.mark.parametrize("rule", ["haircut", "fifo", "poison"])
def test_labels_count_on_the_driver(rule: str) -> None:
    transfers = random_stream(800, accounts=20, seed=9)
    rows = [
        {
            "address": f"0x{transfer.sender.hex()}",
            "network": "ethereum",
            "category": CATEGORIES[k % len(CATEGORIES)],
            "source": "test",
            "confidence_ppm": 1_000_000,
            "valid_from": transfer.time,
        }
        for k, transfer in enumerate(transfers[100:106])
    ]
    feed = LabelFeed.from_arrow(pa.Table.from_pylist(rows, schema=LABELS.schema))
    assert len(feed) == len(rows)
    check_equal(pieces(to_batch(transfers), {400, 401, 402}), 2, EngineOptions(exposure=rule), 1, feed)


@pytest.mark.data
@pytest.mark.parametrize("shards", [2, 5])
def test_tsgn_in_shards(data_dir: Path, shards: int) -> None:
    tables = open_source(f"xblock:{data_dir / 'tsgn'}#:4250000").batches(8_192)
    check_equal([TransferBatch.from_arrow(table) for table in tables], shards, EngineOptions())


@pytest.mark.parametrize("shards", [2, 3])
def test_generated_stream_in_shards(shards: int) -> None:
    tables = open_source("generated:20000,accounts=4000").batches(4_096)
    check_equal([TransferBatch.from_arrow(table) for table in tables], shards, EngineOptions())


def test_a_shard_that_gets_nothing_waits() -> None:
    transfers = [Transfer(k, 10 * k, b"\xaa" * 20, b"\xaa" * 20, 10**18) for k in range(1, 9)]
    check_equal(pieces(to_batch(transfers), {2, 4}), 4, EngineOptions())
    empty = slice_batch(to_batch(transfers), 0, 0)
    sharded = ShardedEngine(LocalShards(2))
    assert sharded.advance(empty).rows.shape == (0, len(sharded.spec.features))
    sharded.advance(to_batch(transfers))
    assert sharded.advance(empty).account.shape == (0,)


def test_every_family_has_a_scope_that_is_known() -> None:
    assert list(SCOPES) == list(FAMILIES)
    assert {scope.name for scope in SCOPES.values()} <= {"account", "counterparty", "asset", "global"}
    assert all(scope.why.endswith(".") for scope in SCOPES.values())


def test_invalid_order_changes_nothing() -> None:
    batch = to_batch(random_stream(60, seed=3))
    middle = int(np.flatnonzero(np.diff(batch.block))[20]) + 1
    sharded = ShardedEngine(LocalShards(2))
    first = sharded.advance(slice_batch(batch, 0, middle))
    with pytest.raises(FeatureError, match="was finished"):
        sharded.advance(batch)
    second = sharded.advance(slice_batch(batch, middle, len(batch)))
    want = Engine().advance(batch)
    assert_same(np.concatenate((first.rows, second.rows)), want.rows, sharded.spec.names)


def test_invalid_families_none_for_shards() -> None:
    with pytest.raises(FeatureError, match="shards compute none of motifs, exposure"):
        LocalShards(2, EngineOptions(families=("exposure", "motifs")))


def test_invalid_number_of_shards() -> None:
    with pytest.raises(RangeError, match="0 shards"):
        LocalShards(0)


def test_invalid_spec_of_a_shard() -> None:
    options = EngineOptions()
    Shard(0, 2, options).check_spec(options.spec.hash)
    options.__dict__["spec"] = EngineOptions(families=("fees",)).spec  # as sent by a driver of another version
    with pytest.raises(SpecMismatch, match="other features"):
        Shard(0, 2, options).check_spec(options.spec.hash)
    with pytest.raises(SpecMismatch, match="other features"):
        Shard(0, 2, EngineOptions()).check_spec(bytes(32))
