"""Blocks that are taken back leave no trace: rows and hash are those of an engine that never saw them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import FeatureError, ReorgTooDeep
from tallystick.features import SPEC, Engine, EngineOptions, LabelFeed

from .streams import (
    TOKENS,
    Label,
    Transfer,
    assert_same,
    labels_of,
    random_labels,
    random_stream,
    streams,
    to_batch,
    to_blocks,
    to_feed,
)

RULES = ("haircut", "fifo", "poison")
A, B = b"\xaa" * 20, b"\xbb" * 20
Blocks = list[list[Transfer]]


def advance(engine: Engine, blocks: Blocks) -> np.ndarray:
    return engine.advance(to_batch([transfer for block in blocks for transfer in block])).rows


def memory(engine: Engine) -> dict[str, bytes]:
    """Every table, with the room it has to grow: what is taken back is zero again."""
    tables = {name: getattr(engine._memory, name) for name in engine._memory.ROWS}
    assert all(not table[len(engine._memory.used(name)) :].any() for name, table in tables.items())
    return {name: engine._memory.used(name).tobytes() for name in tables}


def check_rollback(blocks: Blocks, others: Blocks, k: int, labels: LabelFeed | None, options: EngineOptions) -> None:
    """``advance; rollback k; advance other blocks; rollback; advance`` against one engine that only advances."""
    once = Engine(options, labels)
    want = advance(once, blocks)
    engine = Engine(options, labels)
    assert_same(advance(engine, blocks), want, options.spec.names)
    engine.rollback(k)
    kept = Engine(options, labels)
    advance(kept, blocks[: len(blocks) - k])
    assert memory(engine) == memory(kept)
    assert (engine.state_hash(), engine.last_block) == (kept.state_hash(), kept.last_block)
    number, time = engine._last
    later = [t for block in others for t in block if t.block > number and t.time >= time]  # another branch
    branch = to_blocks(later)
    advance(engine, branch)
    engine.rollback(len(branch))
    rows = advance(engine, blocks[len(blocks) - k :])
    assert_same(rows, want[len(want) - len(rows) :], options.spec.names)
    assert memory(engine) == memory(once)
    assert engine.state_hash() == once.state_hash()


@settings(max_examples=60, deadline=None)
@given(streams(), streams(), st.sampled_from(RULES), st.data())
def test_rollback_and_again(transfers: list[Transfer], others: list[Transfer], rule: str, data: st.DataObject) -> None:
    blocks, labels = to_blocks(transfers), to_feed(data.draw(labels_of(transfers)))
    k = data.draw(st.integers(0, len(blocks)))
    check_rollback(blocks, to_blocks(others), k, labels, EngineOptions(exposure=rule))


@pytest.mark.parametrize("rule", RULES)
def test_rollback_by_every_number_of_blocks(rule: str) -> None:
    # Rings are promoted and overwritten, tokens held, taint moved, labels begun and ended.
    transfers = random_stream(300, accounts=5, seed=7)
    others = random_stream(60, accounts=9, seed=8, start=transfers[-1].time)
    blocks, labels = to_blocks(transfers), to_feed(random_labels(transfers, 12))
    assert 100 < len(blocks) <= 255
    engine = Engine(EngineOptions(exposure=rule), labels, journal_blocks=len(blocks))
    hashes = [engine.state_hash()]
    for block in blocks:
        advance(engine, [block])
        hashes.append(engine.state_hash())
    assert len(set(hashes)) == len(hashes)
    for k in range(len(blocks) + 1):
        engine.rollback(k)
        assert engine.state_hash() == hashes[len(blocks) - k], k
        advance(engine, blocks[len(blocks) - k :])
        assert engine.state_hash() == hashes[-1], k
    check_rollback(blocks, to_blocks(others), 100, labels, EngineOptions(exposure=rule))


@pytest.mark.parametrize("entries", [1, 2, 3, 7, 8, 9, 17])
@pytest.mark.parametrize("more", [1, 2, 7, 9])
def test_rollback_of_rings(entries: int, more: int) -> None:
    # From the small ring (two entries) to the large one (eight) and round it; a ring that was left is used again.
    parties = [bytes([9, k]) + bytes(18) for k in range(30)]
    first = [Transfer(k, k, A, parties[k], 10**18 + k) for k in range(entries)]
    then = [Transfer(100 + k, 100 + k, A, parties[k], 10**18 + k) for k in range(more)]
    then += [Transfer(200 + k, 200 + k, parties[k], parties[29 - k], 10**18) for k in range(6)]
    at_once = [replace(transfer, block=100, time=100) for transfer in then]
    check_rollback([*to_blocks(first), at_once], [], 1, None, EngineOptions())
    blocks = to_blocks(first + then)
    check_rollback(blocks, [], len(blocks) - entries, None, EngineOptions())


def test_rollback_across_growth() -> None:
    # The block taken back makes every table grow and every table of slots larger.
    few = [Transfer(1, 1, A, B, 10**18), Transfer(1, 1, B, A, 10**18, TOKENS[0])]
    names = [k.to_bytes(2) + bytes(16) + (k % 7).to_bytes(2) for k in range(1, 6_000)]
    many = [Transfer(2, 2, a, b, 10**18 + k) for k, (a, b) in enumerate(pairwise(names))]
    many += [Transfer(2, 2, a, b, 5, TOKENS[1]) for a, b in zip(names, names[2:], strict=False)]
    labels = to_feed(random_labels(few, 3))
    check_rollback([few, many], [[Transfer(3, 3, B, names[-1], 7)]], 1, labels, EngineOptions())
    engine = Engine(labels=labels)
    advance(engine, [few])
    before = len(engine._memory.account_slots)
    advance(engine, [many])
    assert len(engine._memory.account_slots) > before
    assert len(engine._memory.edge_slots) > before
    assert len(engine._memory.holding_slots) > before


def test_look_alikes_are_forgotten() -> None:
    # The second of two twins is marked; with the first taken back, a third is none.
    first, second, third = (b"\xab\xcd" + bytes([k]) * 16 + b"\xef\x01" for k in (1, 2, 3))
    engine = Engine()
    advance(engine, [[Transfer(1, 1, A, B)]])
    advance(engine, [[Transfer(2, 2, A, first)], [Transfer(3, 3, A, second)]])
    engine.rollback(2)
    rows = advance(engine, [[Transfer(4, 4, A, third)], [Transfer(5, 5, A, second)]])
    assert rows[[1, 3], SPEC.names.index("twin")].tolist() == [0, 1]


def test_labels_are_played_back() -> None:
    labels = to_feed([Label(A, 20, 40), Label(A, 30, None, "hack"), Label(b"\x99" * 20, 20)])
    blocks = [[Transfer(k, 10 * k, A, B, 10**18)] for k in range(1, 7)]
    for k in range(len(blocks) + 1):
        check_rollback(blocks, [], k, labels, EngineOptions())


def test_more_blocks_than_the_journal_holds() -> None:
    transfers = random_stream(200)
    blocks = to_blocks(transfers)
    engine, kept = Engine(journal_blocks=5), Engine()
    advance(engine, blocks)
    assert len(engine.journal) == 5
    assert engine.journal.bytes > 0
    engine.rollback(5)
    advance(kept, blocks[:-5])
    assert engine.state_hash() == kept.state_hash()
    with pytest.raises(ReorgTooDeep):
        engine.rollback(1)


@pytest.mark.parametrize("pieces", [1, 3, 50])
def test_invalid_rollback_too_deep_changes_nothing(pieces: int) -> None:
    blocks = to_blocks(random_stream(200))
    engine = Engine(journal_blocks=10)
    for k in range(0, len(blocks), pieces):
        advance(engine, blocks[k : k + pieces])
    before = engine.state_hash()
    with pytest.raises(ReorgTooDeep, match="11 blocks are to be taken back, the engine's journal has 10 of 10"):
        engine.rollback(11)
    with pytest.raises(ReorgTooDeep):
        engine.rollback_to(blocks[-11][0].block - 1)
    assert (engine.state_hash(), len(engine.journal)) == (before, 10)
    engine.rollback_to(blocks[-11][0].block)  # which stays
    assert engine.last_block == blocks[-11][0].block


def test_no_journal() -> None:
    blocks = to_blocks(random_stream(100))
    without, with_it = Engine(journal_blocks=0), Engine()
    for block in blocks:
        assert_same(advance(without, [block]), advance(with_it, [block]), SPEC.names)
    assert without.state_hash() == with_it.state_hash()
    assert (len(without.journal), without.journal.bytes) == (0, 0)
    without.rollback(0)
    without.rollback_to(without.last_block)
    for k in (1, 2):
        with pytest.raises(ReorgTooDeep):
            without.rollback(k)
    with pytest.raises(ReorgTooDeep):
        without.rollback_to(without.last_block - 1)


def test_rollback_to_numbers_between_blocks() -> None:
    # Blocks 7, 8 and 10 to 14 have no transfers.
    engine = Engine()
    hashes = {-1: engine.state_hash()}
    for number in (5, 6, 9, 15):
        advance(engine, [[Transfer(number, number, A, B, 1)]])
        hashes[number] = engine.state_hash()
    for number, stays in ((20, 15), (15, 15), (14, 9), (10, 9), (8, 6), (6, 6), (5, 5), (4, -1), (0, -1), (-1, -1)):
        engine.rollback_to(number)
        assert (engine.last_block, engine.state_hash()) == (stays, hashes[stays])


def test_rollback_to_the_start() -> None:
    engine, blocks = Engine(), to_blocks(random_stream(50))
    fresh = engine.state_hash()
    rows = advance(engine, blocks)
    engine.rollback(len(engine.journal))
    assert (engine.state_hash(), engine.accounts_known, engine.last_block) == (fresh, 0, -1)
    assert_same(advance(engine, blocks), rows, SPEC.names)


def test_an_empty_batch_keeps_the_journal() -> None:
    engine = Engine()
    advance(engine, [[Transfer(1, 1, A, B)]])
    advance(engine, [])
    assert len(engine.journal) == 1


@pytest.mark.parametrize("blocks", [-1, -128])
def test_invalid_negative_numbers(blocks: int) -> None:
    engine = Engine()
    advance(engine, [[Transfer(1, 1, A, B)]])
    with pytest.raises(FeatureError, match="to be taken back"):
        engine.rollback(blocks)
    assert len(engine.journal) == 1
    with pytest.raises(FeatureError, match=f"a journal of {blocks} blocks"):
        Engine(journal_blocks=blocks)
