from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.errors import Corrupt, DiskFull, InputError, RangeError, StoreError
from tallystick.store import Project, Tables, part_key

Make = Callable[..., pa.Table]
FEATURES = pa.table({"feature": pa.array([1, 2, 3], pa.int64()), "text": ["a", "b", None]})
# Writes parts without end, a dot for each that is finished.
WRITER = """
import sys
import pyarrow as pa
from tallystick.store import Project
with Project.open(sys.argv[1]) as project:
    appender = project.tables.appender("features", "run")
    while True:
        appender.append(pa.table({"a": list(range(20000))}))
        print(".", end="", flush=True)
"""
DIGESTS = """
import sys
import pyarrow as pa
from tallystick.store import Project
with Project.open(sys.argv[1]) as project:
    table = pa.table({"a": pa.array(range(5000)), "b": [str(number % 7) for number in range(5000)]})
    print(project.tables.write_part("features", "run/000000", table).sha256)
"""


def test_write_and_read_one_part(project: Project, transfers: Make) -> None:
    table = transfers(0, 1, 2**256 - 1)
    output = project.tables.write_part("transfers", "run-1/000000", table)
    path = project.path / "tables" / "transfers" / "run-1" / "000000.parquet"
    assert output.path == "tables/transfers/run-1/000000.parquet"
    assert output.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert output.rows == 3
    assert project.tables.read_table("transfers").equals(table)
    assert pl.read_parquet(path)["value_binary"].to_list() == table["value_binary"].to_pylist()


def test_parts_are_in_order_of_run_and_number(project: Project, transfers: Make) -> None:
    for run in ("b", "a"):
        appender = project.tables.appender("transfers", run)
        for number in range(12):
            appender.append(transfers(number, start=number))
        assert [output.rows for output in appender.outputs] == [1] * 12
    parts = project.tables.parts("transfers")
    assert [part.key for part in parts] == [part_key(run, number) for run in "ab" for number in range(12)]
    assert project.tables.runs("transfers") == ["a", "b"]
    assert sum(part.rows for part in parts) == 24
    blocks = project.tables.read_table("transfers", "b", ["block_number"])
    assert blocks.to_pydict() == {"block_number": list(range(12))}
    assert [piece.num_rows for piece in project.tables.iter_parts("transfers", "a")] == [1] * 12


def test_appender_goes_on_where_it_is_told(project: Project) -> None:
    project.tables.appender("features", "r").append(FEATURES)
    project.tables.appender("features", "r", start=1).append(FEATURES)
    assert [part.number for part in project.tables.parts("features", "r")] == [0, 1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.integers(0, 2**256 - 1), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
def test_bytes_depend_on_the_rows_only(
    tmp_path_factory: pytest.TempPathFactory, transfers: Make, values: list[int], cuts: list[int]
) -> None:
    table = transfers(*values)
    edges = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    chunks = [table.slice(start, end - start) for start, end in pairwise(edges)]
    chopped = pa.concat_tables(chunks) if chunks else table
    loose = chopped.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    marked = loose.replace_schema_metadata({"made": "by somebody"})
    written = Tables(tmp_path_factory.mktemp("tables"), readonly=False)
    digests = {
        written.write_part("transfers", part_key("r", number), one).sha256
        for number, one in enumerate([table, chopped, loose, marked])
    }
    assert len(digests) == 1
    assert written.write_part("transfers", "r/000000", chopped).rows == len(values)


def test_bytes_are_the_same_in_another_process(
    tmp_path: Path, child: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        done = child(DIGESTS, tmp_path / seed)
        assert done.stderr == ""
        found.add(done.stdout)
    assert len(found) == 1


def test_file_says_nothing_about_when(project: Project) -> None:
    project.tables.write_part("features", "r/000000", FEATURES)
    metadata = pq.ParquetFile(project.tables.parts("features")[0].path).metadata
    assert set(metadata.metadata or {}) <= {b"ARROW:schema"}


def test_rewriting_a_part_is_nothing_or_an_error(project: Project, transfers: Make) -> None:
    first = project.tables.write_part("transfers", "r/000000", transfers(1))
    path = project.path / first.path
    before = path.stat().st_mtime_ns
    assert project.tables.write_part("transfers", "r/000000", transfers(1)) == first
    assert path.stat().st_mtime_ns == before
    with pytest.raises(StoreError, match="a part is there with other content") as caught:
        project.tables.write_part("transfers", "r/000000", transfers(2))
    assert caught.value.where["path"] == path
    assert project.tables.remove_run("transfers", "r") == 1
    project.tables.write_part("transfers", "r/000000", transfers(2))


def test_dictionary_table_without_parts_is_empty(project: Project) -> None:
    assert project.tables.read_table("transfers").num_rows == 0
    assert project.tables.read_table("labels", columns=["address"]).column_names == ["address"]
    assert project.tables.parts("predictions") == []
    assert project.tables.names() == []


def test_other_files_in_the_folder_are_not_parts(project: Project) -> None:
    project.tables.write_part("features", "r/000000", FEATURES)
    folder = project.path / "tables"
    for name in ("features/r/1.parquet", "features/r/.000001.parquet.x.tally-tmp", "features/Run/000000.parquet"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "Notes").mkdir()
    (folder / "empty").mkdir()
    assert project.tables.names() == ["features"]
    assert len(project.tables.parts("features")) == 1


def test_invalid_names(project: Project) -> None:
    for name in ("", "Transfers", "../etc", "a-b", "a" * 64):
        with pytest.raises(RangeError, match="a table's name"):
            project.tables.write_part(name, "r/000000", FEATURES)
    for key in ("", "r", "r/1", "r/0000001", "../000000", "a/b/000000", "R/000000", "r/000000\n"):
        with pytest.raises(RangeError, match="a part's key"):
            project.tables.write_part("features", key, FEATURES)


def test_invalid_table_run_or_column(project: Project) -> None:
    project.tables.write_part("features", "run/000000", FEATURES)
    with pytest.raises(InputError, match="no table 'feature'; did you mean 'features'"):
        project.tables.read_table("feature")
    with pytest.raises(InputError, match="table features has no run 'ran'; did you mean 'run'"):
        project.tables.read_table("features", "ran")
    with pytest.raises(InputError, match="table transfers has no run 'x'; there are none"):
        project.tables.read_table("transfers", "x")
    with pytest.raises(InputError, match="no column 'txt'; did you mean 'text'"):
        project.tables.read_table("features", columns=["txt"])
    with pytest.raises(InputError, match="no column 'b'"):
        project.tables.read_table("transfers", columns=["b"])


def test_invalid_columns_of_a_part(project: Project, transfers: Make) -> None:
    with pytest.raises(StoreError, match="13 columns where 14 belong"):
        project.tables.write_part("transfers", "r/000000", transfers(1).drop_columns("success"))
    project.tables.write_part("features", "r/000000", FEATURES)
    with pytest.raises(StoreError, match="columns differ from the run's first part"):
        project.tables.write_part("features", "r/000001", FEATURES.drop_columns("text"))
    project.tables.write_part("features", "s/000000", FEATURES.drop_columns("text"))
    with pytest.raises(StoreError, match="its runs have different columns; read one run"):
        project.tables.read_table("features")
    assert project.tables.read_table("features", "s").column_names == ["feature"]


def test_invalid_part_is_named(project: Project) -> None:
    project.tables.write_part("features", "r/000000", pa.table({"a": list(range(9000))}))
    path = project.tables.parts("features")[0].path
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(Corrupt, match="not a readable Parquet file") as caught:
            project.tables.read_table("features")
        assert caught.value.where["path"] == path
    middle = len(content) // 4
    path.write_bytes(content[:middle] + bytes(200) + content[middle + 200 :])
    with pytest.raises(Corrupt, match="not a readable Parquet file"):
        project.tables.read_table("features")


def test_part_that_vanishes_is_a_store_error(project: Project) -> None:
    project.tables.write_part("features", "r/000000", FEATURES)
    part = project.tables.parts("features")[0]
    part.path.unlink()
    with pytest.raises(StoreError, match="No such file"):
        _ = part.rows


def test_invalid_write_when_reading_only(project: Project) -> None:
    project.tables.write_part("features", "r/000000", FEATURES)
    reader = Tables(project.path)
    with pytest.raises(StoreError, match="reading only"):
        reader.write_part("features", "r/000001", FEATURES)
    with pytest.raises(StoreError, match="reading only"):
        reader.remove_run("features", "r")
    assert Tables(project.path / "absent").names() == []


def test_remove_run_that_the_system_refuses(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    project.tables.write_part("features", "r/000000", FEATURES)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        project.tables.remove_run("features", "r")


def test_full_disk_leaves_the_finished_parts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    appender = project.tables.appender("features", "r")
    appender.append(FEATURES)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(DiskFull):
            appender.append(FEATURES)
    assert appender.number == 1
    assert project.tables.read_table("features").num_rows == 3
    appender.append(FEATURES)
    assert [part.number for part in project.tables.parts("features")] == [0, 1]


def test_killed_writer_leaves_whole_parts(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "p")]
    for dots in (1, 3, 6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(dots) == b"." * dots
            process.send_signal(signal.SIGKILL)
        with Project.open(tmp_path / "p") as project:
            parts = project.tables.parts("features")
            assert len(parts) >= dots
            assert [part.number for part in parts] == list(range(len(parts)))
            assert project.tables.read_table("features").num_rows == 20_000 * len(parts)
            assert not list((tmp_path / "p").rglob("*.tally-tmp"))
