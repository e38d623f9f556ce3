"""The two runtimes of the exact layer: the reference, and the compiled interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from tallystick.exact import FastProgram, Program, score_outputs
from tallystick.runtimes._runtime import Runner

__all__ = ["Fast", "Reference"]


class _ReferenceRunner:
    def __init__(self, program: Program) -> None:
        self._program = program

    def outputs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        scores = [score_outputs(self._program, row) for row in rows.tolist()]
        return np.array(scores, np.int64).reshape(len(rows), self._program.model.outputs)


class Reference:
    """Plain Python, the meaning."""

    name = "reference"
    about = "plain Python, the meaning of a program"
    extra = ""
    rows = 1_000

    def refuses(self, program: Program) -> str:
        """Nothing is refused."""
        return ""

    @contextmanager
    def open(self, program: Program) -> Iterator[Runner]:
        """Make a program ready."""
        yield _ReferenceRunner(program)


class Fast:
    """Compiled loops over many rows."""

    name = "fast"
    about = "compiled loops, many rows at once"
    extra = ""
    rows = 1_000

    def refuses(self, program: Program) -> str:
        """Nothing is refused."""
        return ""

    @contextmanager
    def open(self, program: Program) -> Iterator[Runner]:
        """Make a program ready."""
        yield FastProgram(program)
