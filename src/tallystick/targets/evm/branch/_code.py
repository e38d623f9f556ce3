"""Tree ensembles as EVM code that branches: no tables, no loops, each comparison an instruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.errors import ProgramError
from tallystick.exact import Program, TreeEnsemble
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import check_domain, initcode, prologue, return_words, reverts
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.branch._emit import Writer
from tallystick.targets.evm.branch._finish import Finish
from tallystick.targets.evm.branch._join import Pull, join
from tallystick.targets.evm.branch._place import place_features
from tallystick.targets.evm.branch._tree import SHARE_ONE, Sequel, sequel_of

__all__ = ["BranchCode", "BranchOptions", "branch_code", "ensemble_of", "parts_of", "write_sums"]


# Expected gas that a byte of code must save, from none to spend to many.
_PRICES: Final = tuple(
    SHARE_ONE * 8 // eighths for eighths in (*range(16, 64, 4), *range(64, 128, 8), *range(128, 512, 32))
)
_ORDERS: Final = (0, 1, 2)


@dataclass(frozen=True)
class BranchOptions:
    """How to write branch code.

    Parameters
    ----------
    push0
        Whether the chain knows ``PUSH0`` (EIP-3855).
    bytes_per_test
        Code may grow to so many bytes for each test of the trees where that saves gas. 0 for the smallest code; a
        direct translation takes about 22.
    code_limit
        Code does not grow beyond so many bytes to save gas; None for no limit. Code that is larger without growing
        stays so: see :func:`tallystick.targets.evm.split_branch`.
    """

    push0: bool = True
    bytes_per_test: int = 22
    code_limit: int | None = None


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
    nodes = sum(len(tree.feature) for tree in ensemble_of(program).trees)
    parts = parts_of(program)
    room = options.bytes_per_test * nodes
    if options.code_limit is not None:
        room = min(room, options.code_limit)
    best = _draft(program, parts, options, None)
    if len(best.runtime) > room:
        return BranchCode(best.runtime, nodes, options.push0)
    for order in _ORDERS:
        low, high = -1, len(_PRICES)  # cheaper bytes make larger code: that of low fits, that of high does not
        while high - low > 1:
            middle = (low + high) // 2
            draft = _draft(program, parts, options, Pull(_PRICES[middle], order))
            if len(draft.runtime) > room:
                high = middle
            else:
                best, low = min(best, draft, key=lambda one: one.gas), middle
    return BranchCode(best.runtime, nodes, options.push0)


class _Draft(NamedTuple):
    """A contract, and its expected gas in units of 1 / SHARE_ONE."""

    runtime: bytes
    gas: int


def _draft(program: Program, parts: Sequence[Sequence[Sequel]], options: BranchOptions, pull: Pull | None) -> _Draft:
    model, row = ensemble_of(program), RowCode(program)
    finishes = [Finish.of_score(model, output) for output in range(model.outputs)]
    code = Assembler(options.push0)
    prologue(code, row)
    check_domain(code, row)
    gas = write_sums(code, row, [join(some, pull) for some in parts], finishes, pull.price if pull else None)
    reverts(code, row)
    return _Draft(code.assemble(), gas)


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


def write_sums(
    code: Assembler, row: RowCode, roots: Sequence[Sequel], finishes: Sequence[Finish], price: int | None
) -> int:
    """Append code that returns one word for each output, for a row in memory.

    Parameters
    ----------
    code
        Where to; the stack is empty there.
    row
        How rows are packed.
    roots
        What to add up for each output, joined.
    finishes
        What to make of each output's sum.
    price
        Expected gas that a byte of code must save, in units of 1 / SHARE_ONE; None for the smallest code.

    Returns
    -------
    int
        Expected gas of the sums, in units of 1 / SHARE_ONE.
    """
    places = place_features(row, roots, price)
    places.load(code)
    gas = places.gas
    at = places.end if len(roots) > 1 else 0
    for output, (root, finish) in enumerate(zip(roots, finishes, strict=True)):
        gas += Writer(code, places, finish.bits, f"output{output}_").write(root, finish.start)
        finish.write(code)
        code.push(at + 32 * output).op("MSTORE")
    return_words(code, len(roots), at)
    return gas
