"""The ranges of the integers that a program may hold, and the checks that name what is outside."""

from __future__ import annotations

import re
from typing import Any, Final

from tallystick.errors import ProgramError

__all__ = [
    "INT32_MAX",
    "INT32_MIN",
    "INT64_MAX",
    "INT64_MIN",
    "MAX_CALIBRATION_STEPS",
    "MAX_DIVISOR",
    "MAX_FEATURES",
    "MAX_LAYERS",
    "MAX_NODES",
    "MAX_OUTPUTS",
    "MAX_SCALE_BITS",
    "MAX_SHIFT",
    "MAX_TREES",
    "check_integer",
    "check_label",
]

INT32_MIN: Final = -(1 << 31)
INT32_MAX: Final = (1 << 31) - 1
INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
MAX_FEATURES: Final = (1 << 16) - 1  # feature indices are u16
MAX_NODES: Final = (1 << 15) - 1  # children are i16: a node as itself, a leaf as its complement
MAX_TREES: Final = (1 << 32) - 1
MAX_CALIBRATION_STEPS: Final = 1_000_001  # one for each ppm
MAX_SCALE_BITS: Final = 62
MAX_OUTPUTS: Final = (1 << 16) - 1
MAX_DIVISOR: Final = (1 << 32) - 1
MAX_LAYERS: Final = (1 << 8) - 1
MAX_SHIFT: Final = 31  # of an int32 accumulator

_LABEL = re.compile(r"[!-~]{1,64}")


def check_integer(value: Any, low: int, high: int, field: str) -> int:
    """Return the value if it is a plain integer in [low, high].

    Raises
    ------
    ProgramError
        Another type, a boolean included, or outside the range.
    """
    if type(value) is not int:
        raise ProgramError(f"{field} must be an integer, not {type(value).__name__}", field=field)
    if not low <= value <= high:
        raise ProgramError(f"{field} must be in [{low}, {high}]", field=field, value=value)
    return value


def check_label(text: Any, field: str) -> str:
    """Return the text if it is 1 to 64 printable ASCII characters without space.

    Raises
    ------
    ProgramError
        Anything else.
    """
    if not isinstance(text, str) or _LABEL.fullmatch(text) is None:
        cause = f"{field} must be 1 to 64 printable ASCII characters without space"
        raise ProgramError(cause, field=field, value=repr(text)[:80])
    return text
