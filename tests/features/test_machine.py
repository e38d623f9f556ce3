"""The engine as a machine: whatever is done to it, it is as a new engine that was given the blocks that remain."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tallystick.errors import ReorgTooDeep
from tallystick.features import SPEC, Engine, EngineOptions, LabelFeed

from .streams import ADDRESSES, Label, Transfer, assert_same, streams, to_batch, to_blocks, to_feed

DEPTH = 6
moments = st.integers(0, (1 << 32) - 1)
labels = st.lists(
    st.builds(Label, st.sampled_from(ADDRESSES), moments, st.none(), st.sampled_from(("mixer", "hack"))), max_size=3
)


class EngineMachine(RuleBasedStateMachine):
    """Runs an engine beside the list of its blocks; ``kept`` of them can be taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[list[Transfer]] = []
        self.kept = 0

    @initialize(exposure=st.sampled_from(("haircut", "fifo", "poison")), first=labels)
    def begin(self, exposure: str, first: list[Label]) -> None:
        self.options, self.feed = EngineOptions(exposure=exposure), to_feed(first)
        self.engine = Engine(self.options, self.feed, DEPTH)

    def last(self) -> tuple[int, int]:
        return (self.blocks[-1][-1].block, self.blocks[-1][-1].time) if self.blocks else (-1, -1)

    @rule(transfers=streams(max_size=12), gap=st.sampled_from((0, 0, 1, 86_400)))
    def advance(self, transfers: list[Transfer], gap: int) -> None:
        number, time = self.last()
        first = transfers[0]
        moved = [
            replace(
                t, block=number + 1 + t.block - first.block, time=min(max(time, 0) + gap + t.time - first.time, END)
            )
            for t in transfers
        ]
        blocks = to_blocks(moved)
        have = self.engine.advance(to_batch(moved)).rows
        fresh = Engine(self.options, self.feed, 0)
        fresh.advance(to_batch([t for block in self.blocks for t in block]))
        assert_same(have, fresh.advance(to_batch(moved)).rows, SPEC.names)
        self.blocks += blocks
        self.kept = DEPTH if len(blocks) > DEPTH else min(self.kept + len(blocks), DEPTH)

    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        self.take_back(data.draw(st.integers(0, self.kept)))

    def take_back(self, k: int) -> None:
        self.engine.rollback(k)
        self.forget(k)

    def forget(self, k: int) -> None:
        self.blocks, self.kept = self.blocks[: len(self.blocks) - k], self.kept - k

    @rule()
    def rollback_too_deep(self) -> None:
        with pytest.raises(ReorgTooDeep):
            self.engine.rollback(self.kept + 1)

    @precondition(lambda self: self.blocks)
    @rule(data=st.data())
    def rollback_to(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(self.blocks[max(len(self.blocks) - 8, 0)][0].block - 1, self.last()[0] + 1))
        newer = sum(block[0].block > number for block in self.blocks)
        if newer > self.kept:
            with pytest.raises(ReorgTooDeep):
                self.engine.rollback_to(number)
        else:
            self.engine.rollback_to(number)
            self.forget(newer)

    @rule(more=labels)
    def add_labels(self, more: list[Label]) -> None:
        feed, time = to_feed(more), self.last()[1]
        self.engine.add_labels(feed)
        self.feed = LabelFeed.merged(self.feed, feed.arriving(time + 1) if time >= 0 else feed)

    @rule()
    def save_and_load(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.engine.save(Path(folder) / "state")
            self.engine = Engine.load(Path(folder) / "state")

    @invariant()
    def is_as_new(self) -> None:
        if not hasattr(self, "engine"):
            return
        fresh = Engine(self.options, self.feed, 0)
        fresh.advance(to_batch([t for block in self.blocks for t in block]))
        assert self.engine.state_hash() == fresh.state_hash()
        assert (self.engine.accounts_known, self.engine.last_block) == (fresh.accounts_known, self.last()[0])
        assert len(self.engine.journal) == self.kept


END = (1 << 32) - 1
EngineMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestEngineMachine = EngineMachine.TestCase
