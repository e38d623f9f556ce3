from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from tallystick.errors import StoreError
from tallystick.store import LABELS, TABLES, TRANSFERS, Column, check_table

COLUMNS = [column for layout in TABLES.values() for column in layout.columns]


@pytest.mark.parametrize("layout", TABLES.values(), ids=TABLES)
def test_layout_accepts_its_own_schema(layout: object) -> None:
    table = layout.schema.empty_table()
    assert check_table(table, layout) is table


def test_one_name_one_type_one_unit_everywhere() -> None:
    seen: dict[str, Column] = {}
    for column in COLUMNS:
        other = seen.setdefault(column.name, column)
        assert (other.type, other.unit, other.width) == (column.type, column.unit, column.width)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_column_is_documented(column: Column) -> None:
    assert column.help.endswith((".", "…"))
    assert (column.width is not None) == (column.type == pa.binary())


def test_invalid_tables(transfers: Callable[..., pa.Table]) -> None:
    table = transfers(1, 2)
    with pytest.raises(StoreError, match="column block_number: uint32 where chain_id: uint64 belongs"):
        check_table(table.drop_columns("chain_id"), TRANSFERS)
    with pytest.raises(StoreError, match="13 columns where 14 belong"):
        check_table(table.drop_columns("success"), TRANSFERS)
    with pytest.raises(StoreError, match="15 columns where 14 belong"):
        check_table(table.append_column("more", pa.array([1, 2])), TRANSFERS)
    with pytest.raises(StoreError, match="column value_binary: int64 where value_binary: binary belongs"):
        check_table(table.set_column(9, "value_binary", pa.array([1, 2])), TRANSFERS)
    with pytest.raises(StoreError, match="column success holds 1 nulls"):
        check_table(table.set_column(13, "success", pa.array([True, None])), TRANSFERS)
    with pytest.raises(StoreError, match="column method has cells that are not 4 bytes"):
        check_table(table.set_column(12, "method", pa.array([b"1234", b"123"])), TRANSFERS)


def test_text_columns_have_no_width() -> None:
    row = dict.fromkeys(("address", "network", "category", "source"), "x") | {"confidence_ppm": 1}
    check_table(pa.Table.from_pylist([row], schema=LABELS.schema), LABELS)
