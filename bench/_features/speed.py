"""Transfers per second of both engines, taken in turns over the same transfers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from _features.engines import COMPARABLE, PEER_BATCHES, PEER_FAMILIES, WINDOW_S, Ours, Peer, make_engine
from _features.probe import keeping_up, rates_alone
from _features.scale import Chain
from _features.streams import Piece, Stream
from tallystick.features import Engine, TransferBatch

TURN_BLOCKS = 10
PROBE_ROWS_PER_S = 20_000


@dataclass(frozen=True)
class Plan:
    """How a stream is measured.

    Parameters
    ----------
    first_share
        Where the timed part begins, as a share of the stream; what is before it only makes state.
    passes
        Times the timed part is run, with fresh engines each time; the median counts.
    pieces
        Turns in a pass: each engine takes a piece, then the next engine takes the same piece.
    budget_s
        The part ends after the piece in which the peer has used so many seconds in a pass.
    batch_s
        Seconds given to each of the peer's batch sizes when looking for its best.
    probe_s
        Seconds given to each of the peer's families to show that it gets through; 0 to take that for granted.
    live
        Most transfers for the journal's cost.
    """

    first_share: float = 0.0
    passes: int = 3
    pieces: int = 12
    budget_s: float = 60.0
    batch_s: float = 2.0
    probe_s: float = 0.0
    live: int = 100_000


Takes = dict[str, Callable[[Piece], None]]


def in_turns(takes: Takes, pieces: Iterable[Piece], budget_s: float, judge: str) -> tuple[dict[str, float], int]:
    """Seconds of each taker over the same pieces, and how many transfers they were.

    Who goes first changes from piece to piece. Ends early when ``judge`` has used its budget.
    """
    seconds = dict.fromkeys(takes, 0.0)
    transfers = 0
    order = list(takes)
    for piece in pieces:
        for name in order:
            start = time.perf_counter()
            takes[name](piece)
            seconds[name] += time.perf_counter() - start
        transfers += len(piece)
        order = order[1:] + order[:1]
        if seconds[judge] > budget_s:
            break
    return seconds, transfers


@dataclass(frozen=True)
class PeerSetup:
    """What the peer runs with on one stream.

    Parameters
    ----------
    alone
        Transfers per second of each family alone, where that was tried.
    batch, rate
        Its best batch size, and what it did with it on a few transfers.
    """

    families: tuple[str, ...]
    alone: dict[str, int | None]
    batch: int
    rate: float


def measure_stream(stream: Stream, plan: Plan, with_peer: bool) -> dict[str, Any]:
    """One entry of ``streams``."""
    first = stream.cut(int(len(stream) * plan.first_share))
    setup = set_up_peer(stream, plan, first) if with_peer else None
    runs = [one_pass(stream, plan, first, setup) for _ in range(plan.passes)]
    rates = {name: round(statistics.median(run["rates"][name] for run in runs)) for name in runs[0]["rates"]}
    ratios = {name: sorted(run["ratios"][name] for run in runs) for name in runs[0]["ratios"]}
    last = runs[-1]["everything"]
    return {
        "name": stream.name,
        "transfers": len(stream),
        "accounts": last.accounts_known,
        "part": {"first": first, "transfers": runs[0]["transfers"], "passes": plan.passes},
        "ours_tx_per_s": rates["ours"],
        "ours_everything_tx_per_s": rates["everything"],
        "peer_tx_per_s": rates.get("peer"),
        "peer_batch": setup.batch if setup else None,
        "peer_families": list(setup.families) if setup else [],
        "peer_families_alone_tx_per_s": setup.alone if setup else {},
        "ratio": middle(ratios.get("ours")),
        "ratio_everything": middle(ratios.get("everything")),
        "ratio_of_passes": [round(value, 2) for value in ratios.get("ours", [])],
        "bytes_per_account": round(last.state_bytes / last.accounts_known),
        "journal_overhead": round(journal_overhead(stream, plan, first), 4),
    }


def set_up_peer(stream: Stream, plan: Plan, first: int) -> PeerSetup:
    """Leave out families that do not get through, and find the best batch size for the others."""
    families, alone = PEER_FAMILIES, {}
    if plan.probe_s:
        some = stream.edges[first : first + round(plan.probe_s * PROBE_ROWS_PER_S)]
        alone = rates_alone(before(stream, first), some, plan.probe_s)
        families = keeping_up(alone)
    batch, rate = best_batch(stream, first, families, plan.batch_s)
    return PeerSetup(families, alone, batch, rate)


def warm_up(with_peer: bool) -> None:
    """Compile, and load the peer's library."""
    batch = Chain().grow(100)
    for engine in (make_engine(COMPARABLE), make_engine(), make_engine(journal=False)):
        engine.advance(batch)
    if with_peer:
        Peer(PEER_BATCHES[0]).take(Piece([], np.array([[0.0, 1, 2, 10, 1, 0], [1, 2, 1, 11, 1, 0]])))


def middle(values: list[float] | None) -> float | None:
    return round(statistics.median(values), 2) if values else None


def one_pass(stream: Stream, plan: Plan, first: int, setup: PeerSetup | None) -> dict[str, Any]:
    """Fresh engines over the part, in turns; ours then goes on to the end of the stream for its state."""
    ours, everything = Ours(COMPARABLE), Ours()
    takes: Takes = {"ours": ours.take, "everything": everything.take}
    rows = max(1, (len(stream) - first) // plan.pieces)
    if setup:
        rows = max(1, min(rows, round(setup.rate * plan.budget_s / plan.pieces)))
        peer = Peer(setup.batch, setup.families)
        peer.warm(before(stream, first))
        takes["peer"] = peer.take
    for piece in stream.pieces(0, first, 1 << 18):
        ours.take(piece)
        everything.take(piece)
    judge = "peer" if setup else "everything"
    seconds, transfers = in_turns(takes, stream.pieces(first, len(stream), rows), plan.budget_s, judge)
    for piece in stream.pieces(first + transfers, len(stream), 1 << 18):
        everything.take(piece)
    return {
        "everything": everything.engine,
        "transfers": transfers,
        "rates": {name: transfers / value for name, value in seconds.items()},
        "ratios": {name: seconds["peer"] / seconds[name] for name in ("ours", "everything") if "peer" in seconds},
    }


def before(stream: Stream, first: int) -> np.ndarray:
    """Edges of one window before a position: all that the peer remembers there."""
    start = int(np.searchsorted(stream.time, stream.time[min(first, len(stream) - 1)] - WINDOW_S))
    return stream.edges[min(start, first) : first]


def best_batch(stream: Stream, first: int, families: tuple[str, ...], seconds: float) -> tuple[int, float]:
    """The peer's fastest batch size on transfers from the middle of the part, and how fast that is."""
    start = stream.cut((first + len(stream)) // 2)
    if start == len(stream):
        start = first
    rates = {}
    for batch in PEER_BATCHES:
        peer = Peer(batch, families)
        peer.warm(before(stream, start))
        clock, done, spent = time.perf_counter(), 0, 0.0
        for at in range(start, len(stream), batch):
            edges = stream.edges[at : at + batch]
            peer.engine.transform(edges)
            done, spent = done + len(edges), time.perf_counter() - clock
            if spent > seconds:
                break
        rates[batch] = done / spent
    return max(rates.items(), key=lambda item: item[1])


def journal_overhead(stream: Stream, plan: Plan, first: int) -> float:
    """Share of throughput that the journal takes when following block by block."""
    lost = []
    start = first if first else stream.cut(len(stream) // 4)
    stop = stream.cut(min(start + plan.live, len(stream)))
    blocks = stream.blocks(start, stop)
    for _ in range(plan.passes):
        kept, free = make_engine(), make_engine(journal=False)
        for piece in stream.pieces(0, start, 1 << 18):
            for batch in piece.batches:
                kept.advance(batch)
                free.advance(batch)
        for some in range(0, len(blocks), TURN_BLOCKS):
            pair = (kept, free) if some // TURN_BLOCKS % 2 else (free, kept)
            spent = {engine: follow(engine, blocks[some : some + TURN_BLOCKS]) for engine in pair}
            lost.append(1 - spent[free] / spent[kept])
    return statistics.median(lost)


def follow(engine: Engine, blocks: list[TransferBatch]) -> float:
    """Seconds to take some blocks, one by one."""
    start = time.perf_counter()
    for block in blocks:
        engine.advance(block)
    return time.perf_counter() - start
