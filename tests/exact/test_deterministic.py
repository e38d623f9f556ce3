"""The rule of this layer: no float, clock, randomness, hash order or input/output decides anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tallystick.exact

FOLDER = Path(tallystick.exact.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))
IMPORTERS = FOLDER / "importers"  # read float models; they go through exact fractions at once
FILE_USERS = {"_files.py", "_import_model.py"}
ALLOWED_IMPORTS = {
    "__future__", "bisect", "collections", "contextlib", "dataclasses", "fractions", "functools", "itertools", "json",
    "llvmlite", "math", "numba", "numpy", "operator", "re", "struct", "tallystick", "types", "typing",
}  # fmt: skip
ALLOWED_MATH = {"ceil", "floor", "inf", "isfinite", "isinf", "isnan", "nextafter"}


def broken_rules(source: str, floats: bool, files: bool) -> Iterator[str]:
    allowed = ALLOWED_IMPORTS | ({"os", "pathlib"} if files else set()) | ({"google", "onnx"} if floats else set())
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()) if not floats:
                yield "float literal"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()) if not floats:  # of fractions it is exact
                yield "true division"
            case ast.Name(id="float") if not floats:
                yield "float"
            case ast.Name(id="open" | "print" | "input" | "hash" | "id" as name, ctx=ast.Load()) if not (
                name == "id" and floats
            ):
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
