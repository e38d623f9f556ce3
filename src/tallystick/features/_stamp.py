"""A number of this package's source, for the keys of numba's cache; see ``tallystick.compiling``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tallystick.compiling import source_stamp

__all__ = ["STAMP"]

STAMP: Final = source_stamp(Path(__file__).parent)
"""Changes with any file of the package: entry points that read another file's constants close over it."""
