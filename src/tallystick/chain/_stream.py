"""A chain as a stream of events that can take blocks back."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from tallystick.chain._blocks import Block
from tallystick.chain._rpc import RpcClient
from tallystick.errors import ReorgTooDeep

__all__ = ["Advance", "BlockId", "BlockStream", "Event", "Rollback", "StreamOptions"]

_HEAD_WAIT_S: Final = 30.0  # longest wait for a websocket's word before asking anyway


@dataclass(frozen=True)
class Advance:
    """The chain has one more block."""

    block: Block


@dataclass(frozen=True)
class Rollback:
    """The chain's last ``blocks_removed`` blocks are gone; ``to_block`` is the newest that stays."""

    to_block: int
    blocks_removed: int


Event: TypeAlias = Advance | Rollback


class BlockId(NamedTuple):
    """Number and hash (hexadecimal text) of a block."""

    number: int
    hash_hex: str


@dataclass(frozen=True)
class StreamOptions:
    """How a chain is followed; see the settings of the same names.

    ``poll_interval_s`` is the pause once the head is reached; ``full`` asks for whole transactions.
    """

    poll_interval_s: float = 1.0
    reorg_depth: int = 128
    full: bool = True


class BlockStream:
    """Follow a chain: ``async for event in BlockStream(client, start=…)``.

    Replaying the events on a list of blocks (append at ``Advance``, cut at ``Rollback``) leaves the node's
    canonical chain, at every pause. A block is followed only by one that names its hash as parent. By
    websocket, the node's announcements take the place of the poll interval.

    Parameters
    ----------
    client
        The node.
    start
        First block to deliver.
    stop
        End after block ``stop - 1`` was delivered; never when omitted.
    known
        Last blocks that an earlier stream delivered, oldest first: continue after them, taking them back
        if they are no longer canonical. ``start`` is then where that stream began.
    options
        How to follow.

    Raises
    ------
    ReorgTooDeep
        While iterating: a reorganisation removed more delivered blocks than are remembered.
    """

    def __init__(
        self,
        client: RpcClient,
        start: int,
        stop: int | None = None,
        known: Sequence[BlockId] = (),
        options: StreamOptions | None = None,
    ) -> None:
        self.options = options or StreamOptions()
        self._client = client
        self._start = start
        self._stop = stop
        # One more than can be taken back: the block that stays.
        self._known: deque[BlockId] = deque(known, maxlen=self.options.reorg_depth + 1)

    @property
    def known(self) -> tuple[BlockId, ...]:
        """Last blocks delivered, oldest first; hand them to a later stream to continue."""
        return tuple(self._known)

    @property
    def next_number(self) -> int:
        """Number of the block that is to be delivered next."""
        return self._known[-1].number + 1 if self._known else self._start

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            head, is_canonical = await self._look()
            if not is_canonical:
                if (event := await self._roll_back()) is not None:
                    yield event
                continue
            if self._stop is not None and self.next_number >= self._stop:
                return
            if head < self.next_number:
                await self._wait()
                continue
            before = self.next_number
            for block in await self._fetch_window(head):
                if not self._follows(block):
                    break  # the next look finds out how far it goes
                self._known.append(BlockId(block.number, block.hash_hex))
                yield Advance(block)
            if self.next_number == before:  # nodes behind one URL may disagree: do not hammer them
                await self._client.clock.sleep(self.options.poll_interval_s)

    async def _look(self) -> tuple[int, bool]:
        """Number of the head, and whether our newest block is still canonical."""
        calls: list[tuple[str, tuple[Any, ...]]] = [("eth_blockNumber", ())]
        if not self._known:
            return int((await self._client.batch(calls))[0], 16), True
        newest = self._known[-1]
        calls.append(("eth_getBlockByNumber", (hex(newest.number), False)))
        head, block = await self._client.batch(calls)
        return int(head, 16), block is not None and block["hash"] == newest.hash_hex

    async def _fetch_window(self, head: int) -> list[Block]:
        first = self.next_number
        stop = min(head + 1, first + self._client.options.batch_size * self._client.options.concurrency)
        if self._stop is not None:
            stop = min(stop, self._stop)
        found = await self._client.fetch_block_list(range(first, stop), self.options.full)
        return [block for block in found if block is not None]

    def _follows(self, block: Block) -> bool:
        if block.number != self.next_number:
            return False
        return not self._known or block.parent_hash_hex == self._known[-1].hash_hex

    async def _roll_back(self) -> Rollback | None:
        """Forget the blocks that are no longer canonical; ``None`` where they are so again."""
        mine = list(self._known)
        theirs = await self._client.fetch_block_list([one.number for one in mine], full=False)
        keep = 0
        for one, block in zip(mine, theirs, strict=True):
            if block is None or block.hash_hex != one.hash_hex:
                break
            keep += 1
        removed = len(mine) - keep
        forgotten = keep == 0 and mine[0].number > self._start  # it may go below what is remembered
        if forgotten or removed > self.options.reorg_depth:
            cause = f"a reorganisation removed {removed} blocks or more, above reorg_depth"
            raise ReorgTooDeep(cause, url=self._client.url, block=mine[0].number)
        for _ in range(removed):
            self._known.pop()
        return Rollback(mine[0].number + keep - 1, removed) if removed else None

    async def _wait(self) -> None:
        if self._client.websocket is not None:
            await self._client.websocket.wait_for_head(_HEAD_WAIT_S)
        else:
            await self._client.clock.sleep(self.options.poll_interval_s)
