from __future__ import annotations

from typing import Any

import numba
import pytest

from tallystick.sources._jit import compiled


def double(number: int) -> int:
    return 2 * number


def test_compiled_works_without_a_place_for_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def njit(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled(double)(21) == 42
