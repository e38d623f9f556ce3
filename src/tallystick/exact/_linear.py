"""Linear models: one weight for each feature and output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import INT64_MAX, INT64_MIN, MAX_OUTPUTS, check_integer

__all__ = ["KIND_LINEAR", "Linear"]

KIND_LINEAR: Final = 3


@dataclass(frozen=True)
class Linear:
    """Weighted sums of the features.

    ``raw[k] = base[k] + sum(weight[k][i] * value[i])``

    Parameters
    ----------
    weight
        int64, (outputs, features), in units of the program's scale for one unit of the feature.
    base
        int64, for each output.
    center
        For each feature, in its domain: the value that explanations are measured from, such as the training mean.

    Raises
    ------
    ProgramError
        A number is out of range, or lengths differ.

    Examples
    --------
    >>> Linear(weight=((2, -1),), base=(5,), center=(0, 0)).outputs
    1
    """

    weight: tuple[tuple[int, ...], ...]
    base: tuple[int, ...]
    center: tuple[int, ...]

    kind: ClassVar[int] = KIND_LINEAR

    def __post_init__(self) -> None:
        check_integer(len(self.base), 1, MAX_OUTPUTS, "outputs")
        if len(self.weight) != len(self.base) or any(len(row) != len(self.center) for row in self.weight):
            cause = "a linear model needs a weight for each output and feature"
            raise ProgramError(cause, field="linear.weight", value=len(self.weight))
        for row in (self.base, self.center, *self.weight):
            for number in row:
                check_integer(number, INT64_MIN, INT64_MAX, "linear numbers")

    @property
    def outputs(self) -> int:
        """Number of raw scores for a row."""
        return len(self.base)

    def check(self, features: Sequence[Feature]) -> None:
        """Check the numbers against the domains.

        Raises
        ------
        ProgramError
            Another number of features, a center outside its domain, or a sum that could leave int64.
        """
        if len(self.center) != len(features):
            raise ProgramError("a linear model needs a weight for each feature", field="linear.weight")
        for feature, center in zip(features, self.center, strict=True):
            check_integer(center, feature.low, feature.high, "linear.center")
        reach = [max(abs(feature.low), abs(feature.high)) for feature in features]
        spread = [feature.high - feature.low for feature in features]
        for base, row in zip(self.base, self.weight, strict=True):
            score = abs(base) + sum(abs(weight) * far for weight, far in zip(row, reach, strict=True))
            contribution = max(abs(weight) * far for weight, far in zip(row, spread, strict=True))
            if max(score, contribution) > INT64_MAX:
                cause = "the weighted sum could leave int64"
                raise ProgramError(cause, field="linear.weight", next_step="Import the model with fewer scale bits.")
