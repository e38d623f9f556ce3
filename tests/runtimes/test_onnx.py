"""The runtime of ONNX models; what it shares with others is in test_conformance.py."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tallystick.errors import InputError, MissingExtra, RangeError
from tallystick.exact import FastProgram
from tallystick.runtimes import _onnx as module
from tallystick.runtimes import runtimes
from tallystick.runtimes._onnx import Onnx
from tallystick.runtimes._rows import probe_rows

from ..exact.kinds import random_mlp, trees
from ..exact.programs import program


def test_is_registered() -> None:
    assert isinstance(runtimes()["onnx"], Onnx)
    assert Onnx().refuses(program()) == ""


@pytest.mark.parametrize("make", [trees, random_mlp])
def test_rows_are_taken_in_parts(make, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = make(9)
    rows = probe_rows(tested, 500)
    monkeypatch.setattr(module, "_NUMBERS_AT_ONCE", 100)
    with Onnx().open(tested) as runner:
        assert np.array_equal(runner.outputs(rows), FastProgram(tested).outputs(rows))


def test_rows_in_any_order_of_memory() -> None:
    rows = np.asfortranarray(probe_rows(program(), 20))
    with Onnx().open(program()) as runner:
        assert np.array_equal(runner.outputs(rows), runner.outputs(np.ascontiguousarray(rows)))
        assert runner.outputs(rows[:0]).shape == (0, 1)


def test_invalid_rows() -> None:
    with Onnx().open(program()) as runner:
        with pytest.raises(RangeError, match=r"feature outside \[0, 1000\]") as error:
            runner.outputs(np.array([[5, 0], [1001, 0]]))
        assert error.value.where == {"name": "age_s", "value": 1001}
        with pytest.raises(RangeError, match="the program has 2 features"):
            runner.outputs(np.zeros((3, 1), np.int64))
        with pytest.raises(RangeError, match="the program has 2 features"):
            runner.outputs(np.zeros(2, np.int64))
        with pytest.raises(InputError, match="int64"):
            runner.outputs(np.zeros((3, 2)))


def test_invalid_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match="onnxruntime is not installed"), Onnx().open(program()):
        pass
