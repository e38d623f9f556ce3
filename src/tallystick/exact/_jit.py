"""Compiled functions: numba with its on-disk cache where there is a place for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call; keep the machine code beside the source or in the user's cache folder.

    Where neither can be written the function is compiled anew in each process.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba: "no locator available"
        return numba.njit(nogil=True)(function)
