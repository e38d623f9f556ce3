"""One machine instruction that numba has no name for.

numba's cache looks at the caller's file only: a change of meaning here needs a change in ``_kernels.py``, too.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

__all__ = ["trailing_zeros"]


def trailing_zeros(word: Any) -> int:
    """Count the zero bits below the lowest set bit of a uint32; 32 where none is set.

    Examples
    --------
    >>> trailing_zeros(0b1100), trailing_zeros(0)
    (2, 32)
    """
    number = int(word) | 1 << 32
    return (number & -number).bit_length() - 1


def _count_trailing_zeros(_context: Any, word: Any) -> Any:  # pragma: no cover - runs inside the compiler
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.uint32(types.uint32), generate


_instruction: Any = intrinsic(_count_trailing_zeros)


@overload(trailing_zeros)
def _overload_trailing_zeros(word: Any) -> Any:  # pragma: no cover - runs inside the compiler
    def compiled_form(word: Any) -> Any:
        return _instruction(word)

    return compiled_form
