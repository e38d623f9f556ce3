"""The runtimes on a chain: each deploys a program on an embedded one and calls it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tallystick.chain import EmbeddedChain, EmbeddedSigner, connect
from tallystick.errors import ChainError, ProgramError
from tallystick.exact import Program, check_row
from tallystick.runtimes._deploy import deploy
from tallystick.runtimes._deploy_plan import plan_deployment
from tallystick.runtimes._evm_batch import BatchCaller
from tallystick.runtimes._evm_targets import evm_target
from tallystick.runtimes._runtime import Runner
from tallystick.targets.evm import RowCode

__all__ = ["EvmBranch", "EvmDense", "EvmTable"]


class _EvmRunner:
    def __init__(self, program: Program, caller: BatchCaller) -> None:
        self._program = program
        self._code = RowCode(program)
        self._caller = caller

    def outputs(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        found = np.empty((len(rows), self._caller.words), np.int64)
        packed = [self._pack(row) for row in rows.tolist()]
        for number, outcome in enumerate(self._caller.run(packed).rows if packed else ()):
            if outcome.outputs is None:
                check_row(self._program, rows[number].tolist())
                cause = f"the contract reverts for row {number}, which is inside the domain"
                raise ChainError(cause, account=self._caller.target)
            found[number] = outcome.outputs
        return found

    def _pack(self, row: list[int]) -> bytes:
        """The row's bytes; refusing what is outside the domain is left to the contract wherever bytes can say it."""
        try:
            return self._code.pack(row)
        except (OverflowError, ValueError):
            return self._code.encode(row)


class _EvmRuntime:
    """One target on an embedded chain of its own."""

    target: ClassVar[str]
    extra = "embedded"
    rows = 500

    def refuses(self, program: Program) -> str:
        """Programs of another kind."""
        return evm_target(self.target).refuses(program)

    @contextmanager
    def open(self, program: Program) -> Iterator[Runner]:
        """Start a chain, deploy the program, and stop the chain at the end."""
        why = self.refuses(program)
        if why:
            raise ProgramError(why)
        with TemporaryDirectory(prefix="tally-evm-") as folder, EmbeddedChain(folder) as chain:
            w3 = connect(chain.url)
            plan = plan_deployment(w3, program, self.target)
            deploy(plan, w3, EmbeddedSigner(chain.accounts[0]), broadcast=True)
            yield _EvmRunner(program, BatchCaller(w3, plan.address, program.model.outputs, plan.limits))


class EvmBranch(_EvmRuntime):
    """Branch code: a comparison is an instruction."""

    name = "evm-branch"
    about = "EVM code that branches, on an embedded chain"
    target = "branch"


class EvmTable(_EvmRuntime):
    """One interpreter for all models, each a data contract."""

    name = "evm-table"
    about = "EVM interpreter over a table, on an embedded chain"
    target = "table"


class EvmDense(_EvmRuntime):
    """Linear models and perceptrons, eight products at once."""

    name = "evm-dense"
    about = "EVM code for linear models and perceptrons, on an embedded chain"
    target = "dense"
