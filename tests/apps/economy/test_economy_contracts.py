"""The economy's contracts, on titanoboa's EVM, against the planner's own arithmetic."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.util.abi import Address as BoaAddress
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.apps.economy._calls import artifact, commitment, contract_address, quote, secret, selector
from tallystick.units import Address

_ROOT = Path(__file__).parents[3]
_SOURCES = _ROOT / "contracts" / "economy"
_E18 = 10**18


@pytest.fixture(scope="module")
def deployers() -> dict[str, Any]:
    return {name: boa.load_partial(str(_SOURCES / f"{name}.vy")) for name in ("Token", "Exchange", "Mixer")}


@pytest.fixture
def people() -> Iterator[list[BoaAddress]]:
    with boa.env.anchor():
        made = [boa.env.generate_address() for _ in range(3)]
        for address in [*made, boa.env.eoa]:
            boa.env.set_balance(address, 10_000 * _E18)
        yield made


@pytest.fixture
def token(people: list[BoaAddress], deployers: dict[str, Any]) -> Any:
    return deployers["Token"].deploy(1_000_000 * _E18)


@pytest.fixture
def exchange(token: Any, deployers: dict[str, Any]) -> Any:
    made = deployers["Exchange"].deploy(token.address)
    token.approve(made.address, 2**256 - 1)
    made.seed(400_000 * _E18, value=200 * _E18)
    return made


@pytest.fixture
def mixer(people: list[BoaAddress], deployers: dict[str, Any]) -> Any:
    return deployers["Mixer"].deploy(10 * _E18, 3_600, _E18)


def test_artifacts_are_what_the_sources_give() -> None:
    script = [sys.executable, str(_ROOT / "scripts" / "compile_economy"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert artifact("Token")["contract"] == "Token"


def test_token_moves_and_allows(token: Any, people: list[BoaAddress]) -> None:
    ann, bob, _ = people
    assert token.transfer(ann, 10)
    token.approve(bob, 6, sender=ann)
    token.transferFrom(ann, bob, 4, sender=bob)
    assert (token.balanceOf(ann), token.balanceOf(bob), token.allowance(ann, bob)) == (6, 4, 2)
    assert token.totalSupply() == token.balanceOf(boa.env.eoa) + 10
    assert (token.name(), token.symbol(), token.decimals()) == ("Tally Demo Token", "TDT", 18)


def test_token_unlimited_allowance_stays(token: Any, people: list[BoaAddress]) -> None:
    ann, bob, _ = people
    token.approve(ann, 2**256 - 1)
    token.transferFrom(boa.env.eoa, bob, 5, sender=ann)
    assert token.allowance(boa.env.eoa, ann) == 2**256 - 1


def test_invalid_token_calls(token: Any, people: list[BoaAddress]) -> None:
    ann, bob, _ = people
    with boa.reverts("token: balance exceeded"):
        token.transfer(bob, 1, sender=ann)
    with boa.reverts("token: receiver is zero"):
        token.transfer("0x" + "00" * 20, 1)
    with boa.reverts("token: allowance exceeded"):
        token.transferFrom(boa.env.eoa, bob, 1, sender=bob)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=st.lists(st.tuples(st.booleans(), st.integers(1, 50 * _E18)), min_size=1, max_size=5))
def test_exchange_pays_what_the_planner_expects(
    exchange: Any, token: Any, people: list[BoaAddress], trades: list[tuple[bool, int]]
) -> None:
    ann = people[0]
    with boa.env.anchor():
        token.transfer(ann, 300 * _E18)
        token.approve(exchange.address, 2**256 - 1, sender=ann)
        coin, units = 200 * _E18, 400_000 * _E18
        for is_buy, given_amount in trades:
            before, product = boa.env.get_balance(ann), coin * units
            if is_buy:
                got = quote(given_amount, coin, units)
                assert exchange.quote(given_amount, True) == got
                assert exchange.buy(0, value=given_amount, sender=ann) == got
                coin, units = coin + given_amount, units - got
                assert boa.env.get_balance(ann) == before - given_amount
            else:
                got = quote(given_amount, units, coin)
                assert exchange.quote(given_amount, False) == got
                assert exchange.sell(given_amount, 0, sender=ann) == got
                coin, units = coin - got, units + given_amount
                assert boa.env.get_balance(ann) == before + got
            assert (exchange.coin_reserve(), exchange.token_reserve()) == (coin, units)
            assert (boa.env.get_balance(exchange.address), token.balanceOf(exchange.address)) == (coin, units)
            assert coin * units >= product


def test_invalid_exchange_calls(exchange: Any, token: Any, people: list[BoaAddress], deployers: dict[str, Any]) -> None:
    ann = people[0]
    with boa.reverts("exchange: not the owner"):
        exchange.seed(1, value=1, sender=ann)
    with boa.reverts("exchange: seeded already"):
        exchange.seed(1, value=1)
    with boa.reverts("exchange: price moved"):
        exchange.buy(10**30, value=_E18, sender=ann)
    with boa.reverts("exchange: nothing given"):
        exchange.buy(0, sender=ann)
    token.transfer(ann, _E18)
    with boa.reverts("exchange: price moved"):
        exchange.sell(_E18, 10**30, sender=ann)
    with boa.reverts("token: allowance exceeded"):
        exchange.sell(_E18, 0, sender=ann)
    empty = deployers["Exchange"].deploy(token.address)
    with boa.reverts("exchange: not seeded"):
        empty.buy(0, value=1, sender=ann)
    with boa.reverts("exchange: nothing to seed"):
        empty.seed(0, value=1)


def _raw(address: Any) -> Address:
    return Address(bytes.fromhex(str(address).removeprefix("0x")))


def test_mixer_pays_the_bound_recipient_once_after_the_delay(mixer: Any, people: list[BoaAddress]) -> None:
    ann, bob, relayer = people
    note = commitment(1, 7, _raw(bob))
    mixer.deposit(note, value=10 * _E18, sender=ann)
    assert mixer.known(note)
    with boa.reverts("mixer: too early"):
        mixer.withdraw(secret(1, 7), bob, sender=relayer)
    boa.env.time_travel(seconds=3_600)
    with boa.reverts("mixer: no such note"):
        mixer.withdraw(secret(1, 7), ann, sender=relayer)
    before = boa.env.get_balance(bob), boa.env.get_balance(relayer)
    mixer.withdraw(secret(1, 7), bob, sender=relayer)
    after = boa.env.get_balance(bob), boa.env.get_balance(relayer)
    assert (after[0] - before[0], after[1] - before[1]) == (9 * _E18, _E18)
    with boa.reverts("mixer: no such note"):
        mixer.withdraw(secret(1, 7), bob, sender=relayer)
    with boa.reverts("mixer: commitment used"):
        mixer.deposit(note, value=10 * _E18, sender=ann)
    assert boa.env.get_balance(mixer.address) == 0


def test_mixer_without_fee(people: list[BoaAddress], deployers: dict[str, Any]) -> None:
    ann, bob, _ = people
    free = deployers["Mixer"].deploy(_E18, 0, 0)
    free.deposit(commitment(1, 1, _raw(bob)), value=_E18, sender=ann)
    free.withdraw(secret(1, 1), bob, sender=ann)
    assert boa.env.get_balance(bob) == 10_001 * _E18


def test_invalid_mixer_calls(mixer: Any, people: list[BoaAddress], deployers: dict[str, Any]) -> None:
    with boa.reverts("mixer: wrong amount"):
        mixer.deposit(b"\x01" * 32, value=1, sender=people[0])
    with boa.reverts("mixer: fee too high"):
        deployers["Mixer"].deploy(5, 0, 5)


def test_selectors_are_those_of_the_artifacts() -> None:
    for name in ("Token", "Exchange", "Mixer"):
        for entry in artifact(name)["abi"]:
            if entry["type"] == "function":
                types = ",".join(item["type"] for item in entry["inputs"])
                assert len(selector(f"{entry['name']}({types})")) == 4
    assert selector("approve(address,uint256)").hex() == "095ea7b3"


def test_contract_address_follows_the_nonce(people: list[BoaAddress]) -> None:
    # The yellow paper's rule, with the addresses known for this well-known account.
    sender = Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))
    assert contract_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    with pytest.raises(AssertionError):
        contract_address(sender, 128)
