"""Rows of a file, by the names of a program's features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.errors import BadRow, InputError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["columns_of", "read_rows"]


def read_rows(path: Path) -> pl.DataFrame:
    """Read a table: .csv (also .csv.gz) or .parquet.

    Raises
    ------
    InputError
        It cannot be read.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    try:  # a name with * or [ is a name, not a pattern
        if path.suffix == ".parquet":
            return pl.read_parquet(path, glob=False)
        return pl.read_csv(path, infer_schema_length=None, glob=False)
    except (OSError, PolarsError) as error:
        step = "Give a .csv or .parquet file with a header that names the features."
        raise InputError("the rows cannot be read", file=str(path), next_step=step) from error


def columns_of(table: pl.DataFrame, names: Sequence[str], file: Path) -> Any:
    """Columns of these names in this order, (rows, names), int64 where all are whole numbers and float64 otherwise.

    No number changes on the way: an integer that its column's type cannot hold is refused.

    Raises
    ------
    InputError
        A column is missing or holds no numbers.
    BadRow
        A cell is empty, or an integer is outside int64, or beyond 2**53 beside a column with fractions.
    """
    import numpy as np
    import polars as pl

    missing = [name for name in names if name not in table.columns]
    if missing:
        cause = f"{len(missing)} features have no column, the first is {missing[0]}"
        step = "Name the columns as `tally program inspect` names the features."
        raise InputError(cause, file=str(file), next_step=step)
    chosen = table.select(names)
    whole = all(_is_whole(dtype) for dtype in chosen.dtypes)
    found = np.empty((len(chosen), len(names)), np.int64 if whole else np.float64)
    for index, (name, column) in enumerate(zip(names, chosen, strict=True)):
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            step = "Encode it as numbers, as in training, or leave it out if it is no feature."
            where = {"file": str(file), "name": name, "value": str(column.dtype)}
            raise InputError("a column holds no numbers", next_step=step, **where)
        _refuse_any(column.is_null(), "a cell is empty", file, name)
        kind = pl.Int64 if whole else pl.Float64
        numbers = column.cast(kind, strict=False)
        if _is_whole(column.dtype):
            cause = "an integer is outside int64" if whole else "an integer has no float64 of its value"
            _refuse_any(_changed(column, numbers), cause, file, name)
        found[:, index] = numbers.to_numpy()
    return found


def _is_whole(dtype: pl.DataType) -> bool:
    import polars as pl

    return dtype.is_integer() or dtype == pl.Boolean


def _changed(column: pl.Series, numbers: pl.Series) -> pl.Series:
    """Which integers another type does not hold."""
    return (numbers.cast(column.dtype, strict=False) != column).fill_null(True)


def _refuse_any(places: pl.Series, cause: str, file: Path, column: str) -> None:
    if places.any():
        line = int(places.arg_max() or 0) + 2  # the header is line 1
        raise BadRow(cause, file=str(file), line=line, column=column, next_step="Correct the row and run again.")
