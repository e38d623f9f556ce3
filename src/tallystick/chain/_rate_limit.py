"""How fast to ask a node we do not own: additive increase, multiplicative decrease."""

from __future__ import annotations

from typing import Final

from tallystick.chain._clock import Clock

__all__ = ["RateLimit"]

MIN_REQUESTS_PER_S: Final = 0.1
MAX_REQUESTS_PER_S: Final = 10_000.0
GROWTH_REQUESTS_PER_S: Final = 0.1  # per success: at 20 requests/s, the rate doubles in some 13 s


class RateLimit:
    """Spaces requests evenly; halves on refusal, grows on success.

    Parameters
    ----------
    requests_per_s
        Where the rate starts.
    clock
        Time.
    """

    def __init__(self, requests_per_s: float, clock: Clock) -> None:
        self.requests_per_s = float(requests_per_s)
        self._clock = clock
        self._next_slot = clock.now()
        self._generation = 0

    async def acquire(self) -> int:
        """Wait for the next slot; return a ticket for :meth:`refused`."""
        now = self._clock.now()
        slot = max(now, self._next_slot)
        self._next_slot = slot + 1.0 / self.requests_per_s
        if slot > now:
            await self._clock.sleep(slot - now)
        return self._generation

    def succeeded(self) -> None:
        """Ask a little faster."""
        self.requests_per_s = min(self.requests_per_s + GROWTH_REQUESTS_PER_S, MAX_REQUESTS_PER_S)

    def refused(self, ticket: int) -> None:
        """Ask half as fast; requests that were under way together halve it once."""
        if ticket == self._generation:
            self._generation += 1
            self.requests_per_s = max(self.requests_per_s / 2, MIN_REQUESTS_PER_S)
