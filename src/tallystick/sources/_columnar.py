"""Parquet files as columns, by the same rules as text files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.errors import RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._cells import BytesCell, Cell, CountCell, FlagCell, PrefixCell, Values
from tallystick.sources._delimited import LINE

__all__ = ["ParquetReader", "parquet_columns"]

Array = Any


def parquet_columns(path: Path) -> list[str]:
    """Column names of a file.

    Raises
    ------
    SourceError
        It is not a whole Parquet file.
    """
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"not a whole Parquet file: {error}", file=str(path)) from error


@dataclass(frozen=True)
class ParquetReader:
    """Reads the named columns of one file; text columns by their cells, others by value.

    Parameters
    ----------
    path
        The file.
    cells
        For each wanted column, how its cells are read where they are text.
    bad_rows
        Where malformed rows are reported; a row's line is its number in the file, from 1.
    """

    path: Path
    cells: Mapping[str, Cell]
    bad_rows: BadRows

    def read(self) -> dict[str, Values]:
        """All rows.

        Raises
        ------
        SourceError
            The file is damaged, or a column is missing or of a wrong type.
        BadRow
            A row is malformed and such rows are not skipped.
        """
        have = parquet_columns(self.path)
        for name in self.cells:
            if name not in have:
                raise SourceError(f"column {name!r} is missing", file=str(self.path), column=name)
        try:
            table = pq.ParquetFile(self.path).read(columns=list(self.cells))
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"cannot be read: {error}", file=str(self.path)) from error
        out = {}
        wrong: dict[int, tuple[str, RangeError]] = {}
        for name, cell in self.cells.items():
            out[name] = self._column(table.column(name), name, cell, wrong)
        out[LINE] = Values(np.arange(1, table.num_rows + 1))
        for row, (column, problem) in sorted(wrong.items()):
            cause = f"{problem.cause}: {problem.where.get('value')!r}"
            self.bad_rows.report(cause, file=str(self.path), line=row + 1, column=column, error=problem)
        if wrong:
            keep = np.ones(table.num_rows, bool)
            keep[list(wrong)] = False
            out = {name: values.take(keep) for name, values in out.items()}
        return out

    def _column(self, cells: Any, name: str, cell: Cell, wrong: dict[int, tuple[str, RangeError]]) -> Values:
        """Decode one column; malformed rows go into ``wrong``, first column first."""
        array = pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)
        out = cell.blank(len(array))
        if _is_plain(array, cell):
            return _plain(array, out)
        for row, value in enumerate(array.to_pylist()):
            try:
                cell.put(out, row, _value(cell, value, name))
            except RangeError as error:
                wrong.setdefault(row, (name, error))
        return out


def _is_plain(array: Any, cell: Cell) -> bool:
    """Fixed-width values without nulls, which can be taken over as they are."""
    if array.null_count:
        return False
    if isinstance(cell, CountCell):
        return bool(pa.types.is_unsigned_integer(array.type)) and array.type.bit_width <= cell.bits
    if isinstance(cell, FlagCell):
        return bool(pa.types.is_boolean(array.type)) and not cell.negate
    if isinstance(cell, PrefixCell) or not _is_binary(array.type):
        return False
    width = cell.width if isinstance(cell, BytesCell) else 32
    return bool((np.diff(_offsets(array)) == width).all())


def _plain(array: Any, out: Values) -> Values:
    if not _is_binary(array.type):
        return Values(np.asarray(array.to_numpy(zero_copy_only=False)).astype(out.data.dtype), out.valid)
    offsets = _offsets(array)
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return Values(data.reshape(out.data.shape).copy(), out.valid)


def _is_binary(type: Any) -> bool:
    return bool(pa.types.is_binary(type) or pa.types.is_large_binary(type))


def _offsets(array: Any) -> Array:
    kind = np.int64 if pa.types.is_large_binary(array.type) else np.int32
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array) + 1]


def _value(cell: Cell, value: Any, name: str) -> Any:
    """One value of a column that is not plain: null, bytes, number, truth or text."""
    if value is None:
        if getattr(cell, "nullable", False) or isinstance(cell, PrefixCell):
            return None
        if isinstance(cell, FlagCell) and cell.empty_is_true:
            return True
        raise RangeError(f"{name} is null", value=None)
    if isinstance(value, bytes):
        return _bytes_value(cell, value, name)
    if isinstance(value, bool):
        return value
    return cell.parse(str(value), name)


def _bytes_value(cell: Cell, value: bytes, name: str) -> Any:
    if isinstance(cell, PrefixCell):
        return value[:4] if len(value) >= 4 else None
    width = cell.width if isinstance(cell, BytesCell) else 32
    if width == 20 and getattr(cell, "nullable", False) and value == bytes(32):
        return None  # cryo writes 32 zero bytes for a contract that was not created
    if len(value) != width:
        raise RangeError(f"{name} is not {width} bytes", value=value.hex()[:80])
    return value if isinstance(cell, BytesCell) else int.from_bytes(value, "big")
