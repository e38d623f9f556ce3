"""``tally data``: what kinds of sources and labels there are, and what one holds."""

from __future__ import annotations

from typing import Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    data = typer.Typer(
        help="Sources of transfers and labels. A source is written KIND:PATH_OR_URL[#FIRST:LAST].", no_args_is_help=True
    )
    data.command("kinds", help=_kinds.__doc__)(with_settings()(_kinds))
    data.command("show", help=_show.__doc__)(with_settings("rpc_url", "chain_id")(_show))
    data.command("labels", help=_labels.__doc__)(with_settings()(_labels))
    app.add_typer(data, name="data")


def _kinds(*, settings: Settings, out: Output) -> None:
    """List the kinds of sources and labels.

    Example: tally data kinds
    """
    from tallystick.sources import label_kinds, source_class, source_kinds

    sources = {kind: source_class(kind) for kind in source_kinds()}
    rows = [
        (kind, found.summary + (f" Lacks: {found.lacks}" if found.lacks else "")) for kind, found in sources.items()
    ]
    content = {"sources": {kind: found.summary for kind, found in sources.items()}, "labels": list(label_kinds())}
    out.result(content, f"{rows_text(rows)}\n\nlabels: {', '.join(label_kinds())}")


def _show(
    source: str = typer.Argument(help="KIND:PATH_OR_URL[#FIRST:LAST]"),
    skip_bad_rows: bool = typer.Option(False, help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Read a source and say what it holds.

    Example: tally data show xblock:../shared/data/tsgn
    """
    from tallystick.sources import open_source

    opened = open_source(source, settings=settings, skip_bad_rows=skip_bad_rows)
    table = opened.read()
    facts: dict[str, Any] = {
        **opened.describe(),
        "content_hash": opened.content_hash(),
        "bad_rows": opened.bad_rows.count,
    }
    if table.num_rows:
        blocks, times = table["block_number"], table["timestamp"]
        facts |= {"first_block": blocks[0].as_py(), "last_block": blocks[-1].as_py()}
        facts |= {"first_time": times[0].as_py(), "last_time": times[-1].as_py()}
        facts["tokens"] = table.num_rows - table["erc20"].null_count
    labels = opened.labels()
    facts["labels"] = 0 if labels is None else labels.num_rows
    for note in opened.bad_rows.first:
        out.say(f"  left out: {note}")
    out.result(facts, rows_text(list(facts.items())))


def _labels(labels: str = typer.Argument(help="KIND:PATH"), *, settings: Settings, out: Output) -> None:
    """Read a list of labels and count its categories.

    Example: tally data labels ofac:../shared/data/labels/ofac
    """
    import pyarrow.compute as pc

    from tallystick.sources import read_labels

    table = read_labels(labels)
    counted = {item["values"]: item["counts"] for item in pc.value_counts(table["category"]).to_pylist()}
    facts = {"labels": table.num_rows, "categories": dict(sorted(counted.items(), key=lambda item: -item[1]))}
    out.result(facts, rows_text([("labels", table.num_rows), *facts["categories"].items()]))
