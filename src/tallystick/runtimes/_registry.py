"""Finds runtimes by entry point; each is imported on first use."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Final

from tallystick.errors import InputError
from tallystick.runtimes._runtime import Runtime

__all__ = ["ENTRY_POINTS", "runtime", "runtimes"]

ENTRY_POINTS: Final = "tallystick.runtimes"


def runtimes() -> dict[str, Runtime]:
    """Every registered runtime by name, the reference first.

    Examples
    --------
    >>> list(runtimes())[0]
    'reference'
    """
    points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name != "reference", point.name))
    return {point.name: point.load()() for point in points}


def runtime(name: str) -> Runtime:
    """One runtime.

    Raises
    ------
    InputError
        No runtime has this name; says which are close, or lists them.
    """
    known = runtimes()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        step = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
        raise InputError("no runtime of this name", value=name, next_step=step)
    return known[name]
