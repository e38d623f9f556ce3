"""Many rows at once: equal to the reference, bit for bit."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, RangeError
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._kernels import look_up, score_blocks
from tallystick.exact._layout import lay_out
from tallystick.exact._program import Program

__all__ = ["BLOCK_ROWS", "FastProgram", "Scratch"]

BLOCK_ROWS: Final = 512  # ranks of 64 one-byte columns fill a first-level cache; measured best of 64 to 512


class Scratch(NamedTuple):
    """Working memory of one call, for one block of rows."""

    ranks: npt.NDArray[Any]  # (columns, block)
    narrow: npt.NDArray[np.int32]
    narrow_total: npt.NDArray[np.int32]
    wide: npt.NDArray[np.int64]
    wide_total: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint32]
    alive: npt.NDArray[np.uint32]


class FastProgram:
    """Compiled interpreter of one program; may be used from several threads at once.

    Parameters
    ----------
    program
        Program to run; results equal :func:`score_row` on every row.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._low = np.array([feature.low for feature in program.features], np.int64)
        self._high = np.array([feature.high for feature in program.features], np.int64)
        self._breakpoints = np.array(program.calibration.raw, np.int64)
        self._values = np.array(program.calibration.ppm, np.uint32)
        assert isinstance(program.model, TreeEnsemble)
        self._base = program.model.base[0]
        self._columns, self._words = lay_out(program.model)

    def score(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
        """Score rows.

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
        self._check(rows)
        raw = np.full(len(rows), self._base, np.int64)
        place = score_blocks(rows, self._low, self._high, self._columns, self._words, self._scratch(), raw)
        if place >= 0:
            raise self._outside(rows, *divmod(place, rows.shape[1]))
        ppm = np.empty(len(rows), np.uint32)
        look_up(raw, self._breakpoints, self._values, ppm)
        return raw, ppm

    def _scratch(self) -> Scratch:
        return Scratch(
            ranks=np.empty((len(self._columns.feature), BLOCK_ROWS), self._words.rank.dtype),
            narrow=np.empty(BLOCK_ROWS, np.int32),
            narrow_total=np.empty(BLOCK_ROWS, np.int32),
            wide=np.empty(BLOCK_ROWS, np.int64),
            wide_total=np.empty(BLOCK_ROWS, np.int64),
            bits=np.empty(BLOCK_ROWS, np.uint32),
            alive=np.empty(BLOCK_ROWS, np.uint32),
        )

    def _check(self, rows: npt.NDArray[np.int64]) -> None:
        features = self.program.features
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int64:
            raise InputError("rows must be an int64 array", value=getattr(rows, "dtype", type(rows).__name__))
        if not rows.flags.c_contiguous:
            step = "Pass the rows through numpy.ascontiguousarray."
            raise InputError("rows must be C-contiguous", value=rows.strides, next_step=step)
        if rows.ndim != 2 or rows.shape[1] != len(features):
            raise InputError(f"rows must have shape (n, {len(features)})", value=rows.shape)

    def _outside(self, rows: npt.NDArray[np.int64], row: int, index: int) -> RangeError:
        feature = self.program.features[index]
        cause = f"feature of row {row} outside [{feature.low}, {feature.high}]"
        return RangeError(cause, name=feature.name, value=int(rows[row, index]))
