from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import user_cache_dir
from tallystick.errors import MissingExtra, ProgramError
from tallystick.runtimes.zk import _solc
from tallystick.runtimes.zk._solc import compile_verifier, install_solc

SOURCE = "pragma solidity ^0.8.0; contract A { function f() external pure returns (uint256) { return 5; } }"


def test_compile() -> None:
    """The same bytes each time; and of a source that is more than a pipe holds."""
    code = compile_verifier(SOURCE)
    assert bytes.fromhex("26121ff0") in code  # f()
    assert compile_verifier(f"{SOURCE}\n// {'x' * 300_000}") == code


def test_invalid_source() -> None:
    with pytest.raises(ProgramError, match=r"solc refuses the verifier: .*ParserError"):
        compile_verifier("contract")


def test_invalid_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "node_modules" / "solc" / "solc.js"
    script.parent.mkdir(parents=True)
    script.write_text("console.error('broken'); process.exit(3)", encoding="utf-8")
    monkeypatch.setattr(_solc, "install_solc", lambda environ: tmp_path)
    with pytest.raises(ProgramError, match="solc gives no answer: broken"):
        compile_verifier(SOURCE)


def npm_that(folder: Path, lines: str) -> dict[str, str]:
    """An environment of its own cache, whose npm is a script."""
    folder.mkdir()
    for name, text in (("npm", lines), ("node", "exit 0")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(folder / "cache")}


def test_install_once(tmp_path: Path) -> None:
    environ = npm_that(
        tmp_path / "bin", "mkdir -p node_modules/solc && touch node_modules/solc/solc.js && echo $* > log"
    )
    folder = install_solc(environ)
    assert folder.parent == user_cache_dir(environ)
    assert install_solc({**environ, "PATH": ""}) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_invalid_npm(tmp_path: Path) -> None:
    environ = npm_that(tmp_path / "bin", "echo 'npm error network' >&2; exit 1")
    with pytest.raises(ProgramError, match="npm could not install solc: npm error network"):
        install_solc(environ)
    environ = npm_that(tmp_path / "silent", "exit 7")
    with pytest.raises(ProgramError, match="exit code 7"):
        install_solc(environ)


def test_install_by_two(tmp_path: Path) -> None:
    """The later one finds the target taken, and uses it."""
    work, target = tmp_path / "work", tmp_path / "target"
    for folder in (work, target):
        (folder / "node_modules" / "solc").mkdir(parents=True)
    (target / "node_modules" / "solc" / "solc.js").touch()
    _solc._publish(work, target)


def test_invalid_target(tmp_path: Path) -> None:
    work, target = tmp_path / "work", tmp_path / "target"
    (work / "node_modules").mkdir(parents=True)
    target.mkdir()
    (target / "in the way").touch()
    with pytest.raises(OSError, match="target"):
        _solc._publish(work, target)


def test_node_from_the_wheel() -> None:
    node, npm = _solc._node({"PATH": ""})
    assert Path(node).is_file()
    assert Path(npm[1]).is_file()


def test_invalid_without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Any:
        return None

    monkeypatch.setattr(_solc, "find_spec", find)
    with pytest.raises(MissingExtra, match="npm"):
        _solc._node({"PATH": ""})
