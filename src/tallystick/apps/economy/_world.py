"""The world that agents live in while a plan is made: a clock and a queue of lives."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from tallystick.apps.economy._acts import Acts
from tallystick.apps.economy._model import DAY_S, EconomySize, Plan
from tallystick.units import UnixSeconds

__all__ = ["Agent", "World"]

Agent = Iterator[int]  # a life: acts on the world, then yields the seconds until it acts again


class World(Acts):
    """Acts in time: every life is a generator that is woken at its times, in order.

    Parameters
    ----------
    seed, size, start
        As in the plan.
    """

    def __init__(self, seed: int, size: EconomySize, start: UnixSeconds) -> None:
        super().__init__(seed, size, start)
        self.end = start + size.days * DAY_S
        self._queue: list[tuple[int, int, Agent]] = []
        self._spawned = 0

    def spawn(self, agent: Agent, at: int = 0) -> None:
        """Start a life at a time, or now if that is past; of one second, who was started first acts first."""
        self._spawned += 1
        heapq.heappush(self._queue, (max(at, self.now), self._spawned, agent))

    def run(self) -> Plan:
        """Let every life run until it ends or the period does; accounts that never appeared are left out."""
        while self._queue:
            self.now, order, agent = heapq.heappop(self._queue)
            if self.now >= self.end:
                break
            wait = next(agent, None)
            if wait is not None:
                heapq.heappush(self._queue, (self.now + max(wait, 1), order, agent))
        seen = {name for act in self.actions for name in (act.sender, act.target, act.beneficiary)}
        accounts = tuple(account for name, account in self.accounts.items() if name in seen)
        return Plan(self.seed, self.size, self.start, accounts, tuple(self.actions))
