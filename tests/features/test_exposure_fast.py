from __future__ import annotations

import random
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.features import _exposure_fast as fast
from tallystick.features._exposure import (
    CATEGORY_COUNT,
    EXPOSURE_RULES,
    FIFO,
    HAIRCUT,
    MOVED_COLUMNS,
    PIECES_CAP,
    POISON,
    TAINT_COLUMNS,
    FifoTaint,
    Moved,
    open_taint,
)
from tallystick.features._rules import AMOUNT_CAP, TOTAL_CAP

from . import taints
from .taints import Book, FastBook, Payment, extreme, payments, small, usual
from .test_plain_kernel import plain

compiling = settings(deadline=None)  # the first call compiles
every_rule = pytest.mark.parametrize("rule", list(EXPOSURE_RULES.values()))
CATEGORIES = range(CATEGORY_COUNT)
CAPS = [TOTAL_CAP, TOTAL_CAP - 1, AMOUNT_CAP, AMOUNT_CAP - 1, (1 << 54) + 1, 1 << 53, (1 << 32) + 1, 1 << 31, 3, 1]


@pytest.mark.parametrize("c", CAPS)
def test_mul_div_at_the_caps(c: int) -> None:
    numbers = {number for number in (0, 1, 2, c // 3, c // 2, c - c // 3, c - 1, c) if 0 <= number <= c}
    for a in numbers:
        for b in numbers:
            assert fast.mul_div(a, b, c) == a * b // c


@compiling
@given(st.integers(0, TOTAL_CAP), st.integers(0, TOTAL_CAP), st.integers(1, TOTAL_CAP), st.integers(0, 61))
def test_mul_div_at_every_size(a: int, b: int, c: int, drop: int) -> None:
    c = max(c >> drop, 1)
    a, b = a % (c + 1), b % (c + 1)
    assert fast.mul_div(a, b, c) == a * b // c


@pytest.mark.parametrize("bits", range(1, 63))
def test_mul_div_at_every_width(bits: int) -> None:
    dice = random.Random(bits)
    for c in ((1 << bits) - 1, 1 << bits, dice.randrange(1 << bits, 2 << bits)):
        c = min(c, TOTAL_CAP)
        for a in (c, c - 1, dice.randrange(c + 1)):
            for b in (c, c - 1, dice.randrange(c + 1), dice.randrange(c + 1) >> bits // 2):
                assert fast.mul_div(a, b, c) == a * b // c


def pieces_of(moved: np.ndarray, category: int) -> list[tuple[int, int]]:
    found = []
    at = CATEGORY_COUNT + 2 * PIECES_CAP * category
    for k in range(at, at + 2 * PIECES_CAP, 2):
        if not moved[category] or moved[k + 1] == 0:
            break
        found.append((int(moved[k]), int(moved[k + 1])))
    return found


def check_twins(rule: int, stream: list[Payment]) -> None:
    book, twin = Book(rule), FastBook(rule)
    for payment in stream:
        balance = book.balance(payment.receiver)
        want = book.pay(payment)
        assert twin.pay(payment, balance) == want.mask
        if payment.payer != payment.receiver:
            assert twin.moved[:CATEGORY_COUNT].tolist() == want.gwei
            if rule == FIFO:
                assert [pieces_of(twin.moved, c) for c in CATEGORIES] == want.pieces
        assert {a: twin.pool[row].tolist() for a, row in twin.rows.items()} == {
            a: taint.row() for a, taint in book.taints.items()
        }
    assert not twin.pool[0].any()
    for account, taint in book.taints.items():
        row = twin.pool[twin.rows[account]]
        for c in CATEGORIES:
            assert fast.now(row, c, rule) == taint.now[c]
            assert fast.exposure_now_ppm(row, c, rule) == taint.exposure_now_ppm(c)
            for volume in (book.volume_in[account], 0, 1, TOTAL_CAP):
                assert fast.exposure_received_ppm(row, c, volume) == taint.exposure_received_ppm(c, volume)


@every_rule
@compiling
@given(payments(small | usual | extreme))
@example([Payment(1, 2, AMOUNT_CAP, 63)] * 4 + [Payment(2, 3, AMOUNT_CAP)] * 4)
def test_twins(rule: int, stream: list[Payment]) -> None:
    check_twins(rule, stream)


@every_rule
@pytest.mark.parametrize("top", [9, 10**6, 10**11, AMOUNT_CAP])
def test_twins_on_long_streams(rule: int, top: int) -> None:
    dice = random.Random(top)
    stream = []
    for _ in range(1_500):
        payer, receiver = dice.randint(1, 9), dice.randint(0, 9)
        mask = {1: 0b1, 2: 0b100110}.get(payer, 0)
        stream.append(Payment(payer, receiver, dice.randint(0, dice.choice([3, top, top // 50 + 1])), mask))
    check_twins(rule, stream)


@compiling
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=60), st.integers(1, 200))
def test_twin_of_full_queues(steps: list[tuple[bool, int]], paid: int) -> None:
    check_full_queues(steps, paid)


def check_full_queues(steps: list[tuple[bool, int]], paid: int) -> None:
    taint, row = FifoTaint(5), np.zeros(TAINT_COLUMNS[FIFO], np.int64)
    moved = np.zeros(MOVED_COLUMNS, np.int64)
    fast.open_row(row, 5)
    nobody = np.zeros(TAINT_COLUMNS[FIFO], np.int64)
    for clean, amount in steps:
        if clean:
            taint.hold(amount)
            fast.hold(row, amount)
        else:
            taint.give(amount, FifoTaint().take(amount, 0b1000))
            fast.take(nobody, amount, 0b1000, FIFO, moved)
            fast.give(row, amount, moved, FIFO)
        assert row.tolist() == taint.row()
    other, other_row = FifoTaint(3), np.zeros(TAINT_COLUMNS[FIFO], np.int64)
    fast.open_row(other_row, 3)
    for _ in range(2):  # eight pieces upon eight pieces
        other.give(paid, taint.take(paid))
        fast.take(row, paid, 0, FIFO, moved)
        fast.give(other_row, paid, moved, FIFO)
        assert other_row.tolist() == other.row()
        assert row.tolist() == taint.row()


@every_rule
def test_nobodys_row_gives_nothing(rule: int) -> None:
    nobody, moved = np.zeros(TAINT_COLUMNS[rule], np.int64), np.full(MOVED_COLUMNS, 5, np.int64)
    assert fast.take(nobody, AMOUNT_CAP, 0, rule, moved) == 0
    assert not nobody.any()
    assert moved[:CATEGORY_COUNT].tolist() == [0] * CATEGORY_COUNT
    assert [fast.exposure_now_ppm(nobody, c, rule) for c in CATEGORIES] == [0] * CATEGORY_COUNT
    assert [fast.exposure_received_ppm(nobody, c, 100) for c in CATEGORIES] == [0] * CATEGORY_COUNT


@every_rule
def test_hold_is_to_give_nothing_tainted(rule: int) -> None:
    rows = np.full((2, TAINT_COLUMNS[rule]), 9, np.int64)
    for row in rows:
        fast.open_row(row, 11)
    fast.hold(rows[0], 4)
    moved = np.zeros(MOVED_COLUMNS, np.int64)
    fast.give(rows[1], 4, moved, rule)
    taint = open_taint(rule, 11)
    taint.give(4, Moved())
    assert rows[0].tolist() == rows[1].tolist() == taint.row()


@every_rule
def test_plain_functions_equal_compiled(rule: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[int, Any] = {}
    names = ("mul_div", "take", "give", "hold", "open_row", "now", "exposure_now_ppm", "exposure_received_ppm")
    plain_twins = SimpleNamespace(**{name: plain(getattr(fast, name), made) for name in names})
    monkeypatch.setattr(taints, "fast", plain_twins)
    monkeypatch.setattr(sys.modules[__name__], "fast", plain_twins)
    for steps in range(4):
        check_full_queues([(k % 2 == steps % 2, (k * k + steps) % 7 + 1) for k in range(40)], 90 * steps + 9)
    dice = random.Random(rule)
    check_twins(
        rule,
        [
            Payment(
                k % 7 + 1, dice.randint(0, 7), dice.randint(0, dice.choice([9, 10**9, AMOUNT_CAP])), k % 7 // 6 * 33
            )
            for k in range(600)
        ],
    )


def test_rules_have_numbers() -> None:
    assert {"haircut": HAIRCUT, "fifo": FIFO, "poison": POISON} == EXPOSURE_RULES
