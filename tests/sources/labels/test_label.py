from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.sources.labels import Label, label_table
from tallystick.sources.labels._label import normal_address, parse_confidence, parse_known, parse_time
from tallystick.sources.labels._vocabulary import category_of, network_of
from tallystick.store import LABELS, check_table


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1970-01-02", 86_400),
        ("2022-08-08T12:00:00", 1_659_960_000),
        ("2022-08-08T12:00:00+02:00", 1_659_952_800),
        ("2025-03-21", 1_742_515_200),
    ],
)
def test_parse_time_is_utc(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


def test_parse_time_takes_dates() -> None:
    assert parse_time(date(1970, 1, 2)) == 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("86400", 86_400),
        ("1970-01-01", 86_400),
        ("1970-01-02T00:00:00", 86_400),
        ("1970-01-02 00:00:00.000001", 86_401),
        ("1970-01-02T02:00:00+02:00", 86_400),
        ("2106-02-06", 4_294_944_000),
    ],
)
def test_parse_known_is_never_early(text: str, seconds: int) -> None:
    assert parse_known(text) == seconds
    assert parse_known(text) >= parse_time(text)


def test_parse_known_takes_dates() -> None:
    assert parse_known(date(1970, 1, 1)) == 86_400


@pytest.mark.parametrize("text", ["", "soon", "4294967296", "1969-12-31", "2106-02-07", "2106-02-07T06:28:15.5"])
def test_invalid_known_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        parse_known(text)


@pytest.mark.parametrize("text", ["", "soon", "4294967296", "1969-12-31", "2106-12-31", "-5", "12345678901"])
def test_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        parse_time(text)


@given(st.integers(0, 1_000_000))
def test_parse_confidence_is_exact(ppm: int) -> None:
    assert parse_confidence(f"{ppm / 1_000_000:.6f}") == ppm


def test_parse_confidence_rounds_half_up() -> None:
    assert parse_confidence("0.0000005") == 1


@pytest.mark.parametrize("text", ["", "high", "nan", "-0.1", "1.01", "inf"])
def test_invalid_confidence_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        parse_confidence(text)


def test_normal_address_lowers_only_evm() -> None:
    assert normal_address("0xAB" + "00" * 19) == "0xab" + "00" * 19
    assert normal_address("1Archive1n2C579dMsAu3iC6tWzuQJz8dN") == "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
    assert normal_address("0x" + "ab" * 32) == "0x" + "ab" * 32


@pytest.mark.parametrize("text", ["", "a b", "a,b", 'a"b', "x" * 129, "0x12", "0X12"])
def test_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(RangeError):
        normal_address(text)


def test_label_table_keeps_order_and_drops_repeats() -> None:
    one, two = Label("b", "ethereum", "phishing", "s"), Label("a", "ethereum", "phishing", "s", "d", 5, 1, 2, 3)
    table = label_table([one, two, one])
    assert table["address"].to_pylist() == ["b", "a"]
    assert table.to_pylist()[1] == two.__dict__
    assert label_table([]).schema == LABELS.schema
    check_table(label_table([]), LABELS)


def test_vocabulary_knows_common_names() -> None:
    assert network_of("USDC", "0x" + "00" * 20) == "ethereum"
    assert network_of("USDT", "TBHTJqAy4DhHhmT3dNceJYNRz4SdLofLre") == "tron"
    assert network_of("USDT", "123WBUDmSJv4GctdVEz6Qq6z8nXSKrJ4KX") == "bitcoin"
    assert network_of("New", "x") == "new"
    assert category_of(" Phish-Hack") == "phishing"
