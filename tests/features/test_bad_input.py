"""What the engine does with input that is odd or wrong: each has one behaviour.

Cells of the wrong width (addresses that are none, amounts above 2**256 - 1) are refused by
``TransferBatch.from_arrow``: ``test_batch.py``. State files that are cut short or of another version are refused by
``Engine.load``: ``test_saving.py``.
"""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.errors import FeatureError
from tallystick.features import SPEC, Engine, EngineOptions
from tallystick.features._memory import CAPACITY, Memory

from .streams import UINT256_MAX, Transfer, assert_same, engine_rows, random_stream, reference_rows, to_batch, to_blocks

A, B, C = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20


def column(rows: np.ndarray, name: str) -> list[int]:
    return rows[:, SPEC.names.index(name)].tolist()


@pytest.mark.parametrize(
    ("blocks", "times", "cause"),
    [
        ([6, 5], [60, 60], "block runs backwards at transfer 1 of the batch"),
        ([6, 7, 7, 6], [60, 60, 60, 60], "block runs backwards at transfer 3 of the batch"),
        ([6, 7], [60, 59], "time runs backwards at transfer 1 of the batch"),
        ([6], [49], "time runs backwards at transfer 0 of the batch"),
        ([5], [50], "block 5 comes after block 5 was finished"),
        ([5, 6], [50, 60], "block 5 comes after block 5 was finished"),
        ([4], [60], "block 4 comes after block 5 was finished"),
        ([0], [0], "block 0 comes after block 5 was finished"),
    ],
)
def test_invalid_order(blocks: list[int], times: list[int], cause: str) -> None:
    engine = Engine()
    engine.advance(to_batch([Transfer(5, 50, A, B, 10**18)]))
    before, bytes_before = engine.state_hash(), engine.state_bytes
    bad = [Transfer(block, time, B, A) for block, time in zip(blocks, times, strict=True)]
    with pytest.raises(FeatureError) as caught:
        engine.advance(to_batch(bad))
    assert caught.value.cause == cause
    assert caught.value.where["block"] in blocks
    assert "order" in caught.value.advice
    # Nothing was taken in, and the engine goes on with a right batch.
    assert (engine.state_hash(), engine.state_bytes) == (before, bytes_before)
    assert len(engine.advance(to_batch([Transfer(6, 50, B, A)])).rows) == 2


def test_a_gap_in_block_numbers_is_allowed() -> None:
    # Blocks without transfers: nobody can tell them from blocks that were left out, and only times count.
    near = [Transfer(k, 10 * k, A, B, 10**18) for k in (1, 2, 3)]
    far = [Transfer(block, 10 * k, A, B, 10**18) for k, block in ((1, 1), (2, 1_000), (3, (1 << 32) - 1))]
    assert_same(engine_rows(near), engine_rows(far), SPEC.names)


def test_an_unknown_asset_is_an_asset_of_its_own() -> None:
    tokens = [b"\x31" * 20, b"\x32" * 20]
    rows = engine_rows([Transfer(k, k, A, B, 7, token) for k, token in enumerate([*tokens, tokens[0]])])
    assert column(rows, "asset_first") == [1, 1, 1, 1, 0, 0]
    assert column(rows, "assets") == [1, 1, 2, 2, 2, 2]
    assert column(rows, "asset_count_out")[::2] == [1, 1, 2]


def test_the_largest_amount_is_taken_whole() -> None:
    rows = engine_rows([Transfer(1, 1, A, B, UINT256_MAX), Transfer(2, 2, A, B, UINT256_MAX, b"\x31" * 20)])
    assert column(rows, "log_asset_value") == [16 * 256 + 15] * 4
    assert column(rows, "log_value") == [16 * 62, 16 * 62, 0, 0]  # gwei are held at 2**61


def test_a_payment_to_oneself_counts_on_both_sides_and_moves_nothing() -> None:
    stream = [Transfer(1, 1, A, B, 10**18), Transfer(2, 2, A, A, 10**18), Transfer(3, 3, B, A, 10**18)]
    rows = engine_rows(stream)
    assert_same(rows, reference_rows(stream), SPEC.names)
    assert [column(rows, name)[2:4] for name in ("count_in", "count_out", "cycles_2")] == [[1, 1], [2, 2], [0, 0]]
    assert column(rows, "recent_payees")[5] == 1  # it is in no ring


@pytest.mark.parametrize("token", [None, b"\x31" * 20])
def test_no_receiver_gives_zeros_and_nobody(token: bytes | None) -> None:
    result = Engine().advance(to_batch([Transfer(1, 1, A, None, 10**18, token)]))
    assert result.account.tolist() == [1, 0]
    assert not result.rows[1].any()
    assert result.rows[0].any()


@pytest.mark.parametrize("what", ["accounts", "edges", "holdings", "ring_words", "taints"])
def test_invalid_tables_beyond_capacity_change_nothing(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = to_blocks(random_stream(400, accounts=30))
    some, engine, twin = [t for block in stream[:-1] for t in block], Engine(), Engine()
    engine.advance(to_batch(some))
    twin.advance(to_batch(some))
    before, room = engine.state_hash(), engine._memory._needed(len(stream[-1]), 0)[what] - 1
    monkeypatch.setattr(Memory, "capacity", max(room, 1))
    many = [Transfer(10**6, stream[-1][-1].time, A, B, 1, C)] * 200_000  # more than one run
    for bad in (many, [*stream[-1], *many]):
        with pytest.raises(FeatureError, match=f"there may be more than {Memory.capacity:,} "):
            engine.advance(to_batch(bad))
        assert (engine.state_hash(), len(engine.journal), engine.last_block) == (before, 128, some[-1].block)
    monkeypatch.setattr(Memory, "capacity", CAPACITY)
    assert_same(engine.advance(to_batch(stream[-1])).rows, twin.advance(to_batch(stream[-1])).rows, SPEC.names)
    engine.rollback(128)
    twin.rollback(128)
    assert engine.state_hash() == twin.state_hash()


def test_tables_grow_to_the_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    one = to_batch([Transfer(1, 1, A, B, 1)])
    monkeypatch.setattr(Memory, "capacity", max(engine._memory._needed(1, 0).values()))
    assert len(engine.advance(one).rows) == 2


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"families": ("flows",)}, "no family 'flows'; did you mean 'flow'"),
        ({"families": ()}, "no family to compute"),
        ({"exposure": "lifo"}, "no accounting rule 'lifo'; did you mean 'fifo'"),
        ({"window_s": 0}, "a window of 0 s"),
        ({"window_s": 1 << 32}, "a window of 4294967296 s"),
    ],
)
def test_invalid_options(options: dict[str, object], cause: str) -> None:
    with pytest.raises(FeatureError, match=cause):
        EngineOptions(**options)
