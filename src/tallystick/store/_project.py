"""The project directory: one folder that holds everything a project keeps.

::

    tally-data/
    ├── tally-project.json   format version of the folder
    ├── lock                 held by the one process that writes
    ├── state.sqlite         runs and steps
    ├── tables/              Parquet parts
    ├── models/              programs and model cards
    ├── manifests/           what was made from what
    ├── chain/               state of the embedded chain
    └── reports/             what people read
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tallystick import __version__
from tallystick.errors import Corrupt, RangeError, StoreError
from tallystick.store._atomic import make_folder, store_error, sweep, write_bytes
from tallystick.store._lock import Lock
from tallystick.store._manifest import Manifests, Output, canonical_json, output_of
from tallystick.store._state import State
from tallystick.store._tables import Tables

__all__ = ["PROJECT_VERSION", "Project"]

PROJECT_VERSION: Final = 1
_FOLDERS: Final = ("tables", "models", "manifests", "chain", "reports")
_MARKER: Final = "tally-project.json"
_LOCK: Final = "lock"
_STATE: Final = "state.sqlite"


class Project:
    """An open project directory; use it in a ``with`` block, made by :meth:`open`."""

    def __init__(self, path: Path, *, readonly: bool, lock: Lock | None, state_url: str) -> None:
        self.path = path
        self.readonly = readonly
        self.tables = Tables(path, readonly)
        self.manifests = Manifests(path, readonly)
        self._lock = lock
        self._state: State | None = None
        self._state_url = state_url

    @classmethod
    def open(cls, path: Path | str, *, readonly: bool = False, command: str | None = None, state_url: str = "") -> Self:
        """Open a project directory.

        For writing, the folder is made where it is missing, one lock is taken until :meth:`close`
        (or the death of the process), and what killed processes left half-written is removed.
        For reading only, no lock is taken and nothing is written.

        Parameters
        ----------
        path
            The directory.
        readonly
            For questions, reports and verification.
        command
            What this process is doing, for others who find the project busy.
        state_url
            Database of the state; empty means ``state.sqlite`` in the directory.

        Raises
        ------
        ProjectBusy
            Another process writes to it; names the process.
        StoreError
            Not a project, made by a newer version, or not accessible.
        Corrupt
            The project's own file is damaged.
        """
        root = Path(path).absolute()
        if readonly:
            if not _read_version(root):
                raise StoreError(
                    "there is no project here", path=root, next_step="`tally demo` or `tally run` makes one."
                )
            return cls(root, readonly=True, lock=None, state_url=state_url)
        _refuse_foreign(root)
        make_folder(root)
        lock = Lock(root / _LOCK, command).acquire()
        try:
            _prepare(root)
        except BaseException:
            lock.release()
            raise
        return cls(root, readonly=False, lock=lock, state_url=state_url)

    @property
    def state(self) -> State:
        """Runs and steps; opened at first use."""
        if self._state is None:
            if self._state_url:
                self._state = State.by_url(self._state_url)
            else:
                self._state = State.at(self.path / _STATE, self.readonly)
            if not self.readonly:
                self._state.interrupt_left_runs()
        return self._state

    def folder(self, name: str) -> Path:
        """Path of one of the folders: tables, models, manifests, chain, reports."""
        if name not in _FOLDERS:
            raise RangeError(f"a project's folders are {', '.join(_FOLDERS)}", value=name)
        return self.path / name

    def write_file(self, relative: str, content: bytes) -> Output:
        """Write a model, a report or any other file, whole, and say what a manifest says of it.

        Raises
        ------
        RangeError
            The path leaves the project's folders.
        """
        if self.readonly:
            raise StoreError("project is open for reading only", path=self.path)
        target = self.path / relative
        parts = Path(relative).parts
        if len(parts) < 2 or parts[0] not in _FOLDERS or ".." in parts:
            raise RangeError(f"a file's path starts with one of {', '.join(_FOLDERS)}", value=relative)
        write_bytes(target, content)
        return output_of(self.path, target)

    def close(self) -> None:
        """Let go of the database and the lock; twice is once."""
        if self._state is not None:
            self._state.close()
            self._state = None
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(root: Path) -> None:
    if not _read_version(root):
        marker = {"format": "tallystick-project", "format_version": PROJECT_VERSION, "tool_version": __version__}
        write_bytes(root / _MARKER, canonical_json(marker))
    for folder in _FOLDERS:
        make_folder(root / folder)
    sweep(root)


def _refuse_foreign(root: Path) -> None:
    """Refuse a folder of other content, so that nothing of ours is strewn into it."""
    if not root.exists() or (root / _MARKER).exists():
        return
    try:
        ours = {*_FOLDERS, _LOCK, _STATE}
        others = sorted(path.name for path in root.iterdir() if path.name not in ours and _MARKER not in path.name)
    except OSError as error:
        raise store_error(error, root) from error
    if others:
        raise StoreError(
            f"the folder is not a project and holds other things: {', '.join(others[:3])}",
            path=root,
            next_step="Choose an empty or a new folder with --project.",
        )


def _read_version(root: Path) -> int:
    """Format version of a project directory; 0 where there is none."""
    path = root / _MARKER
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != "tallystick-project":
            raise KeyError("format")
        version = int(content["format_version"])
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise store_error(error, path) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt("not a project file", path=path) from error
    if version > PROJECT_VERSION:
        raise StoreError(
            f"the project has format {version}; this version reads up to {PROJECT_VERSION}",
            path=path,
            next_step="pip install --upgrade tallystick",
        )
    return version
