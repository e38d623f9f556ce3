"""Every registered runtime, on every example program: the reference's bits, and a refusal of what is outside.

A runtime is found by its entry point; registering one adds its tests here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tallystick.apps.fraud import find_model
from tallystick.errors import RangeError
from tallystick.exact import Feature, Program, TreeEnsemble, load_program
from tallystick.runtimes import Runtime, outside_rows, probe_rows, runtimes

from ..exact.kinds import KINDS, finished
from ..exact.programs import random_tree

VECTORS = Path(__file__).parent.parent / "vectors" / "program_v1"
# Each conformance case of these starts a chain or makes a proof.
SLOW = {"zk"}


@cache
def examples() -> dict[str, Program]:
    """Programs by name: the vectors, small ones that every runtime can hold, and the shipped model."""
    found = {
        path.stem: Program.from_bytes(bytes.fromhex(json.loads(path.read_text(encoding="ascii"))["program"][2:]))
        for path in sorted(VECTORS.glob("*.json"))
        if path.stem != "invalid"
    }
    found |= {"released": load_program(VECTORS / "released-0.1.0.tally"), "tsgn-v1": find_model("tsgn-v1").program}
    found |= {f"random-{name}": make(11) for name, make in KINDS.items()}
    return found | {"narrow": narrow()}


def narrow() -> Program:
    """Ten small trees on four 16-bit features: what the smallest runtimes are made for."""
    random = Random(1)
    features = tuple(Feature(f"u16_{index}", 0, 65_535) for index in range(4))
    trees = tuple(random_tree(random, features, 8, 1 << 20) for _ in range(10))
    return finished(random, features, TreeEnsemble(trees))


def cases() -> Iterator[pytest.ParameterSet]:
    for name, runtime in runtimes().items():
        marks = [pytest.mark.slow] if name in SLOW else []
        marks += [pytest.mark.chain] if runtime.extra == "embedded" else []
        yield pytest.param(runtime, id=name, marks=marks)


@pytest.mark.parametrize("runtime", list(cases()))
def test_runtime_conforms(runtime: Runtime) -> None:
    taken = 0
    for name, program in examples().items():
        if runtime.refuses(program):
            continue
        taken += 1
        rows = probe_rows(program, min(runtime.rows, 60), seed=taken)
        with runtime.open(program) as runner:
            assert np.array_equal(runner.outputs(rows), expected(program, rows)), name
            for row in outside_rows(program)[:2]:
                with pytest.raises(RangeError):
                    runner.outputs(np.array([row], np.int64))
    assert taken, "the runtime refuses every example"


def expected(program: Program, rows: np.ndarray) -> np.ndarray:
    with runtimes()["reference"].open(program) as runner:
        return np.asarray(runner.outputs(rows))


@pytest.mark.parametrize("runtime", runtimes().values(), ids=list(runtimes()))
def test_runtime_describes_itself(runtime: Runtime) -> None:
    assert runtimes()[runtime.name].__class__ is runtime.__class__
    assert runtime.about
    assert runtime.rows > 0


@pytest.mark.parametrize("kind", ["trees", "forest", "averaged", "linear", "mlp"])
def test_every_kind_runs_somewhere_else_than_in_python(kind: str) -> None:
    """A kind that only the Python runtimes take would be no use on a ledger."""
    others = [runtime for name, runtime in runtimes().items() if name not in ("reference", "fast")]
    assert any(not runtime.refuses(examples()[f"random-{kind}"]) for runtime in others)
