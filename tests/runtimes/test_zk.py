from __future__ import annotations

import numpy as np
import pytest

from tallystick.errors import ProgramError, RangeError
from tallystick.exact import Feature, Tree, TreeEnsemble, score_outputs
from tallystick.runtimes import _zk, runtimes

from ..targets.zk.programs import finished
from .zk.conftest import PROGRAMS, ROW


def test_registered() -> None:
    zk = runtimes()["zk"]
    assert (zk.name, zk.extra, zk.rows) == ("zk", "zk", 2)


def test_outputs_are_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    program = PROGRAMS["averages"]
    proofs = []
    real = _zk.prove_with
    monkeypatch.setattr(_zk, "prove_with", lambda keys, row: proofs.append(real(keys, row)) or proofs[-1])
    with runtimes()["zk"].open(program) as runner:
        assert runner.outputs(np.array([ROW], np.int64)).tolist() == [list(score_outputs(program, ROW))]
        assert len(proofs) == 1
        with pytest.raises(RangeError):
            runner.outputs(np.array([ROW, (995, 0)], np.int64))
        assert len(proofs) == 1
        assert runner.outputs(np.zeros((0, 2), np.int64)).shape == (0, 2)


def test_invalid_too_large() -> None:
    trees = tuple(Tree((0,), (step,), (-1,), (-2,), (0,), (0, 1)) for step in range(9_000))
    program = finished((Feature("height", 0, 9_000),), TreeEnsemble(trees))
    zk = runtimes()["zk"]
    assert "its circuit could take" in zk.refuses(program)
    with pytest.raises(ProgramError, match="could take"), zk.open(program):
        pass
