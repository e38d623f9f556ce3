"""Many rows at once: a program laid out for the machine, equal to the reference bit for bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, RangeError
from tallystick.exact._kernels import add_trees, first_outside, look_up
from tallystick.exact._program import Program

__all__ = ["FastProgram"]


class FastProgram:
    """Compiled interpreter of one program.

    Parameters
    ----------
    program
        Program to run; equal results to :func:`score_row` on every row.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._low = np.array([feature.low for feature in program.features], np.int64)
        self._high = np.array([feature.high for feature in program.features], np.int64)
        self._breakpoints = np.array(program.calibration.raw, np.int64)
        self._values = np.array(program.calibration.ppm, np.uint32)
        roots: list[int] = []
        feature: list[int] = []
        threshold: list[int] = []
        child: list[list[int]] = []
        leaf: list[int] = []
        for tree in program.trees:
            nodes, leaves = len(feature), len(leaf)
            roots.append(nodes)
            feature += tree.feature
            threshold += tree.threshold
            for pair in zip(tree.left, tree.right, strict=True):
                child.append([at + nodes if at >= 0 else at - leaves for at in pair])
            leaf += tree.leaf
        self._trees = (
            np.array(roots, np.int64),
            np.array(feature, np.int64),
            np.array(threshold, np.int64),
            np.array(child, np.int64).reshape(-1, 2),
            np.array(leaf, np.int64),
        )

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
        raw = np.full(len(rows), self.program.base, np.int64)
        add_trees(rows, *self._trees, raw)
        ppm = np.empty(len(rows), np.uint32)
        look_up(raw, self._breakpoints, self._values, ppm)
        return raw, ppm

    def _check(self, rows: npt.NDArray[np.int64]) -> None:
        features = self.program.features
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int64 or not rows.flags.c_contiguous:
            raise InputError("rows must be a C-contiguous int64 array", value=getattr(rows, "dtype", type(rows)))
        if rows.ndim != 2 or rows.shape[1] != len(features):
            raise InputError(f"rows must have shape (n, {len(features)})", value=rows.shape)
        place = first_outside(rows, self._low, self._high)
        if place >= 0:
            row, index = divmod(place, len(features))
            feature = features[index]
            cause = f"feature of row {row} outside [{feature.low}, {feature.high}]"
            raise RangeError(cause, name=feature.name, value=int(rows[row, index]))
