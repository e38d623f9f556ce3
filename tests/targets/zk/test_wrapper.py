"""The wrapper in py-evm, in front of small contracts that stand where a verifier would."""

from __future__ import annotations

import eth_abi
import pytest
from eth_utils.crypto import keccak

from tallystick.exact import Feature, Program, TreeEnsemble
from tallystick.targets.evm import Assembler
from tallystick.targets.zk import (
    FIELD,
    SCORE_SELECTOR,
    VERIFY_SELECTOR,
    circuit,
    encode_call,
    wrapper_code,
    wrapper_initcode,
)

from ..evm.machine import Outcome, deploy, run
from .programs import finished

VERIFIER = b"\x33" * 20
PROOF = bytes(range(96))
FEATURES = (Feature("a", -5, 250), Feature("b", 0, (1 << 63) - 1), Feature("c", 7, 7))


def returns(value: int, size: int = 32) -> bytes:
    return Assembler().push(value).push(0).op("MSTORE").push(size).push(0).op("RETURN").assemble()


YES = returns(1)
# Returns whether the calldata has this hash: what the wrapper hands on.
ECHO = Assembler().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY", "CALLDATASIZE").push(0).op("KECCAK256")


def expects(data: bytes) -> bytes:
    code = Assembler().extend(ECHO).push(int.from_bytes(keccak(data), "big")).op("EQ").push(0).op("MSTORE")
    return code.push(32).push(0).op("RETURN").assemble()


def program(divisor: int = 1, outputs: int = 2) -> Program:
    return finished(FEATURES, TreeEnsemble((), (0,) * outputs, (), divisor))


def ask(data: bytes, verifier: bytes = YES, made: Program | None = None, push0: bool = True) -> Outcome:
    code = wrapper_code(circuit(made or program()), VERIFIER, len(PROOF), push0)
    return run(code, data, {VERIFIER: verifier} if verifier else {})


def instances(
    row: tuple[int, ...] = (0, 5, 7), sums: tuple[int, ...] = (3, -4), made: Program | None = None
) -> list[int]:
    return circuit(made or program()).instances(row, sums)


def test_calls_are_canonical_abi() -> None:
    numbers = instances()
    for size in (1, 31, 32, 96, 100):
        data = encode_call(VERIFY_SELECTOR, bytes(range(size)), numbers)
        assert data[4:] == eth_abi.encode(["bytes", "uint256[]"], [bytes(range(size)), numbers])
    assert keccak(text="verifyProof(bytes,uint256[])")[:4] == VERIFY_SELECTOR
    assert keccak(text="provenScore(bytes,uint256[])")[:4] == SCORE_SELECTOR


@pytest.mark.parametrize("push0", [True, False])
def test_a_proof_that_holds(push0: bool) -> None:
    assert ask(encode_call(VERIFY_SELECTOR, PROOF, instances()), push0=push0).words() == (1,)
    assert ask(encode_call(SCORE_SELECTOR, PROOF, instances()), push0=push0).words() == (3, -4)


def test_the_verifier_gets_the_same_words() -> None:
    data = encode_call(VERIFY_SELECTOR, PROOF, instances())
    for selector in (VERIFY_SELECTOR, SCORE_SELECTOR):
        assert not ask(selector + data[4:], expects(data)).failed
    assert ask(data, expects(data + b"\0")).reason() == "program: proof"


@pytest.mark.parametrize("divisor", [1, 3, (1 << 32) - 1])
@pytest.mark.parametrize("total", [0, 1, -1, 7, -7, 9, -9, (1 << 63) - 1, -(1 << 63)])
def test_scores_are_floors(divisor: int, total: int) -> None:
    made = program(divisor)
    data = encode_call(SCORE_SELECTOR, PROOF, instances(sums=(total, 5), made=made))
    assert ask(data, made=made).words() == (total // divisor, 5 // divisor)


def test_many_outputs() -> None:
    made = program(outputs=40)
    sums = tuple(range(-20, 20))
    assert ask(encode_call(SCORE_SELECTOR, PROOF, instances(sums=sums, made=made)), made=made).words() == sums


def test_names() -> None:
    assert ask(keccak(text="programHash()")[:4]).output == program().hash
    assert ask(keccak(text="verifier()")[:4]).output == VERIFIER.rjust(32, b"\0")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_invalid_input_above_its_span(place: int) -> None:
    """Refused before the verifier is asked: this one would say yes to anything."""
    made = circuit(program())
    for value in (made.spans[place] + 1, FIELD - 1, (1 << 256) - 1):
        numbers = instances()
        numbers[place] = value
        for selector in (VERIFY_SELECTOR, SCORE_SELECTOR):
            assert ask(encode_call(selector, PROOF, numbers)).reason() == "program: domain"
    numbers = instances()
    numbers[place] = made.spans[place]
    assert not ask(encode_call(VERIFY_SELECTOR, PROOF, numbers)).failed


@pytest.mark.parametrize("verifier", [returns(0), returns(2), returns(1, 31), returns(1, 64), b"", bytes([0xFE])])
def test_invalid_verifier_does_not_say_yes(verifier: bytes) -> None:
    for selector in (VERIFY_SELECTOR, SCORE_SELECTOR):
        assert ask(encode_call(selector, PROOF, instances()), verifier).reason() == "program: proof"


def test_invalid_layout() -> None:
    """Every word that says where something stands, and the length of the whole."""
    data = encode_call(VERIFY_SELECTOR, PROOF, instances())
    wrong = [data[:-1], data + b"\0", data[:4], encode_call(VERIFY_SELECTOR, PROOF[:-1], instances())]
    wrong += [encode_call(VERIFY_SELECTOR, PROOF, numbers) for numbers in (instances()[:-1], [*instances(), 0])]
    for word in (4, 36, 68, 100 + len(PROOF)):
        for place in (word, word + 31):
            wrong.append(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    for other in wrong:
        assert ask(other).reason() == "program: length"


@pytest.mark.parametrize("data", [b"", b"\0" * 3, b"\0" * 4, b"\xff" * 100])
def test_invalid_selector(data: bytes) -> None:
    assert ask(data).reason() == "program: selector"


@pytest.mark.parametrize("push0", [True, False])
def test_initcode_leaves_the_code(push0: bool) -> None:
    code = wrapper_code(circuit(program()), VERIFIER, len(PROOF), push0)
    assert deploy(wrapper_initcode(code, push0)) == code
