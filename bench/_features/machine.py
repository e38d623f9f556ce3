"""Where it was measured, and what the first use costs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

# Compiles everything that following a chain needs, on a handful of transfers.
FIRST_USE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
os.sched_setaffinity(0, {int(sys.argv[2])})
from _features.engines import make_engine
from _features.scale import Chain
engine = make_engine()
engine.advance(Chain().grow(100))
engine.advance(Chain(block=1_000).grow(100))
print(time.time() - float(sys.argv[3]))
"""


class ColdStart:
    """A process of its own that uses the engine for the first time, with an empty cache of machine code.

    Parameters
    ----------
    core
        Where it runs.
    """

    def __init__(self, core: int) -> None:
        self._cache = tempfile.TemporaryDirectory()
        environment = {**os.environ, "NUMBA_CACHE_DIR": self._cache.name}
        here = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-c", FIRST_USE, here, str(core), str(time.time())]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def seconds(self) -> float:
        """Wait; interpreter, imports and compilation together."""
        said, _ = self._process.communicate()
        self._cache.cleanup()
        if self._process.returncode:
            sys.exit(f"the cold start ended with exit code {self._process.returncode}")
        return round(float(said), 1)


def facts(core: int) -> dict[str, Any]:
    """What a reader needs to place the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "pinned_to": core,
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numba", "numpy", "lightgbm")},
    }


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peer_has_a_wheel() -> bool:
    """Whether PyPI has the peer for this interpreter and machine; 1.17 is for Linux on x86-64, up to Python 3.12."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 13)
