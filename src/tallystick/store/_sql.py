"""Questions in SQL: DuckDB over the project's Parquet tables, reading only, with no way out.

DuckDB and polars are imported at the first question: most users of the store never ask one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.errors import Corrupt, InputError, StoreError, did_you_mean
from tallystick.store._columns import TABLES
from tallystick.store._project import Project
from tallystick.store._tables import Part

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MACROS", "TableInfo", "query", "query_frame", "tables"]

# Name with arguments, body, what it is for.
MACROS: Final = (
    ("hex_address(x)", "'0x' || lower(hex(x))", "Address or any binary cell as lower-case hexadecimal text."),
    ("address(t)", "unhex(replace(lower(t), '0x', ''))", "Hexadecimal text as binary, to compare with a column."),
    (
        "wei(x)",
        "CASE WHEN hex(x)[1:32] = repeat('0', 32) THEN "
        "(('0x' || hex(x)[33:48])::UBIGINT::UHUGEINT * 18446744073709551616::UHUGEINT "
        "+ ('0x' || hex(x)[49:64])::UBIGINT::UHUGEINT)::DECIMAL(38, 0) "
        "WHEN x IS NOT NULL THEN error('wei: 2**128 or more') END",
        # Not UHUGEINT: its sums are floats, and Arrow shows its upper values as negative ones.
        "Value column as an exact number, DECIMAL(38, 0); 10**38 or more is an error.",
    ),
    (
        "ether(x)",
        "(('0x' || hex(x)[1:16])::UBIGINT::DOUBLE * 6277101735386680763835789423207666416102355444464034512896.0 "
        "+ ('0x' || hex(x)[17:32])::UBIGINT::DOUBLE * 340282366920938463463374607431768211456.0 "
        "+ ('0x' || hex(x)[33:48])::UBIGINT::DOUBLE * 18446744073709551616.0 "
        "+ ('0x' || hex(x)[49:64])::UBIGINT::DOUBLE) / 1e18",
        "Value column in ether, as a float: for sums and plots.",
    ),
)
_CONFIG: Final = (
    ("autoinstall_known_extensions", False),
    ("autoload_known_extensions", False),
    # Else a name in the question could reach variables of this program.
    ("python_enable_replacements", False),
    # Else a large sort would spill into the working directory.
    ("temp_directory", ""),
)
_NO_TABLE: Final = re.compile(r"Table with name (\S+) does not exist")


@dataclass(frozen=True)
class TableInfo:
    """What is kept in one table; ``row`` says what one row is, where the dictionary knows it."""

    name: str
    row: str
    columns: tuple[str, ...]
    runs: tuple[str, ...]
    parts: int
    rows: int
    bytes: int


def query(project: Project, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> pa.Table:
    """Answer one question.

    Every table of the project is a view with its columns and ``run``, the run that wrote the row.
    Only one statement that reads is accepted; it reaches the project's tables and nothing else:
    no other file, no network, no extension.

    Parameters
    ----------
    project
        Open project; for reading only is enough.
    sql
        One SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE), in DuckDB's dialect,
        with the functions of :data:`MACROS`.
    parameters
        Values for ``?`` or ``$name`` in it.

    Raises
    ------
    InputError
        The question is not one, or names something that is not there.
    Corrupt
        A table cannot be read.
    """
    import duckdb

    with _connection(project) as connection, _translated(project):
        kinds = [statement.type for statement in connection.extract_statements(sql)]
        if kinds != [duckdb.StatementType.SELECT]:
            found = ", ".join(kind.name for kind in kinds) or "nothing"
            raise InputError(f"one SELECT is needed, this is {found}")
        return connection.sql(sql, params=parameters).to_arrow_table()


def query_frame(
    project: Project, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Answer one question as a polars frame; see :func:`query`."""
    import polars as pl

    frame = pl.from_arrow(query(project, sql, parameters))
    assert isinstance(frame, pl.DataFrame)
    return frame


def tables(project: Project) -> list[TableInfo]:
    """Say what there is to ask."""
    return [_info(name, project.tables.parts(name)) for name in project.tables.names()]


def _info(name: str, parts: list[Part]) -> TableInfo:
    return TableInfo(
        name=name,
        row=TABLES[name].row if name in TABLES else "",
        columns=tuple(pq.read_schema(parts[0].path).names),
        runs=tuple(sorted({part.run for part in parts})),
        parts=len(parts),
        rows=sum(part.rows for part in parts),
        bytes=sum(part.path.stat().st_size for part in parts),
    )


@contextmanager
def _connection(project: Project) -> Iterator[Any]:
    import duckdb

    with duckdb.connect(":memory:", config=dict(_CONFIG)) as connection:
        for call, body, _ in MACROS:
            connection.execute(f"CREATE MACRO {call} AS {body}")
        for name in project.tables.names():
            _create_view(connection, name, project.tables.parts(name))
        # From here on the question's own words count: shut every way out and lock the door.
        # Both spellings: DuckDB asks leave for the pattern first, then for the file it found.
        folders = {str(project.tables.folder), _no_glob(project.tables.folder)}
        connection.execute(f"SET allowed_directories = [{', '.join(map(_text, sorted(folders)))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _create_view(connection: Any, name: str, parts: list[Part]) -> None:
    import duckdb

    files = ", ".join(_text(_no_glob(part.path)) for part in parts)
    try:
        connection.execute(
            f'CREATE VIEW "{name}" AS SELECT * EXCLUDE (filename), '
            "parse_path(filename)[-2] AS run "
            f"FROM read_parquet([{files}], filename = true, union_by_name = true, hive_partitioning = false)"
        )
    except duckdb.Error as error:
        raise Corrupt(_first_line(error), table=name) from error


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _no_glob(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", str(path))


@contextmanager
def _translated(project: Project) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.CatalogException as error:
        match = _NO_TABLE.search(str(error))
        if match is None:
            raise InputError(_first_line(error)) from error
        cause = f"there is no table {match[1]!r}{did_you_mean(match[1], project.tables.names())}"
        raise InputError(cause, name=match[1]) from error
    except duckdb.PermissionException as error:
        raise InputError(
            "a question reaches the project's tables and nothing else",
            next_step="`tally sql` lists them.",
        ) from error
    except duckdb.IOException as error:
        raise StoreError(_first_line(error), path=project.path) from error
    except duckdb.Error as error:
        raise InputError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).partition("\n\n")[0].split())
