from __future__ import annotations

from collections import deque
from fractions import Fraction
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.features._exposure import (
    CATEGORY_COUNT,
    EXPOSURE_RULES,
    FIFO,
    HAIRCUT,
    MOVED_COLUMNS,
    PIECES_CAP,
    POISON,
    TAINT_COLUMNS,
    WHOLE_PPM,
    FifoTaint,
    HaircutTaint,
    Moved,
    PoisonTaint,
    Taint,
    _join,
    open_taint,
)
from tallystick.features._rules import AMOUNT_CAP, TOTAL_CAP

from .taints import NOBODY, Book, Payment, accounts, extreme, payments, small, usual

RULES = list(EXPOSURE_RULES.values())
CATEGORIES = range(CATEGORY_COUNT)
every_rule = pytest.mark.parametrize("rule", RULES)
conserving = pytest.mark.parametrize("rule", [HAIRCUT, FIFO])
any_amount = small | usual | extreme


def from_source(amount: int, mask: int = 1) -> Moved:
    return HaircutTaint().take(amount, mask)


def tainted(rule: int, clean: int, dirty: int) -> Taint:
    taint = open_taint(rule, clean)
    taint.give(dirty, from_source(dirty))
    return taint


# One account


@pytest.mark.parametrize(("rule", "first", "second"), [(HAIRCUT, 5, 5), (FIFO, 0, 10), (POISON, 20, 20)])
def test_rules_differ(rule: int, first: int, second: int) -> None:
    taint = tainted(rule, 30, 10)
    assert taint.take(20).gwei[0] == first
    assert taint.take(20).gwei[0] == second


@every_rule
def test_open_taint_holds_clean_money(rule: int) -> None:
    taint = open_taint(rule, 30)
    assert taint.rule == rule
    assert (taint.held, taint.now, taint.received) == (30, [0] * 6, [0] * 6)
    assert taint.take(20).mask == 0
    assert taint.held == 10


@every_rule
def test_nothing_changes_nothing(rule: int) -> None:
    taint = tainted(rule, 3, 4)
    before = taint.row()
    assert taint.take(0, mask=0b111111).mask == 0
    taint.give(0, Moved())
    assert taint.row() == before


@every_rule
def test_source_taints_all_it_pays(rule: int) -> None:
    taint = tainted(rule, 3, 4)
    assert taint.take(5, mask=0b101).gwei[:3] == [5, 0, 5]
    assert taint.held == 2  # its own taint left with the payment all the same
    assert taint.now[0] == {HAIRCUT: 2, FIFO: 2, POISON: 2}[rule]


@conserving
def test_payment_beyond_what_is_known_is_clean_at_its_end(rule: int) -> None:
    taint = tainted(rule, 3, 4)
    assert taint.take(100).gwei[0] == 4
    assert taint.row() == [0, 4, *[0] * (TAINT_COLUMNS[rule] - 2)]


def test_poison_outlasts_the_money() -> None:
    taint = tainted(POISON, 3, 4)
    taint.take(100)
    assert (taint.held, taint.now[0], taint.exposure_now_ppm(0)) == (0, 0, WHOLE_PPM)
    taint.hold(5)
    assert taint.now[0] == 5
    assert taint.take(5).gwei == [5, 0, 0, 0, 0, 0]


@every_rule
def test_categories_are_apart(rule: int) -> None:
    taint = open_taint(rule, 10)
    taint.give(10, from_source(10, 0b000010))
    taint.give(10, from_source(10, 0b100010))
    assert taint.received == [0, 20, 0, 0, 0, 10]
    assert taint.exposure_received_ppm(1, 40) == 500_000
    assert taint.exposure_received_ppm(5, 40) == 250_000
    assert taint.exposure_received_ppm(0, 40) == 0
    assert taint.exposure_received_ppm(1, 10) == WHOLE_PPM


@every_rule
def test_totals_saturate(rule: int) -> None:
    taint = open_taint(rule, TOTAL_CAP - 1)
    for _ in range(3):
        taint.give(AMOUNT_CAP, from_source(AMOUNT_CAP))
    assert taint.held == taint.received[0] == TOTAL_CAP
    assert taint.now[0] == {HAIRCUT: TOTAL_CAP, FIFO: 1, POISON: TOTAL_CAP}[rule]


@every_rule
def test_row_is_as_wide_as_said(rule: int) -> None:
    assert len(tainted(rule, 3, 4).row()) == TAINT_COLUMNS[rule]
    assert MOVED_COLUMNS == CATEGORY_COUNT + 2 * PIECES_CAP * CATEGORY_COUNT


# Queues


def test_fifo_keeps_places() -> None:
    taint = FifoTaint()
    taint.give(10, Moved([[(0, 2), (5, 7)], *[[] for _ in range(5)]]))
    taint.hold(5)
    taint.give(4, from_source(4))
    assert taint.pieces[0] == [(0, 2), (5, 7), (15, 19)]
    assert taint.take(6).pieces[0] == [(0, 2), (5, 6)]
    assert taint.pieces[0] == [(0, 1), (9, 13)]
    assert taint.row()[13:18] == [0, 1, 9, 13, 0]


def test_fifo_joins_what_touches() -> None:
    taint = FifoTaint()
    for amount in (2, 3, 4):
        taint.give(amount, from_source(amount))
    assert taint.pieces[0] == [(0, 9)]


def test_fifo_closes_the_narrowest_gap() -> None:
    queue = [(10 * k, 10 * k + 4) for k in range(8)]
    assert _join(queue, (75, 76)) == [*queue[:7], (70, 75)]  # the shorter moves, here the later
    assert _join(queue, (75, 90)) == [*queue[:7], (71, 90)]  # here the earlier
    assert _join(queue, (80, 90)) == [(0, 8), *queue[2:], (80, 90)]  # the first of equal gaps; the later of equals
    queue[3] = (30, 39)
    assert _join(queue, (80, 90)) == [*queue[:3], (30, 43), *queue[5:], (80, 90)]


pieces_apart = st.lists(st.integers(1, 6), min_size=18, max_size=18).map(
    lambda steps: [(sum(steps[: 2 * k + 1]), sum(steps[: 2 * k + 2])) for k in range(9)]
)


@given(pieces_apart)
def test_fifo_closing_moves_little(pieces: list[tuple[int, int]]) -> None:
    queue = _join(pieces[:8], pieces[8])
    gap = min(b[0] - a[1] for a, b in pairwise(pieces))
    before = [any(a <= at < b for a, b in pieces) for at in range(120)]
    after = [any(a <= at < b for a, b in queue) for at in range(120)]
    assert len(queue) == PIECES_CAP
    assert all(a[1] < b[0] for a, b in pairwise(queue))
    assert sum(before) == sum(after)
    assert max(abs(sum(before[:at]) - sum(after[:at])) for at in range(120)) <= gap


# Whatever happens


def check_account(taint: Taint) -> None:
    assert 0 <= taint.held <= TOTAL_CAP
    for c in CATEGORIES:
        assert 0 <= taint.now[c] <= taint.held
        assert 0 <= taint.received[c] <= TOTAL_CAP
        assert 0 <= taint.exposure_now_ppm(c) <= WHOLE_PPM
        assert taint.exposure_now_ppm(c) == WHOLE_PPM or taint.rule != POISON or taint.now[c] == 0
        if isinstance(taint, FifoTaint):
            pieces = taint.pieces[c]
            assert len(pieces) <= PIECES_CAP
            assert all(start < end <= taint.held for start, end in pieces)
            assert all(a[1] < b[0] for a, b in pairwise(pieces))


@every_rule
@given(payments(any_amount))
def test_no_more_tainted_than_held(rule: int, stream: list[Payment]) -> None:
    book = Book(rule)
    for payment in stream:
        moved = book.pay(payment)
        assert all(0 <= gwei <= payment.amount for gwei in moved.gwei)
        for taint in book.taints.values():
            check_account(taint)


def injected_and_left(book: Book, stream: list[Payment], category: int) -> tuple[int, int]:
    """What sources added to what accounts had, and what went to nobody."""
    injected = left = 0
    for payment in stream:
        before = book.now(payment.payer)[category]
        receiver_before = book.now(payment.receiver)[category]
        moved = book.pay(payment).gwei[category]
        injected += moved - (before - book.now(payment.payer)[category])
        left += moved if payment.receiver == NOBODY else 0
        assert book.now(payment.receiver)[category] - receiver_before <= moved
    return injected, left


@conserving
@given(payments(small | usual), st.sampled_from([0, 1, 5]))
def test_taint_is_conserved(rule: int, stream: list[Payment], category: int) -> None:
    book = Book(rule)
    injected, left = injected_and_left(book, stream, category)
    assert book.total_now(category) + left == injected
    assert injected <= sum(payment.amount for payment in stream if payment.mask >> category & 1)


@conserving
@given(payments(any_amount), st.sampled_from([0, 1, 5]))
def test_taint_never_grows_at_the_caps(rule: int, stream: list[Payment], category: int) -> None:
    book = Book(rule)
    injected, left = injected_and_left(book, stream, category)
    assert book.total_now(category) + left <= injected


@given(payments(any_amount))
def test_poison_is_the_most(stream: list[Payment]) -> None:
    haircut, fifo, poison = Book(HAIRCUT), Book(FIFO), Book(POISON)
    for payment in stream:
        most = poison.pay(payment).gwei
        for book in (haircut, fifo):
            assert all(gwei <= top for gwei, top in zip(book.pay(payment).gwei, most, strict=True))
    for book in (haircut, fifo):
        assert book.taints.keys() <= poison.taints.keys()
        for account, taint in book.taints.items():
            top = poison.taints[account]
            for c in CATEGORIES:
                assert taint.received[c] <= top.received[c]
                assert taint.exposure_now_ppm(c) <= top.exposure_now_ppm(c)
                assert (top.received[c] > 0) == (top.exposure_now_ppm(c) == WHOLE_PPM)


# Oracles: a bank (7) and a source (8) that nobody pays, and five accounts that pay only what they have.

BANK, SOURCE = 7, 8
payers = st.sampled_from([1, 2, 3, 4, 5, BANK, SOURCE])


def funded(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[list[Payment]]:
    return st.lists(st.builds(Payment, payers, accounts | st.just(NOBODY), amounts), max_size=60)


def affordable(book: Book, payment: Payment) -> Payment:
    if payment.payer == SOURCE:
        return Payment(SOURCE, payment.receiver, payment.amount, 0b10)
    if payment.payer == BANK:
        return payment
    return Payment(payment.payer, payment.receiver, min(payment.amount, book.balance(payment.payer)))


@given(funded(small | usual))
def test_haircut_against_fractions(stream: list[Payment]) -> None:
    book = Book(HAIRCUT)
    exact: dict[int, Fraction] = dict.fromkeys(range(9), Fraction(0))
    count = 0
    for wish in stream:
        payment = affordable(book, wish)
        if payment.payer == payment.receiver or payment.amount == 0:
            continue
        share = Fraction(payment.amount, book.balance(payment.payer)) if payment.payer <= 5 else Fraction(0)
        gone = Fraction(payment.amount) if payment.payer == SOURCE else exact[payment.payer] * share
        exact[payment.payer] -= gone if payment.payer <= 5 else 0
        exact[payment.receiver] += gone
        moved = book.pay(payment).gwei[1]
        count += payment.payer <= 5
        assert abs(moved - gone) <= count
        for account in range(1, 6):
            assert abs(book.now(account)[1] - exact[account]) <= count
            held = book.taints[account].held if account in book.taints else book.balance(account)
            assert held == book.balance(account)


def runs(coins: deque[int]) -> list[tuple[int, int]]:
    """Maximal runs of tainted coins."""
    found, at = [], 0
    for dirty, group in groupby(coins):
        length = len(list(group))
        if dirty:
            found.append((at, at + length))
        at += length
    return found


@given(funded(small))
def test_fifo_against_coins(stream: list[Payment]) -> None:
    book = Book(FIFO)
    coins: dict[int, deque[int]] = {account: deque() for account in range(9)}
    for wish in stream:
        payment = affordable(book, wish)
        if payment.payer == payment.receiver:
            continue
        book.pay(payment)
        for _ in range(payment.amount):
            new = payment.payer > 5
            coins[payment.receiver].append(payment.payer == SOURCE if new else coins[payment.payer].popleft())
        if any(len(runs(coins[account])) > PIECES_CAP for account in range(1, 6)):
            return  # the queue had to give up a place; see test_fifo_closing_moves_little
        for account in range(1, 6):
            taint = book.taints.get(account, FifoTaint(book.balance(account)))
            assert isinstance(taint, FifoTaint)
            assert taint.held == len(coins[account])
            assert taint.pieces[1] == runs(coins[account])


@given(payments(small | extreme), st.sampled_from([0, 1, 5]))
def test_poison_against_reachability(stream: list[Payment], category: int) -> None:
    book = Book(POISON)
    moved = [book.pay(payment).gwei[category] for payment in stream]
    edges = [k for k, p in enumerate(stream) if p.amount and p.payer != p.receiver]
    reached: set[int] = set()
    todo = [k for k in edges if stream[k].mask >> category & 1]
    while todo:  # along the edges, each to the later payments of its receiver
        k = todo.pop()
        if k not in reached:
            reached.add(k)
            todo += [later for later in edges if later > k and stream[later].payer == stream[k].receiver != NOBODY]
    assert {k for k, gwei in enumerate(moved) if gwei} == reached
    assert all(moved[k] == stream[k].amount for k in reached)
    poisoned = {stream[k].receiver for k in reached} - {NOBODY}
    assert {a for a, taint in book.taints.items() if taint.exposure_now_ppm(category)} == poisoned
    assert all(isinstance(taint, PoisonTaint) for taint in book.taints.values())
