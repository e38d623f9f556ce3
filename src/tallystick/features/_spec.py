"""Feature definitions and the spec: the ordered list of them, whose hash is in every model."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec

from tallystick.hashing import keccak256
from tallystick.units import Hash

__all__ = ["INT40", "PPM", "WINDOW_S", "Feature", "FeatureSpec"]

PPM = (0, 1_000_000_000)  # ratio_ppm's range
INT40 = (0, 1 << 40)
WINDOW_S = 3 * 86_400  # how far back motifs reach


@dataclass(frozen=True)
class Feature:
    """One feature: a column of the engine's output.

    Parameters
    ----------
    name
        Unique, lower case.
    unit
        Unit of the integer.
    low, high
        Range of the integer, both ends included; the engine keeps to it.
    help
        One sentence.
    half_life_s
        Seconds, for decayed features.
    window_s
        Seconds, for features that look no further back.
    sees
        What it may depend on: ``past`` is the transfer itself and everything before it. Protocols
        refuse features that see more.
    """

    name: str
    unit: str
    low: int
    high: int
    help: str
    half_life_s: int | None = None
    window_s: int | None = None
    sees: str = "past"


@dataclass(frozen=True)
class FeatureSpec:
    """An ordered list of features and the version of the rules that compute them.

    Parameters
    ----------
    version
        Of the rules.
    features
        In column order.
    exposure
        Accounting rule of the exposure family, where it is among them.
    """

    version: int
    features: tuple[Feature, ...]
    exposure: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, in column order."""
        return tuple(feature.name for feature in self.features)

    @property
    def canonical(self) -> bytes:
        """The bytes that are hashed: JSON with sorted keys, no spaces."""
        content = {
            "exposure": self.exposure,
            "features": [asdict(feature) for feature in self.features],
            "version": self.version,
        }
        return msgspec.json.encode(content, order="sorted")

    @property
    def hash(self) -> Hash:
        """Keccak-256 of the canonical bytes."""
        return keccak256(self.canonical)
