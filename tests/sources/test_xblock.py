from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import BadRow, SourceError
from tallystick.sources import open_source
from tallystick.sources._delimited import CsvReader

from .oracle import read_xblock

HEADER = "timestamp,block,tx_hash,from,to,value_eth,contract_created,input_selector,is_error"


def row(block: int = 100, tx: int = 1, **changes: object) -> str:
    cells: dict[str, object] = {
        "timestamp": 1_500_000_000 + 15 * block,
        "block": block,
        "tx_hash": f"0x{tx:064x}",
        "from": f"0x{0xA0 + tx:040x}",
        "to": f"0x{0xB0 + tx:040X}".replace("0X", "0x"),
        "value_eth": "0.5",
        "contract_created": "null",
        "input_selector": "0xa9059cbb",
        "is_error": 0,
    }
    return ",".join(str(cell) for cell in (cells | changes).values())


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "transactions.csv") -> Path:
    path = folder / name
    data = "".join(line + "\n" for line in (header, *rows)).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


hashes = st.integers(0, 3)
random_row = st.builds(
    row,
    block=st.integers(1, 5),
    tx=hashes,
    value_eth=st.floats(0, 1e9).map(repr) | st.sampled_from(["0E-18", "123456789012345678901.5", "1e-19"]),
    contract_created=st.sampled_from(["null", "0x" + "cc" * 20]),
    input_selector=st.sampled_from(["0x", "0xa9", "0xA9059CBB", "NULL", "0xa9059cbb00"]),
    is_error=st.integers(0, 1),
)


@settings(deadline=None)
@given(rows=st.lists(random_row, max_size=12), zipped=st.booleans())
def test_read_equals_the_oracle_on_random_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("random")
    path = write(folder, *rows, name="transactions.csv.gz" if zipped else "transactions.csv")
    assert open_source(f"xblock:{folder}").read().equals(read_xblock(path))


@pytest.mark.data
@pytest.mark.parametrize("name", ["tsgn", "xblock_phishing"])
def test_read_equals_the_oracle_on_real_rows(data_dir: Path, name: str) -> None:
    table = open_source(f"xblock:{data_dir / name}").read()
    assert table.equals(read_xblock(data_dir / name / "transactions.csv.gz"))


def test_read_takes_folder_or_file(tmp_path: Path) -> None:
    path = write(tmp_path, row(), name="transactions.csv.gz")
    by_folder, by_file = open_source(f"xblock:{tmp_path}"), open_source(f"xblock:{path}")
    assert by_folder.read().equals(by_file.read())
    assert by_folder.content_hash() == by_file.content_hash()


def test_read_numbers_interleaved_internal_calls(tmp_path: Path) -> None:
    write(tmp_path, row(7, 1), row(7, 2), row(7, 1), row(6, 3))
    table = open_source(f"xblock:{tmp_path}").read()
    columns = ("block_number", "transaction_index", "transfer_index")
    assert list(zip(*(table[name].to_pylist() for name in columns), strict=True)) == [
        (6, 0, 0),
        (7, 0, 0),
        (7, 0, 1),
        (7, 1, 0),
    ]


def test_read_accepts_quotes_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    plain = write(tmp_path, row(1), row(2))
    want = open_source(f"xblock:{plain}").read()
    quoted = ",".join(f'"{cell}"' for cell in row(1).split(","))
    odd = tmp_path / "odd.csv"
    odd.write_bytes("\ufeff".encode() + "\r\n".join([HEADER, quoted, "", row(2)]).encode())
    assert open_source(f"xblock:{odd}").read().equals(want)


def test_read_gives_the_same_from_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *(row(block, block % 7) for block in range(300)), name="transactions.csv.gz")
    want = open_source(f"xblock:{tmp_path}").read()
    monkeypatch.setattr("tallystick.sources._xblock.CsvReader", partial(CsvReader, chunk_bytes=50))
    assert open_source(f"xblock:{tmp_path}").read().equals(want)


BAD = [
    ({"value_eth": "-0.1"}, "value_eth", "negative"),
    ({"value_eth": "1e60"}, "value_eth", "2\\*\\*256"),
    ({"value_eth": "much"}, "value_eth", "not a decimal"),
    ({"timestamp": "soon"}, "timestamp", "not a whole number"),
    ({"timestamp": -1}, "timestamp", "negative"),
    ({"timestamp": 1 << 32}, "timestamp", "2\\*\\*32"),
    ({"input_selector": "0xzz"}, "input_selector", "not hexadecimal"),
    ({"from": "0xabc"}, "from", "40 hexadecimal"),
    ({"from": "null"}, "from", "40 hexadecimal"),
    ({"from": "0x" + "zz" * 20}, "from", "40 hexadecimal"),
    ({"to": ""}, "to", "40 hexadecimal"),
    ({"tx_hash": "0x" + "00" * 31}, "tx_hash", "64 hexadecimal"),
    ({"contract_created": "none"}, "contract_created", "40 hexadecimal"),
    ({"input_selector": "0xa"}, "input_selector", "not hexadecimal"),
    ({"is_error": 2}, "is_error", "neither 0 nor 1"),
    ({"value_eth": "1,5"}, None, "10 fields"),
    ({"value_eth": '"1'}, None, "cannot be read"),
]


@pytest.mark.parametrize(("changes", "column", "cause"), BAD)
def test_invalid_row_stops_the_run_with_its_place(
    tmp_path: Path, changes: dict[str, object], column: str | None, cause: str
) -> None:
    path = write(tmp_path, row(1), "", row(2, **changes), row(3))
    with pytest.raises(BadRow, match=cause) as caught:
        open_source(f"xblock:{tmp_path}").read()
    where = caught.value.where
    assert (where["file"], where["line"], where.get("column")) == (str(path), 4, column)


@pytest.mark.parametrize(("changes", "column", "cause"), BAD)
def test_invalid_row_is_counted_and_left_out_when_told(
    tmp_path: Path, changes: dict[str, object], column: str | None, cause: str
) -> None:
    write(tmp_path, row(1), row(2, **changes), row(3))
    source = open_source(f"xblock:{tmp_path}", skip_bad_rows=True)
    for _ in range(2):  # each reading counts anew
        assert source.read()["block_number"].to_pylist() == [1, 3]
        assert source.bad_rows.count == 1
        note = source.bad_rows.first[0]
        assert (note.line, note.column) == (3, column)


def test_invalid_rows_beyond_twenty_are_only_counted(tmp_path: Path) -> None:
    write(tmp_path, *[row(value_eth="x")] * 25)
    source = open_source(f"xblock:{tmp_path}", skip_bad_rows=True)
    assert source.read().num_rows == 0
    assert (source.bad_rows.count, len(source.bad_rows.first)) == (25, 20)


def test_invalid_short_row_names_the_first_missing_column(tmp_path: Path) -> None:
    write(tmp_path, row().rsplit(",", 2)[0])
    with pytest.raises(BadRow, match="7 fields") as caught:
        open_source(f"xblock:{tmp_path}").read()
    assert caught.value.where["column"] == "input_selector"


def test_invalid_bytes_are_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes() + b"\xff\xfe,1\n")
    with pytest.raises(BadRow, match="cannot be read"):
        open_source(f"xblock:{tmp_path}").read()


def test_invalid_header_names_the_missing_column(tmp_path: Path) -> None:
    write(tmp_path, header=HEADER.replace("value_eth", "value"))
    with pytest.raises(SourceError, match="'value_eth' is missing") as caught:
        open_source(f"xblock:{tmp_path}").read()
    assert caught.value.where["column"] == "value_eth"


def test_invalid_header_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, header=f"{HEADER},block")
    with pytest.raises(SourceError, match="'block' is there twice"):
        open_source(f"xblock:{tmp_path}").read()


def test_invalid_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_bytes(b"")
    with pytest.raises(SourceError, match="no header"):
        open_source(f"xblock:{tmp_path}").read()


@pytest.mark.parametrize("cut", [0.5, 0.999])
def test_invalid_truncated_gzip_names_the_line(tmp_path: Path, cut: float) -> None:
    path = write(tmp_path, *(row(block, block) for block in range(5000)), name="transactions.csv.gz")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(SourceError, match="cut off") as caught:
        open_source(f"xblock:{tmp_path}", skip_bad_rows=True).read()
    assert 1 < int(str(caught.value.where["line"])) <= 5001


def test_invalid_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, row(), name="transactions.csv.gz")
    data = bytearray(path.read_bytes())
    data[-5] ^= 1  # the length and checksum at the end
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="cannot be read"):
        open_source(f"xblock:{tmp_path}").read()


def test_invalid_times_going_backwards_are_refused(tmp_path: Path) -> None:
    write(tmp_path, row(1, timestamp=50), row(2, timestamp=40))
    with pytest.raises(SourceError, match="backwards") as caught:
        open_source(f"xblock:{tmp_path}").read()
    assert caught.value.where["block"] == 2


def test_invalid_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(f"xblock:{tmp_path / 'absent'}").read()
    with pytest.raises(SourceError, match=r"no transactions\.csv"):
        open_source(f"xblock:{tmp_path}").read()
    write(tmp_path)
    write(tmp_path, name="transactions.csv.gz")
    with pytest.raises(SourceError, match="keep one"):
        open_source(f"xblock:{tmp_path}").read()


def test_labels_come_from_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path, row())
    assert open_source(f"xblock:{path}").labels() is None
    address = "0x" + "AB" * 20
    (tmp_path / "labels.csv").write_text(f"address,label,set\n{address},phishing,1\n0x{'cd' * 20},unknown,\n")
    table = open_source(f"xblock:{path}").labels()
    assert table is not None
    assert table.select(["address", "network", "category", "source", "detail"]).to_pylist() == [
        {
            "address": address.lower(),
            "network": "ethereum",
            "category": "phishing",
            "source": "xblock:labels.csv",
            "detail": "set=1",
        }
    ]


def test_invalid_label_is_counted_with_the_sources_bad_rows(tmp_path: Path) -> None:
    path = write(tmp_path, row())
    (tmp_path / "labels.csv").write_text(f"address,label\n0x{'ab' * 20},phishing\n0xabc,normal\n")
    with pytest.raises(BadRow) as caught:
        open_source(f"xblock:{path}").labels()
    assert caught.value.where["line"] == 3
    source = open_source(f"xblock:{path}", skip_bad_rows=True)
    table = source.labels()
    assert table is not None
    assert (table.num_rows, source.bad_rows.count, source.bad_rows.first[0].line) == (1, 1, 3)


@pytest.mark.data
def test_labels_of_the_real_set(data_dir: Path) -> None:
    labels = open_source(f"xblock:{data_dir / 'tsgn'}").labels()
    assert labels is not None
    categories = labels["category"].to_pylist()
    assert (categories.count("phishing"), categories.count("normal")) == (679, 836)
