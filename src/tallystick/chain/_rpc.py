"""Asynchronous JSON-RPC client for bulk reading."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

import httpx
import msgspec

from tallystick.chain._blocks import Block, Log, Receipt
from tallystick.chain._clock import Clock
from tallystick.chain._rpc_errors import is_range_too_wide
from tallystick.chain._rpc_transport import Call, RpcOptions, RpcTransport
from tallystick.chain._websocket import WebsocketTransport
from tallystick.errors import ChainError, PrunedHistory, RangeError, UnsupportedMethod, WrongChain

__all__ = ["RpcClient"]

T = TypeVar("T")


class RpcClient:
    """Asks one node, in batches, as fast as it lets us.

    Use as ``async with``. Calls go out in batches of ``options.batch_size``, ``options.concurrency`` at
    once. What may pass is tried again with doubling waits; nodes that are not on this machine are asked at a
    rate that halves on refusal and grows on success. With ``options.chain_id``, the first call checks it.

    Parameters
    ----------
    url
        ``http://``, ``https://``, ``ws://`` or ``wss://``.
    options
        How to ask.
    transport
        Replaces the network: any httpx transport, :class:`~tallystick.chain.FakeNode` among them.
    clock
        Replaces time.
    """

    def __init__(
        self,
        url: str,
        options: RpcOptions | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.options = options or RpcOptions()
        self.clock = clock or Clock()
        if transport is None and url.startswith(("ws://", "wss://")):
            transport = WebsocketTransport(url, self.options.timeout_s)
        self.websocket = transport if isinstance(transport, WebsocketTransport) else None
        self._transport = RpcTransport(url, self.options, transport, self.clock)
        self._chain_id: int | None = None
        self._chain_check = asyncio.Lock()
        self._has_block_receipts = True

    async def __aenter__(self) -> RpcClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.close()

    @property
    def url(self) -> str:
        """The node, without what may be secret in its URL; for messages."""
        return self._transport.safe_url

    @property
    def requests_per_s(self) -> float | None:
        """Rate that has been found so far; ``None`` where there is no limit."""
        return self._transport.rate.requests_per_s if self._transport.rate else None

    async def call(self, method: str, *params: Any) -> Any:
        """Send one call and return its result.

        Raises
        ------
        Unreachable, RateLimited
            After all retries.
        UnsupportedMethod, PrunedHistory, WrongChain
            At once.
        ChainError
            Any other refusal; the cause is the node's own text.
        """
        return (await self.batch([(method, params)]))[0]

    async def batch(self, calls: Sequence[Call], type: Any = Any) -> list[Any]:
        """Send many calls and return their results in order, each read as ``type``."""
        await self._check_chain()
        return await self._batch(calls, type)

    async def chain_id(self) -> int:
        """EIP-155 chain id; asked once."""
        await self._check_chain()
        if self._chain_id is None:
            [self._chain_id] = await self._batch_numbers([("eth_chainId", ())])
        return self._chain_id

    async def block_number(self) -> int:
        """Number of the head."""
        await self._check_chain()
        return (await self._batch_numbers([("eth_blockNumber", ())]))[0]

    async def fetch_block(self, number: int, full: bool = True) -> Block | None:
        """One block, with full transactions or their hashes; ``None`` where the node has none."""
        return (await self.fetch_block_list([number], full))[0]

    async def fetch_block_list(self, numbers: Sequence[int], full: bool = True) -> list[Block | None]:
        """Blocks by number, in the order asked for."""
        calls = [("eth_getBlockByNumber", (hex(number), full)) for number in numbers]
        return await self.batch(calls, Block | None)

    async def fetch_blocks(self, start: int, stop: int, full: bool = True) -> AsyncIterator[Block]:
        """Yield the blocks of ``[start, stop)`` in order, reading ahead; each must follow the one before.

        Raises
        ------
        RangeError
            The range is backwards.
        PrunedHistory
            The node no longer has a block.
        ChainError
            The range ends beyond the head, or the chain was reorganised while it was read.
        """
        if not 0 <= start <= stop:
            raise RangeError(f"block range [{start}, {stop}) is backwards", value=start)
        size, ahead = self.options.batch_size, self.options.concurrency
        windows = iter(range(start, stop, size))
        tasks: deque[tuple[int, asyncio.Task[list[Block | None]]]] = deque()
        before: Block | None = None
        try:
            while True:
                while len(tasks) < ahead and (first := next(windows, None)) is not None:
                    numbers = range(first, min(first + size, stop))
                    tasks.append((first, asyncio.create_task(self.fetch_block_list(numbers, full))))
                if not tasks:
                    return
                first, task = tasks.popleft()
                for number, block in enumerate(await task, first):
                    before = await self._checked(block, number, before)
                    yield before
        finally:
            for _, task in tasks:
                task.cancel()
            await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)

    async def fetch_receipts(self, block: Block | int) -> list[Receipt]:
        """Receipts of one block, in the order of its transactions."""
        if isinstance(block, int):
            block = await self._checked(await self.fetch_block(block, full=False), block, None)
        return (await self.fetch_receipt_lists([block]))[0]

    async def fetch_receipt_lists(self, blocks: Sequence[Block]) -> list[list[Receipt]]:
        """Receipts of many blocks, by ``eth_getBlockReceipts`` or, where there is none, one by one.

        Raises
        ------
        PrunedHistory
            The node no longer has them.
        ChainError
            They belong to another block of that number: the chain was reorganised.
        """
        if self._has_block_receipts:
            try:
                calls = [("eth_getBlockReceipts", (block.number_hex,)) for block in blocks]
                whole: list[list[Receipt] | None] = await self.batch(calls, list[Receipt] | None)
                return [self._check_receipts(block, got) for block, got in zip(blocks, whole, strict=True)]
            except UnsupportedMethod:
                self._has_block_receipts = False
        singly = [("eth_getTransactionReceipt", (one,)) for block in blocks for one in block.transaction_hashes]
        receipts = iter(await self.batch(singly, Receipt | None))
        return [self._check_receipts(block, [next(receipts) for _ in block.transactions]) for block in blocks]

    async def get_logs(
        self, start: int, stop: int, address: str | Sequence[str] | None = None, topics: Sequence[Any] = ()
    ) -> list[Log]:
        """Events of the blocks of ``[start, stop)``, in order; ranges that the node finds too wide are halved."""
        if start >= stop:
            return []
        query: dict[str, Any] = {"fromBlock": hex(start), "toBlock": hex(stop - 1), "topics": list(topics)}
        if address is not None:
            query["address"] = address if isinstance(address, str) else list(address)
        try:
            return list((await self.batch([("eth_getLogs", (query,))], list[Log]))[0])
        except ChainError as error:
            if stop - start == 1 or not is_range_too_wide(error):
                raise
        middle = (start + stop) // 2
        below = await self.get_logs(start, middle, address, topics)
        return below + await self.get_logs(middle, stop, address, topics)

    async def _check_chain(self) -> None:
        expected = self.options.chain_id
        if not expected or self._chain_id is not None:
            return
        async with self._chain_check:
            if self._chain_id is None:
                [found] = await self._batch_numbers([("eth_chainId", ())])
                if found != expected:
                    cause = f"the node is on chain {found}, not {expected}"
                    raise WrongChain(cause, url=self.url, chain_id=found, expected=expected)
                self._chain_id = found

    async def _batch_numbers(self, calls: Sequence[Call]) -> list[int]:
        return [int(text, 16) for text in await self._batch(calls, str)]

    async def _batch(self, calls: Sequence[Call], type: Any) -> list[Any]:
        size = self.options.batch_size
        chunks = [calls[at : at + size] for at in range(0, len(calls), size)]
        tasks = [asyncio.create_task(self._transport.send(chunk)) for chunk in chunks]
        try:
            raw = [result for part in await asyncio.gather(*tasks) for result in part]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        decoder = msgspec.json.Decoder(type)
        return [self._read(decoder, result, call[0]) for result, call in zip(raw, calls, strict=True)]

    def _read(self, decoder: msgspec.json.Decoder[T], result: msgspec.Raw, method: str) -> T:
        try:
            return decoder.decode(result)
        except msgspec.DecodeError as error:
            raise ChainError(f"result cannot be read: {error}", url=self.url, method=method) from error

    async def _checked(self, block: Block | None, number: int, before: Block | None) -> Block:
        if block is None:
            head = await self.block_number()
            if number > head:
                raise ChainError(f"the head is at block {head}", url=self.url, block=number)
            raise PrunedHistory("the node does not have the block", url=self.url, block=number)
        if block.number != number or (before is not None and block.parent_hash_hex != before.hash_hex):
            cause = "the chain was reorganised while it was read"
            raise ChainError(cause, next_step="Run the same command again.", url=self.url, block=number)
        return block

    def _check_receipts(self, block: Block, receipts: Sequence[Receipt | None] | None) -> list[Receipt]:
        where: dict[str, Any] = {"url": self.url, "block": block.number}
        if receipts is None or any(receipt is None for receipt in receipts):
            raise PrunedHistory("the node does not have the receipts", **where)
        found = [receipt for receipt in receipts if receipt is not None]
        if [one.transaction_hash_hex for one in found] != list(block.transaction_hashes) or any(
            one.block_hash_hex != block.hash_hex for one in found
        ):
            cause = "the receipts are of another block: the chain was reorganised while it was read"
            raise ChainError(cause, next_step="Run the same command again.", **where)
        return found
