from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tallystick.errors import BadRow, SourceError
from tallystick.settings import Settings
from tallystick.sources import open_source

from .worlds import WORLDS, A, cryo_tables


def hexadecimal(table: pa.Table) -> pa.Table:
    """As cryo's ``--hex`` writes it."""
    for at, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):
            cells = [None if cell is None else "0x" + cell.hex() for cell in table.column(at).to_pylist()]
            table = table.set_column(at, field.name, pa.array(cells, pa.string()))
    return table


def write(folder: Path, tables: dict[str, pa.Table], end: str = "parquet") -> None:
    for name, table in tables.items():
        path = folder / f"ethereum__{name}__0_to_5.{end}"
        pq.write_table(table, path) if end == "parquet" else pacsv.write_csv(table, path)


def read(folder: Path, **options: Any) -> pa.Table:
    return open_source(f"cryo:{folder}", **options).read()


@pytest.fixture
def binary(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return WORLDS["cryo"](tmp_path_factory.mktemp("binary"))("").read()


@pytest.mark.parametrize("end", ["parquet", "csv"])
def test_hexadecimal_files_give_the_same(tmp_path: Path, binary: pa.Table, end: str) -> None:
    write(tmp_path, {name: hexadecimal(table) for name, table in cryo_tables().items()}, end)
    assert read(tmp_path).equals(binary)


def test_many_files_and_decimal_amounts_give_the_same(tmp_path: Path, binary: pa.Table) -> None:
    for name, table in cryo_tables().items():
        if "value_binary" in table.column_names:
            at = table.column_names.index("value_binary")
            cells = [str(int.from_bytes(cell, "big")) for cell in table.column(at).to_pylist()]
            table = table.set_column(at, "value_string", pa.array(cells))
        for part in range(0, table.num_rows, 2):
            pq.write_table(table.slice(part, 2), tmp_path / f"ethereum__{name}__{part}_to_{part + 1}.parquet")
    (tmp_path / "README.txt").write_text("not a data set")
    assert read(tmp_path).equals(binary)


def test_transactions_alone_are_rows_of_their_own(tmp_path: Path) -> None:
    tables = cryo_tables()
    write(tmp_path, {name: tables[name] for name in ("transactions", "blocks")})
    table = read(tmp_path)
    assert (table.num_rows, table["transfer_index"].unique().to_pylist()) == (5, [0])
    assert table["to_address"].null_count == 1


def test_native_transfers_alone_know_no_gas(tmp_path: Path) -> None:
    natives = cryo_tables()["native_transfers"]
    stamped = natives.append_column("timestamp", pa.array([7] * natives.num_rows, pa.uint32()))
    stamped = stamped.drop_columns(["chain_id"])
    write(tmp_path, {"native_transfers": stamped})
    path = next(tmp_path.iterdir())
    table = open_source(f"cryo:{path}", settings=Settings(chain_id=9)).read()
    assert table.num_rows == 5  # one failed transaction has none, one has two, the reward is left out
    assert table["gas_used"].null_count == 5
    assert pc.all(table["success"]).as_py()
    assert set(table["chain_id"].to_pylist()) == {9}


def test_contract_that_was_not_created_is_null(tmp_path: Path) -> None:
    tables = cryo_tables()
    natives = tables["native_transfers"].to_pylist()
    natives[2]["to_address"] = bytes(32)
    tables["native_transfers"] = pa.Table.from_pylist(natives, tables["native_transfers"].schema)
    write(tmp_path, tables)
    assert read(tmp_path)["to_address"].null_count == 1


Change = Callable[[list[dict[str, Any]]], None]


def changed(table: pa.Table, row: int, **cells: Any) -> pa.Table:
    rows = table.to_pylist()
    rows[row] |= cells
    return pa.Table.from_pylist(rows, table.schema)


@pytest.mark.parametrize(
    ("name", "row", "cells", "cause"),
    [
        ("transactions", 1, {"from_address": b"\1"}, "not 20 bytes"),
        ("transactions", 1, {"from_address": None}, "is null"),
        ("transactions", 1, {"value_binary": b"\1"}, "not 32 bytes"),
        ("transactions", 1, {"block_number": None}, "is null"),
        ("transactions", 1, {"block_number": 77}, "not in the blocks"),
        ("erc20_transfers", 1, {"erc20": None}, "is null"),
    ],
)
def test_invalid_row_is_reported_with_its_place(
    tmp_path: Path, name: str, row: int, cells: dict[str, Any], cause: str
) -> None:
    tables = cryo_tables()
    tables[name] = changed(tables[name], row, **cells)
    write(tmp_path, tables)
    with pytest.raises(BadRow, match=cause) as caught:
        read(tmp_path)
    where = caught.value.where
    assert name in str(where["file"])
    assert (where["line"], where["column"]) == (row + 1, next(iter(cells)))
    source = open_source(f"cryo:{tmp_path}", skip_bad_rows=True)
    source.read()
    assert source.bad_rows.count == 1


def test_null_success_is_true(tmp_path: Path) -> None:
    tables = cryo_tables()
    tables["transactions"] = changed(tables["transactions"], 3, success=None, input=None, gas_used=None)
    write(tmp_path, tables)
    table = read(tmp_path)
    assert pc.all(table["success"]).as_py()
    assert table["gas_used"].null_count == 1


def test_invalid_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file of cryo's"):
        read(tmp_path)
    tables = cryo_tables()
    write(tmp_path, {"blocks": tables["blocks"]})
    with pytest.raises(SourceError, match="no transactions, native_transfers"):
        read(tmp_path)


def test_invalid_columns_are_refused(tmp_path: Path) -> None:
    tables = cryo_tables()
    write(tmp_path, {"transactions": tables["transactions"]})
    with pytest.raises(SourceError, match="no blocks data set"):
        read(tmp_path)
    write(tmp_path, {"transactions": tables["transactions"].drop_columns(["value_binary"])})
    with pytest.raises(SourceError, match="no exact amounts"):
        read(tmp_path)
    write(tmp_path, {"transactions": tables["transactions"].drop_columns(["from_address"])})
    with pytest.raises(SourceError, match="'from_address' is missing"):
        read(tmp_path)


def test_invalid_repeats_and_chains_are_refused(tmp_path: Path) -> None:
    tables = cryo_tables()
    write(tmp_path, tables | {"transactions": pa.concat_tables([tables["transactions"]] * 2)})
    with pytest.raises(SourceError, match="twice"):
        read(tmp_path)
    write(tmp_path, tables | {"transactions": changed(tables["transactions"], 3, chain_id=5)})
    with pytest.raises(SourceError, match=r"chains \[1, 5\]"):
        read(tmp_path)


def test_invalid_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ethereum__transactions__0_to_5.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(SourceError, match="not a whole Parquet file"):
        read(tmp_path)
    write(tmp_path, cryo_tables())
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path)


def test_text_numbers_are_read_by_the_rules(tmp_path: Path, binary: pa.Table) -> None:
    tables = cryo_tables()
    for name, table in tables.items():
        at = table.column_names.index("block_number")
        tables[name] = table.set_column(at, "block_number", table.column(at).cast(pa.int64()).cast(pa.string()))
    write(tmp_path, tables)
    assert read(tmp_path).equals(binary)
    assert A[2:4] in binary["from_address"][0].as_py().hex()
