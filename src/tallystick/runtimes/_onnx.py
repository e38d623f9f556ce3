"""The runtime of ONNX models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, MissingExtra, RangeError
from tallystick.exact import Program, TreeEnsemble, check_row
from tallystick.runtimes._runtime import Runner
from tallystick.targets.onnx import to_onnx

__all__ = ["Onnx"]

_NUMBERS_AT_ONCE: Final = 1 << 22  # of one tensor: a walk down trees keeps some five


class _OnnxRunner:
    def __init__(self, program: Program, session: Any) -> None:
        self._program = program
        self._session = session
        width = len(program.model.trees) if isinstance(program.model, TreeEnsemble) else 0
        self._rows_at_once = max(1, _NUMBERS_AT_ONCE // max(width, len(program.features), program.model.outputs))

    def outputs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        features = len(self._program.features)
        if rows.dtype != np.int64:
            raise InputError("rows must be an int64 array", value=rows.dtype)
        if rows.ndim != 2 or rows.shape[1] != features:
            raise RangeError(f"rows of shape {rows.shape}, the program has {features} features")
        found = np.empty((len(rows), self._program.model.outputs), np.int64)
        for begin in range(0, len(rows), self._rows_at_once):
            part = slice(begin, begin + self._rows_at_once)
            found[part] = self._run(np.ascontiguousarray(rows[part]))
        return found

    def _run(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        raw, inside = self._session.run(["raw", "inside"], {"rows": rows})
        for row in rows[~inside].tolist():
            check_row(self._program, row)
        return np.asarray(raw, np.int64)


class Onnx:
    """ONNX Runtime with one thread."""

    name = "onnx"
    about = "ONNX Runtime on integer operators"
    extra = "onnx"
    rows = 1_000

    def refuses(self, program: Program) -> str:
        """Nothing is refused."""
        return ""

    @contextmanager
    def open(self, program: Program) -> Iterator[Runner]:
        """Make a program ready."""
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtra.of("onnxruntime", "onnx") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(to_onnx(program), options, providers=["CPUExecutionProvider"])
        yield _OnnxRunner(program, session)
