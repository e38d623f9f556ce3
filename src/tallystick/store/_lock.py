"""One writer at a time: an exclusive lock that the system drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tallystick.errors import ProjectBusy
from tallystick.store._atomic import store_error

__all__ = ["Lock"]

# The holder writes its name right after it takes the lock; a reader that comes between waits this long.
_NAME_TRIES: Final = 20
_NAME_PAUSE_S: Final = 0.01


@dataclass
class Lock:
    """Exclusive ``flock`` on a file that also says who holds it.

    The file stays when the lock is released; only the lock counts, so a holder
    that was killed leaves nothing to clean up.

    Parameters
    ----------
    path
        Lock file; made where it is missing.
    command
        What the holder is doing; program and verb of this process when omitted.
    """

    path: Path
    command: str | None = None
    _handle: int | None = None

    def acquire(self) -> Self:
        """Take the lock or say who has it.

        Raises
        ------
        ProjectBusy
            Another process, or another part of this one, holds it; names it.
        StoreError
            The lock file cannot be opened.
        """
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise store_error(error, self.path) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_holder(handle, self.command or _this_command())
        except BlockingIOError as error:
            os.close(handle)
            holder = _read_holder(self.path)
            raise ProjectBusy(f"in use by {holder}", path=self.path.parent, holder=holder) from error
        except OSError as error:
            os.close(handle)
            raise store_error(error, self.path) from error
        self._handle = handle
        return self

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._handle is None:
            return
        # Unlock before closing: a forked child may still hold a copy of the handle.
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        os.close(self._handle)
        self._handle = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _this_command() -> str:
    # Program and verb only: later arguments may carry addresses with passwords in them.
    return " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:2]])


def _write_holder(handle: int, command: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"pid": os.getpid(), "command": command, "since": since}).encode(), 0)


def _read_holder(path: Path) -> str:
    for _ in range(_NAME_TRIES):
        try:
            holder = json.loads(path.read_bytes())
            return f"process {holder['pid']} ({holder['command']}) since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(_NAME_PAUSE_S)
    return "another process"
