"""A made-up stream of transfers with planted laundering: seeded, integer, the same everywhere."""

from __future__ import annotations

from tallystick.sources._generated._motifs import PlantedMotif
from tallystick.sources._generated._source import GeneratedSource

__all__ = ["GeneratedSource", "PlantedMotif"]
