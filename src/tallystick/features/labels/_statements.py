"""Rows of a table of labels as arrays: when each counts, of which account, in which category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.errors import RangeError
from tallystick.features.labels._categories import exposure_category

__all__ = ["FOREVER", "TIME_LIMIT", "LeftOut", "Statements", "read_statements"]

TIME_LIMIT: Final = 1 << 32
FOREVER: Final = (1 << 63) - 1
_ADDRESS: Final = "^0[xX][0-9a-fA-F]{40}$"
_TEXT_BYTES: Final = 42  # 0x and 40 digits


@dataclass(frozen=True)
class LeftOut:
    """How many statements of a table give no event, by the first reason that applies.

    Parameters
    ----------
    network
        Their network was not asked for.
    category
        What they say is none of ``CATEGORIES``.
    address
        Their address is not 20 bytes.
    never
        They had ended before they counted.
    """

    network: int = 0
    category: int = 0
    address: int = 0
    never: int = 0

    def __add__(self, other: LeftOut) -> LeftOut:
        return LeftOut(
            self.network + other.network,
            self.category + other.category,
            self.address + other.address,
            self.never + other.never,
        )


@dataclass(frozen=True)
class Statements:
    """Statements that count at some time; every array has one entry a statement.

    Parameters
    ----------
    begin, end
        int64, UTC seconds: each counts in ``[begin, end)``; ``FOREVER`` where it never ends.
    address
        (n, 3) uint64 words.
    category
        int64, index in ``CATEGORIES``.
    left_out
        The other rows of the table.
    """

    begin: np.ndarray
    end: np.ndarray
    address: np.ndarray
    category: np.ndarray
    left_out: LeftOut


def read_statements(table: pa.Table, networks: Sequence[str], not_before: int) -> Statements:
    """Convert a table of layout ``store.LABELS``; see :meth:`LabelFeed.from_arrow`.

    Raises
    ------
    RangeError
        A statement ends before it begins to hold.
    """
    table = table.combine_chunks()
    begin, end = _times(table, not_before)
    wanted = pc.is_in(table["network"], value_set=pa.array(list(networks), pa.string())).to_numpy()
    category = _categories(table["category"])
    is_account = pc.match_substring_regex(table["address"], _ADDRESS).to_numpy()
    kept, counts = np.ones(len(begin), bool), []
    for reason in (wanted, category >= 0, is_account, begin < end):
        counts.append(int((kept & ~reason).sum()))
        kept = kept & reason
    address = _addresses(table["address"].filter(pa.array(kept)))
    return Statements(begin[kept], end[kept], address, category[kept], LeftOut(*counts))


def _times(table: pa.Table, not_before: int) -> tuple[np.ndarray, np.ndarray]:
    """First second at which each statement counts, and first at which it no longer does."""
    holds, ends = _seconds(table["valid_from"], 0), _seconds(table["valid_to"], FOREVER)
    wrong = np.flatnonzero(ends < holds)
    if len(wrong):
        row = int(wrong[0])
        address = table["address"][row].as_py()
        cause = f"label ends before it begins: valid_from is {holds[row]}, valid_to is {ends[row]}"
        raise RangeError(cause, column="valid_to", value=int(ends[row]), name=address)
    known = _seconds(table["known_from"], 0)  # where null, valid_from decides alone
    return np.maximum(np.maximum(holds, known), not_before), ends


def _seconds(column: pa.ChunkedArray, missing: int) -> np.ndarray:
    seconds: np.ndarray = pc.fill_null(column.cast(pa.int64()), missing).to_numpy()
    return seconds


def _categories(column: pa.ChunkedArray) -> np.ndarray:
    """Index in ``CATEGORIES`` of each cell, -1 where it fits none."""
    words = column.unique().to_pylist()
    found = [exposure_category(word) for word in words]
    index = np.array([-1 if number is None else number for number in found], np.int64)
    cells: np.ndarray = pc.index_in(column, value_set=pa.array(words, pa.string())).to_numpy()
    return index.take(cells)


def _addresses(column: pa.ChunkedArray) -> np.ndarray:
    """Words of addresses, each 0x and 40 digits: (n, 3) uint64."""
    text = np.frombuffer("".join(column.to_pylist()).encode(), np.uint8).reshape(-1, _TEXT_BYTES)
    digits = bytes.fromhex(text[:, 2:].tobytes().decode())
    padded = np.zeros((len(text), 24), np.uint8)
    padded[:, :20] = np.frombuffer(digits, np.uint8).reshape(-1, 20)
    return padded.view(">u8").astype(np.uint64)
