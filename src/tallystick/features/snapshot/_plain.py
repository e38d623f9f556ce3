"""The payments as plain Python objects, for the reference."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from tallystick.features.snapshot._payments import Payments

__all__ = ["PlainAccount", "PlainGraph", "Side"]


class Side(NamedTuple):
    """One payment as one of its two accounts sees it."""

    time: int
    amount: int
    partner: int


@dataclass
class PlainAccount:
    """An account's payments, each list rising in time."""

    incoming: list[Side] = field(default_factory=list)
    outgoing: list[Side] = field(default_factory=list)

    @property
    def times(self) -> list[int]:
        """Times of all its payments, rising."""
        return sorted(side.time for side in self.incoming + self.outgoing)

    def side(self, name: str) -> list[Side]:
        """``in`` or ``out``."""
        return self.incoming if name == "in" else self.outgoing


class PlainGraph:
    """All accounts by position."""

    def __init__(self, payments: Payments) -> None:
        self.accounts: dict[int, PlainAccount] = defaultdict(PlainAccount)
        columns = (payments.sender, payments.receiver, payments.amount, payments.time)
        for sender, receiver, amount, time in zip(*(column.tolist() for column in columns), strict=True):
            self.accounts[sender].outgoing.append(Side(time, amount, receiver))
            self.accounts[receiver].incoming.append(Side(time, amount, sender))
        for account in self.accounts.values():
            account.incoming.sort()
            account.outgoing.sort()
