"""What a program declares about itself: its inputs, and how far it is from the float model."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.errors import ProgramError
from tallystick.exact._limits import INT64_MAX, INT64_MIN, check_integer, check_label

__all__ = ["ErrorBound", "Feature"]


@dataclass(frozen=True)
class Feature:
    """One input: its name and the closed range of values it may have.

    A value outside the range is an error, never clipped.

    Examples
    --------
    >>> Feature("age_s", 0, 10**9).low
    0
    """

    name: str
    low: int
    high: int

    def __post_init__(self) -> None:
        check_label(self.name, "feature.name")
        check_integer(self.low, INT64_MIN, INT64_MAX, "feature.low")
        check_integer(self.high, self.low, INT64_MAX, "feature.high")


@dataclass(frozen=True)
class ErrorBound:
    """How far a raw score can be from the float model's, and how that was derived.

    ``|raw / 2**scale_bits - float score| <= numerator / 2**scale_bits`` for every row in the domain.

    Parameters
    ----------
    numerator
        In units of the program's scale, [0, 2**63).
    derivation
        Printable ASCII, at most 65,535 characters.
    """

    numerator: int
    derivation: str

    def __post_init__(self) -> None:
        check_integer(self.numerator, 0, INT64_MAX, "error_bound.numerator")
        if not (self.derivation.isascii() and self.derivation.isprintable() and len(self.derivation) < 1 << 16):
            cause = "error_bound.derivation must be at most 65,535 printable ASCII characters"
            raise ProgramError(cause, field="error_bound.derivation")
