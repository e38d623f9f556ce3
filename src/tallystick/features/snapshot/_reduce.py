"""From the numbers of one account to one integer: the meaning, in plain Python. All rounding is floor.

``_reduce_fast.py`` holds the vectorised twins, tested equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tallystick.features._rules import log2_q4, saturate

__all__ = [
    "NOTHING",
    "PPM_ONE",
    "busiest",
    "deviation",
    "gaps",
    "least",
    "log2_q8",
    "mean",
    "most",
    "part_ppm",
    "quantile",
    "share_ppm",
    "total",
    "weighted",
]

NOTHING: Final = -1  # of no numbers
PPM_ONE: Final = 1_000_000


def log2_q8(value: int) -> int:
    """256 times one plus the base-2 logarithm, linear in sixteen steps between powers of two; 0 for 0.

    Examples
    --------
    >>> [log2_q8(v) for v in (0, 1, 2, 3)]
    [0, 256, 512, 640]
    """
    return 16 * log2_q4(value)


def quantile(values: Sequence[int], percent: int) -> int:
    """The value at ``floor(percent * (n - 1) / 100)`` of the values in rising order.

    Examples
    --------
    >>> quantile([9, 1, 5, 7], 50), quantile([], 50)
    (5, -1)
    """
    return sorted(values)[percent * (len(values) - 1) // 100] if values else NOTHING


def least(values: Sequence[int]) -> int:
    """The smallest value."""
    return min(values, default=NOTHING)


def most(values: Sequence[int]) -> int:
    """The largest value."""
    return max(values, default=NOTHING)


def mean(values: Sequence[int]) -> int:
    """``floor(sum / n)``.

    Examples
    --------
    >>> mean([1, 2]), mean([])
    (1, -1)
    """
    return sum(values) // len(values) if values else NOTHING


def deviation(values: Sequence[int]) -> int:
    """Mean distance to the mean: ``floor(sum(|x - mean|) / n)``.

    Examples
    --------
    >>> deviation([1, 3, 8]), deviation([5]), deviation([])
    (2, 0, -1)
    """
    middle = mean(values)
    return mean([abs(value - middle) for value in values])


def total(amounts: Sequence[int]) -> int:
    """The sum, held at 2**62."""
    return saturate(sum(amounts))


def weighted(values: Sequence[int], shares_ppm: Sequence[int]) -> int:
    """``floor(sum(value * share) / 10**6)``; the shares add up to a million or a little less.

    Examples
    --------
    >>> weighted([100, 200], [250_000, 750_000]), weighted([], [])
    (175, -1)
    """
    if not values:
        return NOTHING
    return sum(value * share for value, share in zip(values, shares_ppm, strict=True)) // PPM_ONE


def share_ppm(amount: int, whole: int) -> int:
    """``floor(amount * 10**6 / whole)``; both lose 20 bits first where the whole has more than 42.

    Examples
    --------
    >>> share_ppm(1, 3), share_ppm(0, 0), share_ppm(1 << 60, 1 << 61)
    (333333, 0, 500000)
    """
    shift = 20 if whole >> 42 else 0
    return (amount >> shift) * PPM_ONE // max(whole >> shift, 1)


def part_ppm(count: int, whole: int) -> int:
    """Parts in a million of a count; -1 of nothing."""
    return count * PPM_ONE // whole if whole else NOTHING


def gaps(times: Sequence[int]) -> list[int]:
    """Seconds between neighbours, of times in rising order."""
    return [late - early for early, late in pairwise(times)]


def busiest(times: Sequence[int], window_s: int) -> int:
    """Most times within one window, both ends included; times rise.

    Examples
    --------
    >>> busiest([0, 5, 9, 30], 9), busiest([], 9)
    (3, 0)
    """
    best = start = 0
    for end, time in enumerate(times):
        while time - times[start] > window_s:
            start += 1
        best = max(best, end - start + 1)
    return best
