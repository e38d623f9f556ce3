"""The first difference between two tables, named for what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import StoreError
from tallystick.ledger._compare import MismatchKind, compare_predictions, compare_transfers

Make = Callable[..., tuple[pa.Table, pa.Table]]


def _take(table: pa.Table, rows: list[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64()))


def _with(table: pa.Table, row: int, name: str, value: object) -> pa.Table:
    rows = table.to_pylist()
    rows[row][name] = value
    return pa.Table.from_pylist(rows, schema=table.schema)


def _same_place(found: Any, table: pa.Table, row: int) -> bool:
    cells = table.slice(row, 1).to_pylist()[0]
    return (found.block, found.transaction_hash, found.transfer_index) == (
        cells["block_number"],
        cells["transaction_hash"],
        cells["transfer_index"],
    )


def test_equal_tables_have_no_difference(tables: Make) -> None:
    transfers, predictions = tables(40)
    assert compare_predictions(predictions, predictions) is None
    assert compare_predictions(pa.concat_tables([predictions.slice(0, 9), predictions.slice(9)]), predictions) is None
    assert compare_transfers(transfers, transfers) is None
    assert compare_predictions(*[tables(0)[1]] * 2) is None


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 39), st.sampled_from(["sender_raw", "sender_ppm", "receiver_raw", "receiver_ppm", "flag"]))
def test_one_unit_in_one_cell(tables: Make, row: int, name: str) -> None:
    predictions = tables(40)[1]
    value = predictions.column(name)[row].as_py()
    changed = {True: False, False: True, None: 5}[value] if isinstance(value, bool | None) else value ^ 1
    found = compare_predictions(_with(predictions, row, name, changed), predictions)
    assert found is not None
    assert (found.kind, found.field, found.stored, found.recomputed) == ("altered_value", name, changed, value)
    assert _same_place(found, predictions, row)
    assert name in found.cause


@pytest.mark.parametrize("name", ["block_number", "transaction_hash", "transfer_index", "from_address", "to_address"])
def test_altered_identity_is_an_altered_value(tables: Make, name: str) -> None:
    predictions = tables(40)[1]
    value: object = b"\x01" * (32 if "hash" in name else 20) if "index" not in name and "num" not in name else 9_999
    found = compare_predictions(_with(predictions, 17, name, value), predictions)
    assert found is not None
    assert (found.kind, found.field, found.stored) == (MismatchKind.ALTERED_VALUE, name, value)
    assert _same_place(found, predictions, 17)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 39), st.integers(0, 39))
def test_swapped_rows(tables: Make, first: int, second: int) -> None:
    predictions = tables(40)[1]
    order = list(range(40))
    order[first], order[second] = second, first
    found = compare_predictions(_take(predictions, order), predictions)
    if first == second:
        assert found is None
        return
    assert found is not None
    assert found.kind == "swapped_rows"
    assert _same_place(found, predictions, min(first, second))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 39))
def test_missing_row(tables: Make, row: int) -> None:
    predictions = tables(40)[1]
    found = compare_predictions(_take(predictions, [k for k in range(40) if k != row]), predictions)
    assert found is not None
    assert found.kind == "missing_row"
    assert _same_place(found, predictions, row)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 39), st.integers(0, 40))
def test_extra_row_that_repeats_another(tables: Make, row: int, place: int) -> None:
    predictions = tables(40)[1]
    order = list(range(40))
    order.insert(place, row)
    found = compare_predictions(_take(predictions, order), predictions)
    assert found is not None
    assert found.kind == "extra_row"
    assert _same_place(found, predictions, row)


def test_extra_row_that_is_new(tables: Make) -> None:
    predictions = tables(40)[1]
    new = _with(predictions.slice(20, 1), 0, "transfer_index", 77)
    found = compare_predictions(pa.concat_tables([predictions.slice(0, 21), new, predictions.slice(21)]), predictions)
    assert found is not None
    assert (found.kind, found.transfer_index) == ("extra_row", 77)


def test_changed_input_names_row_and_field(tables: Make) -> None:
    transfers = tables(40)[0]
    value = (5).to_bytes(32, "big")
    found = compare_transfers(_with(transfers, 3, "value_binary", value), transfers)
    assert found is not None
    assert (found.kind, found.field, found.stored) == ("changed_input", "value_binary", value)
    assert _same_place(found, transfers, 3)
    assert found.to_json()["stored"] == "0x" + value.hex()


def test_invalid_layout_is_refused(tables: Make) -> None:
    transfers, predictions = tables(4)
    with pytest.raises(StoreError):
        compare_predictions(transfers, predictions)
