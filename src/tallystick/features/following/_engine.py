"""An engine that follows a chain through its reorganisations."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tallystick.chain import BlockId, Rollback, RpcClient, StreamOptions
from tallystick.errors import FeatureError, ReorgTooDeep, WrongChain
from tallystick.features._batch import TransferBatch
from tallystick.features._engine import Engine, FeatureRows
from tallystick.sources import NewBlocks, follow

__all__ = ["FollowedBlock", "FollowedEngine", "RowsAdded", "RowsWithdrawn"]


class FollowedBlock(NamedTuple):
    """A block that the engine has taken: number, hash (hexadecimal text), transfers in it."""

    number: int
    hash_hex: str
    transfers: int


@dataclass(frozen=True)
class RowsAdded:
    """Features of new blocks.

    Parameters
    ----------
    blocks
        The blocks, oldest first; those without transfers too.
    table
        Their n transfers, of layout :data:`tallystick.store.TRANSFERS`.
    features
        Two rows for each transfer, see :class:`FeatureRows`.
    """

    blocks: tuple[FollowedBlock, ...]
    table: pa.Table
    features: FeatureRows

    @property
    def block_numbers(self) -> np.ndarray:
        """Block of each feature row, (2 n,) int64."""
        return np.repeat(self.table["block_number"].to_numpy().astype(np.int64), 2)


@dataclass(frozen=True)
class RowsWithdrawn:
    """Features that were handed out and are no longer true: all of blocks after ``to_block``.

    Parameters
    ----------
    to_block
        Newest block that stays.
    blocks
        The blocks that are gone, oldest first.
    """

    to_block: int
    blocks: tuple[FollowedBlock, ...]

    @property
    def transfers(self) -> int:
        """How many of the newest transfers are gone; twice as many feature rows."""
        return sum(block.transfers for block in self.blocks)


class FollowedEngine:
    """An engine and the blocks it has taken, so that it can follow a chain, stop, and go on.

    After every event the engine is what a new one would be that had been given the chain's blocks, and no others. How
    deep a reorganisation may go is the engine's ``journal_blocks``.

    Parameters
    ----------
    engine
        What to feed; from now on by this object only.
    start
        First block to follow; after any that the engine has taken.
    blocks
        Last blocks that were followed, oldest first, where an earlier run is continued.
    chain_id
        Chain that is followed; by default that of the first node.

    Raises
    ------
    FeatureError
        The engine has taken blocks from ``start`` on that are not among ``blocks``.

    Examples
    --------
    ::

        followed = FollowedEngine(Engine(labels=feed), start=0)
        async with RpcClient(url) as client:
            async for event in followed.follow(client):
                match event:
                    case RowsAdded():
                        score(event.features)
                    case RowsWithdrawn():
                        forget(event.to_block)
    """

    def __init__(
        self, engine: Engine, start: int, blocks: Sequence[FollowedBlock] = (), chain_id: int | None = None
    ) -> None:
        newest = blocks[-1].number if blocks else start - 1
        if engine.last_block > newest:
            cause = f"the engine has taken block {engine.last_block}, following goes on after block {newest}"
            raise FeatureError(cause, block=start, next_step=f"Follow from block {engine.last_block + 1}.")
        self.engine = engine
        self.start = start
        self.chain_id = chain_id
        # One more than can be taken back: the block that stays.
        self._blocks: deque[FollowedBlock] = deque(blocks, maxlen=engine.journal.depth + 1)

    @property
    def blocks(self) -> tuple[FollowedBlock, ...]:
        """Last blocks taken, oldest first: one more than can be taken back."""
        return tuple(self._blocks)

    @property
    def next_number(self) -> int:
        """Number of the block that comes next."""
        return self._blocks[-1].number + 1 if self._blocks else self.start

    async def follow(
        self, client: RpcClient, stop: int | None = None, poll_interval_s: float = 1.0
    ) -> AsyncGenerator[RowsAdded | RowsWithdrawn, None]:
        """Feed the engine from a node and yield what that gives; ends after block ``stop - 1``, or never.

        May be left at any event and called again, with the same node or another of the chain.

        Raises
        ------
        ReorgTooDeep
            A reorganisation goes deeper than the engine can take back; the engine is as it was.
        WrongChain
            The node is of another chain than before.
        """
        await self._check_chain(client)
        options = StreamOptions(poll_interval_s, reorg_depth=self.engine.journal.depth)
        known = [BlockId(block.number, block.hash_hex) for block in self._blocks]
        try:
            async with aclosing(follow(client, self.start, stop, known, options)) as events:
                async for event in events:
                    yield self.apply(event)
        except ReorgTooDeep as error:
            raise ReorgTooDeep(error.cause, next_step=self._way_out(), **error.where) from error

    def apply(self, event: NewBlocks | Rollback) -> RowsAdded | RowsWithdrawn:
        """Give the engine what :func:`tallystick.sources.follow` yielded.

        Raises
        ------
        ReorgTooDeep
            The engine's journal does not reach as far; nothing is changed.
        """
        return self._add(event) if isinstance(event, NewBlocks) else self._take_back(event)

    def save(self, folder: Path) -> None:
        """Write engine and blocks together; see ``docs/formats/followed-engine-v1.md``."""
        from tallystick.features.following._state import save_followed

        save_followed(self, folder)

    @classmethod
    def load(cls, folder: Path) -> FollowedEngine:
        """Read what :meth:`save` wrote, on any machine; following goes on where it ended.

        Raises
        ------
        Corrupt
            There is nothing, or not what was written.
        SpecMismatch
            The engine was for other features.
        """
        from tallystick.features.following._state import load_followed

        return load_followed(cls, folder)

    def _add(self, event: NewBlocks) -> RowsAdded:
        features = self.engine.advance(TransferBatch.from_arrow(event.table))
        numbers, counts = np.unique(event.table["block_number"].to_numpy(), return_counts=True)
        transfers = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
        blocks = tuple(FollowedBlock(*block, transfers.get(block.number, 0)) for block in event.blocks)
        self._blocks.extend(blocks)
        return RowsAdded(blocks, event.table, features)

    def _take_back(self, event: Rollback) -> RowsWithdrawn:
        self.engine.rollback_to(event.to_block)
        gone = [self._blocks.pop() for _ in range(event.blocks_removed)]
        return RowsWithdrawn(event.to_block, tuple(reversed(gone)))

    async def _check_chain(self, client: RpcClient) -> None:
        found = await client.chain_id()
        if self.chain_id not in (None, found):
            cause = f"the node is on chain {found}, the engine has followed chain {self.chain_id}"
            raise WrongChain(cause, url=client.url, chain_id=found, expected=self.chain_id)
        self.chain_id = found

    def _way_out(self) -> str:
        oldest = self._blocks[0].number if self._blocks else self.start
        return (
            f"Load a state that was saved before block {oldest}, or start again with a new engine; "
            f"journal_blocks, {self.engine.journal.depth} here, says how deep it can go."
        )
