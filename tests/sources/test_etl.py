from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import BadRow, SourceError
from tallystick.settings import Settings
from tallystick.sources import open_source

from .worlds import WORLDS


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_read_takes_the_transactions_file_alone(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    path = tmp_path / "transactions.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0] + ",block_timestamp", *(f"{row},1600000000" for row in rows[1:2])]))
    table = open_source(f"etl:{path}").read()
    assert (table["timestamp"].to_pylist(), table["gas_price"].to_pylist()) == ([1_600_000_000], [5])
    assert table["gas_used"].null_count == table["erc20"].null_count == 1


def test_chain_id_is_the_setting(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    assert set(open_source(f"etl:{tmp_path}").read()["chain_id"].to_pylist()) == {1}
    table = open_source(f"etl:{tmp_path}", settings=Settings(chain_id=10)).read()
    assert set(table["chain_id"].to_pylist()) == {10}


def test_transactions_without_receipt_keep_their_own(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    path = tmp_path / "receipts.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    rows = open_source(f"etl:{tmp_path}").read().to_pylist()
    assert [row["gas_price"] for row in rows] == [4, 4, 4, 5, 5, 5, 5, 5]
    assert [row["gas_used"] for row in rows] == [21_000] * 3 + [None] * 5
    assert all(row["success"] for row in rows)


def test_receipts_of_no_transaction_change_nothing(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    path = tmp_path / "receipts.csv"
    path.write_text(path.read_text().splitlines()[0])
    table = open_source(f"etl:{tmp_path}").read()
    assert table["gas_used"].null_count == table.num_rows == 8


@pytest.mark.parametrize(
    ("name", "old", "new", "column", "cause"),
    [
        ("transactions", ",1000000000000000000,", ",-1,", "value", "negative"),
        ("transactions", ",0xbbbb", ",0xzbbb", "to_address", "40 hexadecimal"),
        ("transactions", "0x6001", "0x600", "input", "not hexadecimal"),
        ("token_transfers", ",5,", f",{1 << 256},", "value", "2\\*\\*256"),
        ("token_transfers", "0xdddd", "0xddd", "token_address", "40 hexadecimal"),
        ("token_transfers", "0x0000", "0xffff", "transaction_hash", "not in transactions"),
        ("receipts", "21000", "much", "gas_used", "not a whole"),
        ("receipts", ",1,4", ",2,4", "status", "neither 0 nor 1"),
        ("blocks", "2,16", "9,16", "block_number", "not in blocks"),
    ],
)
def test_invalid_row_is_reported_with_its_place(
    tmp_path: Path, name: str, old: str, new: str, column: str, cause: str
) -> None:
    WORLDS["etl"](tmp_path)
    edit(tmp_path / f"{name}.csv", old, new)
    with pytest.raises(BadRow, match=cause) as caught:
        open_source(f"etl:{tmp_path}").read()
    assert caught.value.where["column"] == column
    assert isinstance(caught.value.where["line"], int)
    source = open_source(f"etl:{tmp_path}", skip_bad_rows=True)
    source.read()
    assert source.bad_rows.count >= 1


def test_invalid_joins_are_refused(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    edit(tmp_path / "token_transfers.csv", ",0,1\n", ",0,3\n")
    with pytest.raises(SourceError, match="differs from that of its transaction"):
        open_source(f"etl:{tmp_path}").read()
    (tmp_path / "blocks.csv").unlink()
    with pytest.raises(SourceError, match="block_timestamp"):
        open_source(f"etl:{tmp_path}").read()


def test_invalid_repeated_transaction_is_refused(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    path = tmp_path / "transactions.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    with pytest.raises(SourceError, match="twice"):
        open_source(f"etl:{tmp_path}").read()


def test_large_input_in_an_odd_row_is_read(tmp_path: Path) -> None:
    WORLDS["etl"](tmp_path)
    edit(tmp_path / "transactions.csv", "0x6001", "0x" + "60" * 200_000)
    edit(tmp_path / "transactions.csv", ",7,", ",+7,")  # sends the row to the plain-Python rules
    table = open_source(f"etl:{tmp_path}").read()
    assert table["method"].to_pylist()[4] == b"\x60" * 4
