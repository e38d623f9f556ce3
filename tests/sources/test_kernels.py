"""Fast readers against the rules: whatever a kernel accepts, the rule gives the same value."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.sources._cells import AmountCell, BytesCell, Cell, CountCell, EtherCell, FlagCell, PrefixCell
from tallystick.sources._kernels import count_lines, split_lines

CELLS: dict[str, Cell] = {
    "count32": CountCell(),
    "count64": CountCell(64, nullable=True),
    "address": BytesCell(20),
    "recipient": BytesCell(20, nullable=True),
    "token": BytesCell(20, nullable=True, empty_is_null=True),
    "hash": BytesCell(32),
    "selector": PrefixCell(exact=True),
    "input": PrefixCell(),
    "ether": EtherCell(),
    "amount": AmountCell(),
    "error": FlagCell(negate=True),
    "status": FlagCell(empty_is_true=True),
}

hex_text = st.text("0123456789abcdefABCDEF", max_size=70)
numbers = st.integers(-5, 1 << 70) | st.integers(0, 1 << 257) | st.sampled_from([(1 << 32) - 1, 1 << 32, 10**18 - 1])
texts = st.one_of(
    st.sampled_from(
        ["", "null", "NULL", "nulx", "Null", "0x", "0", "1", "2", ".", "e", "-", "-0", "1e", "1e+", "1.1.1"]
    ),
    st.text("0123456789.eE+-xXnul ", max_size=24),
    numbers.map(str),
    hex_text.map(lambda text: "0x" + text),
    st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}"),
    st.integers(0, (1 << 256) - 1).map(lambda number: f"0x{number:064x}"),
    st.integers(0, (1 << 32) - 1).map(lambda number: f"0x{number:08x}"),
    st.decimals(0, 10**20, allow_nan=False, allow_infinity=False).map(str),
    st.floats(0, 1e12).map(repr),
    st.tuples(st.integers(0, 10**21), st.integers(0, 10**22)).map(lambda parts: f"{parts[0]}.{parts[1]}"),
    st.tuples(st.integers(0, 10**19), st.integers(-45, 25)).map(lambda parts: f"{parts[0]}e{parts[1]}"),
)


def decode(cell: Cell, text: str) -> tuple[bool, Any]:
    """What the kernel makes of one cell: accepted, and the column of one row."""
    buffer = np.frombuffer(text.encode() + b",0x", np.uint8)
    out, ok = cell.blank(1), np.ones(1, bool)
    cell.decode(buffer, np.zeros(1, np.int64), np.full(1, len(text.encode())), out, ok)
    return bool(ok[0]), out


@pytest.mark.parametrize("name", CELLS)
@settings(deadline=None)  # the first call compiles
@given(text=texts)
def test_kernel_accepts_only_what_the_rule_gives(name: str, text: str) -> None:
    cell = CELLS[name]
    accepted, out = decode(cell, text)
    if not accepted:
        return
    want = cell.blank(1)
    cell.put(want, 0, cell.parse(text, name))
    if want.valid is None or want.valid[0]:
        assert out.data.tolist() == want.data.tolist()
    assert out.valid is None or out.valid.tolist() == want.valid.tolist()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count32", "4294967295"),
        ("address", "0x" + "aB" * 20),
        ("recipient", "null"),
        ("selector", "0xa9059cbb"),
        ("selector", "0x"),
        ("selector", "NULL"),
        ("input", "0xa9059cbb00"),
        ("ether", "9.999999999999999e-16"),
        ("ether", "0E-18"),
        ("ether", "173.511739120000000000"),
        ("amount", "99999999999999999999999999999999999999"),
        ("error", "0"),
        ("status", "1"),
    ],
)
def test_kernel_accepts_ordinary_cells(name: str, text: str) -> None:
    assert decode(CELLS[name], text)[0]


def test_parse_gives_none_where_a_cell_may_be_empty() -> None:
    assert CELLS["count64"].parse("", "gas") is None
    assert CELLS["token"].parse("", "to") is None
    assert CELLS["status"].parse("", "status") is True
    assert CELLS["selector"].parse("0xa9059cbb00", "input") is None
    assert CELLS["input"].parse("0xa9059cbb00", "input") == bytes.fromhex("a9059cbb")


@pytest.mark.parametrize(
    ("name", "text"), [("error", "2"), ("selector", "a9"), ("selector", "0xa"), ("input", "0x a9")]
)
def test_invalid_cell_is_refused(name: str, text: str) -> None:
    with pytest.raises(RangeError):
        CELLS[name].parse(text, name)


lines = st.lists(
    st.lists(st.text("ab0", max_size=3), min_size=1, max_size=5).map(",".join) | st.just("") | st.just('"a",b,c'),
    max_size=8,
)


@settings(deadline=None)
@given(lines, st.sampled_from(["\n", "\r\n"]))
def test_split_lines_equals_csv_reader(rows: list[str], ending: str) -> None:
    data = "".join(row + ending for row in rows).encode()
    buffer = np.frombuffer(data, np.uint8)
    slots = np.array([1, -1, 0])  # the third and the first of three fields
    most = count_lines(buffer)
    assert most == len(rows)
    starts, ends, places = (np.zeros((size, most), np.int64) for size in (2, 2, 4))
    found, read = split_lines(buffer, slots, starts, ends, places)
    assert read == len(rows)
    want = [(line, fields) for line, fields in enumerate(csv.reader(rows)) if rows[line]]
    assert found == len(want)
    for row, (line, fields) in enumerate(want):
        begin, end, number, plain = places[:, row]
        assert (number, data[begin:end].decode()) == (line, rows[line])
        assert plain == (len(fields) == 3 and '"' not in rows[line])
        if plain:
            cells = [data[starts[slot, row] : ends[slot, row]].decode() for slot in (0, 1)]
            assert cells == [fields[2], fields[0]]
