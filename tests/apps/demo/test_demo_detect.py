from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.apps.demo import Detection, detect
from tallystick.apps.economy import Account, Category, Truth
from tallystick.units import Hash, Wei, format_address, parse_address

CATEGORIES = list(Category)


def account(number: int, category: Category) -> Account:
    return Account(f"a{number}", parse_address(f"0x{number:040x}"), category, "role", Wei(0), False)


def world(*categories: Category) -> Truth:
    empty = Hash(bytes(32))
    accounts = tuple(account(number, category) for number, category in enumerate(categories))
    return Truth(empty, 0, 1, 2, empty, empty, 0, 0, (), 0, accounts)


def addresses(truth: Truth, *numbers: int) -> list[str]:
    return [format_address(truth.accounts[number].address) for number in numbers]


def test_detect_counts_by_category() -> None:
    truth = world(Category.PHISHING, Category.PHISHING, Category.NORMAL, Category.SERVICE, Category.WASH)
    found = detect(addresses(truth, 0, 2, 3), truth)
    assert found.by_category == {"normal": (1, 1), "phishing": (1, 2), "service": (1, 1), "wash": (0, 1)}
    assert (found.alerts, found.wronged) == (3, 2)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == 0.5
    assert found.to_json() == {
        "alerts": 3,
        "precision": 0.3333,
        "recall": 0.5,
        "innocent_alerted": 2,
        "by_category": {"normal": [1, 1], "phishing": [1, 2], "service": [1, 1], "wash": [0, 1]},
    }


def test_detect_without_alerts_or_phishing() -> None:
    assert detect([], world(Category.PHISHING)).precision == 0
    assert Detection(0, {"phishing": (0, 0)}).recall == 0
    assert Detection(0, {"phishing": (0, 0)}).wronged == 0


def test_detect_counts_an_account_once_and_strangers_as_alerts() -> None:
    truth = world(Category.PHISHING)
    found = detect([*addresses(truth, 0, 0), "0x" + "ff" * 20], truth)
    assert found.alerts == 2
    assert found.precision == 0.5


@given(st.lists(st.tuples(st.sampled_from(CATEGORIES), st.booleans()), min_size=1, max_size=40))
def test_detect_adds_up(planted: list[tuple[Category, bool]]) -> None:
    categories = [Category.PHISHING, *(category for category, _ in planted)]
    truth = replace(world(*categories))
    alerted = [number + 1 for number, (_, alert) in enumerate(planted) if alert]
    found = detect(addresses(truth, *alerted), truth)
    assert sum(caught for caught, _ in found.by_category.values()) == found.alerts == len(alerted)
    assert sum(there for _, there in found.by_category.values()) == len(categories)
    hits = sum(categories[number] is Category.PHISHING for number in alerted)
    assert found.recall == hits / categories.count(Category.PHISHING)
    assert found.precision == (hits / len(alerted) if alerted else 0)
