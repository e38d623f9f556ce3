"""Who holds what while a plan is made: never more than the chain will show."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Book"]


@dataclass
class _Holding:
    settled: int = 0
    arriving: int = 0
    arrives_at: int = 0


@dataclass
class Book:
    """Holdings of one asset; what arrives in a block can be spent from the next block on.

    A node's pool refuses a transaction whose sender cannot pay on the last mined state, so a plan must not
    spend what arrives in the same block. Amounts are a lower bound: a contract call is booked at its whole gas limit.
    """

    _holdings: dict[str, _Holding] = field(default_factory=dict)

    def spendable(self, name: str, block_time: int) -> int:
        """What an account can spend in the block of this time."""
        holding = self._holdings.setdefault(name, _Holding())
        if holding.arriving and holding.arrives_at < block_time:
            holding.settled += holding.arriving
            holding.arriving = 0
        return holding.settled

    def take(self, name: str, amount: int, block_time: int) -> None:
        """Take what was checked to be spendable."""
        have = self.spendable(name, block_time)
        assert 0 <= amount <= have, f"{name} has {have}, not {amount}"
        self._holdings[name].settled -= amount

    def give(self, name: str, amount: int, block_time: int) -> None:
        """Add what arrives in the block of this time."""
        self.spendable(name, block_time)
        holding = self._holdings[name]
        holding.arriving += amount
        holding.arrives_at = block_time
