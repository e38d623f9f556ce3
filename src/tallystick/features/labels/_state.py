"""Which addresses are labelled at the moment: a feed of events is played forward, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import looped
from tallystick.features._exposure import CATEGORY_COUNT
from tallystick.features._layout import LABELS_AT, LabelTables, Tables
from tallystick.features._stamp import STAMP
from tallystick.features._tables import find_account, rehash_accounts
from tallystick.features.labels._feed import LabelFeed

__all__ = ["LabelState"]


class LabelState:
    """A feed and how many of its events have been played into the accounts.

    Addresses that no transfer has named are not accounts; their labels wait here until one does.
    """

    def __init__(self, feed: LabelFeed, played: int = 0) -> None:
        self.feed = feed
        self.played = 0
        addresses, row = np.unique(feed.address, axis=0, return_inverse=True)
        self._addresses = np.concatenate((np.zeros((1, 3), np.uint64), addresses))  # row 0 is nobody's
        self._row = row.reshape(-1) + 1
        self._active = np.zeros((len(self._addresses), CATEGORY_COUNT), np.int64)
        keys = self._addresses.astype(">u8").view(np.uint8).reshape(-1, 24)[:, :20]
        words = np.ascontiguousarray(keys).view(">u4").astype(np.uint32)
        slots = np.zeros(1 << (2 * len(words)).bit_length(), np.uint32)
        rehash_accounts(slots, np.zeros_like(slots), words, len(words))
        self.tables = LabelTables(slots, words, np.zeros(len(words), np.int64))
        self._count(0, played)

    def _count(self, first: int, last: int) -> None:
        part = slice(first, last)
        np.add.at(self._active, (self._row[part], self.feed.category[part]), self.feed.change[part])
        self.tables.masks[:] = (self._active > 0) @ (1 << np.arange(CATEGORY_COUNT))
        self.played = last

    def next_time(self) -> int | None:
        """When the next event takes effect, seconds; ``None`` where there is none."""
        return int(self.feed.time[self.played]) if self.played < len(self.feed) else None

    def play_until(self, time: int, tables: Tables) -> None:
        """Play the events up to and including a second."""
        last = int(np.searchsorted(self.feed.time, time, "right"))
        if last > self.played:
            first = self.played
            self._count(first, last)
            self._tell(first, last, tables)

    def take_back(self, played: int, tables: Tables) -> None:
        """Play the events after the first ``played`` back; the accounts have been put back already."""
        last = self.played
        if played < last:
            part = slice(played, last)
            np.add.at(self._active, (self._row[part], self.feed.category[part]), -self.feed.change[part])
            self._count(played, played)
            self._tell(played, last, tables)

    def _tell(self, first: int, last: int, tables: Tables) -> None:
        rows = np.unique(self._row[first:last])
        _write_masks(tables, np.ascontiguousarray(self._addresses[rows]), self.tables.masks[rows])


def _entry_point(stamp: int) -> Any:
    @looped
    def write_masks(tables: Any, addresses: np.ndarray, masks: np.ndarray) -> None:
        for k in range(len(masks) if stamp >= 0 else 0):  # a closure variable is part of numba's cache key
            account, _ = find_account(tables.account_slots, tables.keys, addresses[k])
            if account:
                tables.narrow[account, LABELS_AT] = np.uint32(masks[k])

    return write_masks


_write_masks = _entry_point(STAMP)
"""Write the labels of those addresses that are accounts."""
