"""The artefacts in the package are what the sources give, and the sources keep the rules of their style."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tallystick.ledger._deploy import load_contract

_ROOT = Path(__file__).parents[2]
_NAMES = ("ModelRegistry", "PredictionLog")


def test_every_contract_has_an_artifact_and_no_other() -> None:
    artifacts = _ROOT / "src/tallystick/ledger/artifacts"
    assert tuple(sorted(path.stem for path in artifacts.glob("*.json"))) == _NAMES
    assert tuple(sorted(path.stem for path in (_ROOT / "contracts").glob("*.vy"))) == _NAMES


@pytest.mark.parametrize("name", _NAMES)
def test_artifact_is_not_stale(name: str) -> None:
    script = runpy.run_path(str(_ROOT / "scripts/compile_contracts"))
    fresh = script["artifact_text"](_ROOT / f"contracts/{name}.vy")
    assert (_ROOT / f"src/tallystick/ledger/artifacts/{name}.json").read_text(encoding="utf-8") == fresh


@pytest.mark.parametrize("name", _NAMES)
def test_artifact_fits_the_oldest_code_size_limit(name: str) -> None:
    artifact = load_contract(name)
    assert len(artifact.bytecode) // 2 < 24_576
    assert artifact.name == name


@pytest.mark.parametrize("name", _NAMES)
def test_every_function_is_documented(name: str) -> None:
    source = (_ROOT / f"contracts/{name}.vy").read_text(encoding="utf-8")
    functions = re.findall(r'def (\w+)\((.*?)\)(.*?):\n    """\n(.*?)"""', source, re.DOTALL)
    assert len(functions) == len(re.findall(r"^def ", source, re.MULTILINE))
    for function, parameters, returns, text in functions:
        assert "@dev" in text, function
        for parameter in re.findall(r"(\w+): ", parameters):
            assert f"@param {parameter} " in text, (function, parameter)
        assert ("@return" in text) == ("->" in returns), function


@pytest.mark.parametrize("name", _NAMES)
def test_every_revert_names_its_module(name: str) -> None:
    source = (_ROOT / f"contracts/{name}.vy").read_text(encoding="utf-8")
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    asserts = re.findall(r"assert .*", source)
    assert asserts
    assert all(re.search(rf', "{module}: [a-z ]+"$', line) for line in asserts)
