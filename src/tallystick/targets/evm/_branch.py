"""Tree ensembles as EVM code that branches: no tables, no loops, each comparison an instruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.errors import ProgramError
from tallystick.exact import Program, TreeEnsemble
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._branch_emit import Writer
from tallystick.targets.evm._branch_finish import Finish
from tallystick.targets.evm._branch_place import place_features
from tallystick.targets.evm._branch_tree import Sequel, join, sequel_of
from tallystick.targets.evm._contract import check_domain, initcode, prologue, return_words, reverts
from tallystick.targets.evm._row import RowCode

__all__ = ["BranchCode", "BranchOptions", "branch_code", "ensemble_of", "parts_of", "write_sums"]


@dataclass(frozen=True)
class BranchOptions:
    """How to write branch code.

    Parameters
    ----------
    push0
        Whether the chain knows ``PUSH0`` (EIP-3855).
    """

    push0: bool = True


@dataclass(frozen=True)
class BranchCode:
    """A contract.

    Parameters
    ----------
    runtime
        Code of the contract.
    nodes
        Tests in the trees that it was made from.
    push0
        Whether the init code may use ``PUSH0``.
    """

    runtime: bytes
    nodes: int
    push0: bool = True

    @property
    def initcode(self) -> bytes:
        """Init code that leaves the runtime on the chain."""
        return initcode(self.runtime, self.push0)


def branch_code(program: Program, options: BranchOptions | None = None) -> BranchCode:
    """Compile a tree ensemble into one contract, of whatever size.

    The contract is called with a row and returns each output's raw score as int256
    (``docs/formats/evm-row-v1.md``).

    Raises
    ------
    ProgramError
        The program is no tree ensemble.
    """
    options = options or BranchOptions()
    model = ensemble_of(program)
    row = RowCode(program)
    code = Assembler(options.push0)
    prologue(code, row)
    check_domain(code, row)
    write_sums(code, row, parts_of(program), [Finish.of_score(model, output) for output in range(model.outputs)])
    reverts(code, row)
    return BranchCode(code.assemble(), sum(len(tree.feature) for tree in model.trees), options.push0)


def ensemble_of(program: Program) -> TreeEnsemble:
    """The program's trees.

    Raises
    ------
    ProgramError
        It has none.
    """
    if not isinstance(program.model, TreeEnsemble):
        raise ProgramError("only trees become branch code", next_step="Use the dense target for this kind of model.")
    return program.model


def parts_of(program: Program) -> list[list[Sequel]]:
    """Each output's trees as sequences."""
    model = ensemble_of(program)
    lows = [feature.low for feature in program.features]
    return [[sequel_of(tree, lows) for tree in model.trees_of(output)] for output in range(model.outputs)]


def write_sums(code: Assembler, row: RowCode, parts: Sequence[Sequence[Sequel]], finishes: Sequence[Finish]) -> None:
    """Append code that returns one word for each output, for a row in memory.

    Parameters
    ----------
    code
        Where to; the stack is empty there.
    row
        How rows are packed.
    parts
        What to add up for each output.
    finishes
        What to make of each output's sum.
    """
    roots = [join(some) for some in parts]
    places = place_features(row, roots)
    places.load(code)
    at = places.end if len(parts) > 1 else 0
    for output, (root, finish) in enumerate(zip(roots, finishes, strict=True)):
        Writer(code, places, finish.bits, f"output{output}_").write(root, finish.start)
        finish.write(code)
        code.push(at + 32 * output).op("MSTORE")
    return_words(code, len(parts), at)
