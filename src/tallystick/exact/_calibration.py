"""The last step of a program: raw score to parts per million."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from tallystick.errors import ProgramError
from tallystick.exact._limits import INT64_MAX, INT64_MIN, MAX_CALIBRATION_STEPS, check_integer
from tallystick.units import PPM_ONE, Ppm

__all__ = ["Calibration"]


@dataclass(frozen=True)
class Calibration:
    """A rising step function from raw score to ppm.

    ``ppm(raw)`` is the ppm of the last breakpoint that is not above ``raw``. The first
    breakpoint is -2**63, so every raw score has one; both sequences rise strictly, so a
    function has one table.

    Parameters
    ----------
    raw
        Breakpoints, strictly rising, the first one -2**63.
    ppm
        Value from each breakpoint on, strictly rising, in [0, 1_000_000].

    Raises
    ------
    ProgramError
        Empty, of unequal lengths, not rising, or out of range.

    Examples
    --------
    >>> Calibration.of([(-5, 100), (0, 100), (7, 900_000)])
    Calibration(raw=(-9223372036854775808, 7), ppm=(100, 900000))
    """

    raw: tuple[int, ...]
    ppm: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.raw) != len(self.ppm) or not 1 <= len(self.raw) <= MAX_CALIBRATION_STEPS:
            cause = "calibration needs as many ppm as breakpoints, and at least one"
            raise ProgramError(cause, field="calibration", value=f"{len(self.raw)} and {len(self.ppm)}")
        _check_rising(self.raw, INT64_MIN, INT64_MAX, "calibration.raw")
        _check_rising(self.ppm, 0, PPM_ONE, "calibration.ppm")
        if self.raw[0] != INT64_MIN:
            cause = "the first calibration breakpoint must be -2**63"
            raise ProgramError(cause, field="calibration.raw", value=self.raw[0])

    @classmethod
    def of(cls, steps: Iterable[tuple[int, int]]) -> Calibration:
        """Build the table from breakpoints: the first one's ppm also holds below it, repeated ppm are merged.

        Parameters
        ----------
        steps
            Pairs of raw and ppm; raw strictly rising, ppm never falling.

        Raises
        ------
        ProgramError
            No steps, or not in order.
        """
        pairs = list(steps)
        _check_rising([raw for raw, _ in pairs], INT64_MIN, INT64_MAX, "calibration.raw")
        kept: list[tuple[int, int]] = []
        for raw, ppm in pairs:
            if not kept:
                kept.append((INT64_MIN, ppm))
            elif kept[-1][1] != ppm:
                kept.append((raw, ppm))
        return cls(tuple(raw for raw, _ in kept), tuple(ppm for _, ppm in kept))

    def at(self, raw: int) -> Ppm:
        """Value at a raw score, in ppm.

        Examples
        --------
        >>> Calibration.of([(0, 10), (7, 900_000)]).at(6)
        10
        """
        return Ppm(self.ppm[bisect_right(self.raw, raw) - 1])

    def raw_reaching(self, ppm: int) -> int | None:
        """Smallest raw score whose ppm is at least this; None when no score reaches it.

        Examples
        --------
        >>> Calibration.of([(0, 10), (7, 900_000)]).raw_reaching(500_000)
        7
        """
        return next((raw for raw, value in zip(self.raw, self.ppm, strict=True) if value >= ppm), None)


def _check_rising(values: Iterable[int], low: int, high: int, field: str) -> None:
    last = None
    for value in values:
        check_integer(value, low, high, field)
        if last is not None and value <= last:
            raise ProgramError(f"{field} must rise strictly", field=field, value=value)
        last = value
