"""What readers of foreign files share: strict numbers, and one kind of error whatever the file holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tallystick import parsing
from tallystick.errors import ProgramError

__all__ = ["parse_json", "reading", "real", "reals", "whole", "wholes"]


@contextmanager
def reading(library: str, next_step: str) -> Iterator[None]:
    """Turn whatever goes wrong with a file's shape into a refusal that names the library.

    Raises
    ------
    ProgramError
        A field is missing or of another type, nested too deep, or not a number.
    """
    try:
        yield
    except ProgramError:
        raise
    except (AttributeError, LookupError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise ProgramError(f"not a {library} model", value=repr(error)[:80], next_step=next_step) from error


def parse_json(text: str | bytes) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    ValueError, TypeError
        Something else, or nested deeper than 500.
    """
    document = parsing.parse_json(text)
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def whole(value: Any) -> int:
    """An integer, or one written as text.

    Examples
    --------
    >>> whole("12"), whole(-3)
    (12, -3)
    """
    if type(value) is int:
        return value
    if isinstance(value, str) and len(value) <= 20:
        return int(value)
    raise TypeError(f"{value!r:.40} is not an integer")


def wholes(values: Any) -> list[int]:
    """A list of integers."""
    return [whole(value) for value in _list(values)]


def real(value: Any) -> float:
    """A finite number, or one written as text.

    Examples
    --------
    >>> real("5E-1"), real(3)
    (0.5, 3.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r:.40} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.40} is not finite")
    return number


def reals(values: Any) -> list[float]:
    """A list of finite numbers."""
    return [real(value) for value in _list(values)]


def _list(values: Any) -> Sequence[Any]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"{values!r:.40} is not a list")
    return values
