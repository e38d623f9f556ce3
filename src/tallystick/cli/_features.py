"""``tally features``: the feature list, or the features of a source as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError, SpecMismatch
from tallystick.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from tallystick.features import Engine, EngineOptions, LabelFeed
    from tallystick.sources import Source

__all__ = ["register"]


@dataclass(frozen=True)
class _Wanted:
    """What was asked for; ``None`` and empty lists leave it to the default, or to the state."""

    families: list[str]
    window_s: int | None
    exposure: str | None
    labels: list[str]
    state: Path | None
    skip_bad_rows: bool


def register(app: typer.Typer) -> None:
    """Add the verb."""
    flags = ("rpc_url", "chain_id", "journal_blocks")
    app.command("features", help=_features.__doc__)(with_settings(*flags)(_features))


def _features(
    source: str | None = typer.Argument(None, help="KIND:PATH_OR_URL\\[#FIRST:LAST]"),
    list_: bool = typer.Option(False, "--list", help="List the features with unit, range, example and meaning."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Parquet file, two rows for each transfer."),
    family: list[str] = typer.Option([], help="Compute this family only; repeat for more."),
    window: int | None = typer.Option(None, help="How far back motifs reach, seconds.", metavar="SECONDS"),
    exposure: str | None = typer.Option(None, help="Accounting rule: haircut, fifo or poison."),
    labels: list[str] = typer.Option([], help="List of labels for exposure; repeat for more.", metavar="KIND:PATH"),
    state: Path | None = typer.Option(None, help="Go on from this file if it is there, and save to it at the end."),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Compute integer features of every transfer, for its sender and its receiver.

    With --state, a run continues where the last one ended: blocks of the source up to there are left out, and labels
    are brought up to what the lists say now.

    Example: tally features xblock:../shared/data/tsgn -o features.parquet
    """
    wanted = _Wanted(family, window, exposure, labels, state, skip_bad_rows)
    if list_:
        _list(wanted, out)
        return
    if source is None or output is None:
        step = "tally features SOURCE -o FILE.parquet, or tally features --list"
        raise InputError("features need a source and an output file", next_step=step)
    _compute(source, output, wanted, settings, out)


def _options(wanted: _Wanted, default: EngineOptions) -> EngineOptions:
    asked: dict[str, Any] = {
        "families": tuple(wanted.families) or None,
        "window_s": wanted.window_s,
        "exposure": wanted.exposure,
    }
    return replace(default, **{name: value for name, value in asked.items() if value is not None})


def _list(wanted: _Wanted, out: Output) -> None:
    from dataclasses import asdict

    from tallystick.features import FAMILIES, EngineOptions, example

    options = _options(wanted, EngineOptions())
    spec = options.spec
    by_name = {feature.name: feature for feature in spec.features}
    lines = [f"feature spec 0x{spec.hash.hex()}, {len(spec.features)} features"]
    rows: list[dict[str, Any]] = []
    for family in (name for name in FAMILIES if name in options.families):
        lines.append(f"\n{family}")
        for name, value in example(family).items():
            feature = by_name[name]
            rows.append({**asdict(feature), "family": family, "example": value})
            domain = f"[{feature.low:,}, {feature.high:,}]"
            reach = _reach(feature.half_life_s, feature.window_s)
            cells = f"{name:<28} {feature.unit:<28} {domain:<28} {reach:<20} e.g. {value:<13,} {feature.help}"
            lines.append(f"  {cells}")
    out.result({"hash": f"0x{spec.hash.hex()}", "features": rows}, "\n".join(lines))


def _reach(half_life_s: int | None, window_s: int | None) -> str:
    if half_life_s is not None:
        return f"half-life {half_life_s:,} s"
    return "" if window_s is None else f"window {window_s:,} s"


def _compute(source: str, output: Path, wanted: _Wanted, settings: Settings, out: Output) -> None:
    import pyarrow.parquet as pq

    from tallystick.features import TransferBatch
    from tallystick.sources import open_source
    from tallystick.store import atomic_file

    opened = open_source(source, settings=settings, skip_bad_rows=wanted.skip_bad_rows)
    engine, resumed = _engine(wanted, settings, out)
    names = engine.spec.names
    done = 0
    with out.progress() as progress, atomic_file(output) as file:
        writer: Any = None
        for table in _later(opened, engine.last_block):
            piece = _piece(table, engine.advance(TransferBatch.from_arrow(table)).rows, names)
            writer = writer or pq.ParquetWriter(file, piece.schema)
            writer.write_table(piece)
            done += table.num_rows
            progress("features", done, None)
        if writer is None:
            if not resumed:
                raise InputError("the source has no transfers", name=source)
            writer = pq.ParquetWriter(file, _nothing(names).schema)
        writer.close()
    if wanted.state is not None:
        engine.save(wanted.state)
    out.left_out(opened.bad_rows)
    facts = {"transfers": done, "rows": 2 * done, "accounts": engine.accounts_known, "file": str(output)}
    facts |= {"last_block": engine.last_block, "state": str(wanted.state)} if wanted.state is not None else {}
    facts |= {
        "bad_rows": opened.bad_rows.count,
        "spec": f"0x{engine.spec.hash.hex()}",
        "state_hash": f"0x{engine.state_hash().hex()}",
    }
    out.result(facts, rows_text(list(facts.items())))


def _engine(wanted: _Wanted, settings: Settings, out: Output) -> tuple[Engine, bool]:
    """A fresh engine, or the one that was saved; and which of them."""
    from tallystick.features import Engine, EngineOptions, relabel

    if wanted.state is None or not wanted.state.exists():
        feed = _feed(wanted, out)
        # Sources hand out blocks that stay: only a state that others go on from needs the journal.
        depth = settings.journal_blocks if wanted.state is not None else 0
        return Engine(_options(wanted, EngineOptions()), feed, journal_blocks=depth), False
    engine = Engine.load(wanted.state)
    if _options(wanted, engine.options) != engine.options:
        step = "Leave out --family, --window and --exposure, or name another --state to begin anew."
        raise SpecMismatch(f"{wanted.state} was saved with other options", next_step=step)
    out.say(f"  go on after block {engine.last_block:,}, {engine.accounts_known:,} accounts")
    feed = _feed(wanted, out)
    if feed is not None:
        out.say(f"  labels: {relabel(engine, feed):,} changes since the state was saved")
    return engine, True


def _feed(wanted: _Wanted, out: Output) -> LabelFeed | None:
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


def _later(source: Source, last_block: int) -> Iterator[pa.Table]:
    """Batches of a source, without the blocks up to one."""
    import pyarrow.compute as pc

    from tallystick.apps.fraud import BATCH_ROWS

    for table in source.batches(BATCH_ROWS):
        if table.num_rows and table["block_number"][0].as_py() <= last_block:
            table = table.filter(pc.greater(table["block_number"], last_block))
        if table.num_rows:
            yield table


def _nothing(names: tuple[str, ...]) -> Any:
    import numpy as np

    from tallystick.store import TRANSFERS

    return _piece(TRANSFERS.schema.empty_table(), np.zeros((0, len(names)), np.int64), names)


def _piece(table: Any, rows: Any, names: tuple[str, ...]) -> Any:
    """Features with the keys of their transfer in front."""
    import numpy as np
    import pyarrow as pa

    keys = ("block_number", "transaction_index", "transfer_index", "transaction_hash")
    twice = pa.array(np.repeat(np.arange(table.num_rows), 2))
    columns = {name: table[name].take(twice) for name in keys}
    columns["side"] = pa.array(["sender", "receiver"] * table.num_rows, pa.string())
    return pa.table(columns | {name: pa.array(rows[:, k]) for k, name in enumerate(names)})
