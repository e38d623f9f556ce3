"""The compiled loops: their sources as plain Python, what the compiler makes of them, and when it does so anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from tallystick.errors import RangeError
from tallystick.exact import (
    FastProgram,
    Feature,
    Program,
    Tree,
    _kernels,
    _kernels_dense,
    _kernels_rows,
    _kernels_sections,
    score_row,
)
from tallystick.exact._bits import leading_zeros
from tallystick.exact._fast_plan import plan_of
from tallystick.exact._kernels_leaves import find_leaves
from tallystick.exact._layout import aligned
from tallystick.hashing import keccak256

from .kinds import KINDS, random_linear, random_mlp
from .programs import INT64, Shape, edge_rows, program, random_program

FOLDER = Path(_kernels.__file__).parent
# Files whose code goes into the machine code of each file of entry points.
SHARED = {
    _kernels: ("_bits.py", "_kernels_leaves.py", "_kernels_rows.py", "_kernels_sections.py"),
    _kernels_dense: ("_kernels_rows.py", "_kernels_sections.py"),
}


@pytest.mark.parametrize("module", SHARED, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_change_in_shared_code_compiles_anew(module: Any) -> None:
    """numba keys its cache by the entry point's file; so the number there has to follow the files it draws on."""
    content = b"".join((FOLDER / name).read_bytes() for name in SHARED[module])
    assert keccak256(content)[:4].hex() == module.COMPILED_IN


def compiled_loops() -> dict[str, Any]:
    """Every loop that is compiled, by the file it stands in and its name."""
    modules = (_kernels, _kernels_dense, _kernels_rows, _kernels_sections)
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": (module, name)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    }


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sources without the compiler."""
    for module, name in compiled_loops().values():
        monkeypatch.setattr(module, name, getattr(module, name).py_func)


def check_plain(made: Program, rows: list[list[int]]) -> None:
    fast = FastProgram(made)  # takes the loops that are plain now
    with np.errstate(over="ignore"):  # distances between thresholds are taken modulo 2**64
        raw, ppm = fast.score(np.array(rows, np.int64))
        one = [fast.score_one(row) for row in rows]
    expected = [score_row(made, row)[:2] for row in rows]
    assert list(zip(raw.tolist(), ppm.tolist(), strict=True)) == expected
    assert one == expected


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loops_as_plain_python(kind: str, seed: int) -> None:
    """So that a wrong compilation could not hide a wrong loop."""
    made = KINDS[kind](seed)
    check_plain(made, edge_rows(made, limit=6))
    outside = [feature.high for feature in made.features]
    outside[-1] += 1
    if outside[-1] < 1 << 63:
        with pytest.raises(RangeError, match="row 1 outside"):
            FastProgram(made).score(np.array([[feature.low for feature in made.features], outside]))
        with pytest.raises(RangeError):
            FastProgram(made).score_one(np.array(outside))


@pytest.mark.usefixtures("plain")
def test_large_trees_as_plain_python() -> None:
    made = random_program(Shape(1, features=3, leaves=[66, 90, 20, 64]))
    check_plain(made, edge_rows(made, limit=4))


COLUMNS = [
    range(9),
    range(0, 10**7, 10**5),
    [1 << bit for bit in range(60)],
    [base + step for base in (0, 1 << 20, 1 << 61) for step in range(9)],
    [INT64[0], *range(9), INT64[1] - 1],
]


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("thresholds", COLUMNS)
def test_columns_as_plain_python(thresholds: Any) -> None:
    trees = tuple(Tree((0,), (t,), (-1,), (-2,), (0,), (0, 1)) for t in thresholds)
    made = program(features=(Feature("x", *INT64),), trees=trees)
    values = [t + d for t in thresholds for d in (-1, 0, 1) if INT64[0] <= t + d]
    check_plain(made, [[value] for value in values[:: len(values) // 20]])


def arguments() -> dict[str, tuple[Any, ...]]:
    """What each entry point is called with, for one row."""
    found: dict[str, tuple[Any, ...]] = {}
    for made, names in (
        (program(), ("run_trees", "run_tree_row")),
        (random_linear(1), ("run_linear", "run_linear_row")),
        (random_mlp(1), ("run_mlp", "run_mlp_row")),
    ):
        plan = plan_of(made)
        rows = np.array([[feature.low for feature in made.features]], np.int64)
        totals = np.zeros((1, made.model.outputs), np.int64)
        found[names[0]] = (rows, plan.words, aligned(plan.scratch_words), totals, np.zeros(1, np.uint32))
        found[names[1]] = (rows[0], plan.words)
    found["run_mlp_row"] += (np.zeros(100, np.int32),)
    return found


@pytest.mark.parametrize("name", arguments())
def test_compiled_loops_hold_no_float(name: str) -> None:
    """Look at what the compiler makes: no instruction on floats, no conversion to or from them."""
    source = getattr(_kernels, name, None) or getattr(_kernels_dense, name)
    fresh = numba.njit(source.py_func)
    fresh(*arguments()[name])
    (code,) = fresh.inspect_llvm().values()
    body = code[code.index("define ") :]
    for word in ("fadd", "fsub", "fmul", "fdiv", "fcmp", "sitofp", "uitofp", "fptosi", "fptoui", " double "):
        assert word not in body


@pytest.mark.parametrize("rows", [64, 128, 256])
def test_leaves_of_a_block_as_plain_python(rows: int) -> None:
    """The loop written in the compiler's language beside the one that says what it means."""
    random = np.random.default_rng(rows)
    start = np.cumsum([0, *random.integers(3, 9, 8)])
    count = int(start[-1])
    masks = (
        start,
        (256 * random.integers(0, 3, count)).astype(np.uint32),
        random.integers(-128, 127, count).astype(np.int8),
        (1 << random.integers(0, 8, count)).astype(np.uint8),
    )
    masks[3][start[7] :] |= 128  # a tree's last leaf is never cleared
    ranks = random.integers(-128, 128, 3 * 256).astype(np.int8)
    found, expected = np.zeros(rows, np.uint8), np.zeros(rows, np.uint8)
    compiled_find(ranks, masks, 0, 8, found)
    find_leaves(ranks, masks, 0, 8, expected)
    assert found.tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 4


@numba.njit
def compiled_find(ranks: Any, masks: Any, group: int, count: int, leaves: Any) -> None:
    find_leaves(ranks, masks, group, count, leaves)


def test_leading_zeros() -> None:
    for bit in range(64):
        assert leading_zeros(1 << bit) == leading_zeros((2 << bit) - 1) == 63 - bit
    assert leading_zeros(0) == 64
