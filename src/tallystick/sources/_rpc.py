"""Blocks and receipts of a node, over JSON-RPC."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import ClassVar

import httpx
import pyarrow as pa

from tallystick.chain import Block, RpcClient, RpcOptions, iterate_sync, run_sync, safe_url
from tallystick.errors import SourceError
from tallystick.settings import Settings
from tallystick.sources._arrow import to_table
from tallystick.sources._from_blocks import BlockRow, block_columns, node_rows, report_to
from tallystick.sources._order import Times
from tallystick.sources._source import Source
from tallystick.sources._spec import SourceSpec

__all__ = ["RpcSource"]


class RpcSource(Source):
    """A node at an ``http(s)://`` or ``ws(s)://`` URL; ``rpc:http://127.0.0.1:8545#0:100``.

    Each top-level transaction is one transfer of the chain's own coin, of zero value too
    (``transfer_index`` 0); the ERC-20 ``Transfer`` events of its receipt follow in log order (1, 2, …). The
    same event with four topics is ERC-721 and is left out. A created contract is the recipient. Gas used,
    the price that was paid and success are the receipt's, on every row of the transaction.

    A range that is open to the right ends at the head as it is when this source first asks. Settings ``rpc_…`` say how
    the node is asked, ``chain_id`` which chain it must be on. A malformed row is reported with the block as its line.

    Parameters
    ----------
    spec, settings, skip_bad_rows
        As for every source.
    transport
        Replaces the network, for tests.
    """

    kind: ClassVar[str] = "rpc"
    summary: ClassVar[str] = "blocks and receipts of a node over JSON-RPC"
    lacks: ClassVar[str] = "internal calls"
    has_gas: ClassVar[bool] = True
    has_success: ClassVar[bool] = True
    has_tokens: ClassVar[bool] = True
    is_remote: ClassVar[bool] = True

    def __init__(
        self,
        spec: SourceSpec,
        *,
        settings: Settings | None = None,
        skip_bad_rows: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(spec, settings=settings, skip_bad_rows=skip_bad_rows)
        if not spec.path.startswith(("http://", "https://", "ws://", "wss://")):
            raise SourceError("not an http, https, ws or wss URL", name=spec.path.partition("/")[0])
        self._transport = transport
        self._bounds: tuple[int, int] | None = None

    def describe(self) -> Mapping[str, object]:
        """As every source; the URL without what may be secret in it."""
        return {**super().describe(), "path": safe_url(self.spec.path)}

    def tables(self) -> Iterator[pa.Table]:
        """Yield the transfers of as many blocks at a time as go into one batch."""
        times = Times()
        place = safe_url(self.spec.path)
        for chain_id, rows in iterate_sync(self._windows()):
            columns = block_columns(rows, report_to(self.bad_rows, place))
            times.check(columns["block_number"].data, columns["timestamp"].data, place)
            yield to_table(columns, chain_id)

    def content_hash(self) -> str:
        """SHA-256 over the chain id and the number and hash of every block of the range."""
        return run_sync(self._hash_blocks())

    def _client(self) -> RpcClient:
        return RpcClient(self.spec.path, RpcOptions.of(self.settings), self._transport)

    async def _range(self, client: RpcClient) -> tuple[int, int]:
        if self._bounds is None:
            first, last = self.spec.range.bounds
            if self.spec.range.last is None:
                # The newest blocks may still be replaced, and what is committed cannot be taken back.
                last = max(await client.block_number() + 1 - self.settings.confirmations, first)
            self._bounds = first, last
        return self._bounds

    async def _windows(self) -> AsyncIterator[tuple[int, list[BlockRow]]]:
        """Yield the chain id and the transactions of some blocks."""
        async with self._client() as client:
            chain_id = await client.chain_id()
            held: list[Block] = []
            first, last = await self._range(client)
            async for block in client.fetch_blocks(first, last):
                held.append(block)
                if len(held) == self.settings.rpc_batch_size:
                    yield chain_id, await self._fetch_rows(client, held)
                    held = []
            if held:
                yield chain_id, await self._fetch_rows(client, held)

    async def _fetch_rows(self, client: RpcClient, blocks: list[Block]) -> list[BlockRow]:
        busy = [block for block in blocks if block.transactions]
        receipts = await client.fetch_receipt_lists(busy) if busy else []
        pairs = zip(busy, receipts, strict=True)
        return [row for block, some in pairs for row in node_rows(block, some, client.url)]

    async def _hash_blocks(self) -> str:
        digest = hashlib.sha256()
        async with self._client() as client:
            digest.update(f"{await client.chain_id()}\n".encode())
            first, last = await self._range(client)
            async for block in client.fetch_blocks(first, last, full=False):
                digest.update(f"{block.number} {block.hash_hex.lower()}\n".encode())
        return digest.hexdigest()
