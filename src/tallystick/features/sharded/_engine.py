"""The engine beyond one machine: split by account, two passes in every shard, joined per transfer.

Nothing here knows where shards run: :class:`LocalShards` runs them one after the other in this
process, ``sharded/_ray.py`` runs them on Ray. What is exact about it: ``docs/decisions/014-two-pass-sharding.md``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tallystick.features._batch import HAS_TO, TransferBatch
from tallystick.features._engine import Engine, FeatureRows
from tallystick.features._options import EngineOptions
from tallystick.features._order import check_order
from tallystick.features._spec import FeatureSpec
from tallystick.features.labels import LabelFeed
from tallystick.features.sharded._cells import put
from tallystick.features.sharded._numbers import AccountNumbers
from tallystick.features.sharded._owners import check_shards
from tallystick.features.sharded._scopes import Placement
from tallystick.features.sharded._shard import Cells, Shard
from tallystick.features.sharded._split import Part, split

__all__ = ["LocalShards", "ShardedEngine", "Shards", "Shuffle"]


class Shards(Protocol):
    """Where shards run."""

    @property
    def options(self) -> EngineOptions:
        """What the whole engine computes."""

    @property
    def count(self) -> int:
        """How many there are."""

    def begin(self, parts: Sequence[Part]) -> Any:
        """Start both passes over one part for each shard; the answer is for :meth:`finish`, in the same order."""

    def finish(self, begun: Any) -> list[Cells]:
        """Wait for what was begun."""


class LocalShards:
    """Shards in this process, one after the other: for tests and for measuring.

    Parameters
    ----------
    count
        How many.
    options
        What the whole engine computes.
    """

    def __init__(self, count: int, options: EngineOptions | None = None) -> None:
        check_shards(count)
        self.options = options or EngineOptions()
        self.shards = [Shard(k, count, self.options) for k in range(count)]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.shards)

    def begin(self, parts: Sequence[Part]) -> list[Cells]:
        """Run both passes."""
        words = [shard.look(part) for shard, part in zip(self.shards, parts, strict=True)]
        return [shard.rows(*(words[j][k] for j in range(self.count))) for k, shard in enumerate(self.shards)]

    def finish(self, begun: list[Cells]) -> list[Cells]:
        """Give what :meth:`begin` made."""
        return begun


@dataclass
class Shuffle:
    """Bytes that went from place to place so far.

    Parameters
    ----------
    to_shards
        Transfers, from the driver.
    between_shards
        Looks, between the passes.
    to_driver
        Cells of rows.
    """

    to_shards: int = 0
    between_shards: int = 0
    to_driver: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.to_shards + self.between_shards + self.to_driver


class ShardedEngine:
    """Gives the rows and account ids of :class:`Engine`, bit for bit, from shards.

    Blocks cannot be taken back, and the state is not saved: it is for histories, not for following a chain.

    Parameters
    ----------
    shards
        Where they run; they say what is computed.
    labels
        For the exposure family, as of :class:`Engine`.

    Examples
    --------
    >>> ShardedEngine(LocalShards(2, EngineOptions(families=("flow",)))).spec.names[:2]
    ('incoming', 'transfers')
    """

    def __init__(self, shards: Shards, labels: LabelFeed | None = None) -> None:
        self.shards = shards
        self.shuffle = Shuffle()
        self._placement = Placement.of(shards.options)
        driver = self._placement.driver
        self._whole = Engine(driver, labels, journal_blocks=0) if driver else None
        self._numbers = AccountNumbers()
        self._last = (-1, -1)

    @property
    def options(self) -> EngineOptions:
        """What is computed."""
        return self.shards.options

    @property
    def spec(self) -> FeatureSpec:
        """The ordered features of a row."""
        return self.options.spec

    @property
    def accounts_known(self) -> int:
        """Accounts seen so far, token contracts included."""
        return self._whole.accounts_known if self._whole else self._numbers.accounts_known

    def advance(self, batch: TransferBatch) -> FeatureRows:
        """Take a run of transfers and return their rows.

        Parameters
        ----------
        batch
            Whole blocks, later than every block before; a transaction's transfers stand together.

        Raises
        ------
        FeatureError
            Blocks or times run backwards, a table is full, or a shard was lost.
        """
        (rows,) = self.stream([batch])
        return rows

    def stream(self, batches: Iterable[TransferBatch], ahead: int = 1) -> Iterator[FeatureRows]:
        """Rows of many batches; shards work up to ``ahead`` batches ahead of the one that is joined."""
        begun: deque[_Begun] = deque()
        for batch in batches:
            begun.append(self._begin(batch))
            if len(begun) > ahead:
                yield self._join(begun.popleft())
        while begun:
            yield self._join(begun.popleft())

    def _begin(self, batch: TransferBatch) -> _Begun:
        check_order(batch, self._last)
        if len(batch):
            self._last = (int(batch.block[-1]), int(batch.time[-1]))
        pieces = split(batch, self.shards.count)
        self.shuffle.to_shards += sum(part.bytes for part, _ in pieces)
        return _Begun(batch, pieces, self.shards.begin([part for part, _ in pieces]))

    def _join(self, begun: _Begun) -> FeatureRows:
        batch = begun.batch
        rows = np.zeros((2 * len(batch), len(self.spec.features)), np.int64)
        if self._whole:  # while the shards work
            whole = self._whole.advance(batch)
            put(rows, np.arange(len(rows)), self._placement.whole, whole.rows)
            account = whole.account
        else:
            account = self._numbers.advance(batch)
        cells = self.shards.finish(begun.answer)
        for shard, ((part, at), found) in enumerate(zip(begun.pieces, cells, strict=True)):
            self.shuffle.between_shards += found.exchanged
            self.shuffle.to_driver += found.bytes
            self._put(rows, shard, part, at, found)
        return FeatureRows(rows, account)

    def _put(self, rows: np.ndarray, shard: int, part: Part, at: np.ndarray, cells: Cells) -> None:
        """Write a shard's cells where they belong."""
        columns = self._placement.outside
        places = (2 * at[:, None] + (0, 1)).reshape(-1)  # of the part's rows in the batch's
        put(rows, places[part.subjects(shard)], columns["account"], cells.account)
        put(rows, places[part.counterparties(shard)], columns["counterparty"], cells.counterparty)
        tokens = at[part.assets(shard)]
        put(rows, 2 * tokens, columns["asset"], cells.asset)
        there = part.batch.bits[part.assets(shard)] & HAS_TO != 0
        put(rows, 2 * tokens[there] + 1, columns["asset"], cells.asset[there])


@dataclass(frozen=True)
class _Begun:
    """A batch whose rows are on the way."""

    batch: TransferBatch
    pieces: list[tuple[Part, np.ndarray]]
    answer: Any
