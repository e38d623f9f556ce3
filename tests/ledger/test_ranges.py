"""Cuts depend on the transfers only, and respect what is committed already."""

from __future__ import annotations

import random
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, RangeError
from tallystick.ledger._ranges import BlockRange, RangeCutter, cut_ranges, rows_of_range
from tallystick.units import BlockNumber

Make = Callable[..., tuple[pa.Table, pa.Table]]


def _range(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def _expected(blocks: list[int], size: int) -> list[tuple[int, int, int]]:
    """The rule, said with a loop over rows: (first, last, count)."""
    cuts: list[tuple[int, int, int]] = []
    rows: list[int] = []
    for block in blocks:
        if len(rows) >= size and block != rows[-1]:
            cuts.append((rows[0], rows[-1] + 1, len(rows)))
            rows = []
        rows.append(block)
    return [*cuts, (rows[0], rows[-1] + 1, len(rows))] if rows else cuts


@pytest.mark.parametrize("size", [1, 2, 7, 64, 299, 300, 1000])
def test_cuts_follow_the_rule(tables: Make, size: int) -> None:
    transfers, predictions = tables(300)
    cuts = cut_ranges(transfers, predictions, size)
    found = [(cut.range.first_block, cut.range.last_block, cut.transfers.num_rows) for cut in cuts]
    assert found == _expected(transfers.column("block_number").to_pylist(), size)
    assert pa.concat_tables([cut.transfers for cut in cuts]).equals(transfers)
    assert pa.concat_tables([cut.predictions for cut in cuts]).equals(predictions)
    assert all(rows_of_range(transfers, cut.range).equals(cut.transfers) for cut in cuts)


def _keys(cuts: list[object]) -> list[tuple[object, int]]:
    return [(cut.range, cut.transfers.num_rows) for cut in cuts]


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_cuts_do_not_depend_on_batches(tables: Make, size: int, seed: int) -> None:
    transfers, predictions = tables(120, seed=3)
    chance = random.Random(seed)
    cutter, cuts, start = RangeCutter(size), [], 0
    while start < 120:
        rows = chance.randint(0, 30)
        cuts += cutter.push(transfers.slice(start, rows), predictions.slice(start, rows))
        start += rows
    assert cutter.pending == 120 - sum(cut.transfers.num_rows for cut in cuts)
    cuts += cutter.finish()
    assert _keys(cuts) == _keys(cut_ranges(transfers, predictions, size))
    assert cutter.finish() == []


def test_a_stream_continues_after_what_is_committed(tables: Make) -> None:
    transfers, predictions = tables(200)
    block = transfers.column("block_number")[90].as_py()
    early = rows_of_range(transfers, _range(0, block)).num_rows
    first = cut_ranges(transfers.slice(0, early), predictions.slice(0, early), 40)  # the last one is small
    cutter = RangeCutter(40, [cut.range for cut in first])
    cuts = [*cutter.push(transfers, predictions), *cutter.finish()]
    assert _keys(cuts[: len(first)]) == _keys(first)
    rest = cut_ranges(transfers.slice(early), predictions.slice(early), 40)
    assert _keys(cuts[len(first) :]) == _keys(rest)


def test_nothing_gives_no_range(tables: Make) -> None:
    assert cut_ranges(*tables(0), 10) == []


def test_range_knows_its_blocks() -> None:
    assert str(_range(3, 5)) == "[3, 5)"
    assert [block in _range(3, 5) for block in (2, 3, 4, 5)] == [False, True, True, False]


@pytest.mark.parametrize(("first", "last"), [(3, 3), (4, 3), (-1, 3), (0, 2**64)])
def test_invalid_range(first: int, last: int) -> None:
    with pytest.raises(RangeError, match="empty or backwards"):
        _range(first, last)


def test_invalid_size() -> None:
    with pytest.raises(RangeError, match="commit_transfers must be 1 or more"):
        RangeCutter(0)


def test_invalid_order(tables: Make) -> None:
    transfers, predictions = tables(50)
    cutter = RangeCutter(10)
    cutter.push(transfers.slice(25), predictions.slice(25))
    with pytest.raises(InputError, match="not in chain order"):
        cutter.push(transfers.slice(0, 25), predictions.slice(0, 25))


def test_invalid_transfer_outside_the_committed_ranges(tables: Make) -> None:
    transfers, predictions = tables(50)
    cutter = RangeCutter(10, [_range(20, 30)])
    with pytest.raises(InputError, match=r"not in the committed range \[20, 30\)"):
        cutter.push(transfers, predictions)
