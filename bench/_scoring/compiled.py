"""The model as C code by tl2cgen, compiled beside the other preparations."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tl2cgen
import treelite


class Compiled:
    """A shared library of one model.

    Parameters
    ----------
    model
        The model.
    folder
        Where source and library go.
    optimize
        Option of the C compiler.
    """

    # Thresholds as ranks: faster than without, and as fast at -O1 as at -O3 -march=native on these models.
    PARAMETERS: ClassVar = {"quantize": 1}

    def __init__(self, model: treelite.Model, folder: Path, optimize: str) -> None:
        tl2cgen.generate_c_code(model, folder, self.PARAMETERS)
        self._library = folder / "model.so"
        command = ["gcc", optimize, "-shared", "-fPIC", "-std=c99", "-o", str(self._library)]
        self._compiler = subprocess.Popen([*command, *map(str, sorted(folder.glob("*.c")))])

    def wait(self) -> Path:
        """The library."""
        if self._compiler.wait():
            raise SystemExit("the C compiler failed")
        return self._library


def one_row_calls(library: Path, rows: npt.NDArray[np.float64]) -> tuple[Callable[[int], None], ctypes.c_double]:
    """A direct call of the compiled function for a row by number, without tl2cgen's Python; and its result.

    A row of float64 is what the function reads as its union of entries: no number here looks like a missing one.
    """
    function = ctypes.CDLL(str(library)).predict
    function.restype, function.argtypes = None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    scratch = rows.copy()  # the function writes ranks over the row
    result = ctypes.c_double()
    target, places = ctypes.byref(result), pointers(scratch)

    def call(number: int, keep: Any = scratch) -> None:
        function(places[number], 1, target)

    return call, result


def pointers(rows: npt.NDArray[np.float64]) -> list[ctypes.c_void_p]:
    """Where each row begins; whoever keeps these keeps the rows, too."""
    first, step = rows.ctypes.data, rows.strides[0]
    return [ctypes.c_void_p(first + number * step) for number in range(len(rows))]
