from __future__ import annotations

import pytest

from tallystick.targets.evm import Assembler

from .machine import run


def test_push_is_the_shortest() -> None:
    code = Assembler().push(0).push(1).push(255).push(256).push(-1).assemble()
    assert code.hex() == "5f600160ff610100" + "7f" + "ff" * 32


def test_push_of_a_given_size() -> None:
    assert Assembler().push(7, 3).assemble().hex() == "62000007"


def test_zero_without_push0() -> None:
    assert Assembler(push0=False).push(0).assemble().hex() == "6000"


def test_labels_grow_until_they_fit() -> None:
    code = Assembler().push_label("end").op("JUMP")
    for _ in range(300):
        code.op("INVALID")
    code.label("end").push(5).push(0).op("MSTORE").push(32).push(0).op("RETURN")
    assert code.assemble()[:3] == bytes.fromhex("610130")
    assert run(code.assemble(), b"").words() == (5,)


def test_label_plus_a_constant() -> None:
    code = Assembler().push_label("table", 2).push(0).op("CODECOPY", "STOP").data("table", b"abc")
    assert code.assemble().hex() == "60075f3900616263"


def test_data_is_no_jump_target() -> None:
    assert run(Assembler().push_label("there").op("JUMP").data("there", b"\x00").assemble(), b"").failed


def test_extend_joins_parts() -> None:
    tail = Assembler().label("end").op("STOP")
    assert Assembler().push_label("end").op("JUMP").extend(tail).assemble().hex() == "6003565b00"


def test_invalid_label_twice() -> None:
    with pytest.raises(AssertionError, match="twice"):
        Assembler().label("a").label("a").assemble()
