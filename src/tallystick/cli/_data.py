"""``tally data``: what kinds of sources and labels there are, and what one holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    data = typer.Typer(
        help="Sources of transfers and labels. A source is written KIND:PATH_OR_URL\\[#FIRST:LAST].",
        no_args_is_help=True,
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
    content = {"sources": {kind: found.summary for kind, found in sources.items()}, "labels": list(label_kinds())}
    width = max(map(len, sources)) + 2
    lines = [f"{kind:<{width}}{found.summary}\n{'':<{width}}lacks {found.lacks}" for kind, found in sources.items()]
    out.result(content, "\n".join(["sources", *lines, "", "labels", ", ".join(label_kinds())]))


def _show(
    source: str = typer.Argument(help="KIND:PATH_OR_URL\\[#FIRST:LAST]"),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Read a source and say what it holds.

    Example: tally data show xblock:../shared/data/tsgn
    """
    from tallystick.sources import open_source

    opened = open_source(source, settings=settings, skip_bad_rows=skip_bad_rows)
    table, labels = opened.read(), opened.labels()  # in this order: a reading begins the count of bad rows anew
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
    facts["labels"] = 0 if labels is None else labels.num_rows
    out.left_out(opened.bad_rows)
    out.result(facts, rows_text([(name.replace("_", " "), _shown(name, value)) for name, value in facts.items()]))


def _shown(name: str, value: Any) -> str:
    """A fact for people: times as dates, counts with separators."""
    if name.endswith("_time"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if name == "range":
        return "all blocks" if value == ":" else f"blocks {value}"
    return f"{value:,}" if isinstance(value, int) and not name.endswith("_block") else str(value)


def _labels(
    labels: str = typer.Argument(help="KIND:PATH"),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Read a list of labels, count its categories, and say since when they were known.

    Example: tally data labels ofac:../shared/data/labels/ofac
    """
    import pyarrow.compute as pc

    from tallystick.sources import BadRows, read_labels

    bad_rows = BadRows(skip_bad_rows)
    table = read_labels(labels, skip_bad_rows=skip_bad_rows, bad_rows=bad_rows)
    out.left_out(bad_rows)
    counted = {item["values"]: item["counts"] for item in pc.value_counts(table["category"]).to_pylist()}
    facts = {
        "labels": table.num_rows,
        "bad_rows": bad_rows.count,
        "categories": dict(sorted(counted.items(), key=lambda item: -item[1])),
        "dated": table.num_rows - table["known_from"].null_count,
    }
    if facts["dated"]:
        known = pc.min_max(table["known_from"]).as_py()
        facts |= {"first_known_time": known["min"], "last_known_time": known["max"]}
    counts = [("labels", table.num_rows), *facts["categories"].items()]
    times = [name for name in ("dated", "first_known_time", "last_known_time") if name in facts]
    lines = [(name, f"{count:,}") for name, count in counts]
    out.result(facts, rows_text([*lines, *((name.replace("_", " "), _shown(name, facts[name])) for name in times)]))
