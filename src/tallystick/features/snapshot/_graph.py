"""The payments grouped by account, for the vectorised twins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tallystick.features.snapshot._payments import Payments
from tallystick.features.snapshot._reduce_fast import Groups, share_ppm

__all__ = ["Graph", "GraphSide"]


@dataclass(frozen=True)
class GraphSide:
    """Incoming or outgoing payments, grouped by the account they come to or go from, rising in time.

    Parameters
    ----------
    groups
        One group an account.
    time, amount, partner
        (payments,) int64.
    """

    groups: Groups
    time: np.ndarray
    amount: np.ndarray
    partner: np.ndarray

    @classmethod
    def of(cls, owner: np.ndarray, partner: np.ndarray, payments: Payments) -> GraphSide:
        """Sort the payments for one direction."""
        order = np.lexsort((payments.time, owner))
        groups = Groups.of(owner[order], len(payments.addresses))
        return cls(groups, payments.time[order], payments.amount[order], partner[order])

    @cached_property
    def volume(self) -> np.ndarray:
        """(accounts,) int64, gwei."""
        return self.groups.total(self.amount)

    @cached_property
    def share_ppm(self) -> np.ndarray:
        """(payments,) int64, each payment's amount against its account's volume; 0 where that is 0."""
        return share_ppm(self.amount, self.volume[self.groups.owner])

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Owners and partners, each pair once, in rising order."""
        width = len(self.groups.size) + 1
        key = np.unique(self.groups.owner * width + self.partner)
        return key // width, key % width

    @cached_property
    def partners(self) -> np.ndarray:
        """(accounts,) int64, different partners."""
        return np.bincount(self.pairs[0], minlength=len(self.groups.size))


class Graph:
    """Both directions, and all payments of an account together."""

    def __init__(self, payments: Payments) -> None:
        self.incoming = GraphSide.of(payments.receiver, payments.sender, payments)
        self.outgoing = GraphSide.of(payments.sender, payments.receiver, payments)
        owner = np.concatenate((payments.receiver, payments.sender))
        time = np.concatenate((payments.time, payments.time))
        order = np.lexsort((time, owner))
        self.all = Groups.of(owner[order], len(payments.addresses))
        self.time = time[order]

    def side(self, name: str) -> GraphSide:
        """``in`` or ``out``."""
        return self.incoming if name == "in" else self.outgoing

    @cached_property
    def span(self) -> np.ndarray:
        """(accounts,) int64, seconds from first to last payment; 0 of none."""
        span: np.ndarray = self.all.most(self.time) - self.all.least(self.time)
        return span

    @cached_property
    def mutual(self) -> np.ndarray:
        """(accounts,) int64, partners that both paid it and were paid by it."""
        (owner, partner), (other, back) = self.incoming.pairs, self.outgoing.pairs
        width = len(self.span) + 1
        both = np.intersect1d(owner * width + partner, other * width + back, assume_unique=True)
        return np.bincount(both // width, minlength=len(self.span))

    @cached_property
    def partners(self) -> np.ndarray:
        """(accounts,) int64, different partners in either direction."""
        count: np.ndarray = self.incoming.partners + self.outgoing.partners - self.mutual
        return count
