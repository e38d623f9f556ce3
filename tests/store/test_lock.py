from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tallystick.errors import DiskFull, ProjectBusy, StoreError
from tallystick.store import Lock, Project

HOLDER = """
import sys
from tallystick.store import Project
with Project.open(sys.argv[1], command="tally run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the project."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_two_processes_at_once_name_the_holder(tmp_path: Path) -> None:
    with holder(tmp_path / "p") as other:
        with pytest.raises(ProjectBusy, match=rf"in use by process {other.pid} \(tally run\) since 20") as caught:
            Project.open(tmp_path / "p")
        assert caught.value.where["path"] == tmp_path / "p"
        with Project.open(tmp_path / "p", readonly=True) as reader:
            assert reader.tables.names() == []
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(10) == 0
    with Project.open(tmp_path / "p"):
        pass


def test_killed_holder_lets_go(tmp_path: Path) -> None:
    with holder(tmp_path / "p") as other:
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        with Project.open(tmp_path / "p"):
            pass


def test_lock_is_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock").acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        assert lock._handle is not None
        os.close(lock._handle)  # as the death of this process would
        with Lock(tmp_path / "lock"):
            pass
        sleeper.kill()


def test_lock_twice_in_one_process_is_busy(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock", "first"), pytest.raises(ProjectBusy, match=f"process {os.getpid()} \\(first\\)"):
        Lock(tmp_path / "lock").acquire()
    with Lock(tmp_path / "lock") as lock:
        pass
    lock.release()


def test_command_is_program_and_verb_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/tally", "run", "--rpc-url", "http://user:secret@host"])
    with Lock(tmp_path / "lock"):
        content = json.loads((tmp_path / "lock").read_bytes())
    assert content["command"] == "tally run"
    assert content["pid"] == os.getpid()


def test_holder_that_has_not_written_its_name(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ProjectBusy, match="in use by another process"):
            Lock(tmp_path / "lock").acquire()


def test_shorter_name_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    for command in ("a long command", "b"):
        with Lock(tmp_path / "lock", command):
            assert json.loads((tmp_path / "lock").read_bytes())["command"] == command


def test_invalid_lock_path(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        Lock(tmp_path / "absent" / "lock").acquire()


def test_full_disk_while_naming_the_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, content: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DiskFull):
            Lock(tmp_path / "lock").acquire()
    with Lock(tmp_path / "lock"):
        pass
