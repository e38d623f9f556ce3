from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.chain import BlockId, FakeNode, FakeTransaction, Rollback
from tallystick.errors import FeatureError, ReorgTooDeep, WrongChain
from tallystick.features import Engine, FollowedEngine, RowsAdded, RowsWithdrawn, TransferBatch
from tallystick.sources import NewBlocks

from ..streams import Transfer, random_stream, to_batch, to_table
from .follow_worlds import ACCOUNTS, EndOfScript, Kept, ShiftingNode, check, labels_of, run_script

LABELS = labels_of(ACCOUNTS)


def rest() -> None:
    """Let the follower look again."""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(1, 6)),
        st.tuples(st.just("replace"), st.integers(1, 9), st.integers(0, 12)),
        st.tuples(st.just("between calls"), st.integers(0, 9), st.integers(1, 5), st.integers(0, 6)),
    ),
    max_size=8,
)


def step_of(node: ShiftingNode, step: tuple[Any, ...]) -> Callable[[], None]:
    match step:
        case ("grow", blocks):
            return partial(node.grow, blocks)
        case ("replace", depth, blocks):
            return partial(node.replace, depth, blocks)
        case (_, calls, depth, blocks):
            return partial(node.changes.append, (calls, partial(node.replace, depth, blocks)))
    raise AssertionError(step)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1 << 30), st.lists(STEPS, min_size=1, max_size=3), st.integers(0, 6))
def test_followed_engine_is_a_new_engine_on_the_canonical_chain(seed: int, runs: list[Any], start: int) -> None:
    """Whatever the reorganisations, also between two calls, and while nobody followed."""
    node, kept = ShiftingNode(seed), Kept()
    followed = FollowedEngine(Engine(labels=LABELS), start)
    for script in runs:
        steps = [step_of(node, step) for step in script]
        run_script(followed, kept, node, [*steps, rest, rest, rest])
        node.changes.clear()
        if script:
            steps[0]()  # unseen
        with tempfile.TemporaryDirectory() as folder:
            followed.save(Path(folder))
            followed = FollowedEngine.load(Path(folder))
    node.changes.clear()
    node.grow(max(start + 1 - node.head, 1))
    run_script(followed, kept, node, [rest, rest])
    assert followed.next_number == node.head + 1
    check(followed, kept, LABELS, "http://127.0.0.1:8545", node)


def test_blocks_come_together_while_catching_up_and_singly_at_the_head() -> None:
    node, events = ShiftingNode(), Events()
    node.grow(7)
    run_script(FollowedEngine(Engine(), 1), events, node, [partial(node.grow, 1), partial(node.grow, 1)])
    assert [len(event.blocks) for event in events.seen] == [3, 3, 1, 1, 1]


def test_withdrawn_rows_are_named() -> None:
    node, events = FakeNode(), Events()
    for transfers in (1, 0, 2, 3):
        node.mine(1, [FakeTransaction()] * transfers)
    followed = FollowedEngine(Engine(), 0)
    run_script(followed, events, node, [lambda: node.reorg(2)])
    gone = next(event for event in events.seen if isinstance(event, RowsWithdrawn))
    assert (gone.to_block, gone.transfers) == (2, 5)
    assert [(block.number, block.transfers) for block in gone.blocks] == [(3, 2), (4, 3)]
    assert [block.hash_hex for block in followed.blocks] == node.hashes
    assert followed.engine.last_block == 1  # the new blocks are empty


class Events(Kept):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def take(self, event: Any) -> None:
        super().take(event)
        self.seen.append(event)


def test_engine_may_have_taken_older_blocks() -> None:
    history = random_stream(200)
    engine = Engine()
    engine.advance(to_batch(history))
    with pytest.raises(FeatureError, match="has taken block") as caught:
        FollowedEngine(engine, history[-1].block)
    assert caught.value.advice == f"Follow from block {history[-1].block + 1}."
    number = history[-1].block + 1
    before = engine.state_hash()
    followed = FollowedEngine(engine, number)
    late = to_table([Transfer(number, history[-1].time + 1, b"\x01" * 20, b"\x02" * 20)])
    added = followed.apply(NewBlocks((BlockId(number, "0xaa"), BlockId(number + 1, "0xbb")), late))
    assert isinstance(added, RowsAdded)
    assert (added.features.rows.shape[0], [block.transfers for block in added.blocks]) == (2, [1, 0])
    followed.apply(Rollback(number - 1, 2))
    assert engine.state_hash() == before


@pytest.mark.parametrize("journal_blocks", [0, 4])
def test_invalid_reorg_too_deep(journal_blocks: int) -> None:
    node, kept = ShiftingNode(), Kept()
    node.grow(20)
    followed = FollowedEngine(Engine(journal_blocks=journal_blocks), 0)
    run_script(followed, kept, node, [])
    before = followed.engine.state_hash()
    node.replace(journal_blocks + 1, 9)
    with pytest.raises(ReorgTooDeep, match=f"removed {journal_blocks + 1} blocks") as caught:
        run_script(followed, kept, node, [])
    assert caught.value.advice == (
        f"Load a state that was saved before block {20 - journal_blocks}, or start again with a new engine; "
        f"journal_blocks, {journal_blocks} here, says how deep it can go."
    )
    assert (followed.engine.state_hash(), followed.next_number) == (before, 21)


def test_older_state_goes_on_after_a_reorg_that_was_too_deep(tmp_path: Path) -> None:
    node, kept = ShiftingNode(), Kept()
    node.grow(10)
    followed = FollowedEngine(Engine(labels=LABELS, journal_blocks=4), 0)
    run_script(followed, kept, node, [])
    followed.save(tmp_path)
    older = Kept()
    older.tables, older.features = [*kept.tables], [*kept.features]
    node.grow(8)
    run_script(followed, kept, node, [])
    node.replace(10, 12)
    with pytest.raises(ReorgTooDeep):
        run_script(followed, kept, node, [])
    followed = FollowedEngine.load(tmp_path)
    run_script(followed, older, node, [])
    assert followed.next_number == 21
    check(followed, older, LABELS, "http://127.0.0.1:8545", node)


def test_invalid_journal_that_is_too_short_for_an_event() -> None:
    # A stream of one's own may go deeper than the engine: then nothing changes either.
    followed = FollowedEngine(Engine(journal_blocks=2), 0)
    table = to_table([Transfer(k, k, b"\x01" * 20, b"\x02" * 20) for k in range(5)])
    followed.apply(NewBlocks(tuple(BlockId(k, f"0x{k}") for k in range(5)), table))
    before = followed.engine.state_hash(), followed.blocks
    with pytest.raises(ReorgTooDeep, match="journal has 2 of 2") as caught:
        followed.apply(Rollback(1, 3))
    assert "Load a state" in caught.value.advice
    assert (followed.engine.state_hash(), followed.blocks) == before


def test_invalid_other_chain() -> None:
    followed, kept = FollowedEngine(Engine(), 0), Kept()
    run_script(followed, kept, FakeNode(chain_id=5), [])
    assert followed.chain_id == 5
    with pytest.raises(WrongChain, match="chain 7, the engine has followed chain 5"):
        run_script(followed, kept, FakeNode(chain_id=7), [])


def test_following_may_be_left_at_any_event() -> None:
    node, kept = ShiftingNode(3), Kept()
    node.grow(30)
    followed = FollowedEngine(Engine(labels=LABELS), 2)

    class Leaving(Kept):
        def take(self, event: Any) -> None:
            kept.take(event)
            raise EndOfScript

    while followed.next_number <= node.head:
        run_script(followed, Leaving(), node, [])
        node.replace(2, 3) if node.head < 35 else None
    check(followed, kept, LABELS, "http://127.0.0.1:8545", node)


def test_apply_equals_advance() -> None:
    stream = random_stream(300)
    numbers = sorted({transfer.block for transfer in stream})
    followed, engine = FollowedEngine(Engine(), 0), Engine()
    ids = tuple(BlockId(number, hex(number)) for number in range(numbers[-1] + 1))
    added = followed.apply(NewBlocks(ids, to_table(stream)))
    assert isinstance(added, RowsAdded)
    assert (added.features.rows == engine.advance(TransferBatch.from_arrow(to_table(stream))).rows).all()
    assert len(followed.blocks) == 129
