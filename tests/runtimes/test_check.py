from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from tallystick.errors import InputError, MissingExtra, ProgramError, RangeError
from tallystick.exact import FastProgram, Program
from tallystick.runtimes import _check, check_program, runtime

from ..exact.programs import program


class Wrong:
    """Differs from the reference where it is told to."""

    name, about, extra, rows = "wrong", "differs on purpose", "", 50

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def refuses(self, program: Program) -> str:
        return "takes nothing" if self._fault == "refuses" else ""

    @contextmanager
    def open(self, program: Program) -> Iterator[Any]:
        if self._fault == "too large":
            raise ProgramError("a tree does not fit into a data contract")
        if self._fault == "missing":
            raise MissingExtra.of("some_package", "zk")
        yield self

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        if self._fault == "accepts":
            rows = np.clip(rows, [0, -64], [1000, 64])
        raw = FastProgram(program()).score(np.ascontiguousarray(rows))[0].reshape(-1, 1)
        if self._fault == "one bit" and len(raw) > 7:
            raw[7] ^= 1
        return raw


def with_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> _check.RuntimeCheck:
    monkeypatch.setattr(_check, "runtimes", lambda: {"wrong": Wrong(fault)})
    return check_program(program()).runtimes[0]


def test_python_runtimes_agree() -> None:
    notes: list[Any] = []
    check = check_program(program(), ["reference", "fast"], 200, 1, lambda *note: notes.append(note))
    assert check.agree
    assert [(item.name, item.state, item.rows) for item in check.runtimes] == [
        ("reference", "agrees", 200),
        ("fast", "agrees", 200),
    ]
    assert notes[-1] == ("fast", 200, 200)
    assert json.loads(json.dumps(check.as_json()))["program"] == "0x" + program().hash.hex()


def test_one_wrong_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_fault("one bit", monkeypatch)
    assert (found.state, found.difference is not None) == ("differs", True)
    assert found.difference is not None
    assert found.difference.expected == found.difference.got ^ 1
    assert not check_program(program()).agree


def test_a_row_outside_that_is_not_refused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_fault("accepts", monkeypatch)
    assert found.state == "differs"
    assert found.difference is not None


def test_only_what_ran_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[Any] = []
    monkeypatch.setattr(_check, "runtimes", lambda: {"wrong": Wrong("refuses")})
    check_program(program(), note=lambda *note: notes.append(note))
    assert notes == []


def test_refusal_and_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_fault("refuses", monkeypatch).why == "takes nothing"
    late = with_fault("too large", monkeypatch)
    assert (late.state, late.why) == ("refuses", "a tree does not fit into a data contract")
    missing = with_fault("missing", monkeypatch)
    assert (missing.state, "tallystick[zk]" in missing.why) == ("missing", True)


def test_right_runtime_passes_the_same_check(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_fault("none", monkeypatch).state == "agrees"


def test_invalid_name() -> None:
    with pytest.raises(InputError) as caught:
        runtime("refer")
    assert "Did you mean reference?" in caught.value.advice
    with pytest.raises(InputError, match="no runtime of this name"):
        check_program(program(), ["zzz"])


def test_fast_raises_range_error_as_the_check_expects() -> None:
    with runtime("fast").open(program()) as runner, pytest.raises(RangeError):
        runner.outputs(np.array([[-1, 0]], np.int64))
