from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.apps.economy._amounts import FINNEY, written
from tallystick.apps.economy._book import Book
from tallystick.apps.economy._dice import Dice
from tallystick.errors import RangeError


def test_dice_streams_are_apart_and_fixed() -> None:
    assert Dice(1, "a").below(1 << 60) != Dice(1, "b").below(1 << 60) != Dice(2, "a").below(1 << 60)


@given(st.integers(0, 2**31), st.integers(1, 10**20))
def test_dice_stay_inside(seed: int, limit: int) -> None:
    dice = Dice(seed, "x")
    assert 0 <= dice.below(limit) < limit
    assert limit <= dice.between(limit, limit + 3) <= limit + 3
    assert limit <= dice.geometric(limit, 50 * limit) <= 50 * limit
    assert 0 <= dice.geometric(0, limit) <= limit


def test_dice_sample_and_chance() -> None:
    dice = Dice(3, "x")
    assert sorted(dice.sample(range(5), 9)) == [0, 1, 2, 3, 4]
    assert len(set(dice.sample(range(100), 10))) == 10
    assert not dice.chance(0)
    assert dice.chance(1_000_000)


def test_dice_quantile_follows_its_table() -> None:
    dice, table = Dice(4, "x"), ((0, 10), (500_000, 100), (1_000_000, 10_000))
    draws = sorted(dice.quantile(table) for _ in range(2_000))
    assert draws[0] >= 10
    assert draws[-1] <= 10_000
    assert 80 < draws[1_000] < 130
    assert 20 < draws[500] < 50  # geometric, not flat: 32 is half way between 10 and 100


def test_invalid_dice_limit_and_table() -> None:
    with pytest.raises(RangeError):
        Dice(1, "x").below(0)
    with pytest.raises(RangeError, match="quantiles do not reach"):
        Dice(1, "x").quantile(((0, 1), (1, 2)))


@given(st.integers(0, 10**6), st.integers(1, 10**24))
def test_written_amounts_are_positive_and_near(seed: int, wei: int) -> None:
    dice = Dice(seed, "x")
    amount = written(dice, wei, 500_000)
    assert 0 < amount <= 2 * wei + FINNEY


@given(st.integers(0, 10**6), st.integers(1, 10**24))
def test_written_round_amounts_have_two_digits_at_most(seed: int, wei: int) -> None:
    assert len(str(written(Dice(seed, "x"), wei, 1_000_000)).rstrip("0")) <= 2


def test_book_pays_out_from_the_next_block() -> None:
    book = Book()
    book.give("a", 5, 100)
    book.give("a", 2, 100)
    assert book.spendable("a", 100) == 0
    assert book.spendable("a", 101) == 7
    book.take("a", 3, 101)
    book.give("a", 10, 101)
    assert (book.spendable("a", 101), book.spendable("a", 102)) == (4, 14)
    with pytest.raises(AssertionError):
        book.take("a", 15, 102)
