"""Alerts: the first time an account's score is high enough, with the reasons the program itself gives.

A flag is the program's verdict on a row; an alert asks a person to look. So alerts have a bar of their
own, the settings ``alert_ppm`` and ``alert_after``: where few accounts are bad, the program's threshold
would send many innocent ones to review, and an account's first transfers say little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tallystick.apps.fraud._scorer import Scored, Scorer
from tallystick.apps.fraud._words import reason_words
from tallystick.exact import explain_row
from tallystick.features import SPEC
from tallystick.units import format_address, format_hash

__all__ = ["Alert", "Alerts", "Reason"]

_REASONS: Final = 4
_TRANSFERS: Final = SPEC.names.index("transfers")


@dataclass(frozen=True)
class Reason:
    """What one feature adds to a score, exactly: contributions and bias sum to the raw score."""

    feature: str
    value: int
    unit: str
    contribution: int
    help: str
    words: str


@dataclass(frozen=True)
class Alert:
    """The first time an account's score reached the bar.

    ``bias + others + sum of the reasons' contributions == raw``, exactly; ``others`` is what the
    features that are not named add or take away.
    """

    block_number: int
    timestamp: int
    transaction_hash: str
    account: str
    side: str
    score_ppm: int
    raw: int
    bias: int
    others: int
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "reasons": [vars(reason) for reason in self.reasons]}


class Alerts:
    """Finds the accounts to look at in a stream of scored transfers: one alert an account, never two.

    Parameters
    ----------
    scorer
        Where the predictions come from.
    at_ppm
        Smallest score that raises an alert.
    after
        Fewest transfers of the account, this one included.
    """

    def __init__(self, scorer: Scorer, at_ppm: int, after: int) -> None:
        self._scorer = scorer
        self._at_ppm = at_ppm
        self._after = after
        self._alerted = np.zeros(0, bool)

    def find(self, scored: Scored) -> list[Alert]:
        """Alerts of the next run of transfers, in chain order."""
        known = self._scorer.engine.accounts_known + 1
        self._alerted = np.concatenate((self._alerted, np.zeros(known - len(self._alerted), bool)))
        account = scored.features.account
        enough = scored.features.rows[:, _TRANSFERS] >= self._after
        flagged = np.flatnonzero((scored.ppm >= self._at_ppm) & enough & (account != 0))
        _, first = np.unique(account[flagged], return_index=True)
        rows = np.sort(flagged[first])
        rows = rows[~self._alerted[account[rows]]]
        self._alerted[account[rows]] = True
        return [self._alert(scored, int(row)) for row in rows]

    def _alert(self, scored: Scored, row: int) -> Alert:
        transfer = scored.transfers.slice(row // 2, 1).to_pylist()[0]
        values = scored.features.rows[row].tolist()
        why = explain_row(self._scorer.program, values)
        worst = sorted(range(len(values)), key=lambda k: (-why.contributions[k], k))[:_REASONS]
        reasons = tuple(_reason(k, values[k], why.contributions[k]) for k in worst if why.contributions[k] > 0)
        return Alert(
            block_number=transfer["block_number"],
            timestamp=transfer["timestamp"],
            transaction_hash=format_hash(transfer["transaction_hash"]),
            account=format_address(transfer["to_address" if row % 2 else "from_address"]),
            side="receiver" if row % 2 else "sender",
            score_ppm=int(scored.ppm[row]),
            raw=int(scored.raw[row]),
            bias=why.bias,
            others=sum(why.contributions) - sum(reason.contribution for reason in reasons),
            reasons=reasons,
        )


def _reason(index: int, value: int, contribution: int) -> Reason:
    feature = SPEC.features[index]
    return Reason(feature.name, value, feature.unit, contribution, feature.help, reason_words(feature, value))
