"""The engine's tables in memory: they grow in place and are cut when blocks are taken back."""

from __future__ import annotations

from typing import Final

import numpy as np

from tallystick.errors import FeatureError
from tallystick.features._layout import (
    ACCOUNT_WORDS,
    COUNTS,
    EDGE_WORDS,
    HEAD_WORDS,
    HOLDING_WORDS,
    RING,
    RING_COLUMNS,
    RING_FIRST,
    Tables,
)
from tallystick.features._tables import forget_accounts, forget_pairs, rehash_accounts, rehash_pairs

__all__ = ["Memory"]

_FIRST_SLOTS: Final = 1 << 12
_RING_WORDS: Final = RING_COLUMNS * (RING + RING_FIRST)  # most that one push takes
CAPACITY: Final = (1 << 32) - 2  # rows of a table, and words of the pool: what 32 bits can number


class Memory:
    """All that the engine remembers, as the arrays of :class:`Tables`.

    Parameters
    ----------
    taint_words
        Columns of a taint row, by the accounting rule.
    """

    # Tables of rows with the count that says how many are used; the others are slots, made anew from these.
    ROWS: Final = {
        "keys": "accounts",
        "wide": "accounts",
        "heads": "accounts",
        "edges": "edges",
        "holdings": "holdings",
        "pool": "ring_words",
        "taints": "taints",
    }
    capacity = CAPACITY

    def __init__(self, taint_words: int) -> None:
        self.counts = np.array([1, 0, 0, 0, 1, 0], np.int64)  # account 0 is nobody, taint row 0 is none
        self.account_slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self.mark_slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self.edge_slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self.holding_slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self.keys = np.zeros((1, 5), np.uint32)
        self.wide = np.zeros((1, ACCOUNT_WORDS), np.int64)
        self.heads = np.zeros((1, HEAD_WORDS), np.int64)
        self.pool = np.zeros(1, np.uint32)
        self.edges = np.zeros((1, EDGE_WORDS), np.int64)
        self.holdings = np.zeros((1, HOLDING_WORDS), np.int64)
        self.taints = np.zeros((1, taint_words), np.int64)

    def count(self, what: str) -> int:
        """Rows of a table that are used."""
        return int(self.counts[COUNTS.index(what)])

    @property
    def bytes(self) -> int:
        """Memory of all arrays, slots and room to grow included."""
        return sum(value.nbytes for value in vars(self).values())

    @property
    def tables(self) -> Tables:
        """The arrays for the compiled loops; valid until the memory grows."""
        narrow = self.wide.view(np.uint32)
        return Tables(
            self.counts, self.account_slots, self.mark_slots, self.keys, self.wide, narrow, self.heads, self.pool,
            self.edge_slots, self.edges, self.holding_slots, self.holdings, self.taints,
        )  # fmt: skip

    def used(self, name: str) -> np.ndarray:
        """Rows of a table that are used."""
        rows: np.ndarray = getattr(self, name)[: self.count(self.ROWS[name])]
        return rows

    def _needed(self, transfers: int, tokens: int) -> dict[str, int]:
        """Rows of each table after a run in which every account, pair and asset is new."""
        return {
            "accounts": self.count("accounts") + 2 * transfers + tokens,
            "edges": self.count("edges") + transfers,
            "holdings": self.count("holdings") + 2 * tokens,
            "ring_words": self.count("ring_words") + 2 * _RING_WORDS * transfers,
            "taints": self.count("taints") + transfers,
        }

    def check_room(self, transfers: int, tokens: int) -> None:
        """Refuse a run that could need more rows than 32 bits can number, before anything is changed.

        Raises
        ------
        FeatureError
            Names the table.
        """
        for what, rows in self._needed(transfers, tokens).items():
            if rows > self.capacity:
                cause = f"there may be more than {self.capacity:,} {what}"
                raise FeatureError(cause, name=what, next_step="Give smaller batches, or shard the stream.")

    def make_room(self, transfers: int, tokens: int) -> None:
        """Grow so that a run fits even if every account, pair and asset in it is new."""
        needed = self._needed(transfers, tokens)
        for name, what in self.ROWS.items():
            _grow(getattr(self, name), needed[what])
        if 4 * needed["accounts"] > 3 * len(self.account_slots):
            self._rehash_accounts(_slots_for(needed["accounts"]))
        for slots, table in (("edge_slots", "edges"), ("holding_slots", "holdings")):
            if 4 * needed[table] > 3 * len(getattr(self, slots)):
                setattr(self, slots, np.zeros(_slots_for(needed[table]), np.uint32))
                rehash_pairs(getattr(self, slots), getattr(self, table), self.count(table))

    def _rehash_accounts(self, slots: int) -> None:
        self.account_slots = np.zeros(slots, np.uint32)
        self.mark_slots = np.zeros(slots, np.uint32)
        rehash_accounts(self.account_slots, self.mark_slots, self.keys, self.count("accounts"))

    def cut(self, counts: np.ndarray) -> None:
        """Forget all rows from ``counts`` on; their places are zero again."""
        accounts, edges, holdings = (int(counts[k]) for k in range(3))
        forget_accounts(self.account_slots, self.mark_slots, self.keys, accounts, self.count("accounts"))
        forget_pairs(self.edge_slots, self.edges, edges, self.count("edges"))
        forget_pairs(self.holding_slots, self.holdings, holdings, self.count("holdings"))
        for name, what in self.ROWS.items():
            getattr(self, name)[int(counts[COUNTS.index(what)]) : self.count(what)] = 0
        self.counts[:] = counts

    def fill(self, counts: np.ndarray, rows: dict[str, np.ndarray]) -> None:
        """Take over the used rows of another memory."""
        self.counts[:] = counts
        for table, content in rows.items():
            _grow(getattr(self, table), len(content))
            getattr(self, table)[: len(content)] = content
        self._rehash_accounts(_slots_for(self.count("accounts")))
        for name, table in (("edge_slots", "edges"), ("holding_slots", "holdings")):
            setattr(self, name, np.zeros(_slots_for(self.count(table)), np.uint32))
            rehash_pairs(getattr(self, name), getattr(self, table), self.count(table))


def _slots_for(rows: int) -> int:
    """Smallest power of two of which the rows fill at most three quarters."""
    return max(_FIRST_SLOTS, 1 << (4 * rows // 3).bit_length())


def _grow(array: np.ndarray, rows: int) -> None:
    """Add zero rows in place: the system moves pages of large arrays instead of copying them."""
    if rows > len(array):
        # Nobody keeps a view over a change of size: `tables` is made anew for every run.
        array.resize((max(rows, len(array) * 33 // 32), *array.shape[1:]), refcheck=False)
