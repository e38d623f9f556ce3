"""Vectorised twins of ``_reduce.py``: numbers of all accounts at once, grouped by account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from tallystick.features._rules import RATIO_CAP, TOTAL_CAP
from tallystick.features.snapshot._reduce import NOTHING, PPM_ONE

__all__ = ["Groups", "bit_length", "log2_q4", "log2_q8", "part_ppm", "ratio_ppm", "share_ppm"]

_HALF: Final = 31  # bits


@dataclass(frozen=True)
class Groups:
    """How a flat array of numbers falls into one group an account.

    Parameters
    ----------
    start
        (accounts + 1,) int64; group ``k`` is ``[start[k], start[k + 1])``.
    """

    start: np.ndarray

    @classmethod
    def of(cls, owner: np.ndarray, accounts: int) -> Groups:
        """Groups of owners in rising order."""
        return cls(np.searchsorted(owner, np.arange(accounts + 1)))

    @cached_property
    def size(self) -> np.ndarray:
        """(accounts,) int64, numbers in each group."""
        return np.diff(self.start)

    @cached_property
    def owner(self) -> np.ndarray:
        """(numbers,) int64, the group of each number."""
        return np.repeat(np.arange(len(self.size)), self.size)

    def where(self, keep: np.ndarray) -> Groups:
        """The same groups with fewer numbers."""
        return Groups.of(self.owner[keep], len(self.size))

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sums that fit 64 bits; 0 of nothing."""
        sums = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=sums[1:])  # wraps at 64 bits, and so does the difference: sums that fit are exact
        result: np.ndarray = sums[self.start[1:]] - sums[self.start[:-1]]
        return result

    def least(self, values: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.least`."""
        return self._reduce(np.minimum, values)

    def most(self, values: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.most`."""
        return self._reduce(np.maximum, values)

    def _reduce(self, ufunc: np.ufunc, values: np.ndarray) -> np.ndarray:
        result = np.full(len(self.size), NOTHING, np.int64)
        some = self.size > 0
        if some.any():
            result[some] = ufunc.reduceat(values, self.start[:-1][some])
        return result

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.mean`."""
        return np.where(self.size > 0, self.sum(values) // np.maximum(self.size, 1), NOTHING)

    def deviation(self, values: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.deviation`."""
        return self.mean(np.abs(values - self.mean(values)[self.owner]))

    def total(self, amounts: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.total`: two halves, so that no sum leaves 64 bits."""
        high, low = self.sum(amounts >> _HALF), self.sum(amounts & ((1 << _HALF) - 1))
        high, low = high + (low >> _HALF), low & ((1 << _HALF) - 1)
        return np.where(high >= TOTAL_CAP >> _HALF, TOTAL_CAP, (high << _HALF) + low)

    def weighted(self, values: np.ndarray, shares_ppm: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.weighted`."""
        return np.where(self.size > 0, self.sum(values * shares_ppm) // PPM_ONE, NOTHING)

    def count(self, marks: np.ndarray) -> np.ndarray:
        """How many of each group are marked."""
        return self.sum(marks.astype(np.int64))

    def part_ppm(self, marks: np.ndarray) -> np.ndarray:
        """Twin of :func:`_reduce.part_ppm`: the marked numbers of each group."""
        return part_ppm(self.count(marks), self.size)

    def rising(self, values: np.ndarray) -> np.ndarray:
        """The values of each group in rising order, for :meth:`quantile`."""
        return values[np.lexsort((values, self.owner))]

    def quantile(self, risen: np.ndarray, percent: int) -> np.ndarray:
        """Twin of :func:`_reduce.quantile`, of values that :meth:`rising` has ordered."""
        result = np.full(len(self.size), NOTHING, np.int64)
        some = self.size > 0
        result[some] = risen[self.start[:-1][some] + percent * (self.size[some] - 1) // 100]
        return result

    def gaps(self, times: np.ndarray) -> tuple[Groups, np.ndarray]:
        """Twin of :func:`_reduce.gaps`: differences within each group, and their groups."""
        inside = self.owner[1:] == self.owner[:-1]
        inner = Groups.of(self.owner[1:][inside], len(self.size))
        return inner, np.diff(times)[inside]

    def busiest(self, times: np.ndarray, window_s: int) -> np.ndarray:
        """Twin of :func:`_reduce.busiest`."""
        if not len(times):
            return np.zeros(len(self.size), np.int64)
        passed = times - times.min()
        width = int(passed.max()) + window_s + 1
        key = self.owner * width + passed
        ends = np.searchsorted(key, key + window_s, side="right")
        best: np.ndarray = np.maximum(self._reduce(np.maximum, ends - np.arange(len(times))), 0)
        return best


def bit_length(values: np.ndarray) -> np.ndarray:
    """Bits of each value at or above 0, as ``int.bit_length``."""
    rest, bits = values.astype(np.int64), np.zeros(values.shape, np.int64)
    for step in (32, 16, 8, 4, 2, 1):
        large = rest >> step > 0
        bits += np.where(large, step, 0)
        rest = np.where(large, rest >> step, rest)
    return bits + (rest > 0)


def share_ppm(amount: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Twin of :func:`_reduce.share_ppm`."""
    shift = np.where(whole >> 42 > 0, 20, 0)
    return (amount >> shift) * PPM_ONE // np.maximum(whole >> shift, 1)


def part_ppm(count: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Twin of :func:`_reduce.part_ppm`."""
    return np.where(whole > 0, count * PPM_ONE // np.maximum(whole, 1), NOTHING)


def log2_q4(values: np.ndarray) -> np.ndarray:
    """Twin of :func:`tallystick.features._rules.log2_q4`."""
    positive = np.maximum(values, 0)
    top = bit_length(positive) - 1
    below = np.where(top >= 4, positive >> np.maximum(top - 4, 0), positive << np.clip(4 - top, 0, 4)) & 15
    return np.where(positive > 0, 16 * (top + 1) + below, 0)


def log2_q8(values: np.ndarray) -> np.ndarray:
    """Twin of :func:`_reduce.log2_q8`."""
    return 16 * log2_q4(values)


def ratio_ppm(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Twin of :func:`tallystick.features._rules.ratio_ppm`."""
    part, whole = np.maximum(part, 0), np.maximum(whole, 0)
    shift = np.maximum(bit_length(np.maximum(part, whole)) - 42, 0)
    ratio = np.minimum((part >> shift) * PPM_ONE // np.maximum(whole >> shift, 1), RATIO_CAP)
    return np.where((part > 0) & (whole > 0), ratio, 0)
