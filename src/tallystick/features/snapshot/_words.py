"""Words and ranges that the snapshot's families share."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.features._spec import Feature

__all__ = [
    "COUNT",
    "GWEI",
    "LOG",
    "LOG_GWEI",
    "LOG_S",
    "RATIO",
    "SECONDS",
    "SHARE",
    "SIDES",
    "SIGNED_S",
    "Kind",
    "feature",
]

SIDES: Final = {"in": "Incoming", "out": "Outgoing"}


class Kind(NamedTuple):
    """A unit and its range."""

    unit: str
    low: int
    high: int


COUNT: Final = Kind("count", 0, 1 << 40)
GWEI: Final = Kind("gwei", -1, 1 << 62)
SHARE: Final = Kind("ppm", -1, 1_000_000)
RATIO: Final = Kind("ppm", -1, 1_000_000_000)
LOG: Final = Kind("log2, Q8", -1, 16 * 1_023)
LOG_GWEI: Final = Kind("log2 gwei, Q8", -1, 16 * 1_023)
LOG_S: Final = Kind("log2 s, Q8", -1, 16 * 1_023)
SECONDS: Final = Kind("s", -1, 1 << 40)
SIGNED_S: Final = Kind("s", -(1 << 40), 1 << 40)


def feature(name: str, kind: Kind, text: str) -> Feature:
    """One feature of an account when a source ends: it sees the whole source, so a split by time refuses it."""
    return Feature(name, kind.unit, kind.low, kind.high, text, sees="whole source")
