"""Models above a chain's code limit: contracts that each add up some trees, behind a router that adds them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.errors import ProgramError
from tallystick.exact import Program
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import ROW_AT, SHARD, check_domain, prologue, return_words, reverts
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.branch._code import BranchCode, BranchOptions, ensemble_of, parts_of, write_sums
from tallystick.targets.evm.branch._finish import Finish
from tallystick.targets.evm.branch._join import Pull, join
from tallystick.targets.evm.branch._split_part import cut_part, size_of
from tallystick.targets.evm.branch._tree import SHARE_ONE, Sequel

__all__ = ["SplitBranch", "split_branch"]

_WORD: Final = 32
_ADDRESS_BYTES: Final = 20
_BYTES_A_NODE: Final = 16  # a first guess
_GAS_A_SHARD: Final = 2900  # of a call to a contract that is cold, and what it does beside its tests: a limit's bytes


class _Item(NamedTuple):
    """A tree, or a part of one, of an output."""

    output: int
    part: Sequel


@dataclass(frozen=True)
class SplitBranch:
    """A program as several contracts.

    Parameters
    ----------
    program
        What they compute together.
    shards
        Each takes a raw row and returns an int256 for each output: the sum of its trees' leaves. It checks nothing.
    options
        How they were written.
    """

    program: Program
    shards: tuple[BranchCode, ...]
    options: BranchOptions

    def router(self, addresses: Sequence[bytes]) -> BranchCode:
        """The contract that users call, with the calls and answers of a program in one contract.

        It checks the row once, calls every shard with it, adds their answers up, and makes scores of the sums. What a
        shard reverts with, it reverts with.

        Parameters
        ----------
        addresses
            Where the shards are, 20 bytes each, in their order.

        Raises
        ------
        ProgramError
            Not as many addresses as shards, or one that is not 20 bytes.
        """
        if len(addresses) != len(self.shards) or any(len(address) != _ADDRESS_BYTES for address in addresses):
            cause = f"the router needs {len(self.shards)} addresses of 20 bytes"
            raise ProgramError(cause, next_step="Deploy every shard first; pass their addresses in order.")
        code = Assembler(self.options.push0)
        _write_router(code, self.program, addresses)
        return BranchCode(code.assemble(), sum(shard.nodes for shard in self.shards), self.options.push0)


def split_branch(program: Program, code_limit: int, options: BranchOptions | None = None) -> SplitBranch:
    """Compile a tree ensemble into shards that each fit a chain's limit, and a router.

    Parameters
    ----------
    program
        A tree ensemble.
    code_limit
        Largest code of a contract, bytes; 24,576 on Ethereum today.
    options
        How to write the code.

    Raises
    ------
    ProgramError
        The program is no tree ensemble, or the limit is too small for one test or for the router.
    """
    options = options or BranchOptions()
    ensemble_of(program)
    waiting = [_Item(output, part) for output, parts in enumerate(parts_of(program)) for part in parts]
    waiting.sort(key=_begins_with)
    shards = []
    while waiting:
        shard, count = _largest(program, waiting, code_limit, options)
        if count:
            shards.append(shard)
            waiting = waiting[count:]
            continue
        item = waiting[0]
        first, second = _cut(item.part, code_limit)
        waiting[:1] = [_Item(item.output, first), _Item(item.output, second)]
    result = SplitBranch(program, tuple(shards), options)
    router = result.router([b"\xff" * _ADDRESS_BYTES] * len(shards))
    if len(router.runtime) > code_limit:
        raise _too_small(code_limit)
    return result


def _begins_with(item: _Item) -> tuple[int, int, int]:
    """Order of trees in which those with the same first test are neighbours."""
    first = item.part.splits[0]
    return item.output, first.feature, first.threshold


def _largest(program: Program, items: list[_Item], limit: int, options: BranchOptions) -> tuple[BranchCode, int]:
    """The shard of as many of the first items as fit, and how many those are; maybe none."""
    best, low, high = BranchCode(b"", 0), 0, len(items) + 1
    guess = _guess(items, limit)
    while high - low > 1:  # low of them fit, high of them do not
        shard = _shard(program, items[:guess], limit, options)
        if len(shard.runtime) <= limit:
            best, low = shard, guess
        else:
            high = guess
        if low and high <= len(items):
            guess = (low + high) // 2
        else:
            step = max(1, guess // 8)
            guess = min(guess + step, len(items)) if low else max(guess - step, 1)
    return best, low


def _guess(items: list[_Item], limit: int) -> int:
    """About how many items fit, at least one."""
    nodes = 0
    for count, item in enumerate(items):
        nodes += size_of(item.part)
        if nodes * _BYTES_A_NODE > limit:
            return max(count, 1)
    return len(items)


def _shard(program: Program, items: Sequence[_Item], limit: int, options: BranchOptions) -> BranchCode:
    model, row = ensemble_of(program), RowCode(program)
    parts: list[list[Sequel]] = [[] for _ in range(model.outputs)]
    for item in items:
        parts[item.output].append(item.part)
    code = Assembler(options.push0)
    code.push(row.size).push(0).push(ROW_AT).op("CALLDATACOPY")
    pull = Pull(_GAS_A_SHARD * SHARE_ONE // limit)
    finishes = [Finish.of_part(model, output) for output in range(model.outputs)]
    write_sums(code, row, [join(some, pull) for some in parts], finishes, pull.price)
    return BranchCode(code.assemble(), sum(size_of(item.part) for item in items), options.push0)


def _cut(part: Sequel, limit: int) -> tuple[Sequel, Sequel]:
    size = size_of(part)
    if size < 2:
        raise _too_small(limit)
    first, second = cut_part(part)
    if max(size_of(first), size_of(second)) >= size:
        raise _too_small(limit)
    return first, second


def _too_small(limit: int) -> ProgramError:
    step = "Use the table target, or a chain with a larger limit."
    return ProgramError("the code limit is too small for this program's branch code", value=limit, next_step=step)


def _write_router(code: Assembler, program: Program, addresses: Sequence[bytes]) -> None:
    model, row = ensemble_of(program), RowCode(program)
    size = _WORD * model.outputs
    answer = ROW_AT + row.size  # what a shard returned
    sums = answer + size
    prologue(code, row)
    check_domain(code, row)
    for number, address in enumerate(addresses):
        back = f"shard{number}"
        code.push_label(back).push(int.from_bytes(address, "big"), _ADDRESS_BYTES)
        code.push_label("call").op("JUMP").label(back)
    for output in range(model.outputs):
        finish = Finish.of_score(model, output)
        at = sums + _WORD * output
        code.push(at).op("MLOAD").push(finish.start).op("ADD")
        finish.write(code)
        code.push(at).op("MSTORE")
    return_words(code, model.outputs, sums)
    _write_call(code, row, answer, sums)
    reverts(code, row, SHARD)


def _write_call(code: Assembler, row: RowCode, answer: int, sums: int) -> None:
    """Append a routine: return label, address -> nothing; adds a shard's answer to the sums."""
    size = sums - answer
    code.label("call").push(size).push(answer).push(row.size).push(ROW_AT)
    code.op("DUP5", "GAS", "STATICCALL", "ISZERO").push_label("failed").op("JUMPI")
    # An address without code answers nothing, and does so successfully.
    code.push(size).op("RETURNDATASIZE", "SUB").push_label(SHARD).op("JUMPI", "POP")
    for at in range(0, size, _WORD):
        code.push(answer + at).op("MLOAD").push(sums + at).op("MLOAD", "ADD").push(sums + at).op("MSTORE")
    code.op("JUMP")
    code.label("failed").op("RETURNDATASIZE").push(0).push(0).op("RETURNDATACOPY", "RETURNDATASIZE").push(0).op(
        "REVERT"
    )
