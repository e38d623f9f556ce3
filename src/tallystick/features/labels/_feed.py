"""Labels as the engine takes them: events in order of time, each one statement that begins or ends.

A statement has two times. It *holds* in ``[valid_from, valid_to)``, and it is *known* from ``known_from`` on. It counts
at second ``t`` where both are so: ``max(valid_from, known_from) <= t < valid_to``. So an exposure at ``t`` sees what
was known and held at ``t``; a label learnt later changes exposures from the second on at which it was learnt,
and none before.

Nulls are read as the widest: no ``valid_from`` is always, no ``valid_to`` is for ever. No ``known_from`` says that the
source states no date, and is read as known since it held. That trusts the list: from one that was written in
hindsight, exposures know what nobody knew. Give ``not_before`` for such a list: nothing it says counts earlier.

One thing has no second time: that a statement *ended* is taken as known when it ended. Where that came out late,
``valid_to`` is the second at which it came out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from tallystick.errors import RangeError
from tallystick.features.labels._categories import CATEGORIES
from tallystick.features.labels._statements import FOREVER, TIME_LIMIT, LeftOut, read_statements
from tallystick.store import LABELS, check_table

__all__ = ["LabelFeed"]

_HASH_HEAD: Final = f"tallystick label feed 1\n{','.join(CATEGORIES)}\n".encode()


@dataclass(frozen=True, eq=False)
class LabelFeed:
    """Beginnings and ends of labels; every array has one entry an event.

    Events are in order of time, address, category, and beginnings before ends. Statements never merge: two
    sources that say the same are two beginnings, and the label counts until both have ended. At second ``t`` it
    counts where the sum of its changes at times up to and including ``t`` is above zero.

    Parameters
    ----------
    time
        int64, UTC seconds.
    address
        (n, 3) uint64: the 20 address bytes, big-endian, in two and a half words, as in ``TransferBatch``.
    category
        int64, index in ``CATEGORIES``.
    change
        int64, +1 where a statement begins to count, -1 where it ends.
    left_out
        Statements of the tables that gave no event.

    Raises
    ------
    RangeError
        Arrays of unlike length or type, events out of order, or a time, category or change outside its range.
    """

    time: np.ndarray
    address: np.ndarray
    category: np.ndarray
    change: np.ndarray
    left_out: LeftOut = LeftOut()

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise RangeError(f"label feed: {problem}")

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def empty(cls) -> LabelFeed:
        """No labels."""
        none = np.zeros(0, np.int64)
        return cls(none, np.zeros((0, 3), np.uint64), none, none)

    @classmethod
    def from_arrow(cls, table: pa.Table, networks: Sequence[str] = ("ethereum",), *, not_before: int = 0) -> LabelFeed:
        """Convert a table of layout :data:`tallystick.store.LABELS`.

        A statement begins at ``max(valid_from or 0, known_from or valid_from or 0, not_before)`` and ends at
        ``valid_to``; one that ends at or before its beginning gives no event.

        Parameters
        ----------
        table
            The statements, in any order; the order does not matter.
        networks
            Networks whose addresses are accounts of the chain that is followed.
        not_before
            First second, UTC, at which any of them may count: when the list was taken, for a list
            that does not say since when it was known.

        Raises
        ------
        RangeError
            A statement ends before it begins to hold, or ``not_before`` is not 32-bit seconds.
        StoreError
            The table is not of the layout.

        Examples
        --------
        >>> row = {"address": "0x" + "ab" * 20, "network": "ethereum", "category": "mixer", "source": "s"}
        >>> row |= {"confidence_ppm": 1_000_000, "valid_from": 100, "valid_to": 900, "known_from": 250}
        >>> feed = LabelFeed.from_arrow(pa.Table.from_pylist([row], schema=LABELS.schema))
        >>> feed.time.tolist(), feed.change.tolist(), feed.category.tolist()
        ([250, 900], [1, -1], [1, 1])
        """
        if not 0 <= not_before < TIME_LIMIT:
            raise RangeError("not_before is outside 32-bit Unix seconds", value=not_before)
        held = read_statements(check_table(table, LABELS), networks, not_before)
        ends = held.end != FOREVER
        return _ordered(
            np.concatenate((held.begin, held.end[ends])),
            np.concatenate((held.address, held.address[ends])),
            np.concatenate((held.category, held.category[ends])),
            np.concatenate((np.ones(len(ends), np.int64), np.full(int(ends.sum()), -1, np.int64))),
            held.left_out,
        )

    @classmethod
    def merged(cls, first: LabelFeed, second: LabelFeed) -> LabelFeed:
        """The events of both, in order; which is first does not matter."""
        return _ordered(
            np.concatenate((first.time, second.time)),
            np.concatenate((first.address, second.address)),
            np.concatenate((first.category, second.category)),
            np.concatenate((first.change, second.change)),
            first.left_out + second.left_out,
        )

    def after(self, time: int) -> LabelFeed:
        """The events later than a second: what is still to come for an engine that has taken the others."""
        first = int(np.searchsorted(self.time, time, "right"))
        return self._cut(first, len(self))

    def arriving(self, time: int) -> LabelFeed:
        """The feed as an engine takes it that first hears of it at a second.

        What counts then begins then; what has ended by then never was; what comes later is unchanged.

        Parameters
        ----------
        time
            UTC seconds, not before 1970.

        Examples
        --------
        >>> one = np.ones(1, np.int64)
        >>> feed = LabelFeed(100 * one, np.zeros((1, 3), np.uint64), 0 * one, one)
        >>> feed.arriving(70).time.tolist(), feed.arriving(170).time.tolist()
        ([100], [170])
        """
        past = self._cut(0, int(np.searchsorted(self.time, time, "right")))
        if not len(past):
            return self
        order = np.lexsort((past.category, *past.address.T[::-1]))
        address, category = past.address[order], past.category[order]
        differs = (address[1:] != address[:-1]).any(axis=1) | (category[1:] != category[:-1])
        starts = np.flatnonzero(np.concatenate(([True], differs)))
        count = np.maximum(np.add.reduceat(past.change[order], starts), 0)
        begun = np.repeat(starts, count)
        ones = np.ones(len(begun), np.int64)
        held = _ordered(time * ones, address[begun], category[begun], ones, self.left_out)
        return LabelFeed.merged(held, replace(self.after(time), left_out=LeftOut()))

    def content_hash(self) -> str:
        """SHA-256 of the events, as hexadecimal text; what was left out does not enter it.

        Hashed are a head line with the version, the categories' names, then 30 bytes an event, big-endian: time (8),
        address (20), category (1), change (1, two's complement).
        """
        rows = np.empty((len(self), 30), np.uint8)
        rows[:, :8] = self.time.astype(">i8").view(np.uint8).reshape(-1, 8)
        rows[:, 8:28] = self.address.astype(">u8").view(np.uint8).reshape(-1, 24)[:, :20]
        rows[:, 28] = self.category
        rows[:, 29] = self.change.astype(np.int8).view(np.uint8)
        return hashlib.sha256(_HASH_HEAD + rows.tobytes()).hexdigest()

    def _cut(self, first: int, last: int) -> LabelFeed:
        part = slice(first, last)
        return LabelFeed(self.time[part], self.address[part], self.category[part], self.change[part], self.left_out)


def _ordered(
    time: np.ndarray, address: np.ndarray, category: np.ndarray, change: np.ndarray, left_out: LeftOut
) -> LabelFeed:
    order = np.lexsort((-change, category, *address.T[::-1], time))
    return LabelFeed(time[order], address[order], category[order], change[order], left_out)


def _problem(feed: LabelFeed) -> str | None:
    """What is wrong with a feed's arrays, if anything."""
    count = len(feed.time)
    for name in ("time", "category", "change"):
        array = getattr(feed, name)
        if array.dtype != np.int64 or array.shape != (count,):
            return f"{name} is not {count} int64"
    if feed.address.dtype != np.uint64 or feed.address.shape != (count, 3):
        return f"address is not {count} rows of 3 uint64"
    if not count:
        return None
    if feed.time.min() < 0:
        return "a time is before 1970"
    if feed.category.min() < 0 or feed.category.max() >= len(CATEGORIES):
        return f"a category is outside 0 to {len(CATEGORIES) - 1}"
    if (np.abs(feed.change) != 1).any():
        return "a change is neither 1 nor -1"
    if (feed.address[:, 2] & np.uint64((1 << 32) - 1)).any():
        return "an address is longer than 20 bytes"
    return None if _in_order(feed) else "events are out of order"


def _in_order(feed: LabelFeed) -> bool:
    keys = (feed.time, *feed.address.T, feed.category, -feed.change)  # most significant first
    below, equal = np.zeros(len(feed) - 1, bool), np.ones(len(feed) - 1, bool)
    for key in keys:
        below |= equal & (key[:-1] < key[1:])
        equal &= key[:-1] == key[1:]
    return int((below | equal).sum()) == len(below)
