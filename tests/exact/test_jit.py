from __future__ import annotations

from typing import Any

import numba
import pytest

from tallystick.exact._jit import compiled


def double(value: int) -> int:
    return 2 * value


def test_compiled_runs() -> None:
    assert compiled(double)(4) == 8


def test_without_a_place_for_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a read-only installation without a home folder numba refuses to cache; the function is compiled anyway."""
    njit = numba.njit

    def refuse(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", refuse)
    assert compiled(double)(5) == 10
