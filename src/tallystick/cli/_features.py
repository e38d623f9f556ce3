"""``tally features``: the feature list, or the features of a source as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("features", help=_features.__doc__)(with_settings("rpc_url", "chain_id")(_features))


def _features(
    source: str | None = typer.Argument(None, help="KIND:PATH_OR_URL\\[#FIRST:LAST]"),
    list_: bool = typer.Option(False, "--list", help="List the features with unit, range and meaning."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Parquet file, two rows for each transfer."),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Compute integer features of every transfer, for its sender and its receiver.

    Example: tally features xblock:../shared/data/tsgn -o features.parquet
    """
    if list_:
        _list(out)
        return
    if source is None or output is None:
        step = "tally features SOURCE -o FILE.parquet, or tally features --list"
        raise InputError("features need a source and an output file", next_step=step)
    _compute(source, output, skip_bad_rows, settings, out)


def _list(out: Output) -> None:
    from dataclasses import asdict

    from tallystick.features import FAMILIES, SPEC

    lines = [f"feature spec 0x{SPEC.hash.hex()}, {len(SPEC.features)} features"]
    for family, module in FAMILIES.items():
        lines.append(f"\n{family}")
        for feature in module.FEATURES:
            domain = f"[{feature.low:,}, {feature.high:,}]"
            lines.append(f"  {feature.name:<28} {feature.unit:<28} {domain:<28} {feature.help}")
    content = {"hash": f"0x{SPEC.hash.hex()}", "features": [asdict(feature) for feature in SPEC.features]}
    out.result(content, "\n".join(lines))


def _compute(source: str, output: Path, skip_bad_rows: bool, settings: Settings, out: Output) -> None:
    import pyarrow.parquet as pq

    from tallystick.apps.fraud import BATCH_ROWS
    from tallystick.features import SPEC, Engine, TransferBatch
    from tallystick.sources import open_source
    from tallystick.store import atomic_file

    opened = open_source(source, settings=settings, skip_bad_rows=skip_bad_rows)
    engine = Engine(journal_blocks=0)
    done = 0
    with out.progress() as progress, atomic_file(output) as file:
        writer: Any = None
        for table in opened.batches(BATCH_ROWS):
            rows = engine.advance(TransferBatch.from_arrow(table)).rows
            piece = _piece(table, rows, SPEC.names)
            writer = writer or pq.ParquetWriter(file, piece.schema)
            writer.write_table(piece)
            done += table.num_rows
            progress("features", done, None)
        if writer is None:
            raise InputError("the source has no transfers", name=source)
        writer.close()
    facts = {"transfers": done, "rows": 2 * done, "accounts": engine.accounts_known, "file": str(output)}
    out.left_out(opened.bad_rows)
    facts |= {
        "bad_rows": opened.bad_rows.count,
        "spec": f"0x{SPEC.hash.hex()}",
        "state_hash": f"0x{engine.state_hash().hex()}",
    }
    out.result(facts, rows_text(list(facts.items())))


def _piece(table: Any, rows: Any, names: tuple[str, ...]) -> Any:
    """Features with the keys of their transfer in front."""
    import numpy as np
    import pyarrow as pa

    keys = ("block_number", "transaction_index", "transfer_index", "transaction_hash")
    twice = pa.array(np.repeat(np.arange(table.num_rows), 2))
    columns = {name: table[name].take(twice) for name in keys}
    columns["side"] = pa.array(["sender", "receiver"] * table.num_rows)
    return pa.table(columns | {name: pa.array(rows[:, k]) for k, name in enumerate(names)})
