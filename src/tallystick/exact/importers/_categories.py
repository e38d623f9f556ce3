"""Membership of an integer in a set as a row of alternating segments, each one comparison from the next."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Cut"]


class Cut(NamedTuple):
    """Which integers go left: segments between bounds go left and right in turn.

    A segment ends with its bound: ``x <= bounds[0]`` is the first segment. A plain comparison has one bound.

    Examples
    --------
    >>> Cut.of_values([7, 3, 4])
    Cut(bounds=(2, 4, 6, 7), first_left=False)
    >>> Cut.of_values([7, 3, 4]).within(4, 100)
    Cut(bounds=(4, 6, 7), first_left=True)
    """

    bounds: tuple[int, ...]
    first_left: bool

    @classmethod
    def of_values(cls, values: Iterable[int]) -> Cut:
        """The values go left, all others right."""
        bounds: list[int] = []
        for value in sorted(set(values)):
            if bounds and bounds[-1] == value - 1:
                bounds[-1] = value
            else:
                bounds += (value - 1, value)
        return cls(tuple(bounds), first_left=False)

    def within(self, low: int, high: int) -> Cut:
        """The segments that the domain [low, high] meets; no bounds where all of it goes one way."""
        first, last = bisect_left(self.bounds, low), bisect_left(self.bounds, high)
        return Cut(self.bounds[first:last], self.first_left != bool(first & 1))

    def split(self, at: int) -> tuple[Cut, Cut]:
        """The segments up to a bound and those after it."""
        return Cut(self.bounds[:at], self.first_left), Cut(self.bounds[at + 1 :], self.first_left != bool((at + 1) & 1))

    @property
    def sides(self) -> tuple[int, int]:
        """How many segments go left and how many go right."""
        first, second = len(self.bounds) // 2 + 1, (len(self.bounds) + 1) // 2
        return (first, second) if self.first_left else (second, first)
