from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numba
import pytest

from tallystick.compiling import compiled, inlined, looped, source_stamp


def double(value: int) -> int:
    return 2 * value


@pytest.mark.parametrize("compile_it", [compiled, inlined])
def test_compiled_runs(compile_it: Any) -> None:
    assert compile_it(double)(4) == 8


def test_compiled_without_a_place_for_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a read-only installation without a home folder numba refuses to cache; the function is compiled anyway."""
    njit = numba.njit

    def refuse(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert compiled(double)(5) == 10


def test_source_stamp_follows_every_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    inner = tmp_path / "deep" / "a.py"
    inner.write_text("x = 1\n")
    before = source_stamp(tmp_path)
    assert source_stamp(tmp_path) == before
    (tmp_path / "notes.txt").write_text("not code")
    assert source_stamp(tmp_path) == before
    inner.write_text("x = 2\n")
    assert source_stamp(tmp_path) != before


def fresh(module: str) -> Any:
    """A function that no cache can hold: it is in no file."""
    names: dict[str, Any] = {"__name__": module}
    exec("def triple(value): return 3 * value", names)
    return names["triple"]


@pytest.mark.parametrize("compile_it", [compiled, looped])
def test_compiling_is_told_once(compile_it: Any, caplog: pytest.LogCaptureFixture) -> None:
    triple = compile_it(fresh("tallystick.test"))
    with caplog.at_level(logging.INFO, "tallystick.compiling"):
        assert caplog.messages == []
        assert triple(4) == 12
        assert triple(5) == 15
    assert caplog.messages == ["compiling tallystick.test.triple"]


def test_what_others_compile_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tallystick.compiling"):
        assert compiled(fresh("elsewhere"))(4) == 12
        assert inlined(fresh("tallystick.test"))(4) == 12
    assert caplog.messages == []
