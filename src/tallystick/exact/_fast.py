"""Many rows at once, or one row quickly: equal to the reference, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, RangeError
from tallystick.exact._fast_plan import plan_of
from tallystick.exact._layout import aligned
from tallystick.exact._program import Program
from tallystick.exact._reference import check_row

__all__ = ["FastProgram"]

_INT64: Final = np.dtype(np.int64)
_NO_PPM: Final = np.empty(0, np.uint32)
_NEXT_TO_EACH_OTHER: Final = (8,)  # strides of one row

_Int64s = npt.NDArray[np.int64]


def _read_only(rows: _Int64s) -> _Int64s:
    """The same rows as one type for the compiler, which else compiles once more for rows that cannot be written."""
    view = rows.view()
    view.flags.writeable = False
    return view


class FastProgram:
    """Compiled interpreter of one program; may be used from several threads at once.

    Parameters
    ----------
    program
        Program to run; results equal :func:`score_row` and :func:`score_outputs` on every row.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        plan = plan_of(program)
        self._words = plan.words
        self._run, self._run_row = plan.run, plan.run_row
        self._scratch_words = plan.scratch_words
        self._spare: list[_Int64s] = []  # working memory that no thread is using

    def score(self, rows: _Int64s) -> tuple[_Int64s, npt.NDArray[np.uint32]]:
        """Score rows by the decision output.

        Parameters
        ----------
        rows
            (n, features) int64, C-contiguous.

        Returns
        -------
        tuple
            raw (n,) int64 in units of 2**-scale_bits, ppm (n,) uint32.

        Raises
        ------
        InputError
            Another type, shape or memory order.
        RangeError
            A value is outside its feature's domain; names row, feature and value.
        """
        ppm = np.empty(len(rows), np.uint32)
        totals = self._totals(rows, ppm)
        raw = totals[:, self.program.decision]
        return np.ascontiguousarray(raw), ppm

    def outputs(self, rows: _Int64s) -> _Int64s:
        """Raw score of every output.

        Parameters
        ----------
        rows
            As :meth:`score`.

        Returns
        -------
        numpy.ndarray
            (n, outputs) int64 in units of 2**-scale_bits.

        Raises
        ------
        InputError, RangeError
            As :meth:`score`.
        """
        return self._totals(rows, _NO_PPM)

    def score_one(self, row: _Int64s | Sequence[int]) -> tuple[int, int]:
        """Score one row by the decision output, with as little around it as possible.

        Parameters
        ----------
        row
            One integer for each feature: quickest as (features,) int64.

        Returns
        -------
        tuple
            raw in units of 2**-scale_bits, and ppm.

        Raises
        ------
        RangeError
            As :func:`check_row`.
        """
        if type(row) is not np.ndarray or row.dtype != _INT64 or row.strides != _NEXT_TO_EACH_OTHER:
            row = np.array(check_row(self.program, [*row]), np.int64)
        raw, ppm = self._run_row(row, self._words)
        if ppm < 0:
            check_row(self.program, row.tolist())  # raises
        return raw, ppm

    def _totals(self, rows: _Int64s, ppm: npt.NDArray[np.uint32]) -> _Int64s:
        self._check(rows)
        totals = np.empty((len(rows), self.program.model.outputs), np.int64)
        try:
            scratch = self._spare.pop()
        except IndexError:
            scratch = aligned(self._scratch_words)
        place = self._run(_read_only(rows), self._words, scratch, totals, ppm)
        self._spare.append(scratch)
        if place >= 0:
            raise self._outside(rows, *divmod(place, rows.shape[1]))
        return totals

    def _check(self, rows: _Int64s) -> None:
        features = self.program.features
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int64:
            raise InputError("rows must be an int64 array", value=getattr(rows, "dtype", type(rows).__name__))
        if not rows.flags.c_contiguous:
            step = "Pass the rows through numpy.ascontiguousarray."
            raise InputError("rows must be C-contiguous", value=rows.strides, next_step=step)
        if rows.ndim != 2 or rows.shape[1] != len(features):
            raise InputError(f"rows must have shape (n, {len(features)})", value=rows.shape)

    def _outside(self, rows: _Int64s, row: int, index: int) -> RangeError:
        feature = self.program.features[index]
        cause = f"feature of row {row} outside [{feature.low}, {feature.high}]"
        return RangeError(cause, name=feature.name, value=int(rows[row, index]))
