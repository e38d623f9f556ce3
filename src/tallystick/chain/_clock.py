"""Time as an object that callers can replace."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Clock", "ManualClock"]


class Clock:
    """The machine's clock, in seconds."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ManualClock(Clock):
    """A clock for tests: sleeping moves it on at once and is written down in ``sleeps``.

    Examples
    --------
    >>> clock = ManualClock()
    >>> asyncio.run(clock.sleep(30))
    >>> clock.now(), clock.sleeps
    (30.0, [30])
    """

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        """Seconds slept so far."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Move on, and let other tasks run."""
        self.sleeps.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)
