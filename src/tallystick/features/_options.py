"""What an engine computes: families, window, accounting rule; together they make its feature spec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from tallystick.errors import FeatureError, did_you_mean
from tallystick.features._exposure import EXPOSURE_RULES
from tallystick.features._spec import WINDOW_S, FeatureSpec
from tallystick.features.families import FAMILIES

__all__ = ["SPEC_VERSION", "EngineOptions"]

SPEC_VERSION = 3
_SEARCHING = ("motifs", "passing", "lookalike")  # families that need the rings of recent transfers


@dataclass(frozen=True)
class EngineOptions:
    """What to compute.

    Parameters
    ----------
    families
        Names from ``FAMILIES``; rows hold them in the order of ``FAMILIES``, whatever the order here.
    window_s
        How far back motifs reach, seconds, at least 1.
    exposure
        Accounting rule: ``haircut``, ``fifo`` or ``poison``.

    Raises
    ------
    FeatureError
        An unknown family or rule, none at all, or a window below a second.

    Examples
    --------
    >>> EngineOptions(families=("fees", "flow")).spec.names[:2]
    ('incoming', 'transfers')
    """

    families: tuple[str, ...] = tuple(FAMILIES)
    window_s: int = WINDOW_S
    exposure: str = "haircut"

    def __post_init__(self) -> None:
        for name in self.families:
            if name not in FAMILIES:
                raise FeatureError(f"no family {name!r}{did_you_mean(name, FAMILIES)}", name=name)
        if not self.families:
            raise FeatureError("no family to compute")
        if self.exposure not in EXPOSURE_RULES:
            cause = f"no accounting rule {self.exposure!r}{did_you_mean(self.exposure, EXPOSURE_RULES)}"
            raise FeatureError(cause, name=self.exposure)
        if not 1 <= self.window_s < 1 << 32:
            raise FeatureError(f"a window of {self.window_s} s", name="window_s", next_step="Give 1 s or more.")

    @property
    def rule(self) -> int:
        """Number of the accounting rule."""
        return EXPOSURE_RULES[self.exposure]

    @property
    def searches(self) -> bool:
        """Whether rings of recent transfers are kept and searched."""
        return any(name in self.families for name in _SEARCHING)

    @cached_property
    def spec(self) -> FeatureSpec:
        """The ordered features, with the window that holds here."""
        return FeatureSpec(
            version=SPEC_VERSION,
            features=tuple(
                replace(feature, window_s=self.window_s) if feature.window_s else feature
                for name, family in FAMILIES.items()
                if name in self.families
                for feature in family.FEATURES
            ),
            exposure=self.exposure if "exposure" in self.families else None,
        )

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First column of each family of ``FAMILIES``, -1 where it is left out."""
        result, at = [], 0
        for name, family in FAMILIES.items():
            chosen = name in self.families
            result.append(at if chosen else -1)
            at += len(family.FEATURES) if chosen else 0
        return tuple(result)
