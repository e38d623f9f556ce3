"""Compiling fast loops: numba, with its cache on disk where there is a place for one.

Numba's cache key covers one file: a cached caller keeps an old callee of another file. So inside a
package whose loops call each other across files, callees are compiled with :func:`inlined`, which
caches nothing, and only the entry point with :func:`compiled`, closed over :func:`source_stamp`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from tallystick.hashing import keccak256

__all__ = ["compiled", "inlined", "source_stamp"]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call and keep the machine code; it runs without the interpreter's lock.

    The code is kept beside the source or in the user's cache folder; where neither can be written,
    as in a read-only installation without a home, each process compiles anew.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba has no place for its cache
        return numba.njit(nogil=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function as part of those that call it; nothing of its own is kept."""
    return numba.njit(nogil=True)(function)


def source_stamp(folder: Path) -> int:
    """Number that changes with any Python file below a folder; a closure over it is in numba's cache key."""
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))
    return int.from_bytes(keccak256(content)[:4])
