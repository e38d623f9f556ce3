"""Alerts against the planted truth: who was caught, who was wronged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.apps.economy import Category, Truth
from tallystick.units import format_address

__all__ = ["Detection", "detect"]

# What the shipped model was trained to find; the other planted schemes are other behaviour.
TARGET: Final = Category.PHISHING
INNOCENT: Final = frozenset({Category.NORMAL, Category.SERVICE})


@dataclass(frozen=True)
class Detection:
    """Alerts beside the truth.

    Parameters
    ----------
    alerts
        Accounts that were alerted on.
    by_category
        For each planted category: accounts caught, accounts there are.
    """

    alerts: int
    by_category: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float:
        """Share of alerts on planted phishing accounts."""
        return self.by_category[TARGET.value][0] / self.alerts if self.alerts else 0.0

    @property
    def recall(self) -> float:
        """Share of planted phishing accounts that were alerted on."""
        caught, there = self.by_category[TARGET.value]
        return caught / there if there else 0.0

    @property
    def wronged(self) -> int:
        """Alerts on accounts that do nothing wrong."""
        return sum(self.by_category[category.value][0] for category in INNOCENT if category.value in self.by_category)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "alerts": self.alerts,
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "innocent_alerted": self.wronged,
            "by_category": {name: list(counts) for name, counts in self.by_category.items()},
        }


def detect(alerted: Iterable[str], truth: Truth) -> Detection:
    """Hold alerted addresses, in hexadecimal, against a planted truth."""
    addresses = set(alerted)
    there = Counter(account.category.value for account in truth.accounts)
    caught = Counter(
        account.category.value for account in truth.accounts if format_address(account.address) in addresses
    )
    return Detection(len(addresses), {name: (caught[name], there[name]) for name in sorted(there)})
