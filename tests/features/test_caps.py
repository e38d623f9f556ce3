"""Counters at the end of their room: held there, in the state and in the row that is written next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tallystick.features import SPEC, Engine
from tallystick.features._layout import NARROW_AT, RING
from tallystick.features._rules import NARROW_CAP
from tallystick.features._state import NARROW

from .streams import TOKEN, Transfer, to_batch
from .test_plain_kernel import plainly  # noqa: F401 - a fixture

A, B = b"\xaa" * 20, b"\xbb" * 20


@pytest.fixture(params=["compiled", "plain"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine that knows A (1) and B (2) and some payments between them, of a token too."""
    if request.param == "plain":
        request.getfixturevalue("plainly")
    engine = Engine()
    engine.advance(to_batch([Transfer(k, 1_000, A, B, 10**18, [None, TOKEN][k % 2]) for k in range(2 * RING)]))
    return engine


def go_on(engine: Engine, count: int, token: bytes | None = None) -> np.ndarray:
    first = engine.last_block + 1
    return engine.advance(to_batch([Transfer(first + k, 1_000, A, B, 10**18, token) for k in range(count)])).rows


@pytest.mark.parametrize(
    ("column", "feature"),
    [
        ("decayed_count_out_7d", "count_out_7d"),
        ("decayed_count_out_1h", "count_out_1h"),
        ("count_out", "count_out"),
        ("approvals", "approvals"),
        ("funded", "funded"),
    ],
)
def test_narrow_columns_are_held(engine: Engine, column: str, feature: str) -> None:
    at = NARROW_AT + NARROW.index(column)
    engine._memory.tables.narrow[1, at] = NARROW_CAP - 1
    rows = go_on(engine, 3)
    high = SPEC.features[SPEC.names.index(feature)].high
    assert (rows[::2, SPEC.names.index(feature)] <= min(high, NARROW_CAP)).all()
    assert engine._memory.tables.narrow[1, at] in (NARROW_CAP - 1, NARROW_CAP)
    assert engine._memory.tables.narrow[2, NARROW_AT + NARROW.index("count_in")] == RING + 3


def test_the_row_of_the_other_side_is_held_too(engine: Engine) -> None:
    # A hub's decayed count passes 2**32 at a million transfers a half-life: its counterparty's row must not.
    engine._memory.tables.narrow[2, NARROW_AT + NARROW.index("decayed_count_in_1d")] = NARROW_CAP - 1
    rows = go_on(engine, 2)
    assert rows[::2, SPEC.names.index("partner_count_in_1d")].tolist() == [NARROW_CAP] * 2
    assert rows[1::2, SPEC.names.index("count_in_1d")].tolist() == [NARROW_CAP] * 2


def test_edges_are_held(engine: Engine) -> None:
    most = (1 << 31) - 1
    engine._memory.edges[0, 1] = most - 1 | most << 32
    rows = np.concatenate([go_on(engine, 3), go_on(engine, 2, TOKEN)])
    assert rows[::2, SPEC.names.index("edge_count")].tolist() == [most - 1, *[most] * 4]
    assert engine._memory.edges[0, 1] == most | most << 32


def test_holdings_are_held(engine: Engine) -> None:
    engine._memory.holdings[0, 3] = (1 << 31) - 2 << 32
    engine._memory.holdings[1, 3] = (1 << 32) - 2
    rows = go_on(engine, 3, TOKEN)
    assert rows[::2, SPEC.names.index("asset_count_out")].tolist() == [(1 << 31) - 1] * 3
    assert rows[1::2, SPEC.names.index("asset_count_in")].tolist() == [(1 << 32) - 1] * 3


def test_rings_go_round_for_ever(engine: Engine) -> None:
    # The count of entries stops short of the sign and goes on at a multiple of the ring: nothing is out of place.
    place = int(engine._memory.heads[1, 1]) & NARROW_CAP
    assert int(engine._memory.heads[1, 1]) >> 32 == 2 * RING
    engine._memory.heads[1, 1] = (1 << 30) - RING + 3 << 32 | place
    engine._memory.pool[place : place + RING] = range(100, 100 + RING)
    want = list(range(100, 100 + RING))
    for k in range(3, 3 * RING):
        before = engine.state_hash()
        go_on(engine, 1)
        engine.rollback(1)
        assert engine.state_hash() == before
        go_on(engine, 1)
        want[k % RING] = 2
        assert engine._memory.pool[place : place + RING].tolist() == want
        assert int(engine._memory.heads[1, 1]) >> 32 == (1 << 30) - RING + (k + 1) % RING
