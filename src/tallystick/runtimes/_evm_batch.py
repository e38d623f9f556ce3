"""Many rows in one ``eth_call``: a contract that is never deployed calls a model with each, and says what it cost.

The rows travel behind the caller's own code. Where the node knows state overrides, that code is put at an address
for the call; where it does not, the same bytes are run as init code, which every node can, within its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from tallystick.errors import ChainError, TransactionFailed, UnsupportedMethod
from tallystick.runtimes._evm_node import call
from tallystick.runtimes._limits import ChainLimits
from tallystick.targets.evm import Assembler

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["BatchCaller", "BatchResult", "Outcome", "batch_code"]

_WORD: Final = 32
_CALLER: Final = "0x" + b"tallystick batch run".hex()  # any address without code
_EMPTY: Final = "0x" + b"tallystick no code!!".hex()  # another, called to measure what calling costs
_MOST_ROWS: Final = 1024
_MOST_BYTES: Final = 1 << 18  # of rows in one request
_CODE_BYTES: Final = 512  # of the caller without its rows, at most
_MOST_DEPOSIT_BYTES: Final = 8_192
_DEPOSIT_GAS: Final = 1_530  # for each byte of code, EIP-8037; 200 before it
_GAS_MARGIN: Final = 50_000
_GAS_TIMES: Final = 8  # a row may cost so many times what the one before it cost, or it is asked again


class Outcome(NamedTuple):
    """What one row came to: the outputs, None where the contract reverted or returned another length; execution gas."""

    outputs: tuple[int, ...] | None
    gas: int


class BatchResult(NamedTuple):
    """Outcomes in the order of the rows.

    ``first_gas`` is the first row's gas with the model's contract warm and what it reads (data contracts, shards)
    cold, as in a transaction sent to it; in ``rows`` everything is warm.
    """

    rows: list[Outcome]
    first_gas: int


def batch_code(target: str, rows: Sequence[bytes], words: int, spare_gas: int, push0: bool = True) -> bytes:
    """Code that calls ``target`` with each row and returns what came of it; runs as a contract or as init code.

    Returns 32-byte words: what calling itself costs; twice the first call's gas, plus one if it gave ``words`` words;
    then for each row the same and its words. It stops early when the gas left might not do for the next row.

    Parameters
    ----------
    target
        Contract to call, hexadecimal.
    rows
        Calldata, all of one length, at least one.
    words
        Words that the contract returns.
    spare_gas
        Gas to keep back for returning.
    push0
        Whether the chain knows ``PUSH0``.
    """
    size = len(rows[0])
    assert all(len(row) == size for row in rows)
    begin = -(-size // _WORD) * _WORD  # of the output; the row stands before it
    step = _WORD * (1 + words)
    code = Assembler(push0)
    code.push(0).push(begin + _WORD * 2 + step * len(rows)).op("MSTORE")  # no call pays for memory
    code.push_label("rows").push(begin + _WORD * 2)  # stack: source, out
    for contract in (_EMPTY, target):  # warm
        code.push(int(contract, 16), 20).op("EXTCODESIZE", "POP")
    _measure(code, _EMPTY, size, words)
    code.push(1).op("SHR").push(begin).op("MSTORE")
    _load_row(code, size)
    _measure(code, target, size, words)
    code.push(begin + _WORD).op("MSTORE")
    code.label("loop")
    _load_row(code, size)
    _measure(code, target, size, words)
    code.op("DUP1", "DUP3", "MSTORE")  # source, out, figure
    code.push(_GAS_TIMES // 2).op("MUL").push(spare_gas).op("ADD", "GAS", "LT")  # source, out, whether gas is short
    code.op("SWAP1").push(step).op("ADD", "SWAP2").push(size).op(
        "ADD", "SWAP2", "SWAP1"
    )  # source + size, short, out + step
    code.push_label("end").op("JUMPI")
    code.push_label("rows", size * len(rows)).op("DUP3", "LT").push_label("loop").op("JUMPI")
    code.label("end").push(begin).op("DUP1", "DUP3", "SUB", "SWAP1", "RETURN")
    return code.data("rows", b"".join(rows)).assemble()


def _load_row(code: Assembler, size: int) -> None:
    code.push(size).op("DUP3").push(0).op("CODECOPY")


def _measure(code: Assembler, contract: str, size: int, words: int) -> None:
    """Call; leave twice the gas plus one for success. What stands between the two readings costs the same always."""
    code.op("GAS").push(_WORD * words).op("DUP3").push(_WORD).op("ADD").push(size).push(0)
    code.push(int(contract, 16), 20).op("GAS", "STATICCALL", "GAS")  # before, success, after
    code.op("SWAP1", "SWAP2", "SUB").push(1).op("SHL", "SWAP1")  # 2 * used, success
    code.op("RETURNDATASIZE").push(_WORD * words).op("EQ", "AND", "ADD")


@dataclass(frozen=True)
class BatchCaller:
    """Calls one contract with many rows, in few requests.

    Parameters
    ----------
    w3
        Connection, from ``chain.connect``.
    target
        The model's contract, hexadecimal.
    words
        Words it returns.
    limits
        The chain's.
    codes
        Code to put at addresses for the calls only, so that a model runs before it is deployed.
    """

    w3: Web3
    target: str
    words: int
    limits: ChainLimits
    codes: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def has_overrides(self) -> bool:
        """Whether the node puts code at an address for a call."""
        code = Assembler(push0=False).push(1).push(0).op("MSTORE8").push(2).push(0).op("RETURN").assemble()
        try:
            return call(self.w3, _CALLER, b"", {_CALLER: code}) == b"\1\0"
        except TransactionFailed:
            return False

    def run(self, rows: Sequence[bytes]) -> BatchResult:
        """Call the contract with each row.

        Parameters
        ----------
        rows
            Calldata, all of one length, at least one.

        Raises
        ------
        UnsupportedMethod
            ``codes`` are given and the node knows no state overrides.
        ChainError
            A row needs more gas or more bytes than the node gives one call.
        """
        if self.codes and not self.has_overrides:
            raise UnsupportedMethod("the node knows no state overrides", method="eth_call")
        at_once = self._rows_at_once(len(rows[0]))
        found: list[Outcome] = []
        first_gas = 0
        while len(found) < len(rows):
            result = self._call(rows[len(found) : len(found) + at_once])
            first_gas = first_gas or result.first_gas
            found += result.rows
        return BatchResult(found, first_gas)

    def _rows_at_once(self, size: int) -> int:
        if self.has_overrides:
            return max(1, min(_MOST_ROWS, _MOST_BYTES // size))
        rows = min(
            (self.limits.initcode_bytes - _CODE_BYTES) // size, self._most_output // (_WORD * (1 + self.words)) - 2
        )
        if rows < 1:
            raise ChainError("a row and its result do not fit into one call", method="eth_call")
        return rows

    @property
    def _most_output(self) -> int:
        """Bytes that may come back: what init code returns is taken for code and charged for."""
        return min(self.limits.code_bytes, _MOST_DEPOSIT_BYTES)

    def _call(self, rows: Sequence[bytes]) -> BatchResult:
        spare_gas = _GAS_MARGIN + (0 if self.has_overrides else _DEPOSIT_GAS * self._most_output)
        code = batch_code(self.target, rows, self.words, spare_gas, self.limits.push0)
        if self.has_overrides:
            output = call(self.w3, _CALLER, b"", {_CALLER: code, **self.codes})
        else:
            output = call(self.w3, None, code)
        return self._read(output)

    def _read(self, output: bytes) -> BatchResult:
        numbers = [int.from_bytes(output[at : at + _WORD], "big", signed=True) for at in range(0, len(output), _WORD)]
        cost, first, *rest = numbers
        step = 1 + self.words
        outcomes = [
            Outcome(tuple(rest[at + 1 : at + step]) if rest[at] & 1 else None, (rest[at] >> 1) - cost)
            for at in range(0, len(rest), step)
        ]
        if outcomes[-1].outputs is None and (len(outcomes) > 1 or first & 1):
            outcomes.pop()  # it may only have been short of gas: asked again, alone with all of it
        if not outcomes:
            raise ChainError("a row takes more than half of the gas that the node gives one call", method="eth_call")
        return BatchResult(outcomes, (first >> 1) - cost)
