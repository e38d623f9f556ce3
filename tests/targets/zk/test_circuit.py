from __future__ import annotations

import builtins
from typing import Any

import pytest
from hypothesis import given

from tallystick.errors import MissingExtra, RangeError
from tallystick.exact import Feature, Program, Tree, TreeEnsemble
from tallystick.targets.evm import RowCode
from tallystick.targets.zk import FIELD, circuit

from .programs import KINDS, finished, small_programs, some_rows


@given(small_programs())
def test_inputs_are_the_packed_row(program: Program) -> None:
    """The same numbers as a contract of the program reads."""
    made, code = circuit(program), RowCode(program)
    for row in some_rows(program, 3):
        packed = code.encode(row)
        places = zip(code.offsets, code.widths, strict=True)
        assert made.inputs(row) == [int.from_bytes(packed[at : at + width], "big") for at, width in places]
    assert made.spans == code.spans


def test_instances_and_back() -> None:
    made = circuit(finished((Feature("a", -3, 3),), TreeEnsemble((), (-7, 8), (), 2)))
    assert made.instances([-1], (-14, 16)) == [2, FIELD - 14, 16]
    assert made.sums([2, FIELD - 14, 16]) == (-14, 16)
    assert made.raws((-15, 17)) == (-8, 8)


def test_same_program_same_bytes() -> None:
    for make in KINDS.values():
        one, two = circuit(make(1)), circuit(make(1))
        assert (one.model, one.hash) == (two.model, two.hash)
        assert one.hash != circuit(make(2)).hash


def test_arguments_switch_rounding_off() -> None:
    arguments = circuit(KINDS["trees"](1)).arguments
    assert (arguments["input_scale"], arguments["param_scale"], arguments["decomp_base"]) == (0, 0, 1024)
    assert arguments["logrows"] == 11
    assert arguments["input_visibility"] == arguments["output_visibility"] == "public"


def test_describe() -> None:
    stump = Tree((0,), (1,), (-1,), (-2,), (0,), (0, 1))
    made = circuit(finished((Feature("a", -3, 3),), TreeEnsemble((stump,))))
    facts = made.describe()
    assert facts["circuit_hash"] == "0x" + made.hash.hex()
    assert (facts["inputs"], facts["outputs"]) == (len(made.spans), made.program.model.outputs)
    assert facts["rows_at_most"] > facts["comparisons"] == 1


def test_invalid_row() -> None:
    made = circuit(finished((Feature("a", -3, 3),), TreeEnsemble((), (1,))))
    with pytest.raises(RangeError):
        made.inputs([4])


def test_invalid_without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match="onnx is not installed") as caught:
        circuit(KINDS["trees"](1))
    assert 'pip install "tallystick[zk]"' in caught.value.advice
