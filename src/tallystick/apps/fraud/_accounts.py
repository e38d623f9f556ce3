"""One score an account: the last one, or the one at its K-th transfer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tallystick.apps.fraud._scorer import Scored, Scorer
from tallystick.errors import RangeError
from tallystick.learn import running_count
from tallystick.store import write_bytes
from tallystick.units import format_address

__all__ = ["AccountScores", "AccountTable", "write_accounts"]


@dataclass(frozen=True)
class AccountTable:
    """Scores of accounts, in order of first appearance.

    Parameters
    ----------
    address
        (n, 20) uint8.
    score_ppm
        (n,) int64.
    flag
        (n,) bool.
    transfers_seen
        (n,) int64, transfers of the account up to and with the scored one.
    """

    address: np.ndarray
    score_ppm: np.ndarray
    flag: np.ndarray
    transfers_seen: np.ndarray


class AccountScores:
    """Collects account scores from a stream of scored transfers.

    Parameters
    ----------
    scorer
        Where the predictions come from.
    after
        Take an account's score at this transfer, counted from 1, and leave out accounts with fewer;
        ``None`` takes each account's last.
    """

    def __init__(self, scorer: Scorer, after: int | None = None) -> None:
        if after is not None and after < 1:
            raise RangeError("--after counts an account's transfers from 1", value=after)
        self._scorer = scorer
        self._after = after
        self._ppm = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.int64)
        self._scored_at = np.zeros(0, np.int64)  # 0 where there is no score yet

    def add(self, scored: Scored) -> None:
        """Take the next run of transfers."""
        self._grow(self._scorer.engine.accounts_known + 1)
        account = scored.features.account
        itself = account[0::2] == account[1::2]  # a transfer to oneself is one transfer: keep the receiver's row
        keep = account != 0
        keep[0::2] &= ~itself
        rows = np.flatnonzero(keep)
        ids = account[rows]
        number = self._seen[ids] + running_count(ids)
        self._seen += np.bincount(ids, minlength=len(self._seen))
        take = number == self._after if self._after is not None else np.ones(len(rows), bool)
        self._ppm[ids[take]] = scored.ppm[rows[take]]  # later rows overwrite earlier ones
        self._scored_at[ids[take]] = number[take]

    def table(self) -> AccountTable:
        """Scores so far."""
        ids = np.flatnonzero(self._scored_at)
        ppm = self._ppm[ids]
        return AccountTable(
            address=self._scorer.engine.addresses(ids),
            score_ppm=ppm,
            flag=ppm >= self._scorer.program.threshold_ppm,
            transfers_seen=self._scored_at[ids],
        )

    def _grow(self, size: int) -> None:
        for name in ("_ppm", "_seen", "_scored_at"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate((column, np.zeros(size - len(column), np.int64))))


def write_accounts(table: AccountTable, path: Path) -> None:
    """Write ``account,score_ppm,flag,transfers_seen``, one line an account; flag is 0 or 1."""
    lines = ["account,score_ppm,flag,transfers_seen"]
    columns = (table.address, table.score_ppm.tolist(), table.flag.tolist(), table.transfers_seen.tolist())
    for address, ppm, flag, seen in zip(*columns, strict=True):
        lines.append(f"{format_address(bytes(address))},{ppm},{int(flag)},{seen}")
    write_bytes(path, ("\n".join(lines) + "\n").encode())
