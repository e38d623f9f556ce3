"""Exact programs as EVM bytecode, by our own assembler."""

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._row import MAX_VALUE_BYTES, RowCode

__all__ = ["MAX_VALUE_BYTES", "Assembler", "RowCode"]
