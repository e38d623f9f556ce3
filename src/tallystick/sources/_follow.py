"""A chain that is followed live, as transfers that can be taken back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import pyarrow as pa

from tallystick.chain import Advance, BlockId, BlockStream, Rollback, RpcClient, StreamOptions
from tallystick.sources._arrow import to_table
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._from_blocks import block_columns, node_rows, report_to
from tallystick.sources._order import Times

__all__ = ["NewBlocks", "follow"]


@dataclass(frozen=True)
class NewBlocks:
    """The chain has more blocks.

    Parameters
    ----------
    blocks
        Numbers and hashes, oldest first, at least one; those without transfers too.
    table
        Their transfers, of layout :data:`tallystick.store.TRANSFERS`, as the source kind ``rpc`` reads them.
    """

    blocks: tuple[BlockId, ...]
    table: pa.Table


async def follow(
    client: RpcClient,
    start: int,
    stop: int | None = None,
    known: Sequence[BlockId] = (),
    options: StreamOptions | None = None,
    bad_rows: BadRows | None = None,
) -> AsyncGenerator[NewBlocks | Rollback, None]:
    """Yield the transfers of a chain's blocks as they come, and which blocks are taken back.

    As many blocks as the node sends in one batch come together: many while catching up, one at the head. A
    block that is replaced while it is read is never delivered, whichever answer came first. Cutting
    the tables at each ``Rollback`` (rows of blocks up to ``to_block`` stay) leaves what the source kind
    ``rpc`` reads of the node's canonical chain.

    Parameters
    ----------
    client
        The node.
    start, stop, known, options
        As :class:`tallystick.chain.BlockStream` has them; whole transactions and receipts are always asked for.
    bad_rows
        Told of malformed transactions; without it the first one raises.

    Raises
    ------
    ReorgTooDeep
        A reorganisation removed more delivered blocks than ``options.reorg_depth``.
    BadRow, SourceError
        The node sent something that is no transaction, or no block.
    """
    chain_id = await client.chain_id()
    stream = BlockStream(client, start, stop, known, replace(options or StreamOptions(), full=True, receipts=True))
    report = bad_rows or BadRows()
    held: list[Advance] = []
    async with aclosing(stream.__aiter__()) as events:
        async for event in events:
            if isinstance(event, Rollback):
                yield event
                continue
            held.append(event)
            if not stream.at_hand:
                yield _new_blocks(held, chain_id, report, client.url)
                held.clear()


def _new_blocks(held: Sequence[Advance], chain_id: int, bad_rows: BadRows, place: str) -> NewBlocks:
    rows = [row for one in held for row in node_rows(one.block, one.receipts or (), place)]
    columns = block_columns(rows, report_to(bad_rows, place))
    Times().check(columns["block_number"].data, columns["timestamp"].data, place)
    ids = tuple(BlockId(one.block.number, one.block.hash_hex) for one in held)
    return NewBlocks(ids, to_table(columns, chain_id))
