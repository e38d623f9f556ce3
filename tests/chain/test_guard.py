from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tallystick.chain import _guard

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_guard_returns_exit_code(pipe: tuple[int, int]) -> None:
    assert _guard.guard([sys.executable, "-c", "import sys; sys.exit(7)"], pipe[0], pipe[1]) == 7


def test_guard_stops_when_pipe_closes(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    assert _guard.guard(["sleep", "60"], pipe[0], pipe[0], young_s=0.1) == -15


def test_guard_stops_when_asked(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"q")
    assert _guard.guard(["sleep", "60"], pipe[0], pipe[0], young_s=0.1) == -15


def test_guard_kills_after_grace() -> None:
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    started = time.monotonic()
    assert _guard._stop(child, 0.1) == -9
    assert time.monotonic() - started < 5
    child.stdout.close()


def test_guard_lets_a_young_command_get_ready(pipe: tuple[int, int]) -> None:
    code = "import signal, sys, time; time.sleep(0.2); signal.signal(15, lambda *_: sys.exit(5)); time.sleep(60)"
    os.write(pipe[1], b"q")
    assert _guard.guard([sys.executable, "-c", code], pipe[0], pipe[0], young_s=10) == 5


def test_die_with_parent_elsewhere_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    _guard._die_with_parent()
