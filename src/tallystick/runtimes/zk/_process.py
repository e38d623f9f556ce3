"""Runs jobs in the worker process, without a network and without a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from tallystick.errors import MissingExtra, ProgramError
from tallystick.runtimes.zk import _worker

__all__ = ["Outcome", "Step", "call_ezkl", "ezkl_version", "try_ezkl"]

Step = tuple[str, dict[str, Any]]

_TIMEOUT_S: Final = 3_600
_NOWHERE: Final = "http://127.0.0.1:9"  # the discard port: what asks for the network fails at once
_TAIL: Final = 400  # characters of its log that an error quotes


class Outcome(NamedTuple):
    """What a job did: results of the steps that worked, then the step that failed and what it said."""

    results: list[Any]
    step: str = ""
    error: str = ""


def ezkl_version() -> str:
    """Version of ezkl, as in ``ezkl 23.0.5``.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        return f"ezkl {version('ezkl')}"
    except PackageNotFoundError as error:
        raise MissingExtra.of("ezkl", "zk") from error


def call_ezkl(what: str, steps: list[Step]) -> list[Any]:
    """Run steps and return what each gives.

    Raises
    ------
    MissingExtra
        ezkl is not installed.
    ProgramError
        A step failed: quotes ezkl.
    """
    outcome = try_ezkl(steps)
    if outcome.error:
        step = f"The text is ezkl's, from its function {outcome.step}; report it with the program."
        raise ProgramError(f"{what} failed: {outcome.error}", field=outcome.step, next_step=step)
    return outcome.results


def try_ezkl(steps: list[Step]) -> Outcome:
    """Run steps; a failed one is part of the outcome."""
    ezkl_version()
    with tempfile.TemporaryDirectory(prefix="tallystick-zk-") as home:
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(Path(_worker.__file__))],
                input=json.dumps(steps),
                env=_environment(os.environ, home),
                cwd=home,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome([], steps[0][0], f"not finished in {_TIMEOUT_S} s")
    try:
        return Outcome(**json.loads(done.stdout))
    except (ValueError, TypeError):
        said = " ".join(done.stderr.split())[-_TAIL:]
        return Outcome([], steps[0][0], f"its process ended with code {done.returncode}: {said}")


def _environment(environ: Mapping[str, str], home: str) -> dict[str, str]:
    """No proxy but a closed port, no home to write into, no logs."""
    kept = {
        name: value for name, value in environ.items() if not name.lower().endswith("_proxy") and name != "RUST_LOG"
    }
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {**kept, **dict.fromkeys(names, _NOWHERE), "NO_PROXY": "", "no_proxy": "", "HOME": home, "TMPDIR": home}
