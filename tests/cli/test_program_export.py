"""``tally program export``: what was written gives the program's bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tallystick.cli._program import _export
from tallystick.exact import Program, load_program, save_program, score_outputs
from tallystick.targets.evm import BranchOptions, RowCode, branch_code

from ..exact.kinds import random_linear
from ..exact.programs import Shape, edge_rows, program, random_program
from ..targets.evm.machine import deploy, run
from .calls import call, good


def exported(made: Program, to: str, name: str) -> bytes:
    save_program(made, "p.tally")
    facts = good("program", "export", "p.tally", "--to", to, "-o", name, "--json").json
    assert facts["program"] == "0x" + made.hash.hex()
    return Path(name).read_bytes()


def test_onnx() -> None:
    session = onnxruntime.InferenceSession(exported(program(), "onnx", "p.onnx"), providers=["CPUExecutionProvider"])
    rows = edge_rows(program())
    (raw,) = session.run(["raw"], {"rows": np.array(rows, np.int64)})
    assert raw.tolist() == [list(score_outputs(program(), row)) for row in rows]


def test_branch_init_code_in_hexadecimal() -> None:
    text = exported(program(), "evm-branch", "p.hex")
    runtime = deploy(bytes.fromhex(text.decode("ascii")))
    row = edge_rows(program())[0]
    assert run(runtime, RowCode(program()).encode(row)).words() == score_outputs(program(), row)


def test_dense_init_code() -> None:
    made = random_linear(2)
    runtime = deploy(exported(made, "evm-dense", "p.bin"))
    row = edge_rows(made)[0]
    assert run(runtime, RowCode(made).encode(row)).words() == score_outputs(made, row)


def test_own_bytes() -> None:
    exported(program(), "bytes", "copy.tally")
    assert load_program("copy.tally") == program()


def test_invalid_kind() -> None:
    save_program(random_linear(2), "p.tally")
    assert "only trees" in call("program", "export", "p.tally", "--to", "evm-branch", "-o", "x.bin").err


def test_branch_code_does_not_grow_beyond_one_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that fits only where it is not made faster was written too large for any chain."""
    made = random_program(Shape(5, 6, (40,) * 4))
    free, smallest = branch_code(made), branch_code(made, BranchOptions(bytes_per_test=0))
    assert len(free.runtime) > len(smallest.runtime) + 1
    monkeypatch.setattr(_export, "_CODE_LIMIT", len(free.runtime) - 1)
    assert len(deploy(exported(made, "evm-branch", "p.bin"))) < len(free.runtime)
    monkeypatch.setattr(_export, "_CODE_LIMIT", len(smallest.runtime) - 1)
    done = call("program", "export", "p.tally", "--to", "evm-branch", "-o", "x.bin", "--json")
    assert (done.code, done.json["error"]) == (1, "T700")
    assert "tally program deploy" in done.err
    assert not Path("x.bin").exists()
