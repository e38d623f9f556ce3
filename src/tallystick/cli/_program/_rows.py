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

    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except (OSError, PolarsError) as error:
        step = "Give a .csv or .parquet file with a header that names the features."
        raise InputError("the rows cannot be read", file=str(path), next_step=step) from error


def columns_of(table: pl.DataFrame, names: Sequence[str], file: Path) -> Any:
    """Columns of these names in this order, (rows, names), int64 where all are whole numbers and float64 otherwise.

    Raises
    ------
    InputError
        A column is missing or holds no numbers.
    BadRow
        A cell is empty.
    """
    import numpy as np
    import polars as pl

    missing = [name for name in names if name not in table.columns]
    if missing:
        cause = f"{len(missing)} features have no column, the first is {missing[0]}"
        step = "Name the columns as `tally program inspect` names the features."
        raise InputError(cause, file=str(file), next_step=step)
    chosen = table.select(names)
    for name, column in zip(names, chosen, strict=True):
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise InputError("a column holds no numbers", file=str(file), name=name, value=str(column.dtype))
        if column.null_count():
            line = int(column.is_null().arg_max() or 0) + 2  # the header is line 1
            raise BadRow("a cell is empty", file=str(file), line=line, column=name)
    whole = all(dtype.is_integer() or dtype == pl.Boolean for dtype in chosen.dtypes)
    return np.ascontiguousarray(chosen.to_numpy().astype(np.int64 if whole else np.float64))
