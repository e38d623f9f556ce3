from __future__ import annotations

import sys
from pathlib import Path

# Benchmarks are scripts with a package of parts beside them, not part of the library.
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
