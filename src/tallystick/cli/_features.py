"""``tally features``: the feature list, or the features of a source as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._features_engine import Running, Wanted, engine_for, options_for
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError
from tallystick.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from tallystick.sources import Source

__all__ = ["register"]


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
    engine: str = typer.Option("local", help="local, ray, ray://HOST:PORT or ray:HOST:PORT.", metavar="WHERE"),
    shards: int | None = typer.Option(None, help="With ray: how many; one a processor unless told."),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Compute integer features of every transfer, for its sender and its receiver.

    With --state, a run continues where the last one ended: blocks of the source up to there are left out, and labels
    are brought up to what the lists say now.

    With --engine ray, accounts are spread over the processors of this machine, or of a cluster that is running; the
    rows are the same. See docs/explanation/scale.md.

    Example: tally features xblock:../shared/data/tsgn -o features.parquet
    """
    wanted = Wanted(family, window, exposure, labels, state, engine, shards, skip_bad_rows)
    if list_:
        _list(wanted, out)
        return
    if source is None or output is None:
        step = "tally features SOURCE -o FILE.parquet, or tally features --list"
        raise InputError("features need a source and an output file", next_step=step)
    _compute(source, output, wanted, settings, out)


def _list(wanted: Wanted, out: Output) -> None:
    from dataclasses import asdict

    from tallystick.features import FAMILIES, SCOPES, EngineOptions, example

    options = options_for(wanted, EngineOptions())
    spec = options.spec
    by_name = {feature.name: feature for feature in spec.features}
    lines = [f"feature spec 0x{spec.hash.hex()}, {len(spec.features)} features"]
    rows: list[dict[str, Any]] = []
    for family in (name for name in FAMILIES if name in options.families):
        lines.append(f"\n{family} (in shards: {SCOPES[family].name})")
        for name, value in example(family).items():
            feature = by_name[name]
            rows.append({**asdict(feature), "family": family, "scope": SCOPES[family].name, "example": value})
            domain = f"[{feature.low:,}, {feature.high:,}]"
            reach = _reach(feature.half_life_s, feature.window_s)
            cells = f"{name:<28} {feature.unit:<28} {domain:<28} {reach:<20} e.g. {value:<13,} {feature.help}"
            lines.append(f"  {cells}")
    out.result({"hash": f"0x{spec.hash.hex()}", "features": rows}, "\n".join(lines))


def _reach(half_life_s: int | None, window_s: int | None) -> str:
    if half_life_s is not None:
        return f"half-life {half_life_s:,} s"
    return "" if window_s is None else f"window {window_s:,} s"


def _compute(source: str, output: Path, wanted: Wanted, settings: Settings, out: Output) -> None:
    from tallystick.sources import open_source

    opened = open_source(source, settings=settings, skip_bad_rows=wanted.skip_bad_rows)
    with engine_for(wanted, settings, out) as running:
        done = _write(running, source, opened, output, out)
        facts = {"transfers": done, "rows": 2 * done, "accounts": running.engine.accounts_known, "file": str(output)}
        facts |= running.end()
    out.left_out(opened.bad_rows)
    facts |= {"bad_rows": opened.bad_rows.count, "spec": f"0x{running.engine.spec.hash.hex()}"}
    out.result(facts, rows_text(list(facts.items())))


def _write(running: Running, source: str, opened: Source, output: Path, out: Output) -> int:
    """Write the rows of a source to a file, which is there only when it is whole; how many transfers they are of."""
    import pyarrow.parquet as pq

    from tallystick.store import atomic_file

    names = running.engine.spec.names
    done = 0
    with out.progress() as progress, atomic_file(output) as file:
        writer: Any = None
        for table, rows in running.rows(_later(opened, running.last_block)):
            piece = _piece(table, rows, names)
            writer = writer or pq.ParquetWriter(file, piece.schema)
            writer.write_table(piece)
            done += table.num_rows
            progress("features", done, None)
        if writer is None:
            if not running.resumed:
                raise InputError("the source has no transfers", name=source)
            writer = pq.ParquetWriter(file, _nothing(names).schema)
        writer.close()
    return done


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
