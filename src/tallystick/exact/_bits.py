"""One machine instruction that numba has no name for.

numba's cache looks at the caller's file only: a change of meaning here needs a change in ``_kernels.py``, too.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic, overload

__all__ = ["leading_zeros"]


def leading_zeros(word: Any) -> int:
    """Count the zero bits above the highest set bit of a uint64.

    Examples
    --------
    >>> leading_zeros(1), leading_zeros(2**64 - 1)
    (63, 0)
    """
    return 64 - int(word).bit_length()


def _count_leading_zeros(_context: Any, word: Any) -> Any:  # pragma: no cover - runs inside the compiler
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], context.get_constant(types.boolean, False))

    return types.uint64(types.uint64), generate


_leading: Any = intrinsic(_count_leading_zeros)


@overload(leading_zeros)
def _overload_leading_zeros(word: Any) -> Any:  # pragma: no cover - runs inside the compiler
    def compiled_form(word: Any) -> Any:
        return _leading(word)

    return compiled_form
