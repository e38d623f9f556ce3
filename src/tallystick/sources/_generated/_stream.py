"""The whole stream in chain order, as compact columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tallystick.sources._generated._clock import BLOCK_S, Clock
from tallystick.sources._generated._draws import Draws
from tallystick.sources._generated._motifs import motif_rows, plant
from tallystick.sources._generated._people import People, make_people
from tallystick.sources._generated._plan import Plan
from tallystick.sources._generated._rows import Rows
from tallystick.sources._generated._sessions import Sessions, make_lives
from tallystick.sources._generated._traffic import consequences, deposits, first_rows

__all__ = ["Stream", "make_stream"]

Array = Any  # numpy array


@dataclass(frozen=True)
class Stream:
    """All transfers in chain order.

    Parameters
    ----------
    people
        Who there is.
    rows
        The transfers.
    blocks
        Block of each, never falling. (rows,) uint32
    positions
        Position of each in its block. (rows,) uint32
    """

    people: People
    rows: Rows
    blocks: Array
    positions: Array

    def cut(self, first: int, last: int) -> tuple[int, int]:
        """Half-open range of the rows of blocks ``first`` up to ``last``."""
        low, high = np.searchsorted(self.blocks, [first, last])
        return int(low), int(high)


def make_stream(plan: Plan) -> Stream:
    """Make the stream of a plan; the same plan gives the same stream."""
    draws = Draws(plan.seed)
    clock = Clock(plan.days)
    people = make_people(plan, draws, clock.ticks)
    rows = _all_rows(people, clock.ticks)
    assert len(rows) == plan.transfers
    rows = rows.take(np.argsort(rows.times, kind="stable"))
    blocks = (clock.seconds(rows.times) // BLOCK_S).astype(np.uint32)
    starts = np.flatnonzero(np.append(True, blocks[1:] != blocks[:-1]))  # (blocks,) first row of each
    sizes = np.diff(np.append(starts, len(blocks)))
    positions = np.arange(len(blocks)) - np.repeat(starts, sizes)
    return Stream(people, rows, blocks, positions.astype(np.uint32))


def _all_rows(people: People, ticks: int) -> Rows:
    plan = people.plan
    lives = make_lives(people, ticks)
    owed = [first_rows(people, lives), deposits(people, ticks)]
    count = plan.transfers - sum(map(len, owed)) - motif_rows(plan)
    sessions = Sessions.make(people, lives, ticks, count)
    planted = plant(people, sessions, ticks)
    return Rows.join([*owed, planted, consequences(people, sessions, ticks)])
