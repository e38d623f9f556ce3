"""Everything that runs an exact program, found by entry point, and the check that they agree to the last bit."""

from tallystick.runtimes._registry import ENTRY_POINTS, runtimes
from tallystick.runtimes._runtime import Runner, Runtime

__all__ = ["ENTRY_POINTS", "Runner", "Runtime", "runtimes"]
