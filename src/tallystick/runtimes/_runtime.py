"""What a runtime is: something that gives every program it takes the reference's bits."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from tallystick.exact import Program

__all__ = ["Runner", "Runtime"]


class Runner(Protocol):
    """A program made ready to run."""

    def outputs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Raw score of every output.

        Parameters
        ----------
        rows
            (n, features) int64, every value inside its domain.

        Returns
        -------
        numpy.ndarray
            (n, outputs) int64, equal to :func:`tallystick.exact.score_outputs`, bit for bit.

        Raises
        ------
        RangeError
            A value is outside its feature's domain.
        """


class Runtime(Protocol):
    """One way to run programs. Made without arguments; registered as an entry point of ``tallystick.runtimes``.

    A runtime promises: on each program for which :meth:`refuses` is None, and each row of its domain, the
    reference's outputs, bit for bit; on each other row an error. ``tally program check`` and
    ``tests/runtimes/test_conformance.py`` hold every registered runtime to it.
    """

    name: ClassVar[str]  # as in `tally program check --runtime NAME`
    about: ClassVar[str]  # one line
    extra: ClassVar[str]  # extra that it needs, empty for none
    rows: ClassVar[int]  # how many rows a check runs by default: a circuit proves few

    def refuses(self, program: Program) -> str:
        """Why this runtime cannot run a program; empty where it can."""

    def open(self, program: Program) -> AbstractContextManager[Runner]:
        """Make a program ready, with what it needs (a chain, a circuit), and take that down again.

        Raises
        ------
        MissingExtra
            A package of ``extra`` is not installed.
        ProgramError
            The runtime refuses the program.
        """
