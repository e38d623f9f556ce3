"""The contract in front of a verifier: it refuses rows outside the domain before it asks whether the proof holds.

A proof says what the circuit gives for its public inputs, and nothing about their domain: outside it the circuit may
give what no program gives. So the check belongs in front, in the same call.

Functions: ``verifyProof(bytes,uint256[])`` returns true or reverts; ``provenScore(bytes,uint256[])`` with the same
arguments returns the raw scores, one int256 for each output; ``programHash()``; ``verifier()``. Reverts with
Error(string) of "program: length" where calldata is not the one canonical encoding, "program: domain" where an input
is above its span, "program: proof" where the verifier does not say yes, "program: selector" for other calls.

Stack notation in comments: the top is on the right.
"""

from __future__ import annotations

from typing import Final

from tallystick.targets.evm import Assembler
from tallystick.targets.zk._calldata import (
    HASH_SELECTOR,
    SCORE_SELECTOR,
    VERIFIER_SELECTOR,
    VERIFY_SELECTOR,
    CallLayout,
)
from tallystick.targets.zk._circuit import Circuit
from tallystick.targets.zk._numbers import FIELD

__all__ = ["wrapper_code", "wrapper_initcode"]

_LENGTH: Final = "program: length"
_DOMAIN: Final = "program: domain"
_PROOF: Final = "program: proof"
_SELECTOR: Final = "program: selector"
_ERROR_SELECTOR: Final = 0x08C379A0  # Error(string)
_WORD: Final = 32
_CALL_AT: Final = 28  # in memory: the verifier's selector ends the first word, the arguments follow


def wrapper_code(circuit: Circuit, verifier: bytes, proof_size: int, push0: bool = True) -> bytes:
    """Code of the contract.

    Parameters
    ----------
    circuit
        Its program's domain is checked, and its hash is what ``programHash()`` returns.
    verifier
        Address of the verifier, 20 bytes; part of the code, so it cannot be changed.
    proof_size
        Bytes of a proof of this circuit.
    push0
        Whether the chain knows ``PUSH0``.
    """
    layout = CallLayout(proof_size, len(circuit.spans) + circuit.program.model.outputs)
    address = int.from_bytes(verifier, "big")
    code = Assembler(push0)
    _dispatch(code, circuit, address)
    _check_layout(code, layout)
    _check_domain(code, circuit, layout)
    _ask_verifier(code, layout, address)
    # selector
    code.push(_number(SCORE_SELECTOR)).op("EQ").push_label("scores").op("JUMPI")
    code.push(_WORD).push(0).op("RETURN")  # the verifier's own true
    _return_scores(code, circuit, layout)
    _append_reverts(code)
    return code.assemble()


def wrapper_initcode(code: bytes, push0: bool = True) -> bytes:
    """What a transaction sends to create the contract."""
    init = Assembler(push0).push(len(code)).op("DUP1").push_label("code").push(0).op("CODECOPY").push(0).op("RETURN")
    return init.data("code", code).assemble()


def _number(selector: bytes) -> int:
    return int.from_bytes(selector, "big")


def _dispatch(code: Assembler, circuit: Circuit, verifier: int) -> None:
    code.push(4).op("CALLDATASIZE", "LT").push_label(_SELECTOR).op("JUMPI")
    code.push(0).op("CALLDATALOAD").push(224).op("SHR")
    for selector in (VERIFY_SELECTOR, SCORE_SELECTOR):
        code.op("DUP1").push(_number(selector)).op("EQ").push_label("check").op("JUMPI")
    code.push(int.from_bytes(circuit.program.hash, "big")).push(0).op("MSTORE")
    code.op("DUP1").push(_number(HASH_SELECTOR)).op("EQ").push_label("word").op("JUMPI")
    code.push(verifier).push(0).op("MSTORE")
    code.push(_number(VERIFIER_SELECTOR)).op("SUB").push_label(_SELECTOR).op("JUMPI")
    code.label("word").push(_WORD).push(0).op("RETURN")


def _check_layout(code: Assembler, layout: CallLayout) -> None:
    """Heads that point elsewhere would let the verifier read other numbers than are checked here."""
    code.label("check").push(layout.size).op("CALLDATASIZE", "XOR")
    words = ((4, layout.heads[0]), (36, layout.heads[1]), (68, layout.proof_size), (layout.count_at, layout.count))
    for place, value in words:
        code.push(value).push(place).op("CALLDATALOAD", "XOR", "OR")
    code.push_label(_LENGTH).op("JUMPI")


def _check_domain(code: Assembler, circuit: Circuit, layout: CallLayout) -> None:
    code.push(0)
    for index, span in enumerate(circuit.spans):
        code.push(layout.instance_at(index)).op("CALLDATALOAD").push(span).op("LT", "OR")
    code.push_label(_DOMAIN).op("JUMPI")


def _ask_verifier(code: Assembler, layout: CallLayout, verifier: int) -> None:
    """A call without a revert is not yet a yes: an address without code answers nothing."""
    code.push(_number(VERIFY_SELECTOR)).push(0).op("MSTORE")
    code.push(layout.size - 4).push(4).push(_WORD).op("CALLDATACOPY")
    code.push(_WORD).push(0).push(layout.size).push(_CALL_AT).push(verifier).op("GAS", "STATICCALL")
    code.push(_WORD).op("RETURNDATASIZE", "EQ", "AND")
    code.push(1).push(0).op("MLOAD", "EQ", "AND", "ISZERO").push_label(_PROOF).op("JUMPI")


def _return_scores(code: Assembler, circuit: Circuit, layout: CallLayout) -> None:
    """Field element to integer, then floor by the divisor.

    An element above half the field is negative. ``(x + divisor * 2**63) // divisor - 2**63`` is the floor, as an
    unsigned division of a number that is not negative. The verifier has refused elements that are not below the field's
    order.
    """
    size = _WORD * circuit.program.model.outputs
    first = layout.instance_at(len(circuit.spans))
    code.label("scores").push(0)
    code.label("next").op("DUP1").push(first).op("ADD", "CALLDATALOAD")  # at, element
    code.op("DUP1").push(FIELD // 2).op("LT").push(FIELD).op("MUL", "SWAP1", "SUB")  # at, number
    if circuit.divisor > 1:
        code.push(circuit.divisor << 63).op("ADD").push(circuit.divisor).op("SWAP1", "DIV")
        code.push(1 << 63).op("SWAP1", "SUB")
    code.op("DUP2", "MSTORE").push(_WORD).op("ADD")  # next
    code.push(size).op("DUP2", "LT").push_label("next").op("JUMPI").push(0).op("RETURN")


def _append_reverts(code: Assembler) -> None:
    for reason in (_LENGTH, _DOMAIN, _PROOF, _SELECTOR):
        text = reason.encode("ascii")
        code.label(reason).push(len(text)).push(int.from_bytes(text.ljust(_WORD, b"\0"), "big"))
        code.push_label("revert").op("JUMP")
    # length, text: Error(string) is its selector, 32, the length, the text left-aligned.
    code.label("revert").push(68).op("MSTORE").push(36).op("MSTORE")
    code.push(_WORD).push(4).op("MSTORE")
    code.push(_ERROR_SELECTOR << 224).push(0).op("MSTORE").push(100).push(0).op("REVERT")
