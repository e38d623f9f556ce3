from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.units import (
    UINT256_MAX,
    WEI_PER_ETHER,
    format_address,
    format_ether,
    format_hash,
    format_ppm,
    parse_address,
    parse_ether,
    parse_hash,
    parse_wei,
)

uint256 = st.integers(0, UINT256_MAX)


@given(uint256)
def test_parse_ether_is_exact_for_every_amount(wei: int) -> None:
    whole, rest = divmod(wei, WEI_PER_ETHER)
    assert parse_ether(f"{whole}.{rest:018d}") == wei
    assert parse_ether(f"{wei}e-18") == wei
    assert parse_ether(f" {whole}.{rest:018d}{'0' * 40} ") == wei


@given(st.integers(0, 10**90), st.integers(-110, 90))
def test_parse_ether_agrees_with_fractions(coefficient: int, exponent: int) -> None:
    wei = Fraction(coefficient) * Fraction(10) ** (exponent + 18)
    text = f"{coefficient}e{exponent}"
    if wei.denominator == 1 and wei <= UINT256_MAX:
        assert parse_ether(text) == wei
    else:
        with pytest.raises(RangeError):
            parse_ether(text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not a decimal number"),
        ("one", "not a decimal number"),
        ("0x10", "not a decimal number"),
        ("nan", "not finite"),
        ("sNaN", "not finite"),
        ("-inf", "not finite"),
        ("-1", "negative"),
        ("-1e99", "negative"),
        ("-1e-18", "negative"),
        ("1e-19", "finer than one wei"),
        ("1.0000000000000000001", "finer than one wei"),
        ("1." + "0" * 150 + "1", "finer than one wei"),
        ("1e-999999999", "finer than one wei"),
        ("1e999999999", r"2\*\*256 or more"),
        (f"{UINT256_MAX + 1}e-18", r"2\*\*256 or more"),
    ],
)
def test_invalid_parse_ether(text: str, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        parse_ether(text)


def test_parse_ether_zero_in_every_form() -> None:
    assert [parse_ether(text) for text in ("0", "-0", "0.000", "0e999999", "0e-999999")] == [0] * 5


@given(uint256)
def test_parse_wei_reads_decimal_hexadecimal_and_integers(wei: int) -> None:
    assert parse_wei(str(wei)) == parse_wei(hex(wei)) == parse_wei(wei) == wei


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("1.5", "not an integer"),
        ("", "not an integer"),
        (1.5, "not an integer"),
        (1.0, "not an integer"),
        (-1, "negative"),
        ("-0x1" + "0" * 9000, "negative"),
        (UINT256_MAX + 1, r"2\*\*256 or more"),
        ("0x1" + "0" * 9000, r"2\*\*256 or more"),
    ],
)
def test_invalid_parse_wei(value: int | str, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        parse_wei(value)


@given(st.binary(min_size=20, max_size=20), st.binary(min_size=32, max_size=32))
def test_address_and_hash_round_trip(address: bytes, value: bytes) -> None:
    assert parse_address(format_address(address)) == address
    assert parse_address(address.hex().upper()) == address
    assert parse_hash(format_hash(value)) == value


@pytest.mark.parametrize("text", ["", "0x", "0x" + "0" * 39, "0x" + "0" * 41, "0x" + "g" * 40, "0" * 64])
def test_invalid_parse_address(text: str) -> None:
    with pytest.raises(RangeError, match="address is not 40 hexadecimal digits"):
        parse_address(text)


def test_invalid_parse_hash() -> None:
    with pytest.raises(RangeError, match="hash is not 64 hexadecimal digits"):
        parse_hash("0x12")


@pytest.mark.parametrize(
    ("wei", "digits", "text"),
    [
        (0, 6, "0.000000"),
        (1, 18, "0.000000000000000001"),
        (1, 6, "0.000000"),
        (1_999_999_999_999_999_999, 2, "1.99"),
        (1_999_999_999_999_999_999, 0, "1"),
        (1234 * WEI_PER_ETHER, 1, "1,234.0"),
        (-WEI_PER_ETHER // 2, 2, "-0.50"),
    ],
)
def test_format_ether(wei: int, digits: int, text: str) -> None:
    assert format_ether(wei, digits) == text


@pytest.mark.parametrize(("ppm", "text"), [(0, "0.00 %"), (99, "0.00 %"), (100, "0.01 %"), (1_000_000, "100.00 %")])
def test_format_ppm(ppm: int, text: str) -> None:
    assert format_ppm(ppm) == text
