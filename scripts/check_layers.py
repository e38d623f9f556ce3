#!/usr/bin/env python3
"""Check that imports go down only.

Reads the source (no import, so it also runs where nothing is installed) and reports:

* a module that imports from a layer above its own, or beside it;
* a layer that the order does not know;
* a cycle between modules;
* a private module (``_name``) of another package;
* a heavy library reached by ``import tallystick`` or ``import tallystick.cli``;
* in the layers exact and targets: a clock, randomness or the network.

Run alone: ``scripts/check_layers.py [FOLDER]``; it prints one problem a line and exits 1 if there is one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

ROOT: Final = "tallystick"
SOURCE: Final = Path(__file__).resolve().parent.parent / "src" / ROOT

# Low to high. Layers of one row do not import each other.
LAYERS: Final = (
    ("errors",),
    ("units",),
    ("settings",),
    ("hashing",),
    ("parsing",),
    ("compiling",),
    ("exact", "chain"),
    ("targets", "signing"),
    ("runtimes",),
    ("store",),
    ("sources",),
    ("features",),
    ("learn",),
    ("ledger",),
    ("apps",),
    ("cli",),
)
# The command as a module: above everything, no layer of its own.
TOP: Final = frozenset({"__main__"})
HEAVY: Final = frozenset(
    (
        "boa",
        "duckdb",
        "fastapi",
        "httpx",
        "lightgbm",
        "llvmlite",
        "matplotlib",
        "numba",
        "numpy",
        "pandas",
        "polars",
        "pyarrow",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "titanoboa",
        "vyper",
        "web3",
    )
)
LIGHT_ENTRIES: Final = (ROOT, f"{ROOT}.cli")
UNCERTAIN: Final = frozenset(
    ("asyncio", "datetime", "httpx", "random", "requests", "secrets", "socket", "time", "urllib", "web3")
)


@dataclass(frozen=True)
class Import:
    """One import: the module that has it, what it names, and whether it runs when the module is loaded."""

    module: str
    target: str
    line: int
    at_load: bool

    @property
    def root(self) -> str:
        return self.target.partition(".")[0]


@dataclass(frozen=True)
class Source:
    """Every module below one folder and what they import."""

    packages: frozenset[str]
    modules: frozenset[str]
    imports: tuple[Import, ...]

    @classmethod
    def read(cls, folder: Path) -> Source:
        modules: dict[str, Path] = {}
        packages = set()
        for path in sorted(folder.rglob("*.py")):
            parts = [ROOT, *path.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
                packages.add(".".join(parts))
            modules[".".join(parts)] = path
        found = [item for name, path in modules.items() for item in _imports(name, path, name in packages)]
        # `from tallystick.x import y` names the module y where there is one, else x.
        named = [
            item if item.target in modules or item.root != ROOT else _owner(item, modules.keys()) for item in found
        ]
        return cls(frozenset(packages), frozenset(modules), tuple(named))


def check(folder: Path = SOURCE) -> list[str]:
    """Every problem, as ``module:line: what``."""
    source = Source.read(folder)
    own = [item for item in source.imports if item.root == ROOT]
    return [
        *_unknown_layers(source),
        *_upward(own),
        *_private(own),
        *_cycles(own),
        *_heavy(source),
        *_uncertain(source),
    ]


def layer_of(module: str) -> str:
    """Layer a module belongs to; empty for the package itself."""
    return [*module.split("."), ""][1]


def _rank(layer: str) -> int:
    if layer in TOP:
        return len(LAYERS)
    return next((rank for rank, row in enumerate(LAYERS) if layer in row), -1)


def _unknown_layers(source: Source) -> Iterator[str]:
    known = {layer for row in LAYERS for layer in row} | TOP | {""}
    for layer in sorted({layer_of(module) for module in source.modules} - known):
        yield f"{ROOT}.{layer}:1: no layer of this name in scripts/check_layers.py"


def _upward(own: list[Import]) -> Iterator[str]:
    for item in own:
        here, there = layer_of(item.module), layer_of(item.target)
        if here != there and there and _rank(there) >= _rank(here):
            yield f"{item.module}:{item.line}: imports {item.target}, which is not below {here or ROOT}"


def _private(own: list[Import]) -> Iterator[str]:
    """A private module is for its package, what is below it, and the package right above (never the root)."""
    for item in own:
        parts = item.target.split(".")
        for depth, part in enumerate(parts):
            owner = parts[:depth]
            if part.startswith("_") and not part.startswith("__") and not _may_look_into(item.module.split("."), owner):
                yield f"{item.module}:{item.line}: imports {item.target}, private to {'.'.join(owner)}"
                break


def _may_look_into(module: list[str], owner: list[str]) -> bool:
    inside = module[: len(owner)] == owner
    above = len(owner) > 2 and module[:-1] == owner[:-1]
    return inside or above


def _cycles(own: list[Import]) -> Iterator[str]:
    graph: dict[str, set[str]] = {}
    for item in own:
        # A package's __init__ gathers its own modules; they may name the package above them only by submodule.
        if item.at_load and item.target != ROOT and item.module != item.target:
            graph.setdefault(item.module, set()).add(item.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"{error.args[1][0]}:1: cycle: {' -> '.join(error.args[1])}"


def _heavy(source: Source) -> Iterator[str]:
    for entry in LIGHT_ENTRIES:
        todo, seen = [entry], {entry}
        while todo:
            module = todo.pop()
            for item in source.imports:
                if item.module != module or not item.at_load:
                    continue
                if item.root in HEAVY:
                    yield f"{module}:{item.line}: imports {item.target}, too heavy for `import {entry}`"
                # Importing a.b.c runs a, a.b and a.b.c.
                parts = item.target.split(".")
                for reached in {".".join(parts[: end + 1]) for end in range(len(parts))} & source.modules - seen:
                    seen.add(reached)
                    todo.append(reached)


def _uncertain(source: Source) -> Iterator[str]:
    for item in source.imports:
        layer = layer_of(item.module)
        if layer in ("exact", "targets") and item.root in UNCERTAIN:
            yield f"{item.module}:{item.line}: imports {item.target}; {layer} has no clock, randomness or network"


def _imports(module: str, path: Path, package: bool) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    later = _nodes_run_later(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + package]
                base = ".".join([*parts, base] if base else parts)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(module, name, node.lineno, node not in later)


def _nodes_run_later(tree: ast.Module) -> set[ast.AST]:
    """Nodes in functions and below ``if TYPE_CHECKING``: not run when the module is loaded."""
    later: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            later.update(ast.walk(node))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                later.update(ast.walk(child))
    return later


def _owner(item: Import, modules: object) -> Import:
    assert hasattr(modules, "__contains__")
    target = item.target
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return Import(item.module, target or item.target, item.line, item.at_load)


def main(arguments: list[str]) -> int:
    problems = check(Path(arguments[0]) if arguments else SOURCE)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
