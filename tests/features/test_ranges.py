from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tallystick.features import SPEC, Engine

from .streams import ADDRESSES, UINT32_MAX, UINT64_MAX, UINT256_MAX, Transfer, random_stream, streams, to_batch

LOW = np.array([feature.low for feature in SPEC.features])
HIGH = np.array([feature.high for feature in SPEC.features])
A, B, C = ADDRESSES[1:4]


def rows_in_range(transfers: list[Transfer]) -> np.ndarray:
    """Rows of a stream, each cell inside its feature's range; zeros of a missing receiver apart."""
    rows = Engine().advance(to_batch(transfers)).rows
    present = rows[np.array([side for t in transfers for side in (True, t.receiver is not None)])]
    outside = np.argwhere((present < LOW) | (present > HIGH))
    for row, column in outside:
        raise AssertionError(f"{SPEC.features[column]} is {present[row, column]} in row {row}")
    return rows


@settings(max_examples=200, deadline=None)
@given(streams())
def test_random_streams_stay_in_range(transfers: list[Transfer]) -> None:
    rows_in_range(transfers)


@settings(max_examples=200, deadline=None)
@given(streams(extreme=True))
def test_extreme_streams_stay_in_range(transfers: list[Transfer]) -> None:
    rows_in_range(transfers)


def test_a_long_stream_stays_in_range() -> None:
    rows_in_range(random_stream(4_000, accounts=40))


@pytest.mark.parametrize("time", [0, UINT32_MAX])
def test_totals_saturate(time: int) -> None:
    # Every total reaches its cap, then the fees do, and nothing wraps.
    pairs = [(A, B)] * 8 + [(B, A)] * 8 + [(A, A)] * 4
    huge = [Transfer(1, time, *pair, UINT256_MAX, gas=UINT64_MAX, price=UINT64_MAX) for pair in pairs]
    later = [Transfer(2, UINT32_MAX, *pair, UINT256_MAX, gas=UINT64_MAX, price=UINT64_MAX) for pair in pairs]
    rows = rows_in_range(huge + later)
    top = {name: int(rows[:, SPEC.names.index(name)].max()) for name in ("log_volume_in", "log_value", "log_fee")}
    assert top == {"log_volume_in": 16 * 63, "log_value": 16 * 62, "log_fee": 16 * 62}


def test_spans_reach_from_the_first_to_the_last_second() -> None:
    rows = rows_in_range([Transfer(0, 0, A, B, 10**18), Transfer(1, UINT32_MAX, B, A, 10**18)])
    column = {name: rows[2, SPEC.names.index(name)] for name in ("gap_s", "age_s", "in_to_out_s", "edge_age_s")}
    assert column == {"gap_s": UINT32_MAX, "age_s": UINT32_MAX, "in_to_out_s": UINT32_MAX, "edge_age_s": 0}
    assert rows[3, SPEC.names.index("in_to_out_s")] == -UINT32_MAX


def test_variance_stays_far_below_its_bound() -> None:
    # Half nothing, half the largest: no set of logs varies more.
    values = [0, UINT256_MAX] * 50
    rows = rows_in_range([Transfer(k, k, A, B, value) for k, value in enumerate(values)])
    assert rows[:, SPEC.names.index("variance_log_in")].max() < 300_000


def test_ranges_are_well_formed() -> None:
    assert (LOW <= HIGH).all()
    assert (LOW >= -(1 << 63)).all()
    assert (HIGH < 1 << 63).all()
