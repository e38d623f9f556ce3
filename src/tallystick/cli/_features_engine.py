"""Where ``tally features`` computes: in this process, from a saved state or not, or in shards on Ray."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from tallystick.cli._session import Output
from tallystick.errors import InputError, SpecMismatch
from tallystick.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from tallystick.features import Engine, EngineOptions, LabelFeed, RayShards, ShardedEngine

__all__ = ["Running", "Wanted", "engine_for", "options_for"]

_AHEAD = 2  # batches that shards work on while earlier ones are joined and written


@dataclass(frozen=True)
class Wanted:
    """What was asked for; ``None`` and empty lists leave it to the default, or to the state."""

    families: list[str]
    window_s: int | None
    exposure: str | None
    labels: list[str]
    state: Path | None
    engine: str
    shards: int | None
    skip_bad_rows: bool


def options_for(wanted: Wanted, default: EngineOptions) -> EngineOptions:
    """Options of an engine: the default's where nothing was asked for."""
    asked: dict[str, Any] = {
        "families": tuple(wanted.families) or None,
        "window_s": wanted.window_s,
        "exposure": wanted.exposure,
    }
    return replace(default, **{name: value for name, value in asked.items() if value is not None})


class Running(Protocol):
    """An engine at work."""

    @property
    def engine(self) -> Engine | ShardedEngine:
        """What it is."""

    @property
    def resumed(self) -> bool:
        """Whether it goes on from a state."""

    @property
    def last_block(self) -> int:
        """Newest block it knew at the start; -1 for none."""

    def rows(self, tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Each table of transfers with its rows of features."""

    def end(self) -> dict[str, Any]:
        """Keep what is to be kept; facts to tell."""


@dataclass
class _Here:
    """One engine in this process."""

    engine: Engine
    resumed: bool
    state: Path | None

    def __post_init__(self) -> None:
        self.last_block = self.engine.last_block

    def rows(self, tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, np.ndarray]]:
        from tallystick.features import TransferBatch

        for table in tables:
            yield table, self.engine.advance(TransferBatch.from_arrow(table)).rows

    def end(self) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if self.state is not None:
            self.engine.save(self.state)
            facts = {"last_block": self.engine.last_block, "state": str(self.state)}
        return facts | {"state_hash": f"0x{self.engine.state_hash().hex()}"}


@dataclass
class _Sharded:
    """Shards on Ray."""

    engine: ShardedEngine
    resumed = False
    last_block = -1

    def __post_init__(self) -> None:
        self._start = perf_counter()

    def rows(self, tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, np.ndarray]]:
        from tallystick.features import TransferBatch

        waiting: deque[pa.Table] = deque()

        def batches() -> Iterator[TransferBatch]:
            for table in tables:
                waiting.append(table)
                yield TransferBatch.from_arrow(table)

        for answer in self.engine.stream(batches(), _AHEAD):
            yield waiting.popleft(), answer.rows

    def end(self) -> dict[str, Any]:
        seconds = round(perf_counter() - self._start, 3)
        shuffle = self.engine.shuffle.total
        return {"shards": self.engine.shards.count, "shuffle_bytes": shuffle, "seconds": seconds}


@contextmanager
def engine_for(wanted: Wanted, settings: Settings, out: Output) -> Iterator[Running]:
    """Get an engine ready for what was asked for.

    Raises
    ------
    InputError
        ``--engine`` is not known, or does not go with the other options.
    """
    if wanted.engine == "local":
        if wanted.shards is not None:
            raise InputError("--shards without shards", name="shards", next_step="Give --engine ray too.")
        yield _Here(*_engine(wanted, settings, out), wanted.state)
        return
    if wanted.engine.partition(":")[0] != "ray":
        step = "Give local, ray, ray://HOST:PORT or ray:HOST:PORT."
        raise InputError(f"no engine {wanted.engine!r}", name="engine", next_step=step)
    if wanted.state is not None:
        step = "Leave out --state, or --engine: one process goes on from a state."
        raise InputError("shards keep no state", name="state", next_step=step)
    with _shards(wanted, out) as shards:
        from tallystick.features import ShardedEngine

        yield _Sharded(ShardedEngine(shards, _feed(wanted, out)))


def _shards(wanted: Wanted, out: Output) -> RayShards:
    from tallystick.features import EngineOptions, RayShards

    out.say(f"  engine: shards on {wanted.engine}")
    shards = RayShards(wanted.engine, wanted.shards, options_for(wanted, EngineOptions()))
    out.say(f"  {shards.count} shards are ready")
    return shards


def _engine(wanted: Wanted, settings: Settings, out: Output) -> tuple[Engine, bool]:
    """A fresh engine, or the one that was saved; and which of them."""
    from tallystick.features import Engine, EngineOptions, relabel

    if wanted.state is None or not wanted.state.exists():
        feed = _feed(wanted, out)
        # Sources hand out blocks that stay: only a state that others go on from needs the journal.
        depth = settings.journal_blocks if wanted.state is not None else 0
        return Engine(options_for(wanted, EngineOptions()), feed, journal_blocks=depth), False
    engine = Engine.load(wanted.state)
    if options_for(wanted, engine.options) != engine.options:
        step = "Leave out --family, --window and --exposure, or name another --state to begin anew."
        raise SpecMismatch(f"{wanted.state} was saved with other options", next_step=step)
    out.say(f"  go on after block {engine.last_block:,}, {engine.accounts_known:,} accounts")
    feed = _feed(wanted, out)
    if feed is not None:
        out.say(f"  labels: {relabel(engine, feed):,} changes since the state was saved")
    return engine, True


def _feed(wanted: Wanted, out: Output) -> LabelFeed | None:
    """Statements of all lists; says how many count, and how many not and why."""
    from tallystick.features import LabelFeed
    from tallystick.sources import BadRows, read_labels

    if not wanted.labels:
        return None
    feed = LabelFeed.empty()
    for name in wanted.labels:
        bad_rows = BadRows(wanted.skip_bad_rows)
        table = read_labels(name, skip_bad_rows=wanted.skip_bad_rows, bad_rows=bad_rows)
        out.left_out(bad_rows)
        own = LabelFeed.from_arrow(table)
        reasons = {"of another network": own.left_out.network, "of another category": own.left_out.category}
        reasons |= {"without an address": own.left_out.address, "over before they count": own.left_out.never}
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
        out.say(f"  labels {name}: {int((own.change > 0).sum()):,} count, left out {why or 'none'}")
        feed = LabelFeed.merged(feed, own)
    return feed
