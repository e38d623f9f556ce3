"""Universal Binary JSON by hand and by random values."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.exact.importers._ubjson import parse_ubjson

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def written(value: Any) -> bytes:
    """Without counts and types."""
    match value:
        case None | True | False:
            return {None: b"Z", True: b"T", False: b"F"}[value]
        case int():
            return b"L" + struct.pack(">q", value)
        case float():
            return b"D" + struct.pack(">d", value)
        case str():
            return b"S" + text(value)
        case list():
            return b"[" + b"".join(map(written, value)) + b"]"
        case _:
            return b"{" + b"".join(text(name) + written(item) for name, item in value.items()) + b"}"


def text(value: str) -> bytes:
    data = value.encode()
    return b"l" + struct.pack(">i", len(data)) + data


@given(values)
def test_values_come_back(value: Any) -> None:
    assert parse_ubjson(written(value)) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"[$d#U\x02" + struct.pack(">ff", 0.5, -2), [0.5, -2.0]),
        (b"[$L#i\x01" + struct.pack(">q", -9), [-9]),
        (b"[#U\x02i\x01T", [1, True]),
        (b"{#U\x01U\x01aCx", {"a": "x"}),
        (b"{$U#U\x01U\x01a\x05", {"a": 5}),
        (b"[$S#U\x01U\x01a", ["a"]),
        (b"[$[#U\x02]]", [[], []]),
        (b"I\x01\x00", 256),
    ],
)
def test_counted_and_typed(data: bytes, value: Any) -> None:
    assert parse_ubjson(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"H",
        b"[",
        b"{U\x05ab",
        b"SSa",
        b"SL" + struct.pack(">q", -1),
        b"[$d#l\x7f\xff\xff\xff",
        b"[$T#l\x7f\xff\xff\xff",
        b"[$U\x01",
        b"[#l\x7f\xff\xff\xff",
        b"[#i\xff",
        b"Z" * 2,
        b"S" + b"U\x01\xff",
        b"C\xff",
        b"[" * 100,
    ],
)
def test_invalid(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever: readers turn all of them into refusals
        parse_ubjson(data)
