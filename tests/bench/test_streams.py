from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from _features.engines import make_engine
from _features.probe import LEAST_RATE, keeping_up
from _features.quality import sampled, seen_from
from _features.report import table
from _features.scale import Chain, mixed
from _features.speed import before
from _features.streams import BLOCK, Stream, coins, stream_of

from tallystick.learn import AccountRows, running_count
from tallystick.sources import open_source


@pytest.fixture(scope="module")
def stream() -> Stream:
    return stream_of("generated", open_source("generated:6000").read())


def test_pieces_hold_whole_blocks_in_order(stream: Stream) -> None:
    pieces = list(stream.pieces(0, len(stream), 700))
    blocks = [batch.block for piece in pieces for batch in piece.batches]
    assert np.array_equal(np.concatenate(blocks), stream.table["block_number"].to_numpy())
    assert all(a[-1] < b[0] for a, b in pairwise(blocks))
    assert np.array_equal(np.concatenate([piece.edges for piece in pieces]), stream.edges)
    assert len(pieces) > 5


def test_blocks_are_merged_to_the_size_of_a_busy_chain(stream: Stream) -> None:
    start = stream.cut(1_000)
    batches = stream.blocks(start, len(stream))
    assert all(len(batch) >= BLOCK and len(set(batch.block.tolist())) == 1 for batch in batches[:-1])
    numbers = [int(batch.block[0]) for batch in batches]
    assert numbers == sorted(set(numbers))
    assert np.array_equal(np.concatenate([batch.time for batch in batches]), stream.time[start:])


def test_edges_are_the_same_transfers(stream: Stream) -> None:
    senders, receivers = stream.table["from_address"].to_pylist(), stream.table["to_address"].to_pylist()
    number = dict(zip(senders + receivers, stream.edges[:, 1:3].T.ravel(), strict=True))
    assert len(set(number.values())) == len(number)
    assert [number[address] for address in senders] == stream.edges[:, 1].tolist()
    assert [number[address] for address in receivers] == stream.edges[:, 2].tolist()
    assert len(np.unique(stream.edges[:, 5])) == len(set(stream.table["erc20"].to_pylist()))


def test_what_has_no_recipient_is_left_out(stream: Stream) -> None:
    at = stream.table.column_names.index("to_address")
    nobody = stream.table.set_column(at, stream.table.schema.field(at), pa.nulls(len(stream), pa.binary()))
    both = stream_of("both", pa.concat_tables([stream.table, nobody]))
    assert np.array_equal(both.edges, stream.edges)


def test_coins_are_exact_to_a_float() -> None:
    values = [0, 1, 10**18, 3 * 10**30, (1 << 256) - 1]
    cells = pa.chunked_array([[value.to_bytes(32, "big") for value in values]])
    assert coins(cells) == pytest.approx([value / 10**18 for value in values])


def test_before_is_one_window(stream: Stream) -> None:
    first = stream.cut(3_000)
    edges = before(stream, first)
    assert edges[-1, 0] == first - 1
    assert stream.time[first] - 3 * 86_400 <= edges[0, 3]
    assert stream.time[int(edges[0, 0]) - 1] < stream.time[first] - 3 * 86_400


def test_chain_grows_by_one_account_a_transfer_and_stays_when_steady() -> None:
    engine, chain = make_engine(), Chain()
    engine.advance(chain.grow(300))
    assert engine.accounts_known == chain.accounts == 301
    engine.advance(chain.steady(300))
    assert engine.accounts_known == 301
    assert chain.transfers == 600


def test_mixed_numbers_differ() -> None:
    assert len(np.unique(mixed(np.arange(10_000)))) == 10_000


def test_families_that_do_not_get_through_are_left_out() -> None:
    assert keeping_up({"fan": LEAST_RATE, "degree": LEAST_RATE - 1, "temp-cycle": None}) == ("fan",)


def test_seen_from_puts_the_account_first() -> None:
    row = np.concatenate([[7.0], np.zeros(16), np.ones(16)])[None].repeat(2, 0)
    seen = seen_from(row, np.array([False, True]))
    assert seen[0].tolist() == [7, *[0] * 16, *[1] * 16, 0]
    assert seen[1].tolist() == [7, *[1] * 16, *[0] * 16, 1]


def test_sampled_rows_are_the_early_ones_and_the_last() -> None:
    account = np.repeat([0, 1], [40, 3])
    ones = np.ones(43, np.int64)
    rows = AccountRows(ones[:, None], account, running_count(account), ones, ones, ones, ones > 0, (b"a", b"b"))
    kept = np.flatnonzero(sampled(rows, 12))
    assert kept.tolist() == [*range(12), 14, 18, 23, 29, 37, 39, 40, 41, 42]


def test_table_is_markdown() -> None:
    lines = list(table(("name", "n"), [{"name": "a", "n": 1_000}, {"name": "long one", "n": None}]))
    assert lines == ["|     name |     n |", "|---------:|------:|", "|        a | 1,000 |", "| long one |     – |"]
