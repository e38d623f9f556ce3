"""Compiling fast loops: numba, with its cache on disk where there is a place for one.

Numba's cache key covers one file: a cached caller keeps an old callee of another file. So inside a
package whose loops call each other across files, callees are compiled with :func:`inlined`, which
caches nothing, and only the entry point with :func:`compiled`, closed over :func:`source_stamp`.

What is compiled, because no cache holds it, is told to the log ``tallystick.compiling`` as it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.event import Event, Listener
from numba.core.event import register as _untyped_register
from numba.extending import intrinsic

from tallystick.hashing import keccak256

__all__ = ["compiled", "inlined", "looped", "prefetch", "source_stamp"]


_jit: Any = numba.njit  # its annotations do not know all of its options
_register: Any = _untyped_register
_log = logging.getLogger(__name__)


class _Announcer(Listener):
    """Tells the log of every entry point that is compiled; what a cache holds makes no such event."""

    def on_start(self, event: Event) -> None:
        function, options = event.data["dispatcher"].py_func, event.data["dispatcher"].targetoptions
        if function.__module__.startswith("tallystick.") and not options.get("forceinline"):
            _log.info("compiling %s.%s", function.__module__, function.__name__)

    def on_end(self, event: Event) -> None:
        """Nothing to tell."""


@cache
def _announce() -> None:
    _register("numba:compile", _Announcer())


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call and keep the machine code; it runs without the interpreter's lock.

    The code is kept beside the source or in the user's cache folder; where neither can be written,
    as in a read-only installation without a home, each process compiles anew.
    """
    _announce()
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba has no place for its cache
        return numba.njit(nogil=True)(function)


def looped(function: Callable[..., Any]) -> Any:
    """As :func:`compiled`, for loops that allocate no arrays: they are then spared all counting of references.

    That counting, at every view of a row, would otherwise take more than half of the feature engine's time.
    """
    _announce()
    try:
        return _jit(cache=True, nogil=True, _nrt=False, error_model="numpy")(function)
    except RuntimeError:
        return _jit(nogil=True, _nrt=False, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into those that call it; nothing of its own is kept, and it allocates no arrays."""
    return _jit(nogil=True, forceinline=True, _nrt=False, error_model="numpy")(function)


_in_module: Any = cgutils.get_or_insert_function


def _prefetch(typing_context: Any, array: Any, row: Any, column: Any) -> Any:
    """Make the code of :data:`prefetch`."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        values = context.make_array(array_type)(context, builder, arguments[0])
        word = arguments[1]
        if array_type.ndim == 2:
            width = builder.extract_value(values.shape, 1)
            word = builder.add(builder.mul(word, width), arguments[2])
        address = builder.gep(values.data, [word])
        byte_pointer = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        function = _in_module(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = number(0), number(3), number(1)
        builder.call(function, [builder.bitcast(address, byte_pointer), read, keep, data])
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate


prefetch: Any = intrinsic(_prefetch)
"""``prefetch(array, row, column)``: ask the memory for a word ahead of its use.

Changes nothing but the time: a wrong guess costs a little, and nothing is read. Rows outside the array are allowed.
"""


def source_stamp(folder: Path) -> int:
    """Number that changes with any Python file below a folder; a closure over it is in numba's cache key."""
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))
    return int.from_bytes(keccak256(content)[:4])
