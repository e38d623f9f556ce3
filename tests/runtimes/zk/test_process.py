from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import MissingExtra, ProgramError
from tallystick.runtimes.zk import _process, _worker
from tallystick.runtimes.zk._process import call_ezkl, ezkl_version, try_ezkl
from tallystick.runtimes.zk._worker import run_job

PANIC = ("felt_to_int", {"felt": "zz"})
FINE = ("felt_to_int", {"felt": "07".ljust(64, "0")})


def test_version() -> None:
    assert ezkl_version() == "ezkl 23.0.5"


def test_steps_in_order() -> None:
    assert call_ezkl("counting", [FINE, FINE]) == [7, 7]


def test_invalid_step_is_our_error() -> None:
    with pytest.raises(ProgramError, match=r"counting failed: PanicException: .*unwrap") as caught:
        call_ezkl("counting", [FINE, PANIC, FINE])
    assert caught.value.where["field"] == "felt_to_int"
    assert try_ezkl([FINE, PANIC, FINE]).results == [7]


def test_invalid_name() -> None:
    assert "AttributeError" in try_ezkl([("no_such_function", {})]).error


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    try_ezkl([PANIC])
    assert capfd.readouterr() == ("", "")


def test_environment_has_no_network_and_no_home() -> None:
    made = _process._environment({"PATH": "/bin", "HTTPS_PROXY": "http://x", "RUST_LOG": "debug", "HOME": "/h"}, "/new")
    assert made["PATH"] == "/bin"
    assert made["HOME"] == made["TMPDIR"] == "/new"
    assert "RUST_LOG" not in made
    assert {value for name, value in made.items() if name.lower().endswith("_proxy")} == {"http://127.0.0.1:9", ""}


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path / "worker.py"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(_worker, "__file__", str(path))


def test_invalid_process_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "import sys, os\nsys.stderr.write('out of memory')\nsys.stderr.flush()\nos.abort()")
    outcome = try_ezkl([FINE])
    assert (outcome.results, outcome.step) == ([], "felt_to_int")
    assert "ended with code -6" in outcome.error
    assert "out of memory" in outcome.error


def test_invalid_process_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "import time\ntime.sleep(60)")
    monkeypatch.setattr(_process, "_TIMEOUT_S", 0.5)
    assert "not finished in" in try_ezkl([FINE]).error


def test_invalid_without_ezkl(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_process, "version", missing)
    with pytest.raises(MissingExtra, match="ezkl is not installed") as caught:
        try_ezkl([FINE])
    assert 'pip install "tallystick[zk]"' in caught.value.advice


def test_worker_in_this_process() -> None:
    notes: list[str] = []
    answer = run_job([FINE, PANIC], notes.append)
    assert (answer["results"], answer["step"]) == ([7], "felt_to_int")
    assert len(notes) == 1
    assert run_job([FINE]) == {"results": [7]}


def test_worker_sets_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    import ezkl

    seen: list[Any] = []
    monkeypatch.setattr(ezkl, "gen_settings", lambda py_run_args: seen.append(py_run_args), raising=True)
    assert run_job([("gen_settings", {"py_run_args": {"decomp_legs": 5}})]) == {"results": [None]}
    assert seen[0].decomp_legs == 5


def test_worker_stops_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import ezkl

    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ezkl, "felt_to_int", stop)
    with pytest.raises(KeyboardInterrupt):
        run_job([("felt_to_int", {})])


def test_worker_keeps_its_answer_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step prints goes to standard error, whatever prints it."""
    program = "import os, runpy, sys; sys.argv[0] = sys.argv[1]; import ezkl;"
    program += "ezkl.felt_to_int = lambda: os.write(1, b'noise'); runpy.run_path(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", program, str(_worker.__file__)]
    done = subprocess.run(command, input='[["felt_to_int", {}]]', capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"results": [5]}
    assert "noise" in done.stderr
