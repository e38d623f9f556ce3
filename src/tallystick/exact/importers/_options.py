"""What the user may choose when a trained model becomes a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tallystick.exact._limits import INT64_MAX, MAX_SCALE_BITS, check_integer
from tallystick.units import PPM_ONE

__all__ = ["ImportOptions"]


@dataclass(frozen=True)
class ImportOptions:
    """Choices that hold for every library.

    Parameters
    ----------
    scale_bits
        Raw scores are kept in units of 2**-scale_bits, [0, 62].
    metadata
        Facts about the making, kept in the program beside those of the importer.
    decision
        Output that is calibrated and flagged.
    calibrate
        Give models with a logistic link a table from raw score to ppm: the library's own probability.
    threshold_ppm
        Smallest ppm that is flagged; by default 500,000 where there is a table, else 1,000,000.
    iterations
        Use so many boosting rounds; by default the best round where the model names it, else all.

    Raises
    ------
    ProgramError
        A number is out of range.
    """

    scale_bits: int = 24
    metadata: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    decision: int = 0
    calibrate: bool = True
    threshold_ppm: int | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        check_integer(self.scale_bits, 0, MAX_SCALE_BITS, "scale_bits")
        if self.threshold_ppm is not None:
            check_integer(self.threshold_ppm, 0, PPM_ONE, "threshold_ppm")
        if self.iterations is not None:
            check_integer(self.iterations, 1, INT64_MAX, "iterations")
