from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from tallystick.errors import Corrupt, InputError, StoreError
from tallystick.store import MACROS, TRANSFERS, Project, part_key, query, query_frame, tables
from tallystick.store._sql import _translated

Make = Callable[..., pa.Table]
VALUES = [0, 1, 10**18, 10**30 + 5, 10**38 - 1]


@pytest.fixture
def filled(project: Project, transfers: Make) -> Project:
    for number in range(3):
        project.tables.write_part("transfers", part_key("r1", number), transfers(*VALUES, start=10 * number))
    project.tables.write_part("features", "r1/000000", pa.table({"a": [1, 2]}))
    project.tables.write_part("features", "r2/000000", pa.table({"a": [3], "b": ["x"]}))
    return project


def test_query_counts_every_part(filled: Project) -> None:
    assert query(filled, "SELECT count(*) AS n, max(block_number) AS m FROM transfers").to_pylist() == [
        {"n": 15, "m": 24}
    ]


def test_query_agrees_with_sqlite(filled: Project) -> None:
    sql = "SELECT transaction_index, count(*) AS n, sum(block_number) AS s FROM transfers GROUP BY 1 ORDER BY 1"
    rows = filled.tables.read_table("transfers", columns=["block_number", "transaction_index"]).to_pylist()
    oracle = sqlite3.connect(":memory:")
    oracle.execute("CREATE TABLE transfers (block_number, transaction_index)")
    oracle.executemany("INSERT INTO transfers VALUES (:block_number, :transaction_index)", rows)
    expected = oracle.execute(sql).fetchall()
    oracle.close()
    assert [tuple(row.values()) for row in query(filled, sql).to_pylist()] == expected


def test_query_frame_is_polars(filled: Project) -> None:
    frame = query_frame(filled, "FROM features ORDER BY a")
    assert isinstance(frame, pl.DataFrame)
    assert frame.to_dict(as_series=False) == {"a": [1, 2, 3], "b": [None, None, "x"], "run": ["r1", "r1", "r2"]}


def test_query_works_for_reading_only(filled: Project) -> None:
    with Project.open(filled.path, readonly=True) as reader:
        assert query(reader, "SELECT run FROM features WHERE a = $a", {"a": 3}).to_pylist() == [{"run": "r2"}]


def test_address_functions(filled: Project) -> None:
    sql = "SELECT DISTINCT hex_address(from_address) AS h FROM transfers WHERE to_address = address(?)"
    for text in ("0x" + "02" * 20, "02" * 20, "0X" + "02" * 20):
        assert query(filled, sql, [text]).to_pylist() == [{"h": "0x" + "01" * 20}]
    assert query(filled, sql, ["0x" + "03" * 20]).num_rows == 0


def test_value_functions(filled: Project) -> None:
    rows = query(filled, "SELECT wei(value_binary) AS w, ether(value_binary) AS e FROM transfers LIMIT 5").to_pylist()
    assert [int(row["w"]) for row in rows] == VALUES
    assert [row["e"] for row in rows] == pytest.approx([value / 10**18 for value in VALUES], rel=1e-15)
    assert query(filled, "SELECT sum(wei(value_binary)) AS s FROM transfers WHERE block_number < 3").to_pylist() == [
        {"s": 10**18 + 1}
    ]
    assert query(filled, "SELECT wei(NULL) AS w, ether(NULL) AS e, hex_address(NULL) AS h").to_pylist() == [
        {"w": None, "e": None, "h": None}
    ]


@pytest.mark.parametrize("value", [10**38, 2**128 - 1, 2**128, 2**256 - 1])
def test_invalid_wei_too_large_is_an_error_and_not_another_number(
    project: Project, transfers: Make, value: int
) -> None:
    project.tables.write_part("transfers", "r/000000", transfers(value))
    with pytest.raises(InputError):
        query(project, "SELECT wei(value_binary) FROM transfers")
    found = query(project, "SELECT ether(value_binary) AS e FROM transfers").to_pylist()[0]["e"]
    assert found == pytest.approx(value / 10**18, rel=1e-15)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH t AS (FROM features) SELECT * FROM t",
        "VALUES (1)",
        "DESCRIBE transfers",
        "SHOW TABLES",
        "SUMMARIZE features",
        "SELECT 1;",
        "-- remark\nSELECT 1",
    ],
)
def test_every_kind_of_reading(filled: Project, sql: str) -> None:
    assert query(filled, sql).num_rows > 0


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("", "one SELECT is needed, this is nothing"),
        ("SELECT 1; SELECT 2", "one SELECT is needed, this is SELECT, SELECT"),
        ("COPY features TO '{p}/tables/x.parquet'", "one SELECT is needed, this is COPY"),
        ("EXPLAIN ANALYZE COPY features TO '{p}/tables/x.parquet'", "one SELECT is needed"),
        ("CREATE TABLE t AS SELECT 1", "one SELECT is needed, this is CREATE"),
        ("DROP VIEW features", "one SELECT is needed, this is DROP"),
        ("ATTACH '{p}/state.sqlite'", "one SELECT is needed, this is ATTACH"),
        ("INSTALL httpfs", "one SELECT is needed"),
        ("LOAD httpfs", "one SELECT is needed, this is LOAD"),
        ("SET enable_external_access = true", "one SELECT is needed, this is SET"),
        ("PRAGMA version", "one SELECT is needed, this is PRAGMA"),
        ("SELECT * FROM feature", "there is no table 'feature'; did you mean 'features'"),
        ("SELECT * FROM zzz", "there is no table 'zzz'; there are features, transfers"),
        ("SELECT * FROM labels", "there is no table 'labels'; there are features, transfers"),
        ("SELECT c FROM features", 'column "c" not found'),
        ("SELEC 1", "syntax error"),
        ("SELECT no_such_function(1)", "no_such_function"),
        ("SELECT a FROM features WHERE a = ?", "parameters"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT * FROM read_text('/etc/hostname')", "reaches the project's tables and nothing else"),
        ("SELECT * FROM read_parquet('http://127.0.0.1:9/x')", "reaches the project's tables and nothing else"),
        ("SELECT * FROM read_text('{p}/tally-project.json')", "reaches the project's tables and nothing else"),
        ("SELECT * FROM glob('/*')", "reaches the project's tables and nothing else"),
    ],
)
def test_invalid_questions(filled: Project, sql: str, cause: str) -> None:
    before = sorted(filled.path.rglob("*"))
    with pytest.raises(InputError, match=cause) as caught:
        query(filled, sql.replace("{p}", str(filled.path)))
    assert "\n" not in caught.value.cause
    assert sorted(filled.path.rglob("*")) == before


def test_invalid_name_of_a_local_variable(filled: Project) -> None:
    secrets = pl.DataFrame({"key": [1]})
    with pytest.raises(InputError, match="there is no table 'secrets'"):
        query(filled, "SELECT * FROM secrets")
    assert len(secrets) == 1


def test_empty_project_says_there_are_none(project: Project) -> None:
    assert tables(project) == []
    with pytest.raises(InputError, match="there is no table 'transfers'; there are none"):
        query(project, "FROM transfers")


@pytest.mark.parametrize("name", ["a 'quote'", "we[i]rd", "s*t?r", "a=1", "ünïcode", 'dou"ble'])
def test_odd_folder_names(tmp_path: Path, transfers: Make, name: str) -> None:
    with Project.open(tmp_path / name) as project:
        project.tables.write_part("transfers", "r.1/000000", transfers(1, 2))
        assert query(project, "SELECT run, count(*) AS n FROM transfers GROUP BY 1").to_pylist() == [
            {"run": "r.1", "n": 2}
        ]


def test_table_named_like_a_word_of_sql(project: Project) -> None:
    project.tables.write_part("order", "r/000000", pa.table({"a": [1]}))
    assert query(project, 'SELECT a FROM "order"').num_rows == 1


def test_invalid_part_is_corrupt(filled: Project) -> None:
    filled.tables.parts("features")[0].path.write_bytes(b"PAR1nothing")
    with pytest.raises(Corrupt) as caught:
        query(filled, "SELECT 1")
    assert caught.value.where["table"] == "features"


def test_tables_says_what_there_is(filled: Project) -> None:
    features, transfers = tables(filled)
    assert (features.name, features.row, features.columns) == ("features", "", ("a",))
    assert (features.runs, features.parts, features.rows) == (("r1", "r2"), 2, 3)
    assert (transfers.name, transfers.rows, transfers.row) == ("transfers", 15, TRANSFERS.row)
    assert transfers.bytes == sum(part.path.stat().st_size for part in filled.tables.parts("transfers"))


def test_input_output_errors_are_store_errors(project: Project) -> None:
    def fail() -> None:
        with _translated(project):
            raise duckdb.IOException("IO Error: read failed\n\nLINE 1")

    with pytest.raises(StoreError, match="IO Error: read failed") as caught:
        fail()
    assert caught.value.where["path"] == project.path


def test_macros_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "columns.md").read_text(encoding="utf-8")
    for call, _, what in MACROS:
        assert f"| `{call}` | {what} |" in page
