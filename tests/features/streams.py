"""Streams of transfers for the tests: as plain Python, as Arrow table, and from Hypothesis."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from tallystick.features import CATEGORIES, Engine, EngineOptions, LabelFeed, ReferenceEngine, TransferBatch
from tallystick.features._batch import APPROVING_METHODS
from tallystick.store import LABELS, TRANSFERS

UINT32_MAX = (1 << 32) - 1
UINT64_MAX = (1 << 64) - 1
UINT256_MAX = (1 << 256) - 1
TOKEN = b"\x11" * 20
TOKENS = (TOKEN, b"\x12" * 20)
APPROVE = bytes.fromhex(APPROVING_METHODS["approve(address,uint256)"])
# Differ in one bit of each of the engine's three words; the first is a real account, not "nobody", and the third
# looks like it. The last is a token that pays and is paid.
ADDRESSES = (bytes(20), b"\x01" + bytes(19), bytes(8) + b"\x01" + bytes(11), bytes(19) + b"\x01", b"\xff" * 20, TOKEN)
GAPS_S = (0, 0, 1, 12, 111, 113, 3_599, 3_600, 86_400, 1_000_000, 1 << 28)
AMOUNTS = (0, 1, 10**9 - 1, 10**9, 5 * 10**17, 123 * 10**16, 10**18, 1 << 62, 1 << 63, 1 << 90, 1 << 91, UINT256_MAX)


@dataclass(frozen=True)
class Transfer:
    """One row of the transfers table; without a transaction it is alone in one."""

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
    transaction: int | None = None


@dataclass(frozen=True)
class Label:
    """One row of the labels table; ``begin`` is both when it holds and, but for ``known``, since when it is known."""

    address: bytes
    begin: int
    end: int | None = None
    category: str = "mixer"
    known: int | None = None


def to_table(transfers: Sequence[Transfer]) -> pa.Table:
    """Arrow table of layout TRANSFERS."""
    columns = {
        "chain_id": [1 for _ in transfers],
        "block_number": [t.block for t in transfers],
        "timestamp": [t.time for t in transfers],
        "transaction_index": [k if t.transaction is None else t.transaction for k, t in enumerate(transfers)],
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


def to_batch(transfers: Sequence[Transfer]) -> TransferBatch:
    """What the engine takes."""
    return TransferBatch.from_arrow(to_table(transfers))


def to_feed(labels: Sequence[Label]) -> LabelFeed:
    """Labels as the engine takes them, by way of their table."""
    rows = [
        {
            "address": f"0x{label.address.hex()}",
            "network": "ethereum",
            "category": label.category,
            "source": "test",
            "confidence_ppm": 1_000_000,
            "valid_from": label.begin,
            "valid_to": label.end,
            "known_from": label.known,
        }
        for label in labels
    ]
    return LabelFeed.from_arrow(pa.Table.from_pylist(rows, schema=LABELS.schema))


def engine_rows(
    transfers: Sequence[Transfer], options: EngineOptions | None = None, labels: LabelFeed | None = None
) -> np.ndarray:
    """Rows of a new engine."""
    return Engine(options, labels).advance(to_batch(transfers)).rows


def reference_rows(
    transfers: Sequence[Transfer], options: EngineOptions | None = None, labels: LabelFeed | None = None
) -> np.ndarray:
    """Rows of a new reference engine."""
    rows = ReferenceEngine(options, labels).advance(to_batch(transfers))
    return np.array(rows, np.int64).reshape(-1, len((options or EngineOptions()).spec.features))


def cut(transfers: list[Transfer], wanted: set[int]) -> list[list[Transfer]]:
    """Pieces of a stream, cut before those of the wanted positions where a block begins."""
    pieces: list[list[Transfer]] = [[]]
    for i, transfer in enumerate(transfers):
        if i in wanted and i and transfers[i - 1].block != transfer.block:
            pieces.append([])
        pieces[-1].append(transfer)
    return pieces


def to_blocks(transfers: list[Transfer]) -> list[list[Transfer]]:
    """A stream block by block."""
    return cut(transfers, set(range(len(transfers)))) if transfers else []


def slice_batch(batch: TransferBatch, first: int, last: int) -> TransferBatch:
    """Transfers ``first`` to ``last`` of a batch."""
    return TransferBatch(**{name: getattr(batch, name)[first:last] for name in batch.__dataclass_fields__})


def random_names(draw: random.Random, count: int) -> list[bytes]:
    """Addresses; every fourth looks like the one before it."""
    names: list[bytes] = []
    for k in range(count):
        name = draw.randbytes(20)
        names.append(names[-1][:2] + name[2:18] + names[-1][18:] if k % 4 == 3 else name)
    return names


def random_stream(count: int, *, accounts: int = 12, seed: int = 1, start: int = 1_500_000_000) -> list[Transfer]:
    """A stream with a bit of everything, the same in every process."""
    draw = random.Random(seed)
    names = random_names(draw, accounts)
    parties = [*names, TOKENS[1]]  # a token that pays and is paid
    block, time, stream = 1, start, []
    while len(stream) < count:
        if draw.random() < 0.7:
            block += draw.choice((1, 1, 5))
            time += draw.choice((0, 12, 60, 900, 7_200, 100_000))
        paid = draw.random() < 0.8
        first = Transfer(
            block,
            time,
            draw.choice(names),
            None if draw.random() < 0.05 else draw.choice(parties),
            value=draw.choice((0, 10**9, 10**18, 25 * 10**16, draw.randrange(10**20))),
            gas=draw.randrange(21_000, 900_000) if paid else None,
            price=draw.randrange(10**11) if paid else None,
            method=draw.choice((APPROVE, draw.randbytes(4))) if draw.random() < 0.4 else None,
            success=draw.random() > 0.1,
            transaction=len(stream),
        )
        tokens = draw.choice((0, 0, 0, 1, 2)) if first.success else 0
        moves = [
            replace(
                first,
                sender=draw.choice((first.sender, *parties)),
                receiver=None if draw.random() < 0.05 else draw.choice(parties),
                erc20=draw.choice(TOKENS),
                value=draw.choice((0, 1, 10**30, draw.randrange(10**24))),
            )
            for _ in range(tokens)
        ]
        # A transaction's own transfer comes first; some sources give its tokens alone.
        stream += moves if moves and draw.random() < 0.2 else [first, *moves]
    return stream[:count]


def random_labels(transfers: list[Transfer], count: int = 8, seed: int = 1) -> list[Label]:
    """Labels of accounts of a stream, and of one that never appears, that begin, end and overlap in its course."""
    draw = random.Random(seed)
    names = [*sorted({t.sender for t in transfers}), b"\x99" * 20]
    times = [t.time for t in transfers]
    labels = []
    for _ in range(count):
        begin, middle, end = sorted(draw.choices(times, k=3))
        labels.append(
            Label(
                draw.choice(names),
                draw.choice((0, begin)),
                draw.choice((None, min(end + 1, UINT32_MAX))),
                draw.choice(CATEGORIES[:3]),
                draw.choice((None, middle)),
            )
        )
    return labels


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
        erc20=st.sampled_from((None, None, None, *TOKENS)),
        gas=gas,
        price=gas,
        method=st.sampled_from((None, b"\xa9\x05\x9c\xbb", APPROVE)),
        success=st.sampled_from((True, True, True, False)),
        transaction=st.sampled_from((0, 1, 1)),  # 0 joins the transaction before
    )
    block, time, transaction = 0, draw(st.sampled_from((0, 1_500_000_000, UINT32_MAX - 5))), 0
    stream: list[Transfer] = []
    for transfer in draw(st.lists(shape, min_size=1, max_size=max_size)):
        joins = bool(stream) and transfer.block == transfer.transaction == 0
        block, time = block + transfer.block, min(time + (0 if joins else transfer.time), UINT32_MAX)
        transaction += not joins
        erc20 = transfer.erc20 or TOKEN if joins else transfer.erc20  # it has one transfer of the coin at most
        stream.append(replace(transfer, block=block, time=time, transaction=transaction, erc20=erc20))
    return stream


@st.composite
def labels_of(draw: st.DrawFn, transfers: list[Transfer], max_size: int = 5) -> list[Label]:
    """Labels whose times lie at those of a stream, or a second beside them."""
    moments = sorted({max(t.time + step, 0) for t in transfers for step in (-1, 0, 1) if t.time + step <= UINT32_MAX})
    moment = st.sampled_from(moments)
    labels = []
    for _ in range(draw(st.integers(0, max_size))):
        begin = draw(st.just(0) | moment)
        end = draw(st.none() | st.sampled_from([m for m in moments if m >= begin] or [begin]))
        category, known = draw(st.sampled_from(CATEGORIES)), draw(st.none() | moment)
        labels.append(Label(draw(st.sampled_from(ADDRESSES)), begin, end, category, known))
    return labels


def assert_same(have: np.ndarray, want: np.ndarray, names: tuple[str, ...]) -> None:
    """Equal rows, or the first cell that differs by feature name."""
    assert have.shape == want.shape
    different = np.argwhere(have != want)
    if len(different):
        row, column = different[0]
        raise AssertionError(f"row {row}, {names[column]}: {have[row, column]} where {want[row, column]} belongs")
