"""What people do of their own accord: sessions of payments, deposits and withdrawals over their lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tallystick.sources._generated._clock import TICKS_A_SECOND
from tallystick.sources._generated._draws import below, log_uniform
from tallystick.sources._generated._people import People
from tallystick.sources._generated._rows import Rows

__all__ = ["HOUR", "MINUTE", "PAYMENT", "PURCHASE", "WITHDRAWAL", "Lives", "Sessions", "assets_of", "make_lives"]

Array = Any  # numpy array

MINUTE: Final = 60 * TICKS_A_SECOND
HOUR: Final = 60 * MINUTE

PAYMENT: Final = 0  # to a contact
PURCHASE: Final = 1  # to a service
WITHDRAWAL: Final = 2  # from an exchange

# Shares of the three kinds in percent, for four habits of people.
_PAYMENT_PERCENT: Final = np.array([85, 60, 40, 20])
_PURCHASE_PERCENT: Final = np.array([10, 25, 35, 50])
_TOKEN_PERCENT: Final = 30


@dataclass(frozen=True)
class Lives:
    """When each person is about: ``starts``, and for how many ticks. (people,) int64"""

    starts: Array
    spans: Array


def make_lives(people: People, ticks: int) -> Lives:
    """From an hour to the whole stream, every octave as likely as the next; new people from their birth on."""
    plan, draws = people.plan, people.draws
    spans = log_uniform(draws.words("spans", plan.people), HOUR, ticks)
    births = people.births[plan.services : plan.services + plan.people]
    starts = births + 10 * MINUTE
    starts[: plan.old_people] = below(draws.words("old starts", plan.old_people), ticks - spans[: plan.old_people] + 1)
    return Lives(starts, np.minimum(spans, ticks - starts))


def assets_of(people: People, accounts: Array, words: Array) -> Array:
    """The chain's own coin, or in three of ten cases the account's token. (rows,) int8"""
    is_token = (words >> np.uint64(32)) % np.uint64(100) < _TOKEN_PERCENT
    return np.where(is_token, people.token_of(accounts), np.int8(0))


@dataclass(frozen=True)
class Sessions:
    """Events of people: whose, of which kind, and their rows."""

    accounts: Array
    kinds: Array
    rows: Rows

    @classmethod
    def make(cls, people: People, lives: Lives, ticks: int, count: int) -> Sessions:
        """Draw so many events, by activity; those of one account stand together."""
        plan, draws = people.plan, people.draws
        shares = np.cumsum(people.activity[plan.services : plan.services + plan.people])
        drawn = np.sort(below(draws.words("events", count), int(shares[-1])))
        persons = np.searchsorted(shares, drawn, side="right")
        accounts = plan.services + persons
        times = _session_times(people, lives, ticks, persons)
        kinds = _kinds(people, accounts)
        busy = np.bincount(persons, minlength=plan.people)[persons]
        choice = people.choice(busy, draws.words("choices", count))
        others: Array = np.where(
            kinds == PURCHASE, people.service_of(accounts, choice % 3), people.exchange_of(accounts)
        )
        paid = kinds == PAYMENT
        others[paid] = people.contact(accounts[paid], choice[paid], times[paid])
        incoming = kinds == WITHDRAWAL
        senders, receivers = np.where(incoming, others, accounts), np.where(incoming, accounts, others)
        assets = assets_of(people, accounts, draws.words("assets", count))
        amounts = people.usual_amounts(accounts, assets, draws.words("amounts", count))
        return cls(accounts, kinds, Rows.normal(times, senders, receivers, amounts, assets))


def _kinds(people: People, accounts: Array) -> Array:
    habits = (people.draws.keyed("habits", accounts) >> np.uint64(62)).astype(np.int64)
    percent = below(people.draws.words("kinds", len(accounts)), 100)
    payment = _PAYMENT_PERCENT[habits]
    kinds = np.where(percent < payment + _PURCHASE_PERCENT[habits], PURCHASE, WITHDRAWAL)
    return np.where(percent < payment, PAYMENT, kinds).astype(np.int8)


def _session_times(people: People, lives: Lives, ticks: int, persons: Array) -> Array:
    """Sessions begin anywhere in a life; inside one, from seconds to hours lie between events."""
    count = len(persons)
    words = people.draws.words("sessions", count)
    begins = (words & np.uint64(7)) < 3
    begins[0] = True
    begins[1:] |= persons[1:] != persons[:-1]
    gaps = log_uniform(words, 20 * TICKS_A_SECOND, 2 * HOUR)
    passed = np.cumsum(np.where(begins, 0, gaps))
    first = np.maximum.accumulate(np.where(begins, np.arange(count), 0))  # (events,) row of the session's first
    starts, spans = lives.starts[persons], lives.spans[persons]
    begin = below(people.draws.words("session starts", count), spans)[first]
    since = begin + passed - passed[first]
    return starts + since % (ticks - starts)  # what would come after the end comes in an earlier session
