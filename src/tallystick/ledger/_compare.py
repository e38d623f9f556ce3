"""Lay two tables together and name the first place where they differ.

Pure: two Arrow tables in, one finding out. Rows are known by their place in the chain
(block, transaction, transfer), so a row that was moved, taken out or put in is told apart from a
cell that was altered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tallystick.ledger._ranges import BlockRange
from tallystick.store import PREDICTIONS, TRANSFERS, TableLayout, check_table

__all__ = ["Mismatch", "MismatchKind", "compare_predictions", "compare_transfers"]

_KEY: Final = ("block_number", "transaction_index", "transfer_index")


class MismatchKind(StrEnum):
    """What kind of difference was found; the words of the JSON report."""

    ALTERED_VALUE = "altered_value"
    SWAPPED_ROWS = "swapped_rows"
    MISSING_ROW = "missing_row"
    EXTRA_ROW = "extra_row"
    CHANGED_INPUT = "changed_input"
    OTHER_PROGRAM = "other_program"
    OTHER_FEATURE_SPEC = "other_feature_spec"
    REORDERED_RANGES = "reordered_ranges"
    RANGE_DIFFERS = "range_differs"


@dataclass(frozen=True)
class Mismatch:
    """The first place where the halves differ.

    Parameters
    ----------
    kind
        What kind of difference.
    cause
        One line for people.
    block, transaction_hash, transfer_index
        Which transfer, where one can be named.
    field
        Column that differs, where one can be named.
    stored, recomputed
        The two values: what was kept or claimed, and what running it again gives.
    range
        Committed block range it lies in.
    ledger_agrees_with
        Half whose root is the one on the ledger: ``stored``, ``recomputed``, or ``neither``.
    """

    kind: MismatchKind
    cause: str
    block: int | None = None
    transaction_hash: bytes | None = None
    transfer_index: int | None = None
    field: str | None = None
    stored: Any = None
    recomputed: Any = None
    range: BlockRange | None = None
    ledger_agrees_with: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report; bytes in hexadecimal."""
        return {name: _plain(value) for name, value in vars(self).items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, BlockRange):
        return [value.first_block, value.last_block]
    return value


def compare_predictions(stored: pa.Table, recomputed: pa.Table) -> Mismatch | None:
    """First place where two tables of predictions differ, or ``None``.

    Parameters
    ----------
    stored
        What was kept, layout ``store.PREDICTIONS``; may have been altered in any way.
    recomputed
        What running the program again gives, in chain order.
    """
    return _compare(stored, recomputed, PREDICTIONS)


def compare_transfers(stored: pa.Table, source: pa.Table) -> Mismatch | None:
    """First place where two tables of transfers differ, or ``None``; an altered cell is a changed input."""
    return _compare(stored, source, TRANSFERS)


def _compare(stored: pa.Table, ours: pa.Table, layout: TableLayout) -> Mismatch | None:
    check_table(stored, layout)
    check_table(ours, layout)
    common = min(stored.num_rows, ours.num_rows)
    found = _first_difference(stored.slice(0, common), ours.slice(0, common), layout)
    if found is None:
        if stored.num_rows == ours.num_rows:
            return None
        return _extra(stored, common) if stored.num_rows > common else _missing(ours, common)
    row, name = found
    if all(stored.column(key)[row] == ours.column(key)[row] for key in _KEY):
        return _altered(stored, ours, row, name, layout)
    is_extra = _occurrences(stored, stored, row) > _occurrences(ours, stored, row)
    is_missing = _occurrences(ours, ours, row) > _occurrences(stored, ours, row)
    if is_extra and is_missing:
        return _altered(stored, ours, row, name, layout)
    if is_extra:
        return _extra(stored, row)
    return _missing(ours, row) if is_missing else _swapped(stored, ours, row)


def _first_difference(stored: pa.Table, ours: pa.Table, layout: TableLayout) -> tuple[int, str] | None:
    """First row that differs, and the first column, in the layout's order, that differs there."""
    first: tuple[int, str] | None = None
    for column in layout.columns:
        theirs, mine = stored.column(column.name), ours.column(column.name)
        if theirs.equals(mine):
            continue
        unequal = pc.or_(pc.fill_null(pc.not_equal(theirs, mine), False), pc.xor(pc.is_null(theirs), pc.is_null(mine)))
        row = pc.index(unequal, True).as_py()
        if first is None or row < first[0]:
            first = row, column.name
    return first


def _occurrences(table: pa.Table, of: pa.Table, row: int) -> int:
    """How often the place in the chain of row ``row`` of ``of`` stands in ``table``."""
    hits = None
    for key in _KEY:
        equal = pc.equal(table.column(key), of.column(key)[row])
        hits = equal if hits is None else pc.and_(hits, equal)
    return int(pc.sum(hits).as_py() or 0)


def _cell(table: pa.Table, row: int, name: str) -> Any:
    return table.column(name)[row].as_py()


def _place(table: pa.Table, row: int) -> dict[str, Any]:
    return {
        "block": _cell(table, row, "block_number"),
        "transaction_hash": _cell(table, row, "transaction_hash"),
        "transfer_index": _cell(table, row, "transfer_index"),
    }


def _words(table: pa.Table, row: int) -> str:
    place = _place(table, row)
    return (
        f"block {place['block']}, transaction 0x{place['transaction_hash'].hex()}, transfer {place['transfer_index']}"
    )


def _altered(stored: pa.Table, ours: pa.Table, row: int, name: str, layout: TableLayout) -> Mismatch:
    theirs, mine = _cell(stored, row, name), _cell(ours, row, name)
    is_input = layout is TRANSFERS
    cause = f"{_words(ours, row)}: {name} is {_plain(theirs)} in what was kept and {_plain(mine)} "
    cause += "in the source" if is_input else "recomputed"
    kind = MismatchKind.CHANGED_INPUT if is_input else MismatchKind.ALTERED_VALUE
    return Mismatch(kind, cause, field=name, stored=theirs, recomputed=mine, **_place(ours, row))


def _extra(stored: pa.Table, row: int) -> Mismatch:
    cause = f"{_words(stored, row)}: kept, but there is no such transfer or it is there once more"
    return Mismatch(MismatchKind.EXTRA_ROW, cause, **_place(stored, row))


def _missing(ours: pa.Table, row: int) -> Mismatch:
    return Mismatch(MismatchKind.MISSING_ROW, f"{_words(ours, row)}: missing from what was kept", **_place(ours, row))


def _swapped(stored: pa.Table, ours: pa.Table, row: int) -> Mismatch:
    cause = f"{_words(ours, row)}: in its place stands the row of {_words(stored, row)}"
    return Mismatch(
        MismatchKind.SWAPPED_ROWS,
        cause,
        stored=_cell(stored, row, "transaction_hash"),
        recomputed=_cell(ours, row, "transaction_hash"),
        **_place(ours, row),
    )
