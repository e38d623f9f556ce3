"""Transfers on their way to the stream: columns by row, in any order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

__all__ = ["Rows"]

Array = Any  # numpy array


@dataclass(frozen=True)
class Rows:
    """Columns of some transfers; every array has one entry a transfer.

    Parameters
    ----------
    times
        int64, ticks.
    senders, receivers
        int32, numbers of accounts.
    amounts
        int64, 10**-9 of a unit.
    assets
        int8, 0 for the chain's own coin.
    motifs
        int8, kind of planted motif, 0 for none.
    numbers
        int32, which planted motif, from 1; 0 for none.
    failed
        bool.
    """

    times: Array
    senders: Array
    receivers: Array
    amounts: Array
    assets: Array
    motifs: Array
    numbers: Array
    failed: Array

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def normal(cls, times: Array, senders: Array, receivers: Array, amounts: Array, assets: Array) -> Rows:
        """Make rows of ordinary traffic that succeed."""
        count = len(times)
        kinds = (np.zeros(count, np.int8), np.zeros(count, np.int32), np.zeros(count, bool))
        parts = (senders.astype(np.int32), receivers.astype(np.int32), amounts, assets.astype(np.int8))
        return cls(times, *parts, *kinds)

    def take(self, rows: Array) -> Rows:
        """Rows by position, mask or slice."""
        return Rows(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def join(cls, parts: list[Rows]) -> Rows:
        """All rows of all parts, in order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))
