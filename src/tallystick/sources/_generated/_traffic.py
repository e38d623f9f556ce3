"""Ordinary traffic: what every account owes, what people do, and what follows from that."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.sources._generated._draws import below, heavy_tail, log_uniform, power_of_two
from tallystick.sources._generated._people import People, deposit_owners
from tallystick.sources._generated._rows import Rows
from tallystick.sources._generated._sessions import (
    HOUR,
    MINUTE,
    PAYMENT,
    PURCHASE,
    Lives,
    Sessions,
    assets_of,
)

__all__ = ["GAP_HIGH", "GAP_LOW", "consequences", "deposits", "first_rows"]

Array = Any  # numpy array

GAP_LOW: Final = 10 * MINUTE  # between money that comes and the same money that goes
GAP_HIGH: Final = 18 * HOUR

_BATCHES_IN: Final = 200  # one event in so many is the centre of a payout or a collection
_FAILED_PER_MILLE: Final = 15
_DEPOSITS_PERCENT: Final = 30  # of all rows at most


def first_rows(people: People, lives: Lives) -> Rows:
    """One row for every person: the new are given their first money, the old spend some."""
    plan, draws = people.plan, people.draws
    words = draws.words("first rows", plan.people)
    accounts = plan.services + np.arange(plan.people)
    is_new = np.arange(plan.people) >= plan.old_people
    nothing = np.zeros(plan.people, np.int64)
    times = np.where(is_new, people.births[accounts], lives.starts + below(words << np.uint64(9), lives.spans))
    givers = people.contact(accounts, nothing, times)
    givers = np.where(words % np.uint64(10) < 6, people.exchange_of(accounts), givers)
    # Every service has at least one customer.
    services = np.where(accounts < 2 * plan.services, accounts - plan.services, people.service_of(accounts, nothing))
    senders, receivers = np.where(is_new, givers, accounts), np.where(is_new, accounts, services)
    assets = assets_of(people, accounts, words)
    amounts = people.usual_amounts(accounts, assets, draws.words("first amounts", plan.people))
    return Rows.normal(times, senders, receivers, amounts, assets)


def deposits(people: People, ticks: int) -> Rows:
    """Money to deposit addresses, each time passed on to the exchange within the day, less a fee."""
    plan, draws = people.plan, people.draws
    counts = power_of_two(heavy_tail(draws.words("deposit counts", plan.deposits), 3, 5))
    while 2 * counts.sum() > plan.transfers * _DEPOSITS_PERCENT // 100:
        counts = np.minimum(counts, counts.max() - 1)
    which = np.repeat(np.arange(plan.deposits), counts)
    owners = deposit_owners(plan, draws)[which]
    addresses = plan.services + plan.people + which
    again = np.arange(len(which)) != (np.cumsum(counts) - counts)[which]
    words = draws.words("deposits", len(which))
    births = people.births[addresses]
    times = births + np.where(again, below(words, _latest(ticks) - births), 0)
    assets = assets_of(people, owners, words)
    amounts = people.usual_amounts(owners, assets, draws.words("deposit amounts", len(which)))
    paid = Rows.normal(times, owners, addresses, amounts, assets)
    words = draws.words("sweeps", len(which))
    swept = amounts - amounts * below(words << np.uint64(30), 6) // 1_000
    swept_at = _later(times, log_uniform(words, GAP_LOW, 12 * HOUR), ticks)
    return Rows.join([paid, Rows.normal(swept_at, addresses, people.exchange_of(owners), swept, assets)])


def consequences(people: People, sessions: Sessions, ticks: int) -> Rows:
    """The events of people and what follows from them, as many rows as there are events.

    Some payments are answered, some are passed on, some are one of many at once. For each row that this adds, an
    event that nothing follows from is left out.
    """
    words = people.draws.words("consequences", len(sessions.rows))
    percent = below(words, 100)
    open_ended = sessions.rows.times < _latest(ticks)
    payment, purchase = sessions.kinds == PAYMENT, sessions.kinds == PURCHASE
    answered = open_ended & ((payment & (percent < 9)) | (purchase & (percent < 2)))
    passed = open_ended & payment & (percent >= 9) & (percent < 14)
    centre = open_ended & ~answered & ~passed & (words % np.uint64(_BATCHES_IN) == 0)
    once = _passed_on(people, "passed on", sessions.rows.take(passed), ticks)
    further = once.times < _latest(ticks)
    further &= below(people.draws.words("further", len(once)), 10) < 3
    added = Rows.join(
        [
            _answers(people, sessions.rows.take(answered), ticks),
            once,
            _passed_on(people, "passed further", once.take(further), ticks),
            _batches(people, sessions.accounts[centre], sessions.rows.take(centre), ticks),
        ]
    )
    followed = answered | passed | centre
    free = np.flatnonzero(~followed)
    added = added.take(slice(0, len(free)))
    order = np.argsort(people.draws.keyed("left out", free), kind="stable")
    keep = np.ones(len(words), bool)
    keep[free[order[: len(added)]]] = False
    failed = ~followed & (words % np.uint64(1_000) < _FAILED_PER_MILLE)
    sessions.rows.failed[failed] = True
    return Rows.join([sessions.rows.take(keep), added])


def _answers(people: People, rows: Rows, ticks: int) -> Rows:
    """Money back from those who were paid: in two of five cases the same amount."""
    words = people.draws.words("answers", len(rows))
    times = _later(rows.times, log_uniform(words, HOUR, 240 * HOUR), ticks)
    other = people.usual_amounts(rows.receivers, rows.assets, people.draws.words("answered amounts", len(rows)))
    amounts = np.where(words % np.uint64(5) < 2, rows.amounts, other)
    return Rows.normal(times, rows.receivers, rows.senders, amounts, rows.assets)


def _passed_on(people: People, purpose: str, rows: Rows, ticks: int) -> Rows:
    """Most of what came goes to a contact of the one who got it."""
    words = people.draws.words(purpose, len(rows))
    times = _later(rows.times, log_uniform(words, GAP_LOW, GAP_HIGH), ticks)
    accounts = rows.receivers.astype(np.int64)
    choice = people.choice(np.ones(len(rows)), people.draws.words(f"{purpose} to", len(rows)))
    receivers = people.contact(accounts, choice, times)
    amounts = rows.amounts - rows.amounts * below(words << np.uint64(31), 150) // 1_000
    return Rows.normal(times, accounts, receivers, np.maximum(amounts, 1), rows.assets)


def _batches(people: People, centres: Array, rows: Rows, ticks: int) -> Rows:
    """Payouts of one to many contacts, and collections of one from many, within a day."""
    words = people.draws.words("batches", len(rows))
    sizes = log_uniform(words, 3, 40)
    which = np.repeat(np.arange(len(rows)), sizes)
    choice = np.arange(len(which)) - (np.cumsum(sizes) - sizes)[which]
    spans = log_uniform(words << np.uint64(20), GAP_LOW, 24 * HOUR)[which]
    times = _later(rows.times[which], below(people.draws.words("batch gaps", len(which)), spans), ticks)
    one = centres[which]
    many = people.contact(one, choice, rows.times[which])
    outward = (words % np.uint64(10) < 6)[which]
    senders, receivers = np.where(outward, one, many), np.where(outward, many, one)
    assets = rows.assets[which]
    amounts = people.usual_amounts(senders, assets, people.draws.words("batch amounts", len(which)))
    return Rows.normal(times, senders, receivers, amounts, assets)


def _latest(ticks: int) -> int:
    """Up to here something can still follow."""
    return ticks - ticks // 32


def _later(times: Array, gaps: Array, ticks: int) -> Array:
    """The time so much later; a gap that would lead past the end is taken again from the start."""
    return times + 1 + gaps % (ticks - 1 - times)
