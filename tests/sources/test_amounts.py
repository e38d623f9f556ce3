from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.sources._amounts import parse_count, parse_ether_nearest, parse_token_amount
from tallystick.units import parse_ether

from .oracle import wei_of


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0", 0),
        ("0.0", 0),
        ("-0.0", 0),
        (".5", 5 * 10**17),
        ("5.", 5 * 10**18),
        ("+1", 10**18),
        ("1e-18", 1),
        ("0E-18", 0),
        ("9.999999999999999e-16", 1000),
        ("4.950415799999999", 4_950_415_799_999_999_000),
        ("173.511739120000000000", 173_511_739_120_000_000_000),
        ("0.0000000000000000005", 1),
        ("0.00000000000000000049999999", 0),
        ("0e999999999", 0),
        ("1e-999999999", 0),
        ("115792089237316195423570985008687907853269984665640564039457.584007913129639935", (1 << 256) - 1),
    ],
)
def test_parse_ether_nearest_gives_nearest_wei(text: str, wei: int) -> None:
    assert parse_ether_nearest(text) == wei


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not a decimal"),
        (".", "not a decimal"),
        ("e5", "not a decimal"),
        ("nan", "not a decimal"),
        ("1_0", "not a decimal"),
        (" 1", "not a decimal"),
        ("1" * 401, "not a decimal"),
        ("٣", "not a decimal"),
        ("-1e-30", "negative"),
        ("1e60", "2\\*\\*256"),
        ("1e99999999999", "2\\*\\*256"),
        ("115792089237316195423570985008687907853269984665640564039457.5840079131296399355", "2\\*\\*256"),
    ],
)
def test_invalid_ether_is_refused(text: str, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        parse_ether_nearest(text)


@given(st.integers(0, 10**30), st.integers(-40, 30))
def test_parse_ether_nearest_equals_fractions(digits: int, exponent: int) -> None:
    text = f"{digits}e{exponent}"
    assert parse_ether_nearest(text) == wei_of(text)


@given(st.integers(0, (1 << 256) - 1))
def test_parse_ether_nearest_is_exact_on_whole_wei(wei: int) -> None:
    text = f"{wei // 10**18}.{wei % 10**18:018d}"
    assert parse_ether_nearest(text) == wei == parse_ether(text) if wei < 10**28 else parse_ether_nearest(text) == wei


@pytest.mark.parametrize(
    ("text", "bits", "cause"),
    [
        ("", 32, "not a whole"),
        ("1.0", 32, "not a whole"),
        ("0x10", 32, "not a whole"),
        ("1" * 401, 32, "not a whole"),
        ("-1", 32, "negative"),
        ("4294967296", 32, "2\\*\\*32"),
    ],
)
def test_invalid_count_is_refused(text: str, bits: int, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        parse_count(text, "block", bits)


def test_parse_count_reads_to_its_limit() -> None:
    assert parse_count("4294967295", "block", 32) == 4294967295
    assert parse_token_amount(str((1 << 256) - 1)) == (1 << 256) - 1


def test_invalid_token_amount_is_refused() -> None:
    with pytest.raises(RangeError, match="2\\*\\*256"):
        parse_token_amount(str(1 << 256))
