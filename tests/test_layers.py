from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "check_layers.py"


def load_checker() -> ModuleType:
    spec = spec_from_file_location("check_layers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


checker = load_checker()


def problems(folder: Path, files: dict[str, str]) -> list[str]:
    """Problems of a made-up package; packages get an empty ``__init__`` where none is given."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for parent in path.relative_to(folder).parents:
            (folder / parent / "__init__.py").touch()
    return list(checker.check(folder))


def test_own_source_is_in_order() -> None:
    assert checker.check() == []


def test_script_runs_alone_and_without_the_package(tmp_path: Path) -> None:
    assert problems(tmp_path, {"store/_a.py": "import pyarrow"}) == []
    command = [sys.executable, "-I", "-S", SCRIPT, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_script_prints_problems_and_fails(tmp_path: Path) -> None:
    problems(tmp_path, {"store/_a.py": "import tallystick.cli", "cli/_b.py": ""})
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "tallystick.store._a:1: imports tallystick.cli, which is not below store\n"


def test_order_is_every_pair(tmp_path: Path) -> None:
    order = [row for row in checker.LAYERS if row[0] not in ("errors", "units", "settings", "hashing", "parsing")]
    for low, lower in enumerate(order):
        for upper in order[low + 1 :]:
            for one in lower:
                for two in upper:
                    down = {f"{one}/_a.py": "", f"{two}/_b.py": f"from tallystick.{one} import X"}
                    assert problems(tmp_path / f"{one}-{two}", down) == []
                    up = {f"{two}/_a.py": "", f"{one}/_b.py": f"from tallystick.{two} import X"}
                    assert len(problems(tmp_path / f"{two}-{one}", up)) == 1


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"store/_a.py": "def f():\n    from tallystick.learn import x", "learn/__init__.py": ""},
            "tallystick.store._a:2: imports tallystick.learn, which is not below store",
        ),
        (
            {"exact/_a.py": "from tallystick.chain import x", "chain/__init__.py": ""},
            "tallystick.exact._a:1: imports tallystick.chain, which is not below exact",
        ),
        (
            {"exact/_a.py": "from .. import chain", "chain/__init__.py": ""},
            "tallystick.exact._a:1: imports tallystick.chain, which is not below exact",
        ),
        (
            {"errors.py": "from tallystick.units import x", "units.py": ""},
            "tallystick.errors:1: imports tallystick.units, which is not below errors",
        ),
        (
            {"__init__.py": "from tallystick import errors", "errors.py": ""},
            "tallystick:1: imports tallystick.errors, which is not below tallystick",
        ),
        (
            {"wizardry/_a.py": ""},
            "tallystick.wizardry:1: no layer of this name in scripts/check_layers.py",
        ),
        (
            {"store/_a.py": "", "learn/_b.py": "from tallystick.store._a import x"},
            "tallystick.learn._b:1: imports tallystick.store._a, private to tallystick.store",
        ),
        (
            {"store/_a.py": "", "learn/_b.py": "from tallystick.store import _a"},
            "tallystick.learn._b:1: imports tallystick.store._a, private to tallystick.store",
        ),
        (
            {"apps/one/_a.py": "", "apps/two/_b.py": "import tallystick.apps.one._a"},
            "tallystick.apps.two._b:1: imports tallystick.apps.one._a, private to tallystick.apps.one",
        ),
        (
            {"store/_a.py": "", "cli/one/_b.py": "import tallystick.store._a"},
            "tallystick.cli.one._b:1: imports tallystick.store._a, private to tallystick.store",
        ),
        (
            {"store/_a.py": "from tallystick.store._b import x", "store/_b.py": "from ._a import y"},
            "tallystick.store._a:1: cycle: tallystick.store._a -> tallystick.store._b -> tallystick.store._a",
        ),
        (
            {"__init__.py": "import numpy as np"},
            "tallystick:1: imports numpy, too heavy for `import tallystick`",
        ),
        (
            {"cli/__init__.py": "from tallystick.store import x", "store/__init__.py": "import pyarrow.parquet"},
            "tallystick.store:1: imports pyarrow.parquet, too heavy for `import tallystick.cli`",
        ),
        (
            {"exact/_a.py": "from random import random"},
            "tallystick.exact._a:1: imports random.random; exact has no clock, randomness or network",
        ),
    ],
)
def test_invalid_imports_are_found(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    found = problems(tmp_path, files)
    if "cycle" in problem:
        one, two = "tallystick.store._a", "tallystick.store._b"
        assert found in ([problem], [f"{two}:1: cycle: {two} -> {one} -> {two}"])
    else:
        assert found == [problem]


@pytest.mark.parametrize(
    "files",
    [
        {"cli/__init__.py": "def main():\n    import pyarrow"},
        {"cli/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pyarrow"},
        {"store/__init__.py": "from tallystick.store._a import x", "store/_a.py": "import pyarrow"},
        {"store/_a.py": "from tallystick import __version__"},
        {"sources/labels/_a.py": "", "sources/_b.py": "from tallystick.sources.labels._a import x"},
        {"sources/_a.py": "", "sources/labels/_b.py": "from tallystick.sources._a import x"},
        {"__main__.py": "from tallystick.cli import main", "cli/__init__.py": ""},
        {
            "store/_a.py": "from tallystick.store._b import x",
            "store/_b.py": "def f():\n    from tallystick.store._a import y",
        },
        {"store/_a.py": "from tallystick.store.__about__ import x", "store/__about__.py": ""},
    ],
)
def test_imports_that_are_in_order(tmp_path: Path, files: dict[str, str]) -> None:
    assert problems(tmp_path, files) == []
