"""Who there is: births, habits, wealth, and whom each account deals with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tallystick.sources._generated._draws import (
    OCTAVE,
    Draws,
    bell,
    below,
    heavy_tail,
    log_uniform,
    power_of_two,
    round_down,
)
from tallystick.sources._generated._plan import Plan

__all__ = ["TOKENS", "People", "make_people"]

Array = Any  # numpy array

TOKENS: Final = 6
"""Assets are numbered: 0 the chain's own coin, then the tokens."""

_LEVEL_SIGMA: Final = 2_250  # 2.2 octaves between accounts
_NOISE_SIGMA: Final = 1_640  # 1.6 octaves between the payments of one account
_MEDIANS: Final = np.array([26_700, 37_500, 37_500, 37_500, 33_800, 30_700, 42_000]) * OCTAVE // 1_000
_LARGEST: Final = 51 * OCTAVE - 1
_NEIGHBOURHOOD: Final = 2_000
_TAIL_SIXTHS: Final = 5  # activity falls as the power 6/5
_TAIL_OCTAVES: Final = 14


@dataclass(frozen=True)
class People:
    """Tables by account, and the rules of whom it pays and how much.

    Parameters
    ----------
    plan, draws
        Sizes and seed.
    births
        Tick at which each account is there; never falling over services and people, in that order. (accounts,)
    activity
        Relative number of events of each account. (accounts,) int64
    level
        Exponent of its usual payment over the asset's median. (accounts,) int16
    """

    plan: Plan
    draws: Draws
    births: Array
    activity: Array
    level: Array

    def exchange_of(self, accounts: Array) -> Array:
        """Each account's own exchange."""
        return _ranked(self.draws.keyed("exchange", accounts), self.plan.exchanges)

    def service_of(self, accounts: Array, choice: Array) -> Array:
        """One of the few services that an account uses."""
        return _ranked(self.draws.keyed("service", accounts, choice), self.plan.services)

    def token_of(self, accounts: Array) -> Array:
        """The token that an account uses."""
        return (1 + _ranked(self.draws.keyed("token", accounts), TOKENS)).astype(np.int8)

    def contact(self, accounts: Array, choice: Array, times: Array) -> Array:
        """The ``choice``-th contact of each account, if it is born; the same whenever it is asked for.

        Three in four are neighbours by age, near ones more often, so that friends share friends and often pay
        each other; the others are the older the more popular. Where nobody is left, it is a service.
        """
        word = self.draws.keyed("contact", accounts, choice)
        first, people = self.plan.services, self.plan.people
        step = log_uniform(word << np.uint64(8), 1, min(_NEIGHBOURHOOD, people))
        found = accounts + np.where(word & np.uint64(4), step, -step)
        inside = np.clip(found, first, first + people - 1)
        early = (found < first) | (found > inside) | (self.births[inside] > times)
        found = np.where(early, accounts - step, found)
        older = np.maximum(accounts - first, self.plan.old_people)
        popular = first + below(word << np.uint64(16), below(word << np.uint64(5), below(word << np.uint64(28), older)))
        found = np.where((word & np.uint64(3)) == 0, popular, found)
        nobody = (found < first) | (found == accounts)
        return np.where(nobody, self.service_of(accounts, choice), found)

    def usual_amounts(self, accounts: Array, assets: Array, words: Array) -> Array:
        """Amounts in 10**-9 of a unit: log-normal about the account's level, three in ten to one or two digits."""
        exponents = _MEDIANS[assets] + self.level[accounts] + bell(words, _NOISE_SIGMA)
        amounts = power_of_two(np.clip(exponents, OCTAVE, _LARGEST))
        amounts += (words & np.uint64(0xFFFFFF)).astype(np.int64) % ((amounts >> 10) + 1)
        habit = (self.draws.keyed("round", words) >> np.uint64(32)).astype(np.int64) % 10
        rounded = np.where(habit == 0, round_down(amounts, 2), round_down(amounts, 1))
        return np.where(habit < 3, rounded, amounts)

    @staticmethod
    def choice(busy: Array, words: Array) -> Array:
        """Which of its contacts an account with so many events pays: the first ones more often."""
        many = 1 + np.sqrt(4.0 * busy).astype(np.int64)  # a square root is exact in binary64
        return below(words, 1 + below(words << np.uint64(29), many))


def make_people(plan: Plan, draws: Draws, ticks: int) -> People:
    """Make the tables of all accounts of a stream of so many ticks."""
    births = np.zeros(plan.accounts, np.int64)
    latest = ticks - ticks // 32
    people = plan.services + plan.people
    new = plan.people - plan.old_people
    births[people - new : people] = np.sort(below(draws.words("births", new), latest))
    owners = deposit_owners(plan, draws)
    births[people:] = births[owners] + below(draws.words("deposit births", plan.deposits), latest - births[owners])
    activity = power_of_two(heavy_tail(draws.words("activity", plan.accounts), _TAIL_SIXTHS, _TAIL_OCTAVES) + OCTAVE)
    level = bell(draws.words("level", plan.accounts), _LEVEL_SIGMA).astype(np.int16)
    return People(plan, draws, births, activity, level)


def deposit_owners(plan: Plan, draws: Draws) -> Array:
    """The person whom each deposit address was made for. (deposits,) int64"""
    return plan.services + below(draws.words("deposit owners", plan.deposits), plan.people)


def _ranked(words: Array, count: int) -> Array:
    """One of ``count``, with a weight of ``1 / (rank + 2)``. (rows,) int64"""
    shares = np.cumsum(1_000_000 // (np.arange(count) + 2))
    return np.searchsorted(shares, below(words, int(shares[-1])), side="right")
