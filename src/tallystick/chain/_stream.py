"""A chain as a stream of events that can take blocks back."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from tallystick.chain._blocks import Block, Receipt
from tallystick.chain._rpc import RpcClient
from tallystick.errors import ChainError, RateLimited, ReorgTooDeep, Unreachable, UnsupportedMethod, WrongChain

__all__ = ["Advance", "BlockId", "BlockStream", "Event", "Rollback", "StreamOptions"]

_HEAD_WAIT_S: Final = 30.0  # longest wait for a websocket's word before asking anyway
_RECEIPT_TRIES: Final = 5  # how often a canonical block is asked for its receipts, a poll interval apart
_NODE_WIDE: Final = (Unreachable, RateLimited, UnsupportedMethod, WrongChain)  # say nothing about one block


@dataclass(frozen=True)
class Advance:
    """The chain has one more block; with its receipts, in order, where the stream was asked for them."""

    block: Block
    receipts: tuple[Receipt, ...] | None = None


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

    ``poll_interval_s`` is the pause once the head is reached; ``full`` asks for whole transactions. ``receipts``
    asks for receipts too: a block that is replaced before its receipts are here is never delivered.
    """

    poll_interval_s: float = 1.0
    reorg_depth: int = 128
    full: bool = True
    receipts: bool = False


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
    ChainError
        While iterating: what the client raises; and a block that stays canonical has no receipts.
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
        self._refused = 0  # tries for the receipts of the next block
        self._at_hand = 0

    @property
    def at_hand(self) -> int:
        """How many further blocks are here already: they come next, one by one, without asking the node."""
        return self._at_hand

    @property
    def known(self) -> tuple[BlockId, ...]:
        """Last blocks delivered, oldest first; hand them to a later stream to continue."""
        return tuple(self._known)

    @property
    def next_number(self) -> int:
        """Number of the block that is to be delivered next."""
        return self._known[-1].number + 1 if self._known else self._start

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        while True:
            head, is_canonical = await self._look()
            if not is_canonical:
                if (rollback := await self._roll_back()) is not None:
                    yield rollback
                continue
            if self._stop is not None and self.next_number >= self._stop:
                return
            if head < self.next_number:
                await self._wait()
                continue
            window = await self._fetch_window(head)
            self._at_hand = len(window)
            for event in window:
                self._known.append(BlockId(event.block.number, event.block.hash_hex))
                self._at_hand -= 1
                yield event
            if not window:  # nodes behind one URL may disagree: do not hammer them
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

    async def _fetch_window(self, head: int) -> list[Advance]:
        """The next blocks, as far as each follows the one before: the next look finds out about the rest."""
        size, first = self._client.options.batch_size, self.next_number
        if not self.options.receipts:  # which are large, so fewer blocks are held
            size *= self._client.options.concurrency
        stop = min(head + 1, first + size)
        if self._stop is not None:
            stop = min(stop, self._stop)
        blocks: list[Block] = []
        parent = self._known[-1].hash_hex if self._known else None
        for number, block in enumerate(
            await self._client.fetch_block_list(range(first, stop), self.options.full), first
        ):
            if block is None or block.number != number or parent not in (None, block.parent_hash_hex):
                break
            blocks.append(block)
            parent = block.hash_hex
        return await self._with_receipts(blocks) if self.options.receipts else [Advance(block) for block in blocks]

    async def _with_receipts(self, blocks: list[Block]) -> list[Advance]:
        """The first of the blocks, or all, with their receipts; none where the first was replaced meanwhile.

        Raises
        ------
        ChainError
            The node does not give the receipts of a block that stays.
        """
        busy = [block for block in blocks if block.transactions]
        try:
            found = iter(await self._client.fetch_receipt_lists(busy) if busy else [])
        except _NODE_WIDE:
            raise
        except ChainError:
            if len(blocks) > 1:
                return await self._with_receipts(blocks[: len(blocks) // 2])
            now = await self._client.fetch_block(blocks[0].number, full=False)
            stays = now is not None and now.hash_hex == blocks[0].hash_hex
            self._refused = self._refused + 1 if stays else 0
            if self._refused >= _RECEIPT_TRIES:
                raise  # no reorganisation, and nodes behind one URL have had time to agree
            return []
        self._refused = 0
        return [Advance(block, tuple(next(found)) if block.transactions else ()) for block in blocks]

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
