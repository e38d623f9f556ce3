"""Payments between a few accounts, and the books that follow them: plain and compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tallystick.features import _exposure_fast as fast
from tallystick.features._exposure import (
    CATEGORY_COUNT,
    MOVED_COLUMNS,
    TAINT_COLUMNS,
    Moved,
    Taint,
    open_taint,
)
from tallystick.features._rules import AMOUNT_CAP, saturate

NOBODY = 0


@dataclass(frozen=True)
class Payment:
    payer: int
    receiver: int
    amount: int
    mask: int = 0


class Book:
    """Taint of the accounts that have any, by one rule."""

    def __init__(self, rule: int) -> None:
        self.rule = rule
        self.taints: dict[int, Taint] = {}
        self.volume_in: dict[int, int] = {}
        self.volume_out: dict[int, int] = {}

    def balance(self, account: int) -> int:
        return max(self.volume_in.get(account, 0) - self.volume_out.get(account, 0), 0)

    def pay(self, payment: Payment) -> Moved:
        payer, receiver, amount = payment.payer, payment.receiver, payment.amount
        if payer == receiver:
            return Moved()
        moved = self.taints.get(payer, open_taint(self.rule)).take(amount, payment.mask)
        if receiver and moved.mask and receiver not in self.taints:
            self.taints[receiver] = open_taint(self.rule, self.balance(receiver))
        if receiver in self.taints:
            self.taints[receiver].give(amount, moved)
        self.volume_out[payer] = saturate(self.volume_out.get(payer, 0) + amount)
        if receiver:
            self.volume_in[receiver] = saturate(self.volume_in.get(receiver, 0) + amount)
        return moved

    def now(self, account: int) -> list[int]:
        return self.taints[account].now if account in self.taints else [0] * CATEGORY_COUNT

    def total_now(self, category: int) -> int:
        return sum(taint.now[category] for taint in self.taints.values())


class FastBook:
    """The same with the compiled functions, each account in a row of a pool."""

    def __init__(self, rule: int) -> None:
        self.rule = rule
        self.pool = np.zeros((16, TAINT_COLUMNS[rule]), np.int64)
        self.moved = np.full(MOVED_COLUMNS, 77, np.int64)  # scratch: what was there before is nothing
        self.rows: dict[int, int] = {}

    def pay(self, payment: Payment, balance: int) -> int:
        payer, receiver = payment.payer, payment.receiver
        if payer == receiver:
            return 0
        row = self.rows.get(payer, 0)
        tainted: int = fast.take(self.pool[row], payment.amount, payment.mask, self.rule, self.moved)
        if receiver and tainted and receiver not in self.rows:
            self.rows[receiver] = len(self.rows) + 1
            fast.open_row(self.pool[self.rows[receiver]], balance)
        if receiver in self.rows:
            fast.give(self.pool[self.rows[receiver]], payment.amount, self.moved, self.rule)
        return tainted


accounts = st.integers(1, 5)
masks = st.just(0) | st.just(0) | st.sampled_from([1, 2, 0b100001, 0b111111])
small = st.integers(0, 12)
usual = st.integers(0, 10**13)
extreme = st.sampled_from([1, 2, AMOUNT_CAP - 1, AMOUNT_CAP, AMOUNT_CAP // 3]) | st.integers(0, AMOUNT_CAP)


def payments(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[list[Payment]]:
    one = st.builds(Payment, accounts, accounts | st.just(NOBODY), amounts, masks)
    return st.lists(one, max_size=60)
