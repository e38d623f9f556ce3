"""Parquet tables as numbered immutable parts: ``tables/<table>/<run>/<number>.parquet``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.errors import Corrupt, InputError, RangeError, StoreError, did_you_mean
from tallystick.store._atomic import store_error, write_bytes
from tallystick.store._columns import TABLES, check_table
from tallystick.store._manifest import Output

__all__ = ["Appender", "Part", "Tables", "part_key"]

_TABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEY: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,99})/([0-9]{6})")
_SUFFIX: Final = ".parquet"
# Fixed, so that the same table gives the same bytes whatever the library's defaults become.
_ROW_GROUP: Final = 1 << 17  # rows
_WRITE_OPTIONS: Final = (
    ("version", "2.6"),
    ("compression", "zstd"),
    ("compression_level", 3),
    ("data_page_version", "1.0"),
    ("data_page_size", 1 << 20),
    ("write_statistics", True),
    ("use_dictionary", True),
    ("row_group_size", _ROW_GROUP),
)


def part_key(run: str, number: int) -> str:
    """Key of a run's part.

    Examples
    --------
    >>> part_key("a1b2", 3)
    'a1b2/000003'
    """
    return f"{run}/{number:06d}"


@dataclass(frozen=True)
class Part:
    """One immutable file of a table."""

    table: str
    run: str
    number: int
    path: Path

    @property
    def key(self) -> str:
        """Run and number."""
        return part_key(self.run, self.number)

    @property
    def rows(self) -> int:
        """Rows, from the file's footer."""
        with _open(self) as file:
            return int(file.metadata.num_rows)


@dataclass(frozen=True)
class Tables:
    """The Parquet tables of one project directory.

    A run writes parts numbered from zero, in order. A part never changes: writing the same
    rows again is nothing, writing others is an error. The bytes of a part depend on its rows only.
    """

    root: Path
    readonly: bool = True

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.root / "tables"

    def names(self) -> list[str]:
        """Tables that have at least one part."""
        if not self.folder.is_dir():
            return []
        found = sorted(path.name for path in self.folder.iterdir() if _TABLE.fullmatch(path.name))
        return [name for name in found if self._parts(name)]

    def runs(self, name: str) -> list[str]:
        """Runs that have at least one part in the table."""
        return sorted({part.run for part in self.parts(name)})

    def parts(self, name: str, run: str | None = None) -> list[Part]:
        """Parts of a table, by run and number; of one run if it is given.

        Raises
        ------
        InputError
            No such table, or no such run in it.
        """
        _check_name(name)
        found = self._parts(name)
        if not found and name not in TABLES:
            names = set(self.names()) | set(TABLES)
            raise InputError(f"there is no table {name!r}{did_you_mean(name, names)}", name=name)
        if run is None:
            return found
        chosen = [part for part in found if part.run == run]
        if not chosen:
            runs = {part.run for part in found}
            raise InputError(f"table {name} has no run {run!r}{did_you_mean(run, runs)}", name=run)
        return chosen

    def write_part(self, name: str, key: str, table: pa.Table) -> Output:
        """Write one part; the tables of the column dictionary are checked against it.

        Parameters
        ----------
        name
            Table: lower case, digits, underscores.
        key
            Run and six-digit number: ``a1b2/000003``, as :func:`part_key` gives.
        table
            The rows.

        Returns
        -------
        Output
            What a manifest says of the file.

        Raises
        ------
        StoreError
            A column differs from the dictionary or from the run's first part; the part is there
            with other rows; the project is open for reading only.
        DiskFull
            No room left.
        """
        if self.readonly:
            raise StoreError("project is open for reading only", path=self.root)
        part = self._part(name, key)
        table = self._conform(part, table)
        content = _parquet_bytes(table)
        digest = hashlib.sha256(content).hexdigest()
        if not part.path.is_file():
            write_bytes(part.path, content)
        elif part.path.read_bytes() != content:
            raise StoreError(
                "a part is there with other content",
                path=part.path,
                table=name,
                next_step="Give the run another key, or remove its parts first.",
            )
        return Output(part.path.relative_to(self.root).as_posix(), digest, table.num_rows)

    def appender(self, name: str, run: str, start: int = 0) -> Appender:
        """Writer of a run's parts in order, from the part numbered ``start``."""
        return Appender(self, name, run, start)

    def read_table(self, name: str, run: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table, or one run of it, whole; a dictionary table without parts is empty.

        Raises
        ------
        InputError
            No such table, run or column.
        Corrupt
            A part cannot be read; names it.
        """
        pieces = list(self.iter_parts(name, run, columns))
        if not pieces:
            return _choose(TABLES[name].schema.empty_table(), columns)
        try:
            return pa.concat_tables(pieces)
        except pa.ArrowInvalid as error:
            raise StoreError("its runs have different columns; read one run", table=name) from error

    def iter_parts(self, name: str, run: str | None = None, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Read a table part by part, in order; see :meth:`read_table`."""
        for part in self.parts(name, run):
            with _open(part) as file:
                _choose(file.schema_arrow.empty_table(), columns)
                try:
                    rows = file.read(columns=list(columns) if columns is not None else None, use_threads=False)
                except (pa.ArrowInvalid, OSError) as error:
                    raise Corrupt("not a readable Parquet file", path=part.path, table=name) from error
            yield _choose(rows, columns)

    def remove_run(self, name: str, run: str) -> int:
        """Remove a run's parts, last first, and say how many there were."""
        if self.readonly:
            raise StoreError("project is open for reading only", path=self.root)
        gone = self.parts(name, run)
        for part in reversed(gone):
            try:
                part.path.unlink()
            except OSError as error:
                raise store_error(error, part.path) from error
        return len(gone)

    def _parts(self, name: str) -> list[Part]:
        found = (self.folder / name).glob(f"*/*{_SUFFIX}")
        keys = {path: _KEY.fullmatch(f"{path.parent.name}/{path.stem}") for path in found}
        parts = [Part(name, match[1], int(match[2]), path) for path, match in keys.items() if match]
        return sorted(parts, key=lambda part: (part.run, part.number))

    def _part(self, name: str, key: str) -> Part:
        _check_name(name)
        match = _KEY.fullmatch(key)
        if match is None:
            raise RangeError("a part's key is RUN/NUMBER, the run in lower case, the number six digits", value=key)
        return Part(name, match[1], int(match[2]), self.folder / name / match[1] / f"{match[2]}{_SUFFIX}")

    def _conform(self, part: Part, table: pa.Table) -> pa.Table:
        layout = TABLES.get(part.table)
        if layout is not None:
            schema = check_table(table, layout).schema
            return pa.Table.from_arrays(table.columns, schema=layout.schema).combine_chunks()
        schema = pa.schema([pa.field(field.name, field.type, field.nullable) for field in table.schema])
        before = next((other for other in self._parts(part.table) if other.run == part.run), None)
        if before is not None:
            with _open(before) as file:
                if not file.schema_arrow.equals(schema):
                    raise StoreError("columns differ from the run's first part", path=before.path, table=part.table)
        return pa.Table.from_arrays(table.columns, schema=schema).combine_chunks()


@dataclass
class Appender:
    """Writes a run's parts one after the other; ``outputs`` is what a manifest says of them."""

    tables: Tables
    name: str
    run: str
    number: int = 0

    def __post_init__(self) -> None:
        self.outputs: list[Output] = []

    def append(self, table: pa.Table) -> Output:
        """Write the next part."""
        output = self.tables.write_part(self.name, part_key(self.run, self.number), table)
        self.number += 1
        self.outputs.append(output)
        return output


def _check_name(name: str) -> None:
    if not _TABLE.fullmatch(name):
        raise RangeError("a table's name is lower case, digits and underscores", value=name)


def _parquet_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **dict(_WRITE_OPTIONS))
    return bytes(sink.getvalue())


def _open(part: Part) -> Any:
    try:
        return pq.ParquetFile(part.path)
    except FileNotFoundError as error:
        raise store_error(error, part.path) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise Corrupt("not a readable Parquet file", path=part.path, table=part.table) from error


def _choose(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    if columns is None:
        return table
    for column in columns:
        if column not in table.column_names:
            known = did_you_mean(column, table.column_names)
            raise InputError(f"there is no column {column!r}{known}", name=column)
    return table.select(list(columns))
