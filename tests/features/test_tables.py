from __future__ import annotations

import random

import numpy as np

from tallystick.features import SPEC, Engine
from tallystick.features import _tables as tables

from .streams import Transfer, assert_same, to_batch
from .test_engine import reference_rows

FIRST_SLOTS = 1 << 12


def address_bytes(ids: np.ndarray, engine: Engine) -> list[bytes]:
    return [row.tobytes() for row in engine.addresses(ids)]


def test_many_accounts_keep_the_order_of_first_appearance() -> None:
    draw = random.Random(5)
    names = [draw.randbytes(20) for _ in range(20_000)]
    engine, seen = Engine(), {}
    sizes = [1, 2_047, 2_048, 1, 3, 5_000, 10_000]  # small and large steps of growth
    start_bytes = engine.state_bytes
    for block, size in enumerate(sizes):
        pairs = [(draw.choice(names), draw.choice(names)) for _ in range(size)]
        result = engine.advance(to_batch([Transfer(block, block, a, b, 1) for a, b in pairs]))
        for name in (name for pair in pairs for name in pair):
            seen.setdefault(name, len(seen) + 1)
        assert result.account.tolist() == [seen[name] for pair in pairs for name in pair]
        assert engine.accounts_known == len(seen)
    assert address_bytes(np.arange(1, len(seen) + 1), engine) == list(seen)
    assert engine.state_bytes > start_bytes


def test_growth_does_not_change_rows() -> None:
    draw = random.Random(6)
    names = [draw.randbytes(20) for _ in range(3_000)]
    stream = [Transfer(k, k, draw.choice(names), draw.choice(names), draw.randrange(10**19)) for k in range(6_000)]
    grown, roomy = Engine(), Engine()
    rows = np.concatenate([grown.advance(to_batch(stream[k : k + 250])).rows for k in range(0, 6_000, 250)])
    assert_same(rows, roomy.advance(to_batch(stream)).rows, SPEC.names)
    assert grown.state_hash() == roomy.state_hash()
    # The last rows of every account say what a dictionary says.
    partners: dict[bytes, set[bytes]] = {}
    for transfer in stream:
        partners.setdefault(transfer.receiver or b"", set()).add(transfer.sender)
    last = {transfer.receiver: rows[2 * k + 1, SPEC.names.index("partners_in")] for k, transfer in enumerate(stream)}
    assert {name: len(found) for name, found in partners.items()} == last


def test_colliding_addresses_stay_apart() -> None:
    # All want one and the same slot of the first table, and most after it grew.
    keys = np.random.default_rng(7).integers(0, 1 << 63, (400_000, 3), np.int64).astype(np.uint64)
    keys[:, 2] &= np.uint64(0xFFFFFFFF_00000000)  # 20 bytes
    slots = tables._mix.py_func(keys[:, 0], keys[:, 1], keys[:, 2]) & np.uint64(FIRST_SLOTS - 1)
    crowd = keys[slots == np.bincount(slots.astype(np.int64)).argmax()]
    names = [key.astype(">u8").tobytes()[:20] for key in crowd]
    assert len(set(names)) > 100
    draw = random.Random(8)
    stream = [Transfer(k, k, draw.choice(names), draw.choice(names), draw.randrange(10**18)) for k in range(600)]
    assert_same(Engine().advance(to_batch(stream)).rows, reference_rows(stream), SPEC.names)


def test_edges_are_directed() -> None:
    a, b = b"\x01" * 20, b"\x02" * 20
    rows = (
        Engine().advance(to_batch([Transfer(k, k, *pair, 1) for k, pair in enumerate([(a, b), (a, b), (b, a)])])).rows
    )
    there, back = (rows[::2, SPEC.names.index(name)].tolist() for name in ("edge_count", "edge_reverse"))
    assert there == [0, 1, 0]
    assert back == [0, 0, 2]
