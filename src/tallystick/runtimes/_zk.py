"""The runtime that proves what it says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tallystick.errors import ProgramError
from tallystick.exact import Program, check_row
from tallystick.runtimes._runtime import Runner
from tallystick.runtimes.zk import Keys, prepare, prove_with
from tallystick.targets.zk import refusal

__all__ = ["Zk"]


class _ZkRunner:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def outputs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        program = self._keys.circuit.program
        values = [check_row(program, row) for row in rows.tolist()]  # all of them before the first proof
        scores = [prove_with(self._keys, row).outputs for row in values]
        return np.array(scores, np.int64).reshape(len(rows), program.model.outputs)


class Zk:
    """Proofs by ezkl with a test string: outputs are those of a proof that verified."""

    name = "zk"
    about = "zero-knowledge proofs, a few seconds a row"
    extra = "zk"
    rows = 2

    def refuses(self, program: Program) -> str:
        """What takes more than 2**17 rows of a circuit."""
        return refusal(program)

    @contextmanager
    def open(self, program: Program) -> Iterator[Runner]:
        """Make the program's keys in a temporary folder."""
        why = self.refuses(program)
        if why:
            raise ProgramError(why, field="model")
        with tempfile.TemporaryDirectory(prefix="tallystick-zk-") as folder:
            yield _ZkRunner(prepare(program, Path(folder)))
