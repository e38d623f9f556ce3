"""Rows of the snapshot: the twin equals the reference, and nothing they must not depend on moves them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from tallystick.errors import Leakage
from tallystick.features.snapshot import SNAPSHOT, reference_rows, snapshot_rows
from tallystick.learn import TimeSplit
from tallystick.sources import open_source

from .graphs import NAMES, Pay, graphs, to_table

SHIFT_S = 12_345_678


def by_address(table: pa.Table) -> dict[bytes, list[int]]:
    found = snapshot_rows(table)
    return {bytes(address): row for address, row in zip(found.addresses, found.rows.tolist(), strict=True)}


def column(table: pa.Table, name: str) -> dict[int, int]:
    at = SNAPSHOT.names.index(name)
    return {address[0] - 1: row[at] for address, row in by_address(table).items()}


@given(graphs())
def test_twin_equals_reference(pays: list[Pay]) -> None:
    table = to_table(pays)
    found = snapshot_rows(table)
    assert found.rows.tolist() == reference_rows(table)
    assert len(found) == len({pay.sender for pay in pays} | {pay.receiver for pay in pays} - {None})


@given(graphs())
def test_rows_are_in_their_ranges(pays: list[Pay]) -> None:
    for row in snapshot_rows(to_table(pays)).rows.tolist():
        for feature, value in zip(SNAPSHOT.features, row, strict=True):
            assert feature.low <= value <= feature.high, feature.name


@given(graphs())
def test_absolute_time_does_not_enter(pays: list[Pay]) -> None:
    later = [pay._replace(time=pay.time + SHIFT_S) for pay in pays]
    assert by_address(to_table(later)) == by_address(to_table(pays))


@given(graphs())
def test_names_and_order_of_accounts_do_not_enter(pays: list[Pay]) -> None:
    names = list(reversed(NAMES))
    renamed = dict(zip(NAMES, names, strict=True))
    expected = {renamed[address]: row for address, row in by_address(to_table(pays)).items()}
    assert by_address(to_table(pays, names)) == expected
    shuffled = Random(len(pays)).sample(pays, len(pays))
    assert by_address(to_table(shuffled)) == by_address(to_table(pays))


def test_a_collector() -> None:
    ether = 10**9
    pays = [Pay(100 + 60 * k, k, 4, ether // 2) for k in range(3)] + [Pay(400, 4, 5, 3 * ether // 2)]
    table = to_table(pays)
    expected = {
        "in_payments": 3,
        "in_partners": 3,
        "in_volume": 3 * ether // 2,
        "in_amount_p50": ether // 2,
        "in_largest_share": 333_333,
        "in_round_tenth": 1_000_000,
        "in_gap_p50": 60,
        "in_span": 120,
        "in_busiest_1h": 3,
        "out_gap_most": -1,
        "in_share": 750_000,
        "span": 300,
        "pass_through": 1_000_000,
        "kept": 0,
        "first_in_to_first_out": 300,
        "last_in_to_first_out": 180,
        "delay_least": 180,
        "sender_partners_mean": 256,
        "receiver_in_share_mean": 1_000_000,
    }
    assert {name: column(table, name)[4] for name in expected} == expected
    assert column(table, "first_in_to_first_out")[0] == 1 << 40


def test_what_overlapping_crawls_doubled_is_cut_off() -> None:
    table = to_table([Pay(0, 0, 1, 10), Pay(1, 1, 2, 20)])
    assert (column(table, "pass_through")[1], column(table, "kept")[1]) == (1_000_000, 0)


def test_tokens_failures_and_payments_to_oneself_are_no_payments() -> None:
    pays = [Pay(0, 0, 1, 5, token=True), Pay(1, 0, 1, 5, success=False), Pay(2, 2, 2, 5), Pay(3, 3, None, 5)]
    found = snapshot_rows(to_table(pays))
    assert (len(found), found.payments.tolist()) == (4, [0, 0, 0, 0])
    assert len({tuple(row) for row in found.rows.tolist()}) == 1
    assert len(snapshot_rows(to_table([]))) == 0


def test_spec_is_closed() -> None:
    assert len(set(SNAPSHOT.names)) == len(SNAPSHOT.names) == snapshot_rows(to_table([Pay(0, 0, 1, 1)])).rows.shape[1]
    assert {feature.sees for feature in SNAPSHOT.features} == {"whole source"}
    assert all(feature.help.endswith(".") and feature.half_life_s is None for feature in SNAPSHOT.features)
    changed = replace(SNAPSHOT.features[0], high=7)
    assert replace(SNAPSHOT, features=(changed, *SNAPSHOT.features[1:])).hash != SNAPSHOT.hash


def test_invalid_split_by_time() -> None:
    empty: Any = None  # the spec is refused before a row is looked at
    with pytest.raises(Leakage, match="features see more than the past"):
        TimeSplit(0).check(empty, SNAPSHOT)


@given(graphs())
@settings(max_examples=30)
def test_sql_oracle(pays: list[Pay]) -> None:
    kept = [pay for pay in pays if pay.receiver not in (None, pay.sender) and pay.success and not pay.token]
    edges = pa.table(
        {
            "sender": pa.array([pay.sender for pay in kept], pa.int64()),
            "receiver": pa.array([pay.receiver for pay in kept], pa.int64()),
            "gwei": pa.array([min(pay.gwei, 1 << 61) for pay in kept], pa.int64()),
            "time": pa.array([pay.time for pay in kept], pa.int64()),
        }
    )
    question = """
        select receiver, count(*), count(distinct sender), least(sum(gwei::hugeint), 1::hugeint << 62)::bigint,
            max(time) - min(time), quantile_disc(gwei, 0.0), max(gap)
        from (select *, time - lag(time) over (partition by receiver order by time) as gap from edges)
        group by receiver
    """
    names = ("in_payments", "in_partners", "in_volume", "in_span", "in_amount_p10", "in_gap_most")
    with duckdb.connect() as connection:
        connection.register("edges", edges)
        answer = connection.execute(question).fetchall()
    table = to_table(pays)
    found = {name: column(table, name) for name in names}
    for account, payments, partners, volume, span, smallest, gap in answer:
        mine = [found[name][account] for name in names]
        assert mine[:4] == [payments, partners, volume, span]
        assert mine[4] == smallest or payments > 10
        assert mine[5] == (-1 if gap is None else gap)


@pytest.mark.data
@pytest.mark.slow
def test_real_graph_moves_neither_with_time_nor_with_names(data_dir: Path) -> None:
    table = open_source(f"tedge:{data_dir / 'tedge'}").read()
    found = snapshot_rows(table)
    assert found.rows.shape == (86_622, len(SNAPSHOT.features))
    at = table.schema.get_field_index("timestamp")
    later = table.set_column(
        at, table.schema.field(at), pc.add(table["timestamp"].cast(pa.int64()), SHIFT_S).cast(table["timestamp"].type)
    )
    assert np.array_equal(snapshot_rows(later).rows, found.rows)
    draw = Random(1)
    renamed = {bytes(address): draw.randbytes(20) for address in found.addresses}
    other = table
    for name in ("from_address", "to_address"):
        at = other.schema.get_field_index(name)
        cells = pa.array([renamed[cell] for cell in other[name].to_pylist()], other[name].type)
        other = other.set_column(at, other.schema.field(at), cells)
    moved = snapshot_rows(other)
    assert [bytes(address) for address in moved.addresses] == [renamed[bytes(address)] for address in found.addresses]
    assert np.array_equal(moved.rows, found.rows)
