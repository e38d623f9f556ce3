"""Forty-nine aggregates, against the same questions asked in SQL."""

from __future__ import annotations

import duckdb
import numpy as np
import polars
import pytest

from tallystick.learn import AccountRows
from tallystick.learn._aggregates import AGGREGATES, aggregate, aggregates_after
from tallystick.learn._evaluate import rows_after

_SIDES = {"in": "incoming", "out": "not incoming", "all": "true"}
_SQL = {"sum": "sum({})", "mean": "avg({})", "std": "stddev_pop({})", "min": "min({})", "median": "median({})"}
_SQL |= {"max": "max({})"}


def _question(name: str) -> str:
    """SQL of one aggregate over a table ``t`` of one account's transfers up to a row."""
    whole = {
        "lifetime_s": "max(time) - min(time)",
        "active_days": "count(distinct time // 86400)",
        "net_value": "sum(if(incoming, value, -value))",
        "in_share": "count(*) filter (incoming) / count(*)",
    }
    if name in whole:
        return f"select {whole[name]} from t"
    side, _, what = name.partition("_")
    rows = f"(select * from t where {_SIDES[side]})"
    if what.startswith("gap_"):
        gaps = f"(select time - lag(time) over (order by place) as gap from {rows})"
        return f"select {_SQL[what.removeprefix('gap_')].format('gap')} from {gaps} where gap is not null"
    simple = {
        "count": "count(*)",
        "partners": "count(distinct partner)",
        "zero_values": "count(*) filter (value = 0)",
        "distinct_values": "count(distinct value)",
        "value_sum": "coalesce(sum(value), 0)",
    }
    return f"select {simple.get(what) or _SQL[what.removeprefix('value_')].format('value')} from {rows}"


def _ask(rows: AccountRows, end: int) -> list[float]:
    own = np.flatnonzero((rows.account == rows.account[end]) & (np.arange(len(rows)) <= end))
    t = polars.DataFrame(
        {
            "place": own,
            "value": rows.amount[own],
            "time": rows.time[own],
            "partner": rows.partner[own],
            "incoming": rows.incoming[own],
        }
    )
    with duckdb.connect() as database:
        database.register("t", t.to_arrow())
        answers = [database.execute(_question(name)).fetchone() for name in AGGREGATES]
    return [np.nan if answer is None or answer[0] is None else float(answer[0]) for answer in answers]


def test_names() -> None:
    assert len(AGGREGATES) == len(set(AGGREGATES)) == 49


@pytest.mark.parametrize("checkpoint", ["1", "3", "end"])
def test_aggregates_against_sql(rows: AccountRows, checkpoint: str) -> None:
    ends = rows_after(rows, checkpoint)[::12]
    have = aggregates_after(rows, ends)
    assert have.shape == (len(ends), 49)
    for row, end in zip(have, ends.tolist(), strict=True):
        want = np.array(_ask(rows, end))
        np.testing.assert_allclose(row, want, rtol=1e-9, atol=1e-6, equal_nan=True)


def test_aggregate_of_one_payment() -> None:
    found = dict(
        zip(AGGREGATES, aggregate(np.array([7]), np.array([86_400]), np.array([3]), np.array([False])), strict=True)
    )
    assert (found["out_count"], found["out_value_sum"], found["out_value_std"], found["net_value"]) == (1, 7, 0, -7)
    assert (found["in_count"], found["in_value_sum"], found["in_partners"], found["in_share"]) == (0, 0, 0, 0)
    assert np.isnan(found["in_value_mean"])
    assert np.isnan(found["all_gap_mean"])
    assert (found["lifetime_s"], found["active_days"]) == (0, 1)
