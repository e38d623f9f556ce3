"""The rule of this layer: no float, clock, randomness, hash order or input/output decides anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import tallystick.exact
from tallystick.exact import FastProgram, _kernels

from .programs import program

FOLDER = Path(tallystick.exact.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))
IMPORTERS = FOLDER / "importers"  # read float models; they go through exact fractions at once
FILE_USERS = {"_files.py", "_import_model.py"}
ALLOWED_IMPORTS = {
    "__future__", "bisect", "collections", "contextlib", "dataclasses", "fractions", "functools", "itertools", "json",
    "math", "numba", "numpy", "operator", "re", "struct", "tallystick", "types", "typing",
}  # fmt: skip
ALLOWED_MATH = {"ceil", "floor", "inf", "isfinite", "nextafter"}
KERNELS = ["first_outside", "count_below", "rank_columns", "add_trees", "look_up", "score_blocks"]


def broken_rules(source: str, floats: bool, files: bool) -> Iterator[str]:
    allowed = ALLOWED_IMPORTS | ({"os", "pathlib"} if files else set())
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                yield "float literal"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()) if not floats:  # of fractions it is exact
                yield "true division"
            case ast.Name(id="float") if not floats:
                yield "float"
            case ast.Name(id="open" | "print" | "input" | "hash" | "id" as name) if not (name == "id" and floats):
                yield name
            case ast.Attribute(value=ast.Name(id="np"), attr=attribute) if attribute.startswith("float") and not floats:
                yield "float array"
            case ast.Attribute(value=ast.Name(id="np"), attr="random"):
                yield "random"
            case ast.Attribute(value=ast.Name(id="math"), attr=attribute) if attribute not in ALLOWED_MATH:
                yield f"math.{attribute}"
            case ast.For(iter=ast.Set() | ast.SetComp()):
                yield "hash order"
            case ast.Import(names=names):
                yield from (f"import {name.name}" for name in names if name.name.split(".")[0] not in allowed)
            case ast.ImportFrom(module=module):
                if (module or ".").split(".")[0] not in allowed:
                    yield f"import {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_source_keeps_the_rule(path: Path) -> None:
    broken = broken_rules(path.read_text(encoding="utf-8"), path.parent == IMPORTERS, path.name in FILE_USERS)
    assert list(broken) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1.0",
        "x = 1 / 2",
        "x /= 2",
        "x = float(1)",
        "import time",
        "from random import random",
        "import numpy.random, os",
        "np.float64(1)",
        "np.random.rand()",
        "math.sqrt(2)",
        "open('a')",
        "for x in {1, 2}: pass",
        "from . import x",
    ],
)
def test_rule_finds(source: str) -> None:
    assert len(list(broken_rules(source, floats=False, files=False))) == 1


def test_only_importers_read_floats() -> None:
    assert {path.name for path in SOURCES} >= FILE_USERS
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert path.parent == IMPORTERS or not ("fractions" in text or "float(" in text)


@pytest.mark.parametrize("name", KERNELS)
def test_compiled_loops_hold_no_float(name: str) -> None:
    """Look at what the compiler makes: no instruction on floats, no conversion to or from them."""
    fresh = numba.njit(getattr(_kernels, name).py_func)
    fresh(*arguments()[name])
    (code,) = fresh.inspect_llvm().values()
    body = code[code.index("define ") :]
    for word in ("fadd", "fsub", "fmul", "fdiv", "fcmp", "sitofp", "uitofp", "fptosi", "fptoui", " double "):
        assert word not in body


def arguments() -> dict[str, tuple[Any, ...]]:
    """What each loop is called with, for one row."""
    fast = FastProgram(program())
    rows = np.zeros((1, 2), np.int64)
    scratch, raw = fast._scratch(), np.zeros(1, np.int64)
    scratch.ranks[:] = 0
    return {
        "first_outside": (rows, fast._low, fast._high),
        "count_below": (scratch.narrow[:0], fast._columns.narrow_threshold, scratch.narrow_total),
        "rank_columns": (rows, fast._columns, scratch, scratch.ranks),
        "add_trees": (scratch.ranks, fast._words, scratch.bits[:1], scratch.alive, raw),
        "look_up": (raw, fast._breakpoints, fast._values, np.zeros(1, np.uint32)),
        "score_blocks": (rows, fast._low, fast._high, fast._columns, fast._words, scratch, raw),
    }
