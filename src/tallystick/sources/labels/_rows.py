"""Rows of small CSV files as dictionaries, with their lines, for label lists."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tallystick.errors import RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._lines import read_bytes
from tallystick.sources.labels._label import Label

__all__ = ["Row", "csv_header", "csv_labels", "naming", "read_text", "table_files"]

Row = Mapping[str, str]


@contextmanager
def naming(column: str) -> Iterator[None]:
    """Note on a ``RangeError`` raised inside which column it is about."""
    try:
        yield
    except RangeError as error:
        error.where["name"] = column
        raise


def read_text(path: Path) -> str:
    """All text of a plain or gzip file, UTF-8.

    Raises
    ------
    SourceError
        It cannot be read, is cut off, damaged or not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceError(f"cannot be read: {error}", file=str(path)) from error


def csv_header(path: Path) -> list[str]:
    """Column names of a small file."""
    return next(csv.reader(read_text(path).splitlines()), [])


def csv_labels(
    path: Path, required: tuple[str, ...], make: Callable[[Row], list[Label]], bad: BadRows
) -> Iterator[Label]:
    """Yield the labels that ``make`` gives for each row.

    Parameters
    ----------
    path
        The file.
    required
        Columns that must be there.
    make
        Gives the labels of one row; raises ``RangeError`` with the column in ``name`` where it is malformed.
    bad
        Where malformed rows are reported.

    Raises
    ------
    SourceError
        The file cannot be read or misses a column.
    BadRow
        A row is malformed and such rows are not skipped.
    """
    reader = csv.reader(read_text(path).splitlines(keepends=True), strict=True)
    header = next(reader, [])
    for column in required:
        if column not in header:
            raise SourceError(f"column {column!r} is missing", file=str(path), line=1, column=column)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise SourceError(f"row cannot be read: {error}", file=str(path), line=reader.line_num) from error
        if fields is None:
            return
        if not fields:
            continue
        if len(fields) != len(header):
            cause = f"row has {len(fields)} fields where the header has {len(header)}"
            bad.report(cause, file=str(path), line=reader.line_num, column=None)
            continue
        try:
            labels = make(dict(zip(header, fields, strict=True)))
        except RangeError as error:
            cause = f"{error.cause}: {error.where.get('value')!r}"
            column = str(error.where.get("name", required[0]))
            bad.report(cause, file=str(path), line=reader.line_num, column=column, error=error)
            continue
        yield from labels


def table_files(path: Path, pattern: str) -> list[Path]:
    """The file itself, or the folder's files of the pattern, plain or gzip, by name.

    Raises
    ------
    SourceError
        The folder has none.
    """
    if path.is_file():
        return [path]
    found = sorted([*path.glob(pattern), *path.glob(f"{pattern}.gz")])
    if not found:
        raise SourceError(f"the folder has no {pattern} or {pattern}.gz", file=str(path))
    return found
