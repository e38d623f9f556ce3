"""Calls of the command line: in this process, or in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.cli._main import main


@dataclass(frozen=True)
class Done:
    """What a call left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output; there must be nothing else."""
        assert self.out.count("\n") == 1, self.out
        content = json.loads(self.out)
        assert isinstance(content, dict)
        return content


def call(*arguments: object) -> Done:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    if not isinstance(code, int):
        raise TypeError(f"exit code {code!r}")
    return Done(code, out.getvalue(), err.getvalue())


def good(*arguments: object) -> Done:
    """Run a call that must succeed."""
    done = call(*arguments)
    assert done.code == 0, done.err + done.out
    return done


def start(*arguments: object, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "tallystick", *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 120) -> Done:
    """Wait for a process."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return Done(process.returncode, out, err)


def run_alone(*arguments: object, folder: Path, **environment: str) -> Done:
    """Run the command line in a process of its own, to its end."""
    return finish(start(*arguments, folder=folder, **environment))


def refused(done: Done, code: str, exit_code: int, *words: str) -> None:
    """Check an error: its code, exit code, words of cause and place, and that a next step is given; no trace."""
    assert done.code == exit_code, done.err
    lines = done.err.splitlines()
    said = [line for line in lines if line.startswith("error ")]
    assert len(said) == 1, done.err
    assert said[0].startswith(f"error {code} "), done.err
    assert lines[lines.index(said[0]) + 1].startswith("  next: "), done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in said[0], said[0]
