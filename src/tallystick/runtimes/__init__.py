"""Everything that runs an exact program, found by entry point, and the check that they agree to the last bit."""

from tallystick.runtimes._check import Check, Difference, RuntimeCheck, check_program
from tallystick.runtimes._registry import ENTRY_POINTS, runtime, runtimes
from tallystick.runtimes._rows import outside_rows, probe_rows
from tallystick.runtimes._runtime import Runner, Runtime

__all__ = [
    "ENTRY_POINTS",
    "Check",
    "Difference",
    "Runner",
    "Runtime",
    "RuntimeCheck",
    "check_program",
    "outside_rows",
    "probe_rows",
    "runtime",
    "runtimes",
]
