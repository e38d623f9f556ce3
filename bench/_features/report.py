"""The result as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

STREAMS = ("name", "ours_tx_per_s", "ours_everything_tx_per_s", "peer_tx_per_s", "peer_batch", "ratio")
STREAMS += ("ratio_everything", "bytes_per_account", "journal_overhead")
SCALE = ("accounts", "transfers", "ns_per_transfer", "bytes_per_account")
QUALITY = (
    "stream",
    "after",
    "of",
    "metric",
    "peer_batch",
    "ours",
    "peer",
    "difference",
    "low",
    "high",
    "rows",
    "positives",
)


def text(result: dict[str, Any]) -> str:
    """Every part of the result that was asked for."""
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    parts = [f"{machine}\npeer snapml {result['peer_version']}; first use {result['cold_start_s']} s"]
    for name, columns in (("streams", STREAMS), ("scale", SCALE), ("quality", QUALITY)):
        if result[name]:
            parts.append("\n".join(table(columns, result[name])))
    return "\n\n".join(parts)


def table(columns: Sequence[str], rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of a Markdown table, padded so that it can be read as it is."""
    cells = [[cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    yield line(columns, widths)
    yield "|".join(["", *("-" * (width + 1) + ":" for width in widths), ""])
    yield from (line(row, widths) for row in cells)


def line(cells: Sequence[str], widths: list[int]) -> str:
    padded = (value.rjust(width) for value, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{value}"
