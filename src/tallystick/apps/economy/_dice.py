"""Integer randomness: one seeded stream per name, so that no part of a plan disturbs another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from random import Random
from typing import Final, TypeVar

from tallystick.errors import RangeError
from tallystick.hashing import keccak256

__all__ = ["Dice", "Quantiles"]

Item = TypeVar("Item")
Quantiles = Sequence[tuple[int, int]]  # (ppm of the mass below, value), both rising, from 0 to 1_000_000 ppm

_HALVINGS: Final = 6  # geometric bisections before the remaining span is taken as flat


class Dice:
    """Random integers from a seed and a name; only ``Random.getrandbits`` is used, whose stream Python keeps.

    Examples
    --------
    >>> Dice(1, "a").below(1000) == Dice(1, "a").below(1000)
    True
    """

    def __init__(self, seed: int, name: str) -> None:
        self._bits = Random(int.from_bytes(keccak256(f"tallystick economy/{seed}/{name}".encode()), "big")).getrandbits

    def below(self, limit: int) -> int:
        """Uniform integer in [0, limit)."""
        if limit <= 0:
            raise RangeError("limit is not positive", value=limit)
        size = limit.bit_length()
        value = self._bits(size)
        while value >= limit:
            value = self._bits(size)
        return value

    def between(self, low: int, high: int) -> int:
        """Uniform integer in [low, high], both included."""
        return low + self.below(high - low + 1)

    def chance(self, ppm: int) -> bool:
        """Return true with this probability, in parts per million."""
        return self.below(1_000_000) < ppm

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """Draw up to ``count`` different items, in random order."""
        pool = list(items)
        return [pool.pop(self.below(len(pool))) for _ in range(min(count, len(pool)))]

    def geometric(self, low: int, high: int) -> int:
        """Integer in [low, high], about as likely in each factor of two: halved at the geometric mean, then flat."""
        for _ in range(_HALVINGS):
            if low <= 0 or high <= 2 * low:
                break
            middle = isqrt(low * high)
            low, high = (low, middle) if self._bits(1) else (middle, high)
        return self.between(low, high)

    def quantile(self, table: Quantiles) -> int:
        """Draw from a distribution given by its quantiles, geometric between two knots."""
        point = self.below(1_000_000)
        for (_, low), (above, high) in pairwise(table):
            if point < above:
                return self.geometric(low, high)
        raise RangeError("quantiles do not reach 1_000_000 ppm", value=table[-1][0])
