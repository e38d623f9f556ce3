"""Streams of transfers for the tests: as plain Python, as Arrow table, and from Hypothesis."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from tallystick.features import TransferBatch
from tallystick.store import TRANSFERS

UINT32_MAX = (1 << 32) - 1
UINT64_MAX = (1 << 64) - 1
UINT256_MAX = (1 << 256) - 1
TOKEN = b"\x11" * 20
# Differ in one bit of each of the engine's three words; the first is a real account, not "nobody".
ADDRESSES = (bytes(20), b"\x01" + bytes(19), bytes(8) + b"\x01" + bytes(11), bytes(19) + b"\x01", b"\xff" * 20)
GAPS_S = (0, 0, 1, 12, 111, 113, 3_599, 3_600, 86_400, 1_000_000, 1 << 28)
AMOUNTS = (0, 1, 10**9 - 1, 10**9, 5 * 10**17, 123 * 10**16, 10**18, 1 << 62, 1 << 63, 1 << 90, 1 << 91, UINT256_MAX)


@dataclass(frozen=True)
class Transfer:
    """One row of the transfers table."""

    block: int
    time: int
    sender: bytes
    receiver: bytes | None
    value: int = 0
    erc20: bytes | None = None
    gas: int | None = None
    price: int | None = None
    method: bytes | None = None
    success: bool = True


def to_table(transfers: list[Transfer]) -> pa.Table:
    """Arrow table of layout TRANSFERS."""
    columns = {
        "chain_id": [1 for _ in transfers],
        "block_number": [t.block for t in transfers],
        "timestamp": [t.time for t in transfers],
        "transaction_index": list(range(len(transfers))),
        "transfer_index": [0 for _ in transfers],
        "transaction_hash": [bytes(32) for _ in transfers],
        "from_address": [t.sender for t in transfers],
        "to_address": [t.receiver for t in transfers],
        "erc20": [t.erc20 for t in transfers],
        "value_binary": [t.value.to_bytes(32, "big") for t in transfers],
        "gas_used": [t.gas for t in transfers],
        "gas_price": [t.price for t in transfers],
        "method": [t.method for t in transfers],
        "success": [t.success for t in transfers],
    }
    return pa.table(columns, schema=TRANSFERS.schema)


def to_batch(transfers: list[Transfer]) -> TransferBatch:
    """What the engine takes."""
    return TransferBatch.from_arrow(to_table(transfers))


def cut(transfers: list[Transfer], wanted: set[int]) -> list[list[Transfer]]:
    """Pieces of a stream, cut before those of the wanted positions where a block begins."""
    pieces: list[list[Transfer]] = [[]]
    for i, transfer in enumerate(transfers):
        if i in wanted and i and transfers[i - 1].block != transfer.block:
            pieces.append([])
        pieces[-1].append(transfer)
    return pieces


def slice_batch(batch: TransferBatch, first: int, last: int) -> TransferBatch:
    """Transfers ``first`` to ``last`` of a batch."""
    return TransferBatch(**{name: getattr(batch, name)[first:last] for name in batch.__dataclass_fields__})


def random_stream(count: int, *, accounts: int = 12, seed: int = 1) -> list[Transfer]:
    """A stream with a bit of everything, the same in every process."""
    draw = random.Random(seed)
    names = [draw.randbytes(20) for _ in range(accounts)]
    block, time, stream = 1, 1_500_000_000, []
    for _ in range(count):
        if draw.random() < 0.7:
            block += draw.choice((1, 1, 5))
            time += draw.choice((0, 12, 60, 900, 7_200, 100_000))
        paid = draw.random() < 0.8
        stream.append(
            Transfer(
                block,
                time,
                draw.choice(names),
                None if draw.random() < 0.05 else draw.choice(names),
                value=draw.choice((0, 10**18, 25 * 10**16, draw.randrange(10**20))),
                erc20=TOKEN if draw.random() < 0.15 else None,
                gas=draw.randrange(21_000, 900_000) if paid else None,
                price=draw.randrange(10**11) if paid else None,
                method=draw.randbytes(4) if draw.random() < 0.4 else None,
                success=draw.random() > 0.1,
            )
        )
    return stream


@st.composite
def streams(draw: st.DrawFn, max_size: int = 40, extreme: bool = False) -> list[Transfer]:
    """Transfers in chain order among few accounts, with what is rare drawn often."""
    address = st.sampled_from(ADDRESSES)
    amount = st.one_of(st.sampled_from(AMOUNTS), st.integers(0, 10**21), st.integers(0, UINT256_MAX))
    gas = st.none() | st.sampled_from((0, 21_000, UINT64_MAX)) | st.integers(0, UINT64_MAX)
    shape = st.builds(
        Transfer,
        block=st.sampled_from((0, 0, 1, 3)),  # gaps here, summed up below
        time=st.sampled_from((*GAPS_S, 1 << 31) if extreme else GAPS_S),
        sender=address,
        receiver=st.none() | address,
        value=st.just(UINT256_MAX) | amount if extreme else amount,
        erc20=st.sampled_from((None, None, None, TOKEN)),
        gas=gas,
        price=gas,
        method=st.none() | st.just(b"\xa9\x05\x9c\xbb"),
        success=st.sampled_from((True, True, True, False)),
    )
    block, time, stream = 0, draw(st.sampled_from((0, 1_500_000_000, UINT32_MAX - 5))), []
    for transfer in draw(st.lists(shape, min_size=1, max_size=max_size)):
        block, time = block + transfer.block, min(time + transfer.time, UINT32_MAX)
        stream.append(replace(transfer, block=block, time=time))
    return stream


def assert_same(have: np.ndarray, want: np.ndarray, names: tuple[str, ...]) -> None:
    """Equal rows, or the first cell that differs by feature name."""
    assert have.shape == want.shape
    different = np.argwhere(have != want)
    if len(different):
        row, column = different[0]
        raise AssertionError(f"row {row}, {names[column]}: {have[row, column]} where {want[row, column]} belongs")
