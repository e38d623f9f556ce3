"""What is asked for: the parameters in a source's name, and the sizes that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tallystick.errors import SourceError

__all__ = ["Plan", "parse_plan"]

_NUMBER = re.compile(r"[0-9][0-9_]*", re.ASCII)
_SEPARATOR = re.compile(r"[,?&]")
_LIMITS: Final = {
    "transfers": (500, 1_000_000_000),
    "accounts": (100, 100_000_000),
    "seed": (0, (1 << 63) - 1),
    "days": (1, 400),
}
_ACCOUNTS_A_SERVICE: Final = 5_000


@dataclass(frozen=True)
class Plan:
    """Parameters of one stream.

    Accounts are numbered: services first, of which the first third are exchanges; then people in the
    order of their birth, of whom the first were there before the stream; then deposit addresses.

    Examples
    --------
    >>> plan = Plan(5_000_000, 1_000_000)
    >>> plan.exchanges, plan.services, plan.people, plan.old_people, plan.deposits
    (66, 200, 849800, 340000, 150000)
    """

    transfers: int
    accounts: int
    seed: int = 1
    days: int = 30

    @property
    def services(self) -> int:
        """Accounts with many customers."""
        return max(6, self.accounts // _ACCOUNTS_A_SERVICE)

    @property
    def exchanges(self) -> int:
        """Services that people pay money into and out of."""
        return max(2, self.services // 3)

    @property
    def deposits(self) -> int:
        """Addresses of exchanges, each for one customer."""
        return self.accounts * 3 // 20

    @property
    def people(self) -> int:
        """Everybody else."""
        return self.accounts - self.services - self.deposits

    @property
    def old_people(self) -> int:
        """People who were there before the stream begins."""
        return self.accounts * 17 // 50

    def __str__(self) -> str:
        return f"{self.transfers},accounts={self.accounts},seed={self.seed},days={self.days}"


def parse_plan(text: str) -> Plan:
    """Read ``TRANSFERS[,accounts=N][,seed=N][,days=N]``; ``?`` and ``&`` do as well as commas.

    Raises
    ------
    SourceError
        A parameter is unknown, given twice, not a number, or out of range; more than one account to two transfers.

    Examples
    --------
    >>> parse_plan("5_000_000,seed=7")
    Plan(transfers=5000000, accounts=1000000, seed=7, days=30)
    >>> str(parse_plan("5000000?accounts=2000000&days=60"))
    '5000000,accounts=2000000,seed=1,days=60'
    """
    first, *others = _SEPARATOR.split(text)
    given = {"transfers": _number("transfers", first)}
    for part in others:
        name, equals, value = part.partition("=")
        if name not in _LIMITS or not equals:
            known = ", ".join(list(_LIMITS)[1:])
            raise SourceError(f"{part[:40]!r} is not NAME=NUMBER; names are {known}", name="generated")
        if name in given:
            raise SourceError(f"{name} is given twice", name="generated", value=value[:40])
        given[name] = _number(name, value)
    plan = Plan(**({"accounts": max(given["transfers"] // 5, _LIMITS["accounts"][0])} | given))
    if plan.accounts * 2 > plan.transfers:
        cause = f"{plan.accounts} accounts need at least {2 * plan.accounts} transfers"
        raise SourceError(cause, name="generated", value=plan.transfers)
    return plan


def _number(name: str, text: str) -> int:
    low, high = _LIMITS[name]
    if _NUMBER.fullmatch(text) is None or len(text) > 30 or not low <= int(text) <= high:
        raise SourceError(f"{name} is not a whole number from {low} to {high}", name="generated", value=text[:40])
    return int(text)
