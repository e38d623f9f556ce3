"""Keys and one proof of a small program of each kind, made once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tallystick.exact import DenseLayer, Feature, Linear, Mlp, Program, Tree, TreeEnsemble
from tallystick.runtimes.zk import Keys, Proof, prepare, prove_with

from ...targets.zk.programs import finished

FEATURES = (Feature("a", -5, 994), Feature("b", 0, 65_535))
TREES = (
    Tree((0, 1), (100, 7), (1, -1), (-3, -2), (4, -2), (-10, 5, 40)),
    Tree((1,), (30_000,), (-1,), (-2,), (0,), (-7, (1 << 40) + 1)),
)
PROGRAMS = {
    "trees": finished(FEATURES, TreeEnsemble(TREES, (-2,))),
    "averages": finished(FEATURES, TreeEnsemble(TREES, (3, -9), (1, 0), 3)),
    "linear": finished(FEATURES, Linear(((1 << 33, -1),), (5,), (0, 0))),
    "mlp": finished(
        FEATURES,
        Mlp(
            (
                DenseLayer(((3, -1), (100, 1)), (7, -9), 7, 0, 127),
                DenseLayer(((-128, 5),), (1,), 3, -(1 << 31), (1 << 31) - 1),
            )
        ),
    ),
}
ROW = (17, 40_000)


class Proven(NamedTuple):
    program: Program
    keys: Keys
    proof: Proof


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def proven(keys_folder: Path) -> Callable[[str], Proven]:
    @cache
    def make(kind: str) -> Proven:
        program = PROGRAMS[kind]
        keys = prepare(program, keys_folder)
        return Proven(program, keys, prove_with(keys, ROW))

    return make
