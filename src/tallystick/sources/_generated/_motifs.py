"""Planted laundering: shapes of transfers between ordinary accounts, in time order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final

import numpy as np

from tallystick.sources._generated._draws import below, log_uniform, round_down
from tallystick.sources._generated._people import People
from tallystick.sources._generated._plan import Plan
from tallystick.sources._generated._rows import Rows
from tallystick.sources._generated._sessions import HOUR, Sessions, assets_of
from tallystick.sources._generated._traffic import GAP_HIGH, GAP_LOW

__all__ = ["PlantedMotif", "motif_rows", "plant"]

Array = Any  # numpy array


class PlantedMotif(IntEnum):
    """Kind of planted motif that a transfer belongs to; 0 for ordinary traffic."""

    NONE = 0
    CYCLE_2 = 1
    CYCLE_3 = 2
    CYCLE_4 = 3
    FAN_OUT = 4
    FAN_IN = 5
    SCATTER_GATHER = 6
    GATHER_SCATTER = 7
    CHAIN = 8


_PER_MILLE: Final = 3  # of all transfers
_LONGEST: Final = 48 * HOUR  # of average hours: below three days even over a weekend
_TRIES: Final = 3


@dataclass(frozen=True)
class _Edge:
    """One transfer of a shape: from slot to slot, of fresh money or of what an earlier edge brought."""

    sender: int
    receiver: int
    money: int | None = None  # the edge whose money goes on, less a few per cent
    waits: tuple[int, ...] = ()  # edges that come first


@dataclass(frozen=True)
class _Shape:
    """A motif of so many accounts."""

    kind: PlantedMotif
    slots: int
    edges: tuple[_Edge, ...]


def _path(kind: PlantedMotif, slots: tuple[int, ...]) -> _Shape:
    """Money that goes on from slot to slot."""
    pairs = enumerate(pairwise(slots))
    edges = (_Edge(a, b, at - 1, (at - 1,)) if at else _Edge(a, b) for at, (a, b) in pairs)
    return _Shape(kind, max(slots) + 1, tuple(edges))


def _fan(kind: PlantedMotif, many: int) -> _Shape:
    """One and many, outward or inward."""
    pairs = [(0, one) if kind == PlantedMotif.FAN_OUT else (one, 0) for one in range(1, many + 1)]
    return _Shape(kind, many + 1, tuple(_Edge(*pair) for pair in pairs))


def _scatter_gather(many: int) -> _Shape:
    """From one by many to another."""
    out = [_Edge(0, one) for one in range(1, many + 1)]
    back = [_Edge(one, many + 1, one - 1, (one - 1,)) for one in range(1, many + 1)]
    return _Shape(PlantedMotif.SCATTER_GATHER, many + 2, (*out, *back))


def _gather_scatter(many: int) -> _Shape:
    """From many by one to many others, once all has come."""
    back = [_Edge(one, 0) for one in range(1, many + 1)]
    out = [_Edge(0, many + one, one - 1, tuple(range(many))) for one in range(1, many + 1)]
    return _Shape(PlantedMotif.GATHER_SCATTER, 2 * many + 1, (*back, *out))


_FAMILIES: Final = (
    (_path(PlantedMotif.CYCLE_2, (0, 1, 0)),),
    (_path(PlantedMotif.CYCLE_3, (0, 1, 2, 0)),),
    (_path(PlantedMotif.CYCLE_4, (0, 1, 2, 3, 0)),),
    tuple(_fan(PlantedMotif.FAN_OUT, many) for many in range(4, 12)),
    tuple(_fan(PlantedMotif.FAN_IN, many) for many in range(4, 12)),
    tuple(_scatter_gather(many) for many in range(3, 8)),
    tuple(_gather_scatter(many) for many in range(3, 8)),
    tuple(_path(PlantedMotif.CHAIN, tuple(range(hops + 1))) for hops in range(4, 8)),
)
"""The shapes of each kind; every kind gets the same share of transfers."""


def _counts(plan: Plan) -> list[tuple[_Shape, int]]:
    """How often each shape is planted: its sizes equally often, and each kind at least once."""
    budget = plan.transfers * _PER_MILLE // (1_000 * len(_FAMILIES))
    counts = []
    for shapes in _FAMILIES:
        each, rest = divmod(budget, sum(len(shape.edges) for shape in shapes))
        for at, shape in enumerate(shapes):
            more = len(shape.edges) <= rest or (at == 0 and each == 0)
            rest -= len(shape.edges) if more else 0
            counts.append((shape, each + more))
    return counts


def motif_rows(plan: Plan) -> int:
    """Number of planted transfers."""
    return sum(count * len(shape.edges) for shape, count in _counts(plan))


def plant(people: People, sessions: Sessions, ticks: int) -> Rows:
    """Make all motifs; each begins about an event of its youngest member."""
    parts: list[Rows] = []
    first = 1
    for at, (shape, count) in enumerate(_counts(people.plan)):
        if count:
            parts.append(_planted(people, sessions, shape, f"{at} {count}", (count, first, ticks)))
            first += count
    return Rows.join(parts)


def _planted(people: People, sessions: Sessions, shape: _Shape, name: str, sizes: tuple[int, int, int]) -> Rows:
    count, first, ticks = sizes
    longest = min(_LONGEST, ticks // 4)
    offsets = _offsets(people, shape, name, count, longest)
    events = _events(people, sessions, shape, name, (ticks - offsets.max(axis=1), ticks - longest))
    slots = _members(people, sessions.accounts[events], shape.slots, name)
    senders = np.stack([slots[:, edge.sender] for edge in shape.edges], axis=1)  # (motifs, edges)
    receivers = np.stack([slots[:, edge.receiver] for edge in shape.edges], axis=1)
    times = sessions.rows.times[events][:, None] + offsets
    one = assets_of(people, slots[:, 0], people.draws.words(f"motif assets {name}", count))
    assets = np.repeat(one[:, None], len(shape.edges), axis=1)
    amounts = _amounts(people, shape, name, senders, assets)
    rows = Rows.normal(times.ravel(), senders.ravel(), receivers.ravel(), amounts.ravel(), assets.ravel())
    rows.motifs[:] = shape.kind
    rows.numbers[:] = np.repeat(np.arange(first, first + count), len(shape.edges))
    return rows


def _events(people: People, sessions: Sessions, shape: _Shape, name: str, limits: tuple[Array, int]) -> Array:
    """Events of people who are not too old to have older partners, before each motif's limit. (motifs,)

    A draw that comes too late is replaced by one from before the limit that suits every motif.
    """
    latest, early = limits
    fit = np.flatnonzero(sessions.accounts >= people.plan.services + shape.slots)
    words = people.draws.words(f"motif events {name}", 2 * len(latest)).reshape(2, -1)
    drawn = fit[below(words[0], len(fit))]
    fit = fit[sessions.rows.times[fit] < early]
    assert len(fit), "a stream has people and time enough"
    return np.where(sessions.rows.times[drawn] < latest, drawn, fit[below(words[1], len(fit))])


def _members(people: People, youngest: Array, slots: int, name: str) -> Array:
    """Distinct accounts, all born by then, neighbours by age as contacts are, in random places. (motifs, slots)"""
    count = len(youngest)
    members = [youngest]
    reach = (youngest - people.plan.services) // (slots - 1)
    for slot in range(1, slots):
        words = people.draws.words(f"motif members {slot} {name}", count * _TRIES).reshape(_TRIES, count)
        steps = np.minimum(log_uniform(words, 1, reach), reach)
        found = members[-1] - steps
        busiest = np.argmax(people.activity[found], axis=0)  # as busy as those whom people meet
        members.append(found[busiest, np.arange(count)])
    order = np.argsort(people.draws.words(f"motif places {name}", count * slots).reshape(count, slots), axis=1)
    return np.take_along_axis(np.stack(members, axis=1), order, axis=1)


def _offsets(people: People, shape: _Shape, name: str, count: int, longest: int) -> Array:
    """Ticks from the start to each transfer. (motifs, edges)"""
    words = people.draws.words(f"motif gaps {name}", count * (len(shape.edges) + 1)).reshape(-1, count)
    fresh = sum(not edge.waits for edge in shape.edges)
    span = log_uniform(words[-1], GAP_LOW, 24 * HOUR) if fresh > 1 else 1
    offsets: list[Array] = []
    for edge, word in zip(shape.edges, words, strict=False):
        if edge.waits:
            before = np.maximum.reduce([offsets[at] for at in edge.waits])
            offsets.append(before + log_uniform(word, GAP_LOW, GAP_HIGH))
        else:
            offsets.append(below(word, span))
    table = np.stack(offsets, axis=1)
    last = table.max(axis=1, keepdims=True)
    return np.where(last > longest, table * longest // np.maximum(last, 1), table)


def _amounts(people: People, shape: _Shape, name: str, senders: Array, assets: Array) -> Array:
    """Fresh money as everybody pays it; then half to five per cent less at each step. (motifs, edges)"""
    words = people.draws.words(f"motif amounts {name}", senders.size).reshape(senders.T.shape)
    amounts: list[Array] = []
    for at, edge in enumerate(shape.edges):
        if edge.money is None:
            amounts.append(people.usual_amounts(senders[:, at], assets[:, at], words[at]))
            continue
        less = amounts[edge.money]
        less = less - less * (5 + below(words[at], 46)) // 1_000 - 1
        rounded = round_down(less, 2)
        habit = (words[at] % np.uint64(10) < 3) & (rounded * 100 > less * 96)
        amounts.append(np.maximum(np.where(habit, rounded, less), 1))
    return np.stack(amounts, axis=1)
