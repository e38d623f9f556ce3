"""What was done, for resuming: runs and steps in SQLite, or any database SQLAlchemy reaches by URL."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy import exc

from tallystick.errors import Corrupt, DiskFull, MissingExtra, ProjectBusy, RangeError, SettingsError, StoreError

__all__ = ["Run", "State", "Step"]

_METADATA: Final = sa.MetaData()
_RUNS: Final = sa.Table(
    "runs",
    _METADATA,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),  # UTC seconds
    sa.Column("ended_at", sa.BigInteger, nullable=True),
)
_STEPS: Final = sa.Table(
    "steps",
    _METADATA,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("input_hash", sa.String(80), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("finished_at", sa.BigInteger, nullable=False),
)
_SQLITE_ERRORS: Final = {
    "SQLITE_FULL": DiskFull,
    "SQLITE_BUSY": ProjectBusy,
    "SQLITE_LOCKED": ProjectBusy,
    "SQLITE_CORRUPT": Corrupt,
    "SQLITE_NOTADB": Corrupt,
}


@dataclass(frozen=True)
class Run:
    """One command's run: ``status`` is running, done, failed or interrupted; times are UTC seconds."""

    key: str
    command: str
    status: str
    started_at: int
    ended_at: int | None


@dataclass(frozen=True)
class Step:
    """One finished or failed step and what it gave."""

    key: str
    input_hash: str
    status: str
    result: dict[str, Any]
    finished_at: int


class State:
    """Runs and steps of one project, kept in a database.

    A step is done for one input: ``done`` gives its result only if the step was finished with the
    same input hash, so a changed input runs again. Every call is one transaction, or part of the
    one that :meth:`transaction` opened.

    Parameters
    ----------
    engine
        Where; the tables are made when missing.
    place
        How errors name it; the engine's URL without its password when omitted.
    now
        Clock, UTC seconds.
    """

    def __init__(
        self, engine: sa.Engine, place: str | None = None, now: Callable[[], int] = lambda: int(time.time())
    ) -> None:
        self._engine = engine
        self._place = place or engine.url.render_as_string(hide_password=True)
        self._now = now
        self._open: sa.Connection | None = None
        with self._translated():
            _METADATA.create_all(engine)

    @classmethod
    def at(cls, path: Path, readonly: bool = False) -> Self:
        """Open the SQLite file of a project; reading one that is not there gives an empty state."""
        if not readonly:
            url = sa.URL.create("sqlite", database=str(path))
        elif path.is_file():
            url = sa.URL.create("sqlite", database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})
        else:
            url = sa.URL.create("sqlite")
        return cls(sa.create_engine(url), place=str(path))

    @classmethod
    def by_url(cls, url: str) -> Self:
        """Open the state in a database of its own, by SQLAlchemy URL.

        Raises
        ------
        SettingsError
            The URL is malformed or of an unknown kind.
        MissingExtra
            The database's driver is not installed.
        StoreError
            The database does not let us in.
        """
        try:
            parsed = sa.make_url(url)
            if parsed.drivername in ("postgres", "postgresql"):
                parsed = parsed.set(drivername="postgresql+psycopg")
            engine = sa.create_engine(parsed)
        except ModuleNotFoundError as error:
            raise MissingExtra.of(error.name or "database driver", "postgres") from error
        except exc.ArgumentError as error:
            # No cause in the text: it would quote the URL and the password in it.
            raise SettingsError("state_url is not a database URL", setting="state_url") from error
        return cls(engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the calls inside happen together or not at all; one inside another joins it."""
        if self._open is not None:
            yield
            return
        with self._translated(), self._engine.begin() as connection:
            self._open = connection
            try:
                yield
            finally:
                self._open = None

    def done(self, step: str, input_hash: str) -> dict[str, Any] | None:
        """Result of a step if it was finished with this input, else None."""
        row = self._first(sa.select(_STEPS).where(_STEPS.c.key == step))
        if row is None or row.status != "done" or row.input_hash != input_hash:
            return None
        return _as_step(row).result

    def finish(self, step: str, input_hash: str, result: Mapping[str, Any] | None = None) -> None:
        """Say that a step is done, and with what result (JSON)."""
        self._put_step(step, input_hash, "done", result or {})

    def fail(self, step: str, input_hash: str, cause: str) -> None:
        """Say that a step failed and why; it is not done."""
        self._put_step(step, input_hash, "failed", {"cause": cause})

    def forget(self, step: str) -> bool:
        """Drop a step, so that it runs again; True if there was one."""
        return self._execute(sa.delete(_STEPS).where(_STEPS.c.key == step)) > 0

    def steps(self) -> list[Step]:
        """Every step, by key."""
        return [_as_step(row) for row in self._all(sa.select(_STEPS).order_by(_STEPS.c.key))]

    def start_run(self, key: str, command: str) -> None:
        """Say that a run started, or started again."""
        values = {"command": command, "status": "running", "started_at": self._now(), "ended_at": None}
        self._put(_RUNS, key, values)

    def end_run(self, key: str, status: str = "done") -> None:
        """Say how a run ended: done, failed or interrupted."""
        if status not in ("done", "failed", "interrupted"):
            raise RangeError("a run ends done, failed or interrupted", value=status)
        values = {"status": status, "ended_at": self._now()}
        if not self._execute(sa.update(_RUNS).where(_RUNS.c.key == key).values(values)):
            raise StoreError(f"there is no run {key!r}")

    def interrupt_left_runs(self) -> int:
        """Mark the runs of killed processes; only for the one writer of the project."""
        values = {"status": "interrupted", "ended_at": self._now()}
        return self._execute(sa.update(_RUNS).where(_RUNS.c.status == "running").values(values))

    def runs(self) -> list[Run]:
        """Every run, by start and key."""
        rows = self._all(sa.select(_RUNS).order_by(_RUNS.c.started_at, _RUNS.c.key))
        return [Run(**row._mapping) for row in rows]

    def _put_step(self, key: str, input_hash: str, status: str, result: Mapping[str, Any]) -> None:
        try:
            text = json.dumps(dict(result), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise RangeError(f"a step's result is not JSON: {error}", name=key) from error
        values = {"input_hash": input_hash, "status": status, "result": text, "finished_at": self._now()}
        self._put(_STEPS, key, values)

    def _put(self, table: sa.Table, key: str, values: Mapping[str, Any]) -> None:
        # Update, then insert: "on conflict" is written differently in every database.
        with self.transaction():
            if not self._execute(sa.update(table).where(table.c.key == key).values(values)):
                self._execute(sa.insert(table).values(key=key, **values))

    def _execute(self, statement: sa.Update | sa.Insert | sa.Delete) -> int:
        with self.transaction(), self._translated():
            assert self._open is not None
            return self._open.execute(statement).rowcount

    def _all(self, statement: sa.Select[Any]) -> list[sa.Row[Any]]:
        with self.transaction(), self._translated():
            assert self._open is not None
            return list(self._open.execute(statement))

    def _first(self, statement: sa.Select[Any]) -> sa.Row[Any] | None:
        rows = self._all(statement)
        return rows[0] if rows else None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            name = getattr(error.orig, "sqlite_errorname", "") if isinstance(error.orig, sqlite3.Error) else ""
            kind = next((ours for code, ours in _SQLITE_ERRORS.items() if name.startswith(code)), StoreError)
            cause = str(error.orig).strip().partition("\n")[0]
            raise kind(f"state: {cause}", path=self._place) from error


def _as_step(row: sa.Row[Any]) -> Step:
    return Step(row.key, row.input_hash, row.status, json.loads(row.result), row.finished_at)
