from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy.dialects import postgresql

from tallystick.errors import Corrupt, DiskFull, MissingExtra, ProjectBusy, RangeError, SettingsError, StoreError
from tallystick.store import Run, State
from tallystick.store._state import _METADATA

STEPS = st.sampled_from(["read", "features", "score/é"])
HASHES = st.sampled_from(["a" * 64, "b" * 64])
RESULTS = st.dictionaries(st.text("xyz", max_size=3), st.integers() | st.none() | st.lists(st.booleans()), max_size=3)
# Finishes steps without end, a line for each.
FINISHER = """
import sys
from pathlib import Path
from tallystick.store import State
with State.at(Path(sys.argv[1])) as state:
    for number in range(10**9):
        with state.transaction():
            state.finish(f"left {number}", "h")
            state.finish(f"right {number}", "h")
        print(number, flush=True)
"""
LIMITED = """
import resource, sys
from pathlib import Path
from tallystick.errors import StoreError
from tallystick.store import State
with State.at(Path(sys.argv[1])) as state:
    state.finish("small", "h")
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
    try:
        state.finish("large", "h", {"x": "y" * 200_000})
    except StoreError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.at(tmp_path / "state.sqlite") as opened:
        yield opened


class StateMachine(RuleBasedStateMachine):
    """The state beside a dictionary, through closing and opening."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "state.sqlite"
        self.state = State.at(self.path)
        self.model: dict[str, tuple[str, str, dict[str, Any]]] = {}

    @rule(step=STEPS, input_hash=HASHES, result=RESULTS)
    def finish(self, step: str, input_hash: str, result: dict[str, Any]) -> None:
        self.state.finish(step, input_hash, result)
        self.model[step] = (input_hash, "done", result)

    @rule(step=STEPS, input_hash=HASHES)
    def fail(self, step: str, input_hash: str) -> None:
        self.state.fail(step, input_hash, "because")
        self.model[step] = (input_hash, "failed", {"cause": "because"})

    @rule(step=STEPS)
    def forget(self, step: str) -> None:
        assert self.state.forget(step) == (self.model.pop(step, None) is not None)

    @rule(step=STEPS, input_hash=HASHES, result=RESULTS)
    def roll_back(self, step: str, input_hash: str, result: dict[str, Any]) -> None:
        class Stopped(Exception):
            pass

        def stopped() -> None:
            with self.state.transaction():
                self.state.finish(step, input_hash, result)
                assert self.state.done(step, input_hash) == result
                raise Stopped

        with pytest.raises(Stopped):
            stopped()

    @rule()
    def reopen(self) -> None:
        self.state.close()
        self.state = State.at(self.path)

    @rule(step=STEPS, input_hash=HASHES)
    def done(self, step: str, input_hash: str) -> None:
        known = self.model.get(step)
        expected = known[2] if known is not None and known[:2] == (input_hash, "done") else None
        assert self.state.done(step, input_hash) == expected

    @invariant()
    def same_steps(self) -> None:
        found = {step.key: (step.input_hash, step.status, step.result) for step in self.state.steps()}
        assert found == self.model

    def teardown(self) -> None:
        self.state.close()
        self.folder.cleanup()


TestStateMachine = StateMachine.TestCase
TestStateMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_runs_start_and_end(tmp_path: Path) -> None:
    clock = iter(range(100, 200))
    with State(sa.create_engine("sqlite://"), now=lambda: next(clock)) as state:
        state.start_run("b", "tally run")
        state.start_run("a", "tally score")
        state.end_run("b")
        state.end_run("a", "failed")
        assert state.runs() == [
            Run("b", "tally run", "done", 100, 102),
            Run("a", "tally score", "failed", 101, 103),
        ]
        state.start_run("b", "tally run")
        assert state.runs()[1] == Run("b", "tally run", "running", 104, None)
        assert state.interrupt_left_runs() == 1
        assert state.runs()[1] == Run("b", "tally run", "interrupted", 104, 105)


def test_nested_transactions_are_one(state: State) -> None:
    def stopped() -> None:
        with state.transaction():
            with state.transaction():
                state.finish("inner", "h")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stopped()
    assert state.steps() == []


def test_readonly_state(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41" / "state.sqlite"
    path.parent.mkdir()
    with State.at(path, readonly=True) as absent:
        assert absent.steps() == []
    assert not path.exists()
    with State.at(path) as state:
        state.finish("step", "h", {"a": 1.5})
    with State.at(path, readonly=True) as state:
        assert state.done("step", "h") == {"a": 1.5}
        with pytest.raises(StoreError, match="readonly database") as caught:
            state.finish("other", "h")
        assert caught.value.where["path"] == str(path)


@pytest.mark.parametrize("result", [{"x": object()}, {"x": float("nan")}, {"x": b"y"}, {(1, 2): 3}])
def test_invalid_result(state: State, result: dict[str, Any]) -> None:
    with pytest.raises(RangeError, match="a step's result is not JSON"):
        state.finish("step", "h", result)


def test_invalid_run(state: State) -> None:
    with pytest.raises(StoreError, match="there is no run 'x'"):
        state.end_run("x")
    with pytest.raises(RangeError, match="done, failed or interrupted"):
        state.end_run("x", "lost")


def test_invalid_file_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Corrupt, match="not a database") as caught:
        State.at(path)
    assert caught.value.where["path"] == str(path)
    assert isinstance(caught.value.__cause__, sa.exc.DBAPIError)


def test_invalid_folder_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        State.at(tmp_path / "absent" / "state.sqlite")


def test_locked_by_another_program_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    State.at(path).close()
    other = sqlite3.connect(path)
    other.execute("begin exclusive")
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    with pytest.raises(ProjectBusy, match="database is locked"):
        State(engine)
    engine.dispose()
    other.close()


def test_full_database_is_disk_full(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with State.at(path) as state:
        state.finish("small", "h")
    engine = sa.create_engine(f"sqlite:///{path}")
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("pragma max_page_count = 8"))
    with State(engine) as state:
        with pytest.raises(DiskFull, match="full"):
            state.finish("large", "h", {"x": "y" * 100_000})
        assert [step.key for step in state.steps()] == ["small"]


def test_file_size_limit_keeps_what_was_finished(tmp_path: Path, child: Callable[..., CompletedProcess[str]]) -> None:
    done = child(LIMITED, tmp_path / "state.sqlite")
    assert done.stdout in ("DiskFull\n", "StoreError\n"), done.stderr
    with State.at(tmp_path / "state.sqlite") as state:
        assert [step.key for step in state.steps()] == ["small"]


def test_kill_keeps_whole_transactions(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with subprocess.Popen([sys.executable, "-c", FINISHER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    with State.at(path) as state:
        keys = {step.key for step in state.steps()}
    assert len(keys) >= 40
    assert {key.replace("left", "right") for key in keys} == {
        key.replace("left", "right") for key in keys if "r" in key
    }
    assert len(keys) % 2 == 0


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://host/x"])
def test_invalid_url(url: str) -> None:
    with pytest.raises(SettingsError, match="state_url is not a database URL"):
        State.by_url(url)


@pytest.mark.parametrize("url", ["postgres://u:word@h/d", "postgresql://u:word@h/d"])
def test_missing_driver_names_the_extra(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra) as caught:
        State.by_url(url)
    assert caught.value.advice == 'pip install "tallystick[postgres]"'
    assert "word" not in str(caught.value)


def test_password_is_not_in_errors() -> None:
    url = sa.make_url("sqlite://user:word@/absent/folder/x")
    place = url.render_as_string(hide_password=True)
    with pytest.raises(StoreError) as caught:
        State(sa.create_engine("sqlite:////absent/folder/x"), place=place)
    assert "***" in str(caught.value)
    assert "word" not in str(caught.value)


def test_tables_and_statements_are_also_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in _METADATA.sorted_tables:
        ddl = str(sa.schema.CreateTable(table).compile(dialect=dialect))
        assert "BIGINT" in ddl
        assert "AUTOINCREMENT" not in ddl
        for statement in (sa.insert(table), sa.update(table), sa.delete(table), sa.select(table)):
            assert str(statement.compile(dialect=dialect))
