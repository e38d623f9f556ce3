"""The reader as a whole against its plain-Python rules: same values, same malformed rows, same places."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import RangeError, SourceError
from tallystick.sources import BadRows
from tallystick.sources._cells import BytesCell, Cell, CountCell, EtherCell, FlagCell
from tallystick.sources._delimited import LINE, CsvReader, read_header

CELLS: dict[str, Cell] = {
    "value": EtherCell(),
    "to": BytesCell(20, nullable=True),
    "time": CountCell(),
    "error": FlagCell(),
}
HEADER = "time,other,value,to,error"
ADDRESS = "0x" + "ab" * 20

good = st.tuples(
    st.sampled_from(["1", "4294967295", "007"]),
    st.sampled_from(["", "x", "é"]),
    st.floats(0, 1e9).map(repr) | st.integers(0, 10**20).map(str),
    st.sampled_from([ADDRESS, ADDRESS.upper().replace("X", "x"), "null"]),
    st.sampled_from(["0", "1"]),
)
any_row = st.tuples(
    st.sampled_from(["1", "-1", "4294967296", "", "1.5"]),
    st.sampled_from(["", '"a,b"', '"', "é"]),
    st.sampled_from(["1", "-1", "1e60", "1e5", "", "1" * 30]),
    st.sampled_from([ADDRESS, "null", "", "0x12", '"null"', ADDRESS + " "]),
    st.sampled_from(["0", "1", "2", "0,1", '"1"']),
)
rows = st.lists((good | any_row).map(",".join) | st.just("") | st.just("1,2"), max_size=10)


def by_the_rules(lines: list[str]) -> tuple[list[dict[str, object]], list[tuple[int, str | None]]]:
    kept, bad = [], []
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        column: str | None = None
        try:
            fields = next(csv.reader([line], strict=True))
            if len(fields) != 5:
                column = HEADER.split(",")[len(fields)] if len(fields) < 5 else None
                raise csv.Error
            texts = dict(zip(HEADER.split(","), fields, strict=True))
            row: dict[str, object] = {LINE: number}
            for column, cell in CELLS.items():
                row[column] = cell.parse(texts[column], column)
        except (RangeError, csv.Error):
            bad.append((number, column))
            continue
        kept.append(row)
    return kept, bad


@settings(deadline=None)
@given(lines=rows, ending=st.sampled_from(["\n", "\r\n"]), chunk=st.sampled_from([7, 64, 1 << 18]))
def test_reader_equals_its_rules(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ending: str, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("reader") / "t.csv"
    path.write_bytes(ending.join([HEADER, *lines]).encode())
    bad = BadRows(skip=True)
    found = CsvReader(path, CELLS, bad, chunk).read()
    want, wrong = by_the_rules(lines)
    assert [(note.line, note.column) for note in bad.first] == wrong
    assert found[LINE].data.tolist() == [row[LINE] for row in want]
    for name, cell in CELLS.items():
        expected = cell.blank(len(want))
        for at, row in enumerate(want):
            cell.put(expected, at, row[name])
        valid = found[name].valid
        assert (valid is None) == (expected.valid is None)
        if valid is not None and expected.valid is not None:
            assert valid.tolist() == expected.valid.tolist()
            assert found[name].data[valid].tolist() == expected.data[valid].tolist()
        else:
            assert found[name].data.tolist() == expected.data.tolist()


def test_read_header_takes_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeff"a b",c\r\n1,2\r\n'.encode())
    assert read_header(path) == ["a b", "c"]


def test_invalid_header_of_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(b"\x1f\x8bnot gzip")
    with pytest.raises(SourceError, match="cannot be read"):
        read_header(path)
