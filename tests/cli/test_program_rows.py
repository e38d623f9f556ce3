"""Rows of a file: every number as it stands there, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.cli._program._rows import columns_of, read_rows
from tallystick.errors import BadRow, InputError

INT64_MAX = (1 << 63) - 1
FILE = Path("rows.parquet")


def read(**columns: tuple[list[object], Any]) -> np.ndarray:
    """Through a file, as users do."""
    pl.DataFrame([pl.Series(name, values, kind) for name, (values, kind) in columns.items()]).write_parquet(FILE)
    found: np.ndarray = columns_of(read_rows(FILE), list(columns), FILE)
    return found


def test_integers_of_any_type_keep_every_bit() -> None:
    """An unsigned column beside a signed one must not make floats of both."""
    rows = read(a=([INT64_MAX - 1, -1], pl.Int64), b=([INT64_MAX, 0], pl.UInt64), c=([True, False], pl.Boolean))
    assert rows.dtype == np.int64
    assert rows.tolist() == [[INT64_MAX - 1, INT64_MAX, 1], [-1, 0, 0]]


def test_fractions_make_all_columns_float64() -> None:
    rows = read(a=([1 << 53, -3], pl.Int64), b=([0.5, 2.0], pl.Float32))
    assert rows.dtype == np.float64
    assert rows.tolist() == [[2.0**53, 0.5], [-3.0, 2.0]]


@pytest.mark.parametrize("kind", [pl.UInt64, pl.Int128])
def test_invalid_integer_outside_int64(kind: Any) -> None:
    """It was wrapped round before, and scored as -1."""
    with pytest.raises(BadRow, match="outside int64") as caught:
        read(a=([5, (1 << 64) - 1], kind))
    assert (caught.value.where["line"], caught.value.where["column"]) == (3, "a")


def test_invalid_integer_that_float64_rounds() -> None:
    with pytest.raises(BadRow, match="no float64 of its value"):
        read(a=([(1 << 53) + 1], pl.Int64), b=([0.5], pl.Float64))
    with pytest.raises(BadRow, match="no float64 of its value"):
        read(a=([INT64_MAX], pl.Int64), b=([0.5], pl.Float64))


def test_no_rows() -> None:
    assert read(a=([], pl.Int64)).shape == (0, 1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_names_are_not_patterns(suffix: str) -> None:
    for name, value in (("rows1", 1), ("rows[1]", 2)):
        table, path = pl.DataFrame({"a": [value]}), Path(name + suffix)
        table.write_csv(path) if suffix == ".csv" else table.write_parquet(path)
    assert read_rows(Path("rows[1]" + suffix))["a"].to_list() == [2]
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(Path("rows*" + suffix))
