"""The result as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

HEAD = (
    "branch_gas_per_tree",
    "table_gas_per_tree",
    "table_gas_per_tree_warm",
    "solidity_gas_per_tree",
    "branch_bytes_per_node",
)
HEAD += ("table_bytes_per_node", "mac_gas", "rows_checked", "seconds")
TREES = ("model", "layout", "form", "via_ir", "nodes", "comparisons_per_tree", "gas_per_tree", "gas", "gas_min")
TREES += ("gas_max", "cold_gas", "bytes", "bytes_per_node", "contracts", "deploy_gas", "shared_deploy_gas")
DENSE = ("model", "macs", "gas", "gas_max", "cold_gas", "gas_per_mac", "bytes", "deploy_gas")
OUTLOOK = ("layout", "bytes", "deposit_now", "deposit_eip8037", "call_now", "call_floor_eip7976")


def text(result: dict[str, Any]) -> str:
    """Every part of the result."""
    parts = [", ".join(f"{name} {value}" for name, value in result["versions"].items())]
    parts.append("\n".join(f"{name:<24} {result[name]:>10,}" for name in HEAD))
    for name, columns in (("trees", TREES), ("dense", DENSE), ("outlook", OUTLOOK)):
        parts.append("\n".join(table(columns, result[name])))
    return "\n\n".join(parts)


def table(columns: Sequence[str], rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of a Markdown table, padded so that it can be read as it is."""
    cells = [[cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    yield line(columns, widths)
    yield "|".join(["", *("-" * (width + 1) + ":" for width in widths), ""])
    yield from (line(row, widths) for row in cells)


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(value.rjust(width) for value, width in zip(cells, widths, strict=True))} |"


def cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}"
