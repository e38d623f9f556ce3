"""The rhythm of a week: even ticks inside, hours of day and night outside."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

__all__ = ["BLOCK_S", "START_S", "TICKS_A_SECOND", "Clock"]

Array = Any  # numpy array

BLOCK_S: Final = 12
START_S: Final = 1_704_067_200  # Monday 2024-01-01 00:00 UTC: time of block 0
TICKS_A_SECOND: Final = 100
"""Of an average hour; a busy hour has more ticks, a quiet one fewer."""

_WORKDAY: Final = (
    *(56, 46, 40, 38, 42, 52, 68, 88, 108, 122, 130, 132),
    *(134, 140, 148, 150, 146, 138, 130, 124, 116, 104, 86, 70),
)
_WEEKEND_PERCENT: Final = 80
_HOURS_A_WEEK: Final = 168


class Clock:
    """Ticks in which traffic is even, turned into seconds in which it is not.

    An hour holds as many ticks for each of its seconds as its weight, so more happens in a busy hour. The
    order of events is kept, and so are gaps, up to the difference between the hours they lie in.

    Examples
    --------
    >>> clock = Clock(days=7)
    >>> clock.seconds(np.array([0, clock.ticks - 1])).tolist()
    [0, 604799]
    """

    def __init__(self, days: int) -> None:
        hours = np.arange(24 * days)
        weekend = hours % _HOURS_A_WEEK >= 5 * 24
        weights = np.array(_WORKDAY, np.int64)[hours % 24]
        self._weights = np.where(weekend, weights * _WEEKEND_PERCENT // 100, weights)
        self._starts = np.concatenate([[0], np.cumsum(self._weights * 3_600)])

    @property
    def ticks(self) -> int:
        """Length of the stream."""
        return int(self._starts[-1])

    def seconds(self, ticks: Array) -> Array:
        """Seconds since block 0 of ticks in [0, ``self.ticks``). (rows,) int64"""
        hours = np.searchsorted(self._starts, ticks, side="right") - 1
        seconds: Array = hours * 3_600 + (ticks - self._starts[hours]) // self._weights[hours]
        return seconds
