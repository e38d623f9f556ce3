from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from time import perf_counter

import pytest

import tallystick

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tallystick"
PACKAGES = sorted(
    ".".join(["tallystick", *path.parent.relative_to(SOURCE).parts]) for path in SOURCE.rglob("__init__.py")
)
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
# What a command line may load before it knows the verb; the rest is for the verb.
ENTRIES = {
    "import tallystick": (10, 3.0),  # modules more than `pass`, times as long as `pass`
    "import tallystick.errors, tallystick.units, tallystick.settings": (120, 12.0),
}
HELP = (
    "import sys; sys.argv = ['tally', '--help']\n"
    "from tallystick.cli import main\n"
    "try:\n    main()\nexcept SystemExit:\n    pass"
)
if (SOURCE / "cli" / "__init__.py").is_file():
    ENTRIES[HELP] = (900, 60.0)
HEAVY = "boa duckdb lightgbm llvmlite matplotlib numba numpy pandas polars pyarrow sklearn sqlalchemy web3".split()  # noqa: SIM905


def loaded(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def seconds(code: str) -> float:
    """Shortest of five runs: what the code costs, without what else the machine does."""

    def once() -> float:
        start = perf_counter()
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
        return perf_counter() - start

    return min(once() for _ in range(5))


@pytest.mark.parametrize("code", ENTRIES)
def test_import_loads_few_modules_and_no_heavy_library(code: str) -> None:
    more = loaded(code) - loaded("pass")
    assert not more & set(HEAVY)
    assert len(more) <= ENTRIES[code][0], sorted(more)


@pytest.mark.parametrize("code", ENTRIES)
def test_import_takes_few_times_as_long_as_nothing(code: str) -> None:
    assert seconds(code) / seconds("pass") <= ENTRIES[code][1]


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == tallystick.__version__ == metadata.version("tallystick")
    assert re.fullmatch(r"\d+\.\d+\.\d+", tallystick.__version__)


def test_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_every_public_name_of_the_package(package: str) -> None:
    path = SOURCE.joinpath(*package.split(".")[1:], "__init__.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    exported = exports(tree) or []
    assert len(set(exported)) == len(exported)
    bound = {name for node in tree.body for name in bound_names(node)}
    assert {name for name in bound if not name.startswith("_")} <= set(exported)
    module = importlib.import_module(package)
    for name in exported:
        assert hasattr(module, name), f"{package}.{name} does not exist"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_has_docstring_future_import_and_true_all(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    top = {name for node in ast.walk(tree) for name in bound_names(node)}
    for name in exports(tree) or []:
        assert name in top, f"__all__ names {name}, which is not there"


def test_no_package_imports_everything_by_star() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert all(alias.name != "*" for alias in node.names), path


def exports(tree: ast.Module) -> list[str] | None:
    """The literal value of ``__all__``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def bound_names(node: ast.AST) -> list[str]:
    """Names that one statement binds for others to use: not what it imports from other projects."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tallystick."):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
