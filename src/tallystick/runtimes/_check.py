"""Does every runtime agree on a program, to the last bit?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import MissingExtra, ProgramError, RangeError
from tallystick.exact import Program, score_outputs
from tallystick.runtimes._registry import runtime, runtimes
from tallystick.runtimes._rows import outside_rows, probe_rows
from tallystick.runtimes._runtime import Runner, Runtime

__all__ = ["Check", "Difference", "RuntimeCheck", "check_program"]

_OUTSIDE: Final = 8  # rows outside the domain that a runtime must refuse


@dataclass(frozen=True)
class Difference:
    """First place where a runtime and the reference differ; ``got`` is None where a bad row was not refused."""

    row: tuple[int, ...]
    output: int
    expected: int | None
    got: int | None


@dataclass(frozen=True)
class RuntimeCheck:
    """What one runtime did.

    ``state``: "agrees", "differs", "refuses" (``why`` says the reason), or "missing" (``why`` says what to install).
    """

    name: str
    state: str
    rows: int
    seconds: float
    why: str = ""
    difference: Difference | None = None


@dataclass(frozen=True)
class Check:
    """What all runtimes did with one program."""

    program_hash: bytes
    seed: int
    runtimes: tuple[RuntimeCheck, ...]

    @property
    def agree(self) -> bool:
        """No runtime differs from the reference."""
        return all(item.state != "differs" for item in self.runtimes)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        rows = [asdict(item) for item in self.runtimes]
        return {"program": "0x" + self.program_hash.hex(), "seed": self.seed, "agree": self.agree, "runtimes": rows}


def check_program(
    program: Program,
    names: Sequence[str] = (),
    rows: int | None = None,
    seed: int = 0,
    note: Callable[[str, int, int | None], None] = lambda stage, done, total: None,
) -> Check:
    """Run a program in every runtime on the same rows and compare with the reference, bit for bit.

    Parameters
    ----------
    program
        What to run.
    names
        Runtimes to check; all that are registered by default.
    rows
        Number of rows; each runtime's own by default (a circuit proves few).
    seed
        Of the rows, see :func:`probe_rows`.
    note
        Called with a runtime's name, rows done and rows in all.

    Raises
    ------
    InputError
        A name is not a runtime's.
    """
    chosen: Mapping[str, Runtime] = {name: runtime(name) for name in names} if names else runtimes()
    done = []
    for name, its in chosen.items():
        count = max(rows or its.rows, 2)
        if not its.refuses(program):
            note(name, 0, count)
        done.append(_check_runtime(program, its, probe_rows(program, count, seed)))
        if done[-1].rows:
            note(name, done[-1].rows, count)
    return Check(program.hash, seed, tuple(done))


def _check_runtime(program: Program, its: Runtime, rows: npt.NDArray[np.int64]) -> RuntimeCheck:
    began = time.perf_counter()
    why = its.refuses(program)
    if why:
        return RuntimeCheck(its.name, "refuses", 0, 0.0, why)
    try:
        with its.open(program) as runner:
            difference = _compare(program, runner, rows) or _not_refused(program, runner)
    except MissingExtra as error:
        return RuntimeCheck(its.name, "missing", 0, 0.0, f"{error.cause}: {error.advice}")
    except ProgramError as error:  # known only when it was tried: too large for a contract, say
        return RuntimeCheck(its.name, "refuses", 0, 0.0, error.cause)
    state = "differs" if difference else "agrees"
    return RuntimeCheck(its.name, state, len(rows), time.perf_counter() - began, difference=difference)


def _compare(program: Program, runner: Runner, rows: npt.NDArray[np.int64]) -> Difference | None:
    got = runner.outputs(rows)
    for row, outputs in zip(rows.tolist(), got.tolist(), strict=True):
        for index, (expected, value) in enumerate(zip(score_outputs(program, row), outputs, strict=True)):
            if expected != value:
                return Difference(tuple(row), index, expected, value)
    return None


def _not_refused(program: Program, runner: Runner) -> Difference | None:
    """First of a few rows outside the domain for which the runtime gives a score all the same."""
    outside = outside_rows(program)
    for row in Random(0).sample(outside, min(_OUTSIDE, len(outside))):
        try:
            got = runner.outputs(np.array([row], np.int64))
        except RangeError:
            continue
        return Difference(tuple(row), 0, None, int(got[0, 0]))
    return None
